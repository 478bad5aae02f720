"""What came over HTTP reaches the walk: first, once, in any order; and a withdrawal that comes before its turn still wins."""

from __future__ import annotations

import json
import random
import shutil
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from doors.conftest import BY_KEY, NOW, client_of, event, make_workspace, walk_on
from witting.errors import UsageError
from witting.store.parts import read_part
from witting.store.records import unfinished_run
from witting.store.spool import Bad
from witting.walk import ROOMS, alone, walk
from witting.workspace import Workspace

admitting = sys.modules["witting.walk.admit"]  # `witting.walk.admit` is the verb
CANARY = "ptarmigan kettle ninety"
SUBJECT = "app:ana-of-the-canary"
STREAM = [
    event("w", "consent.withdrawn", subject="app:ben", time="2026-11-01T12:00:00+00:00"),
    event("f", "chat.feedback", conversation_id="c", turn_id="t2", kind="thumb", value="up"),
    event("2", turn_id="t2", role="assistant", text="an oak", parent_id="t1"),
    event("1", turn_id="t1"),
    event("3", turn_id="t3", subject="app:ben", time="2026-11-01T09:00:00+00:00"),
    event("e", "erasure.requested", subject="app:cy"),
    event("o", "objection.made", subject="app:cy"),
    event("g", "consent.granted", purpose="fine_tune_own_model"),
]


def post(client: TestClient, events: list[dict[str, Any]]) -> dict[str, int]:
    said = client.post("/v1/events", json=events, headers=BY_KEY)
    assert said.status_code in (200, 202), said.text
    return said.json()


def rows(workspace: Workspace, name: str) -> list[str]:
    current = workspace.snapshots.current(name)
    key = {"intake/turns": "row_id", "intake/signals": "signal_id"}.get(name, "row_id")
    tables = [read_part(workspace.objects, part) for part in (current.parts if current else ())]
    return sorted(id for table in tables for id in table.column(key).to_pylist())


def said(workspace: Workspace) -> list[tuple[str, str]]:
    """Rights events in the ledger, with people by their handle."""
    entries = list(workspace.ledger.entries(kind="rights."))
    handles = workspace.vault.handles_of([e.body["subject"] for e in entries if "subject" in e.body])
    return sorted((e.kind, handles[e.body["subject"]]) for e in entries if "subject" in e.body)


def outcome(workspace: Workspace) -> tuple[Any, ...]:
    return (rows(workspace, "intake/turns"), rows(workspace, "intake/signals"), said(workspace))


