"""No event, however odd, keeps its neighbours from being heard: over HTTP and in a file, at the door and in the walk."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from doors.conftest import BY_KEY, NOW, client_of, event, make_workspace, walk_on
from witting.intake import seal as sealing
from witting.store.parts import read_part
from witting.store.records import all_artifacts
from witting.workspace import Workspace

HEADERS = BY_KEY | {"Content-Type": "application/cloudevents-batch+json"}
CANARY = "ptarmigan kettle"
HALF = "\ud83d"  # of a character: what a browser leaves that cuts an emoji in two
WITHDRAWN = event("w", "consent.withdrawn", subject="app:ben")
ODD = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters(), max_size=5) | st.just(HALF),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.just(HALF), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def withdrawals(workspace: Workspace) -> int:
    return sum(1 for _ in workspace.ledger.entries(kind="rights.withdrawal"))


def table(workspace: Workspace, name: str) -> list[dict[str, Any]]:
    current = workspace.snapshots.current(name)
    parts = current.parts if current else ()
    return [row for part in parts for row in read_part(workspace.objects, part).to_pylist()]


def feedback(id: str, kind: str, value: Any, **more: Any) -> dict[str, Any]:
    return event(id, "chat.feedback", conversation_id="c", turn_id="t", kind=kind, value=value, **more)


def test_feedback_with_half_a_character_is_refused_at_the_door(plain_client: TestClient) -> None:
    bad = feedback("f", "reaction", HALF)
    said = plain_client.post("/v1/events", content=json.dumps([bad, WITHDRAWN]), headers=HEADERS)
    assert said.status_code == 422
    assert [(one["event"], one["field"]) for one in said.json()["errors"]] == [(0, "data.value")]
    assert said.json()["new"] == 1


@settings(max_examples=25, deadline=None)
@given(values=st.lists(st.tuples(st.sampled_from(["thumb", "rating", "reaction", "preference", "comment", "copied"]), ODD), max_size=4))  # fmt: skip
def test_whatever_feedback_holds_a_withdrawal_beside_it_is_heard(
    tmp_path_factory: pytest.TempPathFactory, values: list[tuple[str, Any]]
) -> None:
    workspace = make_workspace(tmp_path_factory.mktemp("odd") / "w")
    odd = [feedback(str(place), kind, value) for place, (kind, value) in enumerate(values)]
    lines = "".join(json.dumps(one) + "\n" for one in [*odd, WITHDRAWN])
    (workspace.root / "inbox" / "events.jsonl").write_text(lines, "utf-8")
    walk_on(workspace, until="intake")
    assert withdrawals(workspace) == 1
    (read,) = all_artifacts(workspace.database)
    assert read.records == len(values) + 1


def test_an_event_that_we_fail_on_is_set_aside_and_its_neighbours_are_read(
    plain: Workspace, plain_client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what we did not foresee, by a fault that is planted."""
    stream = [event("1"), event("2", text=CANARY), WITHDRAWN]
    assert plain_client.post("/v1/events", content=json.dumps(stream), headers=HEADERS).status_code == 202
    sound = sealing.in_utc
    fails = "2026-11-01T10:00:01+00:00"
    stream = [event("3", time=fails)]
    assert plain_client.post("/v1/events", content=json.dumps(stream), headers=HEADERS).status_code == 202

    def faulty(time: str | None, zone: Any) -> Any:
        if time == fails:
            raise ValueError(CANARY)
        return sound(time, zone)

    monkeypatch.setattr(sealing, "in_utc", faulty)
    walk_on(plain, until="intake")
    assert withdrawals(plain) == 1
    assert len(table(plain, "intake/turns")) == 2
    assert [row["reason"] for row in table(plain, "intake/quarantine")] == ["broken_event"]
    assert plain.spool.waiting(until=NOW) == 0


BAD_CONSENTS = [
    event("g", "consent.granted", time="2026-11-01T10:00:00", purpose="fine_tune_own_model"),
    event("g", "consent.granted", time="2099-01-01T00:00:00Z", purpose="fine_tune_own_model"),
    event("g", "consent.granted", purpose="fine_tune_own_model", evidence={"surface": [1]}),
]


@pytest.mark.parametrize("bad", BAD_CONSENTS, ids=["no offset", "ahead of the clock", "evidence"])
def test_in_a_file_a_bad_consent_is_set_aside_and_its_neighbours_withdrawal_is_heard(
    plain: Workspace, bad: dict[str, Any]
) -> None:
    path = plain.root / "inbox" / "events.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in (bad, WITHDRAWN)), "utf-8")
    walk_on(plain, until="intake")
    assert withdrawals(plain) == 1
    assert [row["reason"] for row in table(plain, "intake/quarantine")] == ["broken_event"]
    (read,) = all_artifacts(plain.database)
    assert (read.records, read.quarantined) == (2, 1)


