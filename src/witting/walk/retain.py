"""Retention: words that no door opens to are deleted after `intake.retention_days`, and counted.

GDPR Art. 5(1)(e): kept no longer than necessary. The row stays, without its words, so that the funnel still adds up.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl

from witting.schema import TURN
from witting.store.parts import Part, read_part, write_part
from witting.walk.admit import BAD, TURNS
from witting.walk.decide import DECISIONS
from witting.walk.step import Step


def retain(step: Step) -> dict[str, Any]:
    """Delete what is past its time. Returns how many turns lost their words now, and how many have none left in all."""
    limit = step.now - timedelta(days=step.workspace.settings.intake.retention_days)
    deleted, parts = 0, []
    for part in step.parts(TURNS):
        kept, count = _without_expired(step, part, limit)
        parts.append(kept)
        deleted += count
    step.commit(TURNS, parts)
    expired_records = _drop_quarantine(step, limit)
    if deleted or expired_records:
        body = {
            "turns": deleted,
            "quarantined_records": expired_records,
            "admitted_before": limit.isoformat(),
        }
        step.workspace.ledger.append("retention.applied", body, now=step.now)
    return {
        "deleted_now": deleted,
        "deleted_quarantined_now": expired_records,
        "retention_days_limit": limit.isoformat(),
    }


def _without_expired(step: Step, part: Part, limit: datetime) -> tuple[Part, int]:
    turns = pl.DataFrame(read_part(step.workspace.objects, part))
    old = turns.filter((pl.col("admitted_at") < limit) & pl.col("text_sealed").is_not_null()).select("row_id")
    if old.is_empty():
        return part, 0
    denied = pl.concat(
        [old.clear()]
        + [
            pl.DataFrame(table.select(["row_id", "decision"]))
            .filter(pl.col("decision") == "deny")
            .select("row_id")
            for table in step.tables(d for d in step.parts(DECISIONS) if d.shard == part.shard)
        ]
    )
    expired = old.join(denied, on="row_id", how="semi")
    if expired.is_empty():
        return part, 0
    gone = pl.col("row_id").is_in(expired.get_column("row_id").implode())
    table = turns.with_columns(pl.when(gone).then(None).otherwise(pl.col("text_sealed")).alias("text_sealed"))
    kept = write_part(step.workspace.objects, table.to_arrow().cast(TURN), folder=TURNS, shard=part.shard)
    return kept, expired.height


def _drop_quarantine(step: Step, limit: datetime) -> int:
    dropped, parts = 0, []
    for part in step.parts(BAD):
        table = read_part(step.workspace.objects, part)
        kept = pl.DataFrame(table).filter(pl.col("admitted_at") >= limit)
        dropped += table.num_rows - kept.height
        if kept.height == table.num_rows:
            parts.append(part)
        elif kept.height:
            rows = kept.to_arrow().cast(table.schema)
            parts.append(write_part(step.workspace.objects, rows, folder=BAD, shard=None))
    step.commit(BAD, parts)
    return dropped
