"""corpus: examples and planted canaries, committed as a version; canaries and thresholds committed before training."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import polars as pl
import pyarrow as pa

from witting import corpus
from witting.audit import canary
from witting.corpus.manifest import StageRecord
from witting.release.gate import PROFILES, thresholds
from witting.schema import EXAMPLE, empty
from witting.walk.curate import EXAMPLES
from witting.walk.step import Step

PLANNED = "audit.planned"


def commit(step: Step) -> dict[str, Any]:
    """Commit this walk's examples as a corpus; the same examples again give the version that is there."""
    workspace, settings = step.workspace, step.workspace.settings
    planted = canaries(step)
    _plan_audit(step, planted)
    rows = canary.rows(
        planted, shard_of=lambda subject: workspace.keys.shard(subject, settings.corpus.shards)
    )
    parts = []
    for shard in range(settings.corpus.shards):
        own = list(step.tables(p for p in step.parts(EXAMPLES) if p.shard == shard))
        spread = pl.DataFrame(rows).filter(pl.col("shard") == shard).to_arrow().cast(EXAMPLE)
        part = corpus.write_examples(
            workspace.objects, pa.concat_tables([empty(EXAMPLE), *own, spread]), shard=shard
        )
        parts += [part] if part is not None else []
    manifest = corpus.commit(
        workspace.snapshots,
        workspace.objects,
        workspace.ledger,
        parts,
        purpose=settings.rights.purpose,
        as_of=step.as_of,
        stages=[StageRecord(**stage) for room in step.results.values() for stage in room.get("stages", [])],
        packs=workspace.packs.sha256s(),
        checkpoint=workspace.ledger.checkpoint(now=step.now),
        funnel=step.funnel(),
        shards=settings.corpus.shards,
        seed=settings.seed,
        now=step.now,
        decided=step.results["rights"]["entry"],
    )
    return {"corpus": manifest.id, "counts": dict(manifest.counts), "canaries_planted": rows.num_rows}


def canaries(step: Step) -> tuple[canary.Canary, ...]:
    """The audit's canaries: always the same for one workspace and seed."""
    settings = step.workspace.settings
    key = hmac.new(step.workspace.keys.secret("canary"), str(settings.seed).encode(), hashlib.sha256).digest()
    audit = settings.audit
    return canary.draw(
        key, coins=audit.canaries, repeated=audit.repeated, repeats=audit.repeats, controls=audit.controls
    )


def commitment(step: Step, planted: tuple[canary.Canary, ...]) -> str:
    """Over every profile's thresholds: choosing another profile later is then not choosing another threshold."""
    return canary.commitment(planted, thresholds={name: thresholds(name) for name in PROFILES})


def planned(step: Step, committed: str) -> int | None:
    """The ledger entry in which these canaries and thresholds were committed, or None."""
    for entry in step.workspace.ledger.entries(kind=PLANNED):
        if entry.body["commitment"] == committed:
            return entry.index
    return None


def _plan_audit(step: Step, planted: tuple[canary.Canary, ...]) -> None:
    committed = commitment(step, planted)
    if planned(step, committed) is None:
        body = {"commitment": committed, "profile": step.workspace.settings.gate.profile}
        step.workspace.ledger.append(PLANNED, body, now=step.now)