@pytest.mark.parametrize(
    ("time", "heard"),
    [
        ("2099-01-01T00:00:00Z", NOW.isoformat()),
        ("yesterday", NOW.isoformat()),
        ("2026-11-01T10:00:00", NOW.isoformat()),
        ("2026-11-01T10:00:00-05:00", "2026-11-01T15:00:00+00:00"),
    ],
)
def test_in_a_file_a_withdrawal_counts_whatever_its_time(plain: Workspace, time: str, heard: str) -> None:
    line = json.dumps(event("w", "consent.withdrawn", time=time))
    (plain.root / "inbox" / "events.jsonl").write_text(line + "\n", "utf-8")
    walk_on(plain, until="intake")
    (moment,) = plain.projections.events().column("occurred_at").to_pylist()
    assert moment.isoformat() == heard


def test_an_id_sent_again_after_it_was_forgotten_is_another_event(plain: Workspace) -> None:
    days = 0

    def send(*events: dict[str, Any]) -> None:
        at = NOW + timedelta(days=days)
        client = client_of(plain, now=lambda: at)
        assert client.post("/v1/events", content=json.dumps(events), headers=HEADERS).json()["new"] == len(
            events
        )
        walk_on(plain, until="intake", now=at)

    send(event("withdraw:ana", "consent.withdrawn", time=NOW.isoformat()))
    days = 91
    send(event("other"))
    days = 92
    send(event("withdraw:ana", "consent.withdrawn", time=(NOW + timedelta(days=92)).isoformat()))
    assert withdrawals(plain) == 2


def test_a_withdrawal_needs_no_data(plain_client: TestClient, plain: Workspace) -> None:
    said = plain_client.post("/v1/events", content=json.dumps([WITHDRAWN | {"data": None}]), headers=HEADERS)
    assert said.status_code == 202
    walk_on(plain, until="intake")
    assert withdrawals(plain) == 1


def test_a_field_name_of_the_senders_own_is_not_repeated(plain_client: TestClient) -> None:
    consent = event("g", "consent.granted", purpose="fine_tune_own_model", evidence={CANARY: 1})
    said = plain_client.post("/v1/events", content=json.dumps([consent]), headers=HEADERS)
    assert said.status_code == 422
    assert CANARY not in said.text


def test_no_words_stand_unsealed_among_the_signals(plain: Workspace) -> None:
    words = [
        feedback("1", "copied", {"said": CANARY}),
        feedback("2", "reaction", CANARY),
        feedback("3", "comment", {"tags": [CANARY, "not_helpful"]}),
        feedback("4", "rating", 3, text=CANARY),
        feedback("5", "stopped", CANARY),
    ]
    turn = {"conversation": "c", "turn": "t", "speaker": "ana", "role": "user", "text": "hi", "source": "shop", "audience": "assistant",
            "time": "2026-11-01T10:00:00Z", "signals": [{"kind": "reaction", "value": CANARY, "source_kind": CANARY}]}  # fmt: skip
    inbox = plain.root / "inbox"
    (inbox / "events.jsonl").write_text("".join(json.dumps(one) + "\n" for one in words), "utf-8")
    (inbox / "turns.jsonl").write_text(json.dumps(turn) + "\n", "utf-8")
    walk_on(plain, until="intake")
    kept = table(plain, "intake/signals")
    assert len(kept) >= 5
    assert CANARY not in json.dumps(
        [{k: v for k, v in row.items() if k != "text_sealed"} for row in kept], default=str
    )
    assert all(row["text_sealed"] for row in kept if row["kind"] in ("reaction", "stopped"))


NO_FEEDBACK = [("preference", None), ("rating", "a lot"), ("thumb", {"up": 1}), ("reaction", 7)]


@pytest.mark.parametrize(("kind", "value"), NO_FEEDBACK, ids=[kind for kind, _ in NO_FEEDBACK])
def test_what_of_a_turns_feedback_is_none_is_set_aside_and_counted(
    plain: Workspace, kind: str, value: Any
) -> None:
    turn = {"conversation": "c", "turn": "t", "speaker": "ana", "role": "user", "text": "hi", "source": "shop",
            "audience": "assistant", "time": "2026-11-01T10:00:00Z", "signals": [{"kind": kind, "value": value}]}  # fmt: skip
    (plain.root / "inbox" / "turns.jsonl").write_text(json.dumps(turn) + "\n", "utf-8")
    walk_on(plain, until="intake")
    (read,) = all_artifacts(plain.database)
    assert (read.records, read.turns, read.skipped) == (2, 1, {"unknown_feedback": 1})
    assert [row["reason"] for row in table(plain, "intake/quarantine")] == ["unknown_feedback"]
