"""curation: from redacted turns to examples, one shard at a time; only keyed hashes of words are compared across, and how
many labels each person made is counted across."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl
import pyarrow as pa

from witting import curation
from witting.curation import CLUSTER, LANGUAGE, Guards
from witting.rights.ages import known_ages
from witting.schema import REDACTED, SIGNAL, empty
from witting.store.parts import Part, read_part, write_part
from witting.walk.admit import SIGNALS, TURNS
from witting.walk.redact import CORRECTIONS, REDACTED_TURNS
from witting.walk.step import FunnelRow, Step, described

EXAMPLES, VERDICTS, CLUSTERS = "curation/examples", "curation/verdicts", "curation/clusters"
IMPLIED = "curation/signals"  # what people imply in permitted, redacted words


@dataclass
class _Made:
    """What the shards gave so far."""

    parts: dict[str, list[Part]] = field(default_factory=lambda: {EXAMPLES: [], VERDICTS: [], CLUSTERS: []})
    labels: Counter[tuple[str, str]] = field(default_factory=Counter)
    tally: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)


@dataclass(frozen=True)
class _Shard:
    """One shard in memory: whole people."""

    redacted: pa.Table
    signals: pa.Table  # recorded and implied
    corrections: pa.Table


def curate(step: Step) -> dict[str, Any]:
    """Examples, one verdict a turn, the membership of duplicate clusters, and what people implied."""
    shards = sorted({part.shard for part in step.parts(REDACTED_TURNS) if part.shard is not None})
    _read_implied(step, shards)
    clusters = _elected(step, shards)
    guards = _guards(step, shards)
    made = _Made()
    for number, shard in enumerate(shards):
        step.tell("curating", number, len(shards))
        _curate_shard(step, shard, clusters, guards, made)
    step.tell("curating", len(shards), len(shards))
    for name, parts in made.parts.items():
        step.commit(name, parts)
    reasons = _reasons(step, made.parts[VERDICTS])
    kept = reasons.pop("", 0)
    read = kept + reasons.total()
    row = FunnelRow("curation", "turns", read=read, kept=kept, dropped=read - kept, reasons=reasons)
    stages = [described(stage) for stage in curation.stages(step.workspace.settings.curation)]
    return {
        "funnel": row.as_json(),
        "implied": _kinds(step),
        "labels": curation.summary(made.tally, made.labels),
        "stages": stages,
    }


def _read_implied(step: Step, shards: list[int]) -> None:
    parts = []
    for number, shard in enumerate(shards):
        step.tell("reading feedback", number, len(shards))
        redacted = _all_of(step, REDACTED_TURNS, shard, REDACTED)
        implied = curation.implied_signals(redacted, key=_key(step), followed=_followed(step, shard))
        if implied.num_rows:
            parts.append(write_part(step.workspace.objects, implied, folder=IMPLIED, shard=shard))
    step.commit(IMPLIED, parts)


def _followed(step: Step, shard: int) -> set[str]:
    """Turns that somebody of this shard went on from, in words that may be read or not."""
    parents = (
        read_part(step.workspace.objects, part, columns=["parent_id"])
        for part in step.parts(TURNS)
        if part.shard == shard
    )
    return {parent for table in parents for parent in table.column("parent_id").to_pylist() if parent}


def _kinds(step: Step) -> dict[str, int]:
    """Implied signals by kind."""
    counts: Counter[str] = Counter()
    for table in step.tables(step.parts(IMPLIED)):
        counts.update(table.column("kind").to_pylist())
    return dict(sorted(counts.items()))


def _guards(step: Step, shards: list[int]) -> Guards:
    """Who makes no labels, and how many one person may make, from everybody's labels."""
    settings = step.workspace.settings.curation
    minors, adults = known_ages(step.workspace.projections.events())
    guards = Guards(minors=minors, adults=adults if settings.labels_need_age else None)
    counts: Counter[tuple[str, str]] = Counter()
    for shard in shards:
        own = _shard(step, shard)
        counts += curation.label_counts(
            own.redacted, own.signals, own.corrections, guards=guards, settings=settings
        )
    return replace(guards, per_subject_max=curation.caps(counts, settings=settings))


def _elected(step: Step, shards: list[int]) -> list[Part]:
    """Duplicate clusters over everybody: fingerprints shard by shard, then one election a text key."""
    folder = step.scratch("curation")
    fingerprints = []
    for shard in shards:
        own = _shard(step, shard)
        table = curation.fingerprint_rows(
            own.redacted, own.signals, settings=step.workspace.settings.curation, key=_key(step)
        )
        if table.num_rows:
            fingerprints.append(write_part(step.workspace.objects, table, folder=folder, shard=None))
    rows = step.workspace.settings.intake.part_rows
    together = step.engine.exchange(fingerprints, "text_key", folder=folder, rows_per_part=rows)
    stage = curation.duplicate_stage()
    return step.engine.map(
        stage, together, folder=folder, exchanged_on="text_key", progress=step.told("comparing")
    )


def _curate_shard(step: Step, shard: int, clusters: list[Part], guards: Guards, made: _Made) -> None:
    own = _shard(step, shard)
    settings = step.workspace.settings.curation
    curated = curation.curate_shard(
        own.redacted,
        own.signals,
        _languages(step, own.redacted),
        _within(step.tables(clusters), own.redacted),
        corrections=own.corrections,
        guards=guards,
        settings=settings,
        key=_key(step),
    )
    tables = {EXAMPLES: curated.examples, VERDICTS: curated.verdicts, CLUSTERS: curated.clusters}
    for name, table in tables.items():
        if table.num_rows:
            made.parts[name].append(write_part(step.workspace.objects, table, folder=name, shard=shard))
    made.labels += curated.labels
    made.tally += curated.tally


def _shard(step: Step, shard: int) -> _Shard:
    recorded, implied = (_all_of(step, name, shard, SIGNAL) for name in (SIGNALS, IMPLIED))
    return _Shard(
        redacted=_all_of(step, REDACTED_TURNS, shard, REDACTED),
        signals=pa.concat_tables([recorded, implied]),
        corrections=_all_of(step, CORRECTIONS, shard, REDACTED),
    )


def _all_of(step: Step, name: str, shard: int, schema: pa.Schema) -> pa.Table:
    own = step.tables(part for part in step.parts(name) if part.shard == shard)
    return pa.concat_tables([empty(schema), *own])


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
