"""What somebody says late is heard: in a log not recorded yet, and in an event recorded between two tries."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from conftest import AS_OF, copy_quickstart
from witting.errors import UsageError
from witting.rights.record import RightsEvent, record
from witting.store.records import unfinished_run
from witting.walk import ROOMS, walk
from witting.workspace import Workspace

MOMENT = datetime.fromisoformat(AS_OF)
LATER = "2026-11-24T12:30:00+00:00"
NOW = datetime(2026, 11, 24, 13, tzinfo=UTC)
HANDLE, HANNAHS_TURNS = "open_webui:hannah", 18


def walk_to(root: Path, room: str, *, as_of: datetime | None = MOMENT) -> dict[str, Any]:
    done = walk(Workspace.open(root), until=room, tell=lambda what, done, total: None, now=NOW, as_of=as_of)
    return done.rooms


def test_a_withdrawal_in_the_log_after_as_of_is_not_looked_past(tmp_path: Path) -> None:
    root = copy_quickstart(tmp_path / "workspace")
    line = {"kind": "withdrawal", "subject": HANDLE, "purposes": [], "occurred_at": LATER}
    with (root / "rights.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")
    with pytest.raises(UsageError, match="spoken since"):
        walk_to(root, "rights")


def test_an_event_of_earlier_recorded_between_two_tries_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_: object) -> None:
        raise KeyboardInterrupt

    root = copy_quickstart(tmp_path / "workspace")
    with monkeypatch.context() as cut:
        cut.setattr("witting.walk.ROOMS", (*ROOMS[:2], ("retention", killed)))
        with pytest.raises(KeyboardInterrupt):
            walk_to(root, "retention")
    workspace = Workspace.open(root)
    event = RightsEvent(
        kind="withdrawal", subject=HANDLE, purposes=(), occurred_at=datetime(2026, 11, 24, 11, tzinfo=UTC)
    )
    record([event], vault=workspace.vault, ledger=workspace.ledger, packs=workspace.packs, now=NOW)
    unfinished = unfinished_run(workspace.database, "walk")
    assert unfinished is not None
    before = unfinished.body["rights"]["funnel"]["reasons"]["withdrawn"]
    after = walk_to(root, "rights")["rights"]["funnel"]["reasons"]["withdrawn"]
    assert after == before + HANNAHS_TURNS