@pytest.mark.parametrize("seed", [1, 2])
def test_however_it_is_cut_ordered_and_repeated_it_is_as_one_file(
    workspace: Workspace, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    stream = chance.sample([*STREAM, *STREAM], 2 * len(STREAM))
    client = client_of(workspace)
    while stream:
        cut = chance.randint(1, 4)
        post(client, stream[:cut])
        stream = stream[cut:]
        if chance.random() < 0.3:
            walk_on(workspace, until="intake")
    result = walk_on(workspace, until="intake")
    assert workspace.spool.waiting(until=NOW) == 0
    file = make_workspace(tmp_path / "file")
    (file.root / "inbox" / "events.jsonl").write_text("".join(json.dumps(one) + "\n" for one in STREAM))
    walk_on(file, until="intake")
    assert said(workspace) == said(file)
    assert [len(ids) for ids in outcome(workspace)] == [len(ids) for ids in outcome(file)] == [3, 1, 4]
    row = result.rooms["intake"]["funnel"]
    assert (row["read"], row["kept"], row["reasons"]) == (8, 3, {"feedback_event": 1, "rights_event": 4})


def test_a_withdrawal_that_comes_before_its_turn_still_wins(workspace: Workspace) -> None:
    client = client_of(workspace)
    post(client, [STREAM[0]])  # Ben withdraws at twelve
    walk_on(workspace, until="rights")
    before = "2026-11-01T08:00:00+00:00"
    consent = event("late", "consent.granted", subject="app:ben", time=before, purpose="fine_tune_own_model")
    post(client, [STREAM[4], consent])  # what he said at nine, and the consent of eight, come later
    result = walk_on(workspace, until="rights", now=NOW + timedelta(minutes=1))
    assert result.rooms["rights"]["funnel"]["reasons"] == {"withdrawn": 1}


def test_the_same_by_file_and_by_http_is_one_row(plain: Workspace, plain_client: TestClient) -> None:
    post(plain_client, STREAM)
    walk_on(plain, until="intake")
    before = outcome(plain)
    (plain.root / "inbox" / "events.jsonl").write_text("".join(json.dumps(one) + "\n" for one in STREAM))
    result = walk_on(plain, until="intake")
    assert outcome(plain) == before
    assert result.rooms["intake"]["funnel"]["reasons"]["already_known"] == 3


def test_batches_of_one_give_the_same_as_one_batch(plain: Workspace, plain_client: TestClient) -> None:
    config = plain.root / "witting.toml"
    config.write_text(config.read_text("utf-8").replace("[intake]", "[intake]\npart_rows = 1"), "utf-8")
    post(plain_client, STREAM)
    result = walk_on(plain, until="intake")
    assert result.rooms["intake"]["live_events_read_now"] == len(STREAM)
    assert [len(found) for found in outcome(plain)] == [3, 1, 4]
    assert result.rooms["intake"]["funnel"]["read"] == len(STREAM)


def test_somebody_erased_while_their_words_waited_is_refused_and_counted(
    plain: Workspace, plain_client: TestClient
) -> None:
    post(plain_client, STREAM)
    (ana,) = plain.vault.subjects_for(["app:ana"])
    plain.keys.destroy(ana)
    plain.vault.mark_erased(ana)
    row = walk_on(plain, until="intake").rooms["intake"]["funnel"]
    assert (row["read"], row["kept"], row["refused"], row["reasons"]["subject_erased"]) == (8, 1, 4, 4)
    assert plain.spool.waiting(until=NOW) == 0


def test_everybody_erased_is_an_empty_batch_and_no_error(plain: Workspace, plain_client: TestClient) -> None:
    post(plain_client, [event("1")])
    (ana,) = plain.vault.subjects_for(["app:ana"])
    plain.keys.destroy(ana)
    plain.vault.mark_erased(ana)
    row = walk_on(plain, until="intake").rooms["intake"]["funnel"]
    assert (row["read"], row["refused"]) == (1, 1)


def test_no_byte_on_disk_holds_a_word_or_a_name_in_the_clear(
    plain: Workspace, plain_client: TestClient
) -> None:
    words = event("id-of-the-canary", subject=SUBJECT, text=CANARY)
    post(
        plain_client,
        [
            words,
            event(
                "f",
                "chat.feedback",
                subject=SUBJECT,
                conversation_id="c",
                turn_id="x",
                kind="comment",
                text=CANARY,
            ),
        ],
    )

    def everything() -> Iterator[tuple[str, bytes]]:
        for path in plain.root.rglob("*"):
            if path.is_file():
                yield path.name, path.read_bytes()

    def holding() -> list[str]:
        needles = [word.encode() for word in (CANARY, "of-the-canary")]
        return [name for name, data in everything() if any(needle in data for needle in needles)]

    assert holding() == []
    walk_on(plain, until="intake")
    assert holding() == []
    assert len(rows(plain, "intake/turns")) == 1  # the words did arrive
    (plain.root / "look").write_text(CANARY)
    assert holding() == ["look"]  # the look was a look


def test_a_killed_walk_is_not_gone_on_with_once_somebody_has_said_something(
    plain: Workspace, plain_client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_: object) -> None:
        raise KeyboardInterrupt

    post(plain_client, [event("1")])
    with monkeypatch.context() as cut:
        cut.setattr("witting.walk.ROOMS", (*ROOMS[:2], ("retention", killed)))
        with pytest.raises(KeyboardInterrupt):
            walk_on(plain, until="retention")
    stopped = unfinished_run(plain.database, "walk")
    assert stopped is not None
    post(client_of(plain), [event("2")])  # words alone: they wait for the next walk
    assert walk_on(plain, until="rights").run_id == stopped.run_id
    assert plain.spool.waiting(until=NOW) == 1


def test_a_withdrawal_waiting_in_the_spool_is_heard_by_a_walk_that_was_killed(
    plain: Workspace, plain_client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_: object) -> None:
        raise KeyboardInterrupt

    post(plain_client, [event("1")])
    with monkeypatch.context() as cut:
        cut.setattr("witting.walk.ROOMS", (*ROOMS[:2], ("retention", killed)))
        with pytest.raises(KeyboardInterrupt):
            walk_on(plain, until="retention")
    later = NOW + timedelta(minutes=5)
    post(client_of(plain, now=lambda: later), [event("w", "consent.withdrawn")])
    result = walk_on(plain, until="rights", now=later)
    assert result.rooms["rights"]["funnel"]["reasons"] == {"withdrawn": 1}
    assert plain.spool.waiting(until=later) == 0


def test_what_came_after_the_walk_began_waits(plain: Workspace) -> None:
    later = NOW + timedelta(seconds=1)
    post(client_of(plain, now=lambda: later), [event("1")])
    assert walk_on(plain, until="intake").rooms["intake"]["live_events_read_now"] == 0
    assert walk_on(plain, until="intake", now=later).rooms["intake"]["live_events_read_now"] == 1


def test_it_receives_while_a_walk_holds_the_workspace(workspace: Workspace) -> None:
    with Workspace.open(workspace.root).held():
        assert post(client_of(workspace), [event("1")])["new"] == 1
    assert walk_on(workspace, until="intake").rooms["intake"]["live_events_read_now"] == 1


def test_an_earlier_moment_does_not_look_past_what_came_live(
    plain: Workspace, plain_client: TestClient
) -> None:
    post(plain_client, [event("w", "consent.withdrawn", time="2026-11-24T11:00:00+00:00")])
    fresh, early = Workspace.open(plain.root), NOW - timedelta(hours=2)
    with pytest.raises(UsageError, match="spoken since"):
        walk(fresh, until="rights", tell=lambda *_: None, now=NOW, as_of=early)
    assert said(plain) == [("rights.withdrawal", "app:ana")]


class Killed(BaseException):
    pass


STEPS = ["_hear", "_written", "_add", "_record", "keep_artifact", "settle"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_drain_that_ends_at_any_step_loses_and_repeats_nothing(
    plain: Workspace,
    plain_client: TestClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    after: bool,
) -> None:
    post(plain_client, STREAM)
    copy = Workspace.open(shutil.copytree(plain.root, tmp_path / "copy"))  # the same keys, so the same ids
    whole = walk_on(plain, until="intake").rooms["intake"]["funnel"]
    place, name = (type(copy.spool), step) if step == "settle" else (admitting, step)
    real = getattr(place, name)

    def cut(*words: Any, **named: Any) -> Any:
        if after:
            real(*words, **named)
        raise Killed

    with monkeypatch.context() as killing:
        killing.setattr(place, name, cut)
        with pytest.raises(Killed), alone(copy, tell=lambda *_: None, now=NOW) as at:
            admitting.admit(at)
    post(client_of(copy), [*STREAM, event("more", subject="app:dee")])  # it goes on receiving meanwhile
    again = walk_on(copy, until="intake").rooms["intake"]["funnel"]
    assert copy.spool.waiting(until=NOW) == 0
    assert again["read"] == whole["read"] + 1
    assert again["reasons"] == whole["reasons"]
    turns, signals, heard = outcome(copy)
    known = outcome(plain)
    assert (len(turns), signals, heard) == (len(known[0]) + 1, known[1], known[2])
    assert set(known[0]) <= set(turns)
    told = [entry.body["sha256"] for entry in copy.ledger.entries(kind="intake.committed")]
    assert len(told) == len(set(told)) == 2
    assert len(turns) == len(set(turns))


def test_a_bad_message_that_waited_is_quarantined_with_its_reason(
    plain: Workspace, plain_client: TestClient
) -> None:
    post(plain_client, STREAM)
    alike = [Bad(("chats", "0", str(n)), "broken_json", CANARY.encode()) for n in (7, 8)]
    plain.spool.set_aside([*alike, Bad(("chats", "1", "7"), "no_subject", b"{}")], now=NOW)
    result = walk_on(plain, until="intake").rooms["intake"]
    row, whole = result["funnel"], len(STREAM) + 3
    assert (row["read"], row["kept"], row["quarantined"]) == (whole, 3, 3)
    assert (row["reasons"]["broken_json"], row["reasons"]["no_subject"]) == (2, 1)
    assert row["read"] == row["kept"] + row["refused"] + row["dropped"] + row["quarantined"]
    assert result["live_events_read_now"] == whole
    current = plain.snapshots.current("intake/quarantine")
    assert current is not None
    kept = [row for part in current.parts for row in read_part(plain.objects, part).to_pylist()]
    opened = plain.keys.open_quarantined([r["quarantine_id"] for r in kept], [r["sealed"] for r in kept])
    assert sorted(opened) == sorted([CANARY.encode(), CANARY.encode(), b"{}"])
    assert plain.spool.waiting(until=NOW) == 0
