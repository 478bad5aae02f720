"""Words that no door opens to are gone after their time, comments on them too; everything else stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from conftest import AS_OF, copy_quickstart
from witting.schema import SIGNAL
from witting.store.parts import read_part, write_part
from witting.walk import walk
from witting.workspace import Workspace

MOMENT = datetime.fromisoformat(AS_OF)
RETENTION_DAYS = 30


def rows(workspace: Workspace, snapshot: str) -> pl.DataFrame:
    current = workspace.snapshots.current(snapshot)
    assert current is not None
    return pl.concat([pl.DataFrame(read_part(workspace.objects, part)) for part in current.parts])


def comment_on_everything(workspace: Workspace) -> None:
    """The quickstart's feedback is thumbs and choices; here each has a sealed comment."""
    current = workspace.snapshots.current("intake/signals")
    assert current is not None
    parts = []
    for part in current.parts:
        table = pl.DataFrame(read_part(workspace.objects, part)).with_columns(
            pl.lit(b"sealed").alias("text_sealed")
        )
        commented = table.to_arrow().cast(SIGNAL)
        parts.append(write_part(workspace.objects, commented, folder="intake/signals", shard=part.shard))
    workspace.snapshots.commit(replace(current, parts=tuple(parts)), expected=current.id)


def walked(workspace: Workspace, days: int) -> dict[str, int]:
    now = MOMENT + timedelta(days=days)
    done = walk(workspace, until="retention", tell=lambda what, done, total: None, now=now, as_of=MOMENT)
    return done.rooms["retention"]


def test_shut_words_and_the_comments_on_them_go_after_their_time_and_not_before(tmp_path: Path) -> None:
    workspace = Workspace.open(copy_quickstart(tmp_path / "workspace"))
    said = walked(workspace, days=0)
    assert (said["deleted_now"], said["deleted_signals_now"]) == (0, 0)
    comment_on_everything(workspace)
    turns, signals = rows(workspace, "intake/turns"), rows(workspace, "intake/signals")
    decisions = rows(workspace, "rights/decisions")
    shut = set(decisions.filter(pl.col("decision") == "deny")["row_id"])
    with_words = set(turns.filter(pl.col("text_sealed").is_not_null())["row_id"])
    commented = signals.filter(pl.col("text_sealed").is_not_null())
    on_shut = commented.filter(pl.col("row_id").is_in(list(shut)))
    assert shut & with_words
    assert 0 < on_shut.height < commented.height

    assert walked(workspace, days=RETENTION_DAYS)["deleted_now"] == 0
    said = walked(workspace, days=RETENTION_DAYS + 1)
    assert said["deleted_now"] == len(shut & with_words)
    assert said["deleted_signals_now"] == on_shut.height
    after, comments = rows(workspace, "intake/turns"), rows(workspace, "intake/signals")
    assert set(after["row_id"]) == set(turns["row_id"])  # the rows stay: the funnel adds up
    assert set(after.filter(pl.col("text_sealed").is_not_null())["row_id"]) == with_words - shut
    left = set(comments.filter(pl.col("text_sealed").is_not_null())["signal_id"])
    assert left == set(commented["signal_id"]) - set(on_shut["signal_id"])

    again = walked(workspace, days=RETENTION_DAYS + 2)
    assert (again["deleted_now"], again["deleted_signals_now"]) == (0, 0)
    told = [entry.body for entry in workspace.ledger.entries(kind="retention.applied")]
    assert [body["turns"] for body in told] == [said["deleted_now"]]
