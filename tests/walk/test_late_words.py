"""What somebody says late is heard: in a log not recorded yet, and in an event recorded between two tries."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from conftest import AS_OF, copy_quickstart, witting
from witting import corpus
from witting.errors import UsageError
from witting.rights.record import RightsEvent, record
from witting.store.records import unfinished_run
from witting.walk import ROOMS, alone, walk
from witting.walk.release import everyone_permits
from witting.workspace import Workspace

admitting = sys.modules["witting.walk.admit"]  # `witting.walk.admit` is the verb

MOMENT = datetime.fromisoformat(AS_OF)
LATER = "2026-11-24T12:30:00+00:00"
NOW = datetime(2026, 11, 24, 13, tzinfo=UTC)
HANDLE, HANNAHS_TURNS = "open_webui:hannah", 18


def walk_to(root: Path, room: str, *, as_of: datetime | None = MOMENT) -> dict[str, Any]:
    done = walk(Workspace.open(root), until=room, tell=lambda what, done, total: None, now=NOW, as_of=as_of)
    return done.rooms


def withdraw(workspace: Workspace, *, at: datetime) -> None:
    event = RightsEvent(kind="withdrawal", subject=HANDLE, purposes=(), occurred_at=at)
    record([event], vault=workspace.vault, ledger=workspace.ledger, packs=workspace.packs, now=NOW)


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
    withdraw(workspace, at=datetime(2026, 11, 24, 11, tzinfo=UTC))
    unfinished = unfinished_run(workspace.database, "walk")
    assert unfinished is not None
    before = unfinished.body["rights"]["funnel"]["reasons"]["withdrawn"]
    after = walk_to(root, "rights")["rights"]["funnel"]["reasons"]["withdrawn"]
    assert after == before + HANNAHS_TURNS


def test_a_corpus_of_somebody_who_withdrew_since_does_not_leave(tmp_path: Path) -> None:
    root = copy_quickstart(tmp_path / "workspace")
    walk_to(root, "corpus")
    workspace = Workspace.open(root)
    manifest = corpus.load(workspace.objects, workspace.snapshots, "latest")
    with alone(workspace, tell=lambda what, done, total: None, now=NOW) as step:
        assert everyone_permits(step, manifest)
        withdraw(workspace, at=NOW)
        assert not everyone_permits(step, manifest)
    out = tmp_path / "out"
    done = witting("corpus", "export", out, "--workspace", root, "--json")
    assert done.code == 1
    assert "no longer permits" in done.json["error"]["message"]
    assert not out.exists()
    assert not list(workspace.ledger.entries(kind="corpus.exported"))


def test_a_log_that_grows_while_it_is_read_stays_for_the_next_walk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = copy_quickstart(tmp_path / "workspace")
    log = root / "rights.jsonl"
    line = {"kind": "withdrawal", "subject": HANDLE, "purposes": [], "occurred_at": AS_OF}

    def appended(*words: Any, **named: Any) -> Any:
        done = record(*words, **named)
        with log.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")
        return done

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(sys.modules["witting.walk.decide"], "record", appended)
        before = walk_to(root, "rights")["rights"]["funnel"]["reasons"]["withdrawn"]
    assert log.exists()
    after = walk_to(root, "rights")["rights"]["funnel"]["reasons"]["withdrawn"]
    assert after == before + HANNAHS_TURNS
    assert not log.exists()


def test_an_export_that_changes_while_it_is_read_is_not_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = copy_quickstart(tmp_path / "workspace")
    path = root / "inbox" / "open-webui-chats.json"
    keep = admitting.keep_artifact

    def touched(*words: Any) -> None:
        keep(*words)
        path.write_text(path.read_text("utf-8") + "\n", "utf-8")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(admitting, "keep_artifact", touched)
        walk_to(root, "intake")
    assert [p.name for p in (root / "inbox").iterdir()] == [path.name]
    walk_to(root, "intake")
    assert list((root / "inbox").iterdir()) == []
