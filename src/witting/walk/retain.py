"""Retention: words that no door opens to are deleted after `intake.retention_days`, and counted.

GDPR Art. 5(1)(e): kept no longer than necessary. The row stays, without its words, so that the funnel still adds up.
Comments and corrections go with the turn they are about. Memory: two parts, and the ids of turns with such a comment.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl

from witting.store.parts import Part, read_part, write_part
from witting.walk.admit import BAD, SIGNALS, TURNS
from witting.walk.decide import DECISIONS
from witting.walk.step import Step


def retain(step: Step) -> dict[str, Any]:
    """Delete what is past its time. Returns how many turns, comments and bad records lost their words now."""
    limit = step.now - timedelta(days=step.workspace.settings.intake.retention_days)
    commented = _commented(step)
    shut = [commented.clear()]
    deleted, parts = 0, []
    for part in step.parts(TURNS):
        expired = _expired(step, part, limit)
        shut.append(expired.join(commented, on="row_id", how="semi"))
        kept, count = _without_words(step, TURNS, part, expired)
        parts.append(kept)
        deleted += count
    comments = _drop_comments(
        step, pl.concat(shut)
    )  # before the turns: a crash between leaves both to be found
    step.commit(TURNS, parts)
    expired_records = _drop_quarantine(step, limit)
    if deleted or comments or expired_records:
        body = {
            "turns": deleted,
            "signals": comments,
            "quarantined_records": expired_records,
            "admitted_before": limit.isoformat(),
        }
        step.workspace.ledger.append("retention.applied", body, now=step.now)
    return {
        "deleted_now": deleted,
        "deleted_signals_now": comments,
        "deleted_quarantined_now": expired_records,
        "retention_days_limit": limit.isoformat(),
    }


def _commented(step: Step) -> pl.DataFrame:
    """The ids of turns about which somebody's words are kept."""
    ids = pl.DataFrame({"row_id": []}, schema={"row_id": pl.String})
    for table in step.tables(step.parts(SIGNALS)):
        rows = pl.DataFrame(table.select(["row_id", "text_sealed"]))
        ids = pl.concat([ids, rows.filter(pl.col("text_sealed").is_not_null()).select("row_id")]).unique()
    return ids


def _expired(step: Step, part: Part, limit: datetime) -> pl.DataFrame:
    """The ids of this part's turns that no door opens to and whose time is over, with words or without."""
    turns = pl.DataFrame(read_part(step.workspace.objects, part).select(["row_id", "admitted_at"]))
    old = turns.filter(pl.col("admitted_at") < limit).select("row_id")
    if old.is_empty():
        return old
    denied = [
        pl.DataFrame(table.select(["row_id", "decision"]))
        .filter(pl.col("decision") == "deny")
        .select("row_id")
        for table in step.tables(d for d in step.parts(DECISIONS) if d.shard == part.shard)
    ]
    return old.join(pl.concat([old.clear(), *denied]), on="row_id", how="semi")


def _without_words(step: Step, snapshot: str, part: Part, expired: pl.DataFrame) -> tuple[Part, int]:
    """The part with these rows' words deleted and how many had any; the part itself where none had."""
    if expired.is_empty():
        return part, 0
    read = read_part(step.workspace.objects, part)
    rows = pl.DataFrame(read)
    gone = pl.col("row_id").is_in(expired.get_column("row_id").implode())
    count = rows.filter(gone & pl.col("text_sealed").is_not_null()).height
    if not count:
        return part, 0
    table = rows.with_columns(pl.when(gone).then(None).otherwise(pl.col("text_sealed")).alias("text_sealed"))
    left = table.to_arrow().cast(read.schema)
    return write_part(step.workspace.objects, left, folder=snapshot, shard=part.shard), count


def _drop_comments(step: Step, shut: pl.DataFrame) -> int:
    kept = [_without_words(step, SIGNALS, part, shut) for part in step.parts(SIGNALS)]
    step.commit(SIGNALS, [part for part, _ in kept])
    return sum(count for _, count in kept)


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
