from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

from witting.errors import StoreError
from witting.store.records import (
    Artifact,
    all_artifacts,
    all_runs,
    artifact,
    close_run,
    keep_artifact,
    note_run,
    open_run,
    unfinished_run,
)

NOW = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)
READ = Artifact(
    sha256="ab" * 32,
    source="whatsapp",
    verdict="read",
    reason="",
    records=5,
    turns=3,
    signals=1,
    skipped={"system_line": 2},
    quarantined=0,
    admitted_at=NOW,
)


def test_an_artifact_is_found_by_its_hash(database: sa.Engine) -> None:
    keep_artifact(database, READ)
    assert artifact(database, READ.sha256) == READ
    assert artifact(database, "cd" * 32) is None


def test_a_newer_verdict_on_the_same_file_takes_the_place_of_the_old(database: sa.Engine) -> None:
    refused = replace(
        READ, source=None, verdict="refused", reason="unknown_format", records=0, turns=0, skipped={}
    )
    keep_artifact(database, refused)
    keep_artifact(database, READ)
    keep_artifact(database, replace(refused, sha256="0" * 64))
    assert [(a.sha256[:2], a.verdict) for a in all_artifacts(database)] == [("00", "refused"), ("ab", "read")]


def test_a_run_stays_unfinished_until_it_is_closed(database: sa.Engine) -> None:
    as_of = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert unfinished_run(database, "walk") is None
    run = open_run(database, "walk", as_of, body={"until": "release"})
    assert (run.status, run.as_of, run.as_of.tzinfo, run.ended_at) == ("open", NOW, UTC, None)
    assert unfinished_run(database, "walk") == run
    assert unfinished_run(database, "training") is None
    assert note_run(database, run.run_id, {"done": ["intake"]}).body == {"done": ["intake"]}
    closed = close_run(database, run.run_id)
    assert (closed.status, closed.body) == ("done", {"done": ["intake"]})
    assert closed.ended_at is not None
    assert closed.ended_at >= closed.started_at
    assert unfinished_run(database, "walk") is None


def test_the_run_opened_last_is_the_one_to_go_on_with(database: sa.Engine) -> None:
    older, newer = open_run(database, "walk", NOW), open_run(database, "walk", NOW)
    assert unfinished_run(database, "walk") == newer
    close_run(database, newer.run_id, status="failed", body={"error": "DiskFull"})
    assert unfinished_run(database, "walk") == older
    assert [run.status for run in all_runs(database, "walk")] == ["failed", "open"]


def test_a_closed_or_unknown_run_cannot_be_changed(database: sa.Engine) -> None:
    run = close_run(database, open_run(database, "walk", NOW).run_id)
    for run_id in (run.run_id, "0" * 32):
        with pytest.raises(StoreError, match="not open"):
            close_run(database, run_id)
        with pytest.raises(StoreError, match="not open"):
            note_run(database, run_id, {})


def test_a_time_without_a_zone_is_refused(database: sa.Engine) -> None:
    with pytest.raises((ValueError, sa.exc.StatementError), match="without a zone"):
        open_run(database, "walk", datetime(2026, 1, 1))
