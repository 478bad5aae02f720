"""curation: from redacted turns to examples, one shard at a time; only keyed hashes of words are compared across."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import polars as pl
import pyarrow as pa

from witting import curation
from witting.curation import CLUSTER, LANGUAGE
from witting.schema import REDACTED, SIGNAL, empty
from witting.store.parts import Part, write_part
from witting.walk.admit import SIGNALS
from witting.walk.redact import REDACTED_TURNS
from witting.walk.step import FunnelRow, Step, described

EXAMPLES, VERDICTS, CLUSTERS = "curation/examples", "curation/verdicts", "curation/clusters"


def curate(step: Step) -> dict[str, Any]:
    """Examples, one verdict a turn, and the membership of duplicate clusters."""
    shards = sorted({part.shard for part in step.parts(REDACTED_TURNS) if part.shard is not None})
    clusters = _elected(step, shards)
    made: dict[str, list[Part]] = {EXAMPLES: [], VERDICTS: [], CLUSTERS: []}
    for number, shard in enumerate(shards):
        step.tell("curating", number, len(shards))
        _curate_shard(step, shard, clusters, made)
    step.tell("curating", len(shards), len(shards))
    for name, parts in made.items():
        step.commit(name, parts)
    reasons = _reasons(step, made[VERDICTS])
    kept = reasons.pop("", 0)
    read = kept + reasons.total()
    row = FunnelRow("curation", "turns", read=read, kept=kept, dropped=read - kept, reasons=reasons)
    stages = [described(stage) for stage in curation.stages(step.workspace.settings.curation)]
    return {"funnel": row.as_json(), "stages": stages}


def _elected(step: Step, shards: list[int]) -> list[Part]:
    """Duplicate clusters over everybody: fingerprints shard by shard, then one election a text key."""
    folder = step.scratch("curation")
    fingerprints = []
    for shard in shards:
        redacted, signals = _shard(step, shard)
        table = curation.fingerprint_rows(
            redacted, signals, settings=step.workspace.settings.curation, key=_key(step)
        )
        if table.num_rows:
            fingerprints.append(write_part(step.workspace.objects, table, folder=folder, shard=None))
    rows = step.workspace.settings.intake.part_rows
    together = step.engine.exchange(fingerprints, "text_key", folder=folder, rows_per_part=rows)
    stage = curation.duplicate_stage()
    return step.engine.map(
        stage, together, folder=folder, exchanged_on="text_key", progress=step.told("comparing")
    )


def _curate_shard(step: Step, shard: int, clusters: list[Part], made: dict[str, list[Part]]) -> None:
    redacted, signals = _shard(step, shard)
    settings = step.workspace.settings.curation
    curated = curation.curate_shard(
        redacted,
        signals,
        _languages(step, redacted),
        _within(step.tables(clusters), redacted),
        settings=settings,
        key=_key(step),
    )
    tables = {EXAMPLES: curated.examples, VERDICTS: curated.verdicts, CLUSTERS: curated.clusters}
    for name, table in tables.items():
        if table.num_rows:
            made[name].append(write_part(step.workspace.objects, table, folder=name, shard=shard))


def _shard(step: Step, shard: int) -> tuple[pa.Table, pa.Table]:
    def all_of(name: str, schema: pa.Schema) -> pa.Table:
        own = step.tables(part for part in step.parts(name) if part.shard == shard)
        return pa.concat_tables([empty(schema), *own])

    return all_of(REDACTED_TURNS, REDACTED), all_of(SIGNALS, SIGNAL)


def _languages(step: Step, redacted: pa.Table) -> pa.Table:
    if redacted.num_rows == 0:
        return empty(LANGUAGE)
    return curation.languages(redacted, settings=step.workspace.settings.curation)


def _within(clusters: Iterable[pa.Table], redacted: pa.Table) -> pa.Table:
    """The membership of this shard's rows."""
    rows = pl.DataFrame(redacted.select(["row_id"]))
    found = [pl.DataFrame(table).join(rows, on="row_id", how="semi") for table in clusters]
    return pl.concat([pl.DataFrame(empty(CLUSTER)), *found]).to_arrow().cast(CLUSTER)


def _key(step: Step) -> bytes:
    return step.workspace.keys.secret("examples")


def _reasons(step: Step, parts: list[Part]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for table in step.tables(parts):
        counts.update(table.column("reason").to_pylist())
    return counts
