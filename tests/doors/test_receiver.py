"""Live events over HTTP: three modes, each event once, errors that name the field and never the value."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from doors.conftest import BY_KEY, NOW, client_of, event
from witting.doors import cloud_events
from witting.doors.http import binding, receiver
from witting.errors import StoreError
from witting.workspace import Workspace

CANARY = "ptarmigan-kettle-9035"
BATCH = {**BY_KEY, "Content-Type": binding.BATCH}
STRUCTURED = {**BY_KEY, "Content-Type": cloud_events.STRUCTURED}
DEEP = "[" * 100_000 + "]" * 100_000


def counts(new: int = 0, known: int = 0, erased: int = 0, ignored: int = 0) -> dict[str, int]:
    return {"new": new, "known": known, "erased": erased, "ignored": ignored}


def waiting(workspace: Workspace) -> list[dict[str, Any]]:
    """What a walk would read now."""
    batch = workspace.spool.claim(until=NOW, events_max=1_000, bytes_max=1 << 20)
    return [] if batch is None else [json.loads(data or b"null") for data in batch.events]


def test_the_three_modes_carry_the_same_event(workspace: Workspace, client: TestClient) -> None:
    one, two, three = event("1"), event("2"), event("3 é%", subject="app:José")
    assert client.post("/v1/events", content=json.dumps(one), headers=STRUCTURED).json() == counts(new=1)
    assert client.post("/v1/events", content=json.dumps([two]), headers=BATCH).json() == counts(new=1)
    attributes = {
        "ce-specversion": "1.0",
        "ce-type": "chat.turn",
        "ce-source": "/chat",
        "ce-id": "3%20%C3%A9%25",
        "ce-subject": "app:Jos%C3%A9",
        "ce-time": "2026-11-01T10:00:00+00:00",
    }
    said = client.post("/v1/events", json=three["data"], headers={**BY_KEY, **attributes})
    assert (said.status_code, said.json()) == (202, counts(new=1))
    assert waiting(workspace) == [one, two, three]


def test_plain_json_is_one_event_or_an_array(plain_client: TestClient) -> None:
    assert plain_client.post("/v1/events", json=event("1"), headers=BY_KEY).json() == counts(new=1)
    assert plain_client.post("/v1/events", json=[event("1"), event("2")], headers=BY_KEY).json() == counts(
        1, 1
    )


def test_sent_again_it_is_known_and_the_answer_is_200(workspace: Workspace, client: TestClient) -> None:
    first = client.post("/v1/events", json=[event("1"), event("2")], headers=BY_KEY)
    again = client.post("/v1/events", json=[event("2"), event("1")], headers=BY_KEY)
    assert (first.status_code, first.json()) == (202, counts(new=2))
    assert (again.status_code, again.json()) == (200, counts(known=2))
    assert len(waiting(workspace)) == 2


def test_a_foreign_type_is_ignored_and_counted(plain: Workspace, plain_client: TestClient) -> None:
    said = plain_client.post(
        "/v1/events", json=[event("1", "com.example.opened"), event("2")], headers=BY_KEY
    )
    assert said.json() == counts(new=1, ignored=1)
    assert [one["id"] for one in waiting(plain)] == ["2"]


def test_only_what_is_read_is_kept(plain: Workspace, plain_client: TestClient) -> None:
    plain_client.post(
        "/v1/events", json=event("1") | {"ipaddress": CANARY, "traceparent": CANARY}, headers=BY_KEY
    )
    assert CANARY not in json.dumps(waiting(plain))


WRONG = [
    (
        {"type": "consent.granted", "subject": "app:unknown-account", "data": {"purpose": "evaluate_model"}},
        "subject",
    ),
    ({"specversion": CANARY}, "specversion"),
    ({"id": ""}, "id"),
    ({"id": 7}, "id"),
    ({"source": None}, "source"),
    ({"source": CANARY * 60}, "source"),
    ({"id": "\ud83d"}, "id"),
    ({"type": ["chat.turn", CANARY]}, "type"),
    ({"type": "consent.withdraw"}, "type"),
    ({"subject": None}, "subject"),
    ({"subject": {"name": CANARY}}, "subject"),
    ({"time": CANARY}, "time"),
    ({"time": "2026-11-01T10:00:00"}, "time"),
    ({"data": CANARY}, "data"),
    ({"data": None}, "data.conversation_id"),
    ({"data_base64": CANARY}, "data_base64"),
    ({"datacontenttype": "text/plain"}, "datacontenttype"),
    ({"data": {"conversation_id": "c", "turn_id": "t", "role": CANARY}}, "data.role"),
    ({"data": {"conversation_id": "c", "turn_id": "t", "role": "user", "text": ""}}, "data.text"),
    ({"data": {"conversation_id": "c", "turn_id": "t", "role": "user", "text": [CANARY]}}, "data.text"),
    (
        {"data": {"conversation_id": "c", "turn_id": "t", "role": "user", "text": CANARY + "\ud83d"}},
        "data.text",
    ),
    ({"data": {"conversation_id": "c", "turn_id": "t", "role": "user", "text": CANARY * 5_000}}, "data.text"),
    ({"data": {"turn_id": CANARY}}, "data.conversation_id"),
    ({"data": {"conversation_id": CANARY, "turn_id": 4}}, "data.turn_id"),
    ({"data": {"x": CANARY * 60_000}}, "data"),
    (
        {"type": "chat.feedback", "data": {"conversation_id": "c", "turn_id": "t", "kind": CANARY}},
        "data.kind",
    ),
    (
        {
            "type": "chat.feedback",
            "data": {"conversation_id": "c", "turn_id": "t", "kind": "thumb", "value": CANARY},
        },
        "data.value",
    ),
    ({"type": "consent.granted", "data": {"purpose": CANARY}}, "data.purposes"),
    ({"type": "consent.granted", "time": None, "data": {"purpose": "fine_tune_own_model"}}, "time"),
    (
        {
            "type": "consent.granted",
            "time": "2026-11-24T12:00:01Z",
            "data": {"purpose": "fine_tune_own_model"},
        },
        "time",
    ),
    (
        {
            "type": "consent.granted",
            "data": {"purpose": "fine_tune_own_model", "evidence": {"surface": [CANARY]}},
        },
        "data.evidence",
    ),
]


@pytest.mark.parametrize(
    ("change", "field"), WRONG, ids=[f"{n}-{field}" for n, (_, field) in enumerate(WRONG)]
)
def test_an_error_names_the_field_and_never_the_value(
    plain: Workspace, plain_client: TestClient, change: dict[str, Any], field: str
) -> None:
    body = json.dumps([event("good"), event("wrong") | change])
    said = plain_client.post("/v1/events", content=body, headers=BATCH)
    assert said.status_code == 422
    assert said.headers["content-type"] == "application/problem+json"
    problem = said.json()
    assert {"type", "title", "status", "detail", "errors"} <= set(problem)
    assert [(one["event"], one["field"]) for one in problem["errors"]] == [(1, field)]
    assert problem["errors"][0]["why"]
    assert (problem["new"], problem["wrong"]) == (1, 1)
    assert CANARY not in said.text
    assert [one["id"] for one in waiting(plain)] == ["good"]


@pytest.mark.parametrize("value", [None, 7, "text", ["nested", CANARY]])
def test_what_is_no_object_is_no_event(plain_client: TestClient, value: object) -> None:
    said = plain_client.post("/v1/events", content=json.dumps([value]), headers=BATCH)
    assert (said.status_code, said.json()["errors"][0]["field"]) == (422, "")
    assert CANARY not in said.text


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", BATCH, 400),
        (b"[{]", BATCH, 400),
        (b'[{"a":1,"a":2}]', BATCH, 400),
        (b"[NaN]", BATCH, 400),
        (b"[" + b"9" * 5_000 + b"]", BATCH, 400),
        (DEEP.encode(), BATCH, 400),
        (b"\xff\xfe[]", BATCH, 400),
        (b"{}", BATCH, 400),
        (b"[]", STRUCTURED, 400),
        (b"[]", {**BY_KEY, "Content-Type": "text/plain"}, 415),
        (b"[]", {**BY_KEY, "Content-Type": "application/cloudevents-batch+json; charset=utf-16"}, 415),
        (gzip.compress(b"[]", mtime=0), {**BATCH, "Content-Encoding": "gzip"}, 415),
        (b"[" + b" " * receiver.BODY_BYTES_MAX, BATCH, 413),
        (json.dumps([1] * (binding.EVENTS_MAX + 1)).encode(), BATCH, 413),
        (b"{}", {**BY_KEY, "ce-id": "%FF", "Content-Type": "application/json"}, 400),
    ],
    ids=lambda value: str(value)[:20] if not isinstance(value, dict) else "",
)
def test_a_body_that_cannot_be_read_is_a_problem(
    plain_client: TestClient, body: bytes, headers: dict[str, str], status: int
) -> None:
    said = plain_client.post("/v1/events", content=body, headers=headers)
    assert (said.status_code, said.headers["content-type"]) == (status, "application/problem+json")
    assert said.json()["status"] == status


def test_a_body_without_a_length_has_the_same_limit(plain_client: TestClient) -> None:
    pieces = (b" " * (1 << 20) for _ in range(5))
    assert plain_client.post("/v1/events", content=pieces, headers=BATCH).status_code == 413


def test_limits_are_inclusive(plain: Workspace, plain_client: TestClient) -> None:
    many = [event(str(number)) for number in range(binding.EVENTS_MAX)]
    assert plain_client.post("/v1/events", json=many, headers=BATCH).json() == counts(new=len(many))
    longest = event("long", text="x" * plain.settings.intake.text_chars_max)
    assert plain_client.post("/v1/events", json=longest, headers=BY_KEY).status_code == 202


@pytest.mark.parametrize("time", [None, "yesterday", "2026-11-01T10:00:00", "2027-01-01T00:00:00Z", 7])
def test_a_withdrawal_without_a_time_of_its_own_counts_from_when_it_came(
    plain: Workspace, plain_client: TestClient, time: object
) -> None:
    said = plain_client.post(
        "/v1/events", json=event("1", "consent.withdrawn") | {"time": time}, headers=BY_KEY
    )
    assert said.status_code == 202, said.text
    assert waiting(plain)[0]["time"] == NOW.isoformat()


def test_a_withdrawal_keeps_the_moment_it_names(plain: Workspace, plain_client: TestClient) -> None:
    body = event("1", "consent.withdrawn") | {"time": "2026-11-02T09:00:00-05:00"}
    plain_client.post("/v1/events", json=body, headers=BY_KEY)
    assert waiting(plain)[0]["time"] == "2026-11-02T14:00:00+00:00"


def test_a_store_that_refuses_is_unavailable_and_says_when_to_come_back(
    plain: Workspace, plain_client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise StoreError("another process has held the database for 30 s.")

    monkeypatch.setattr(plain.spool, "take", full)
    said = plain_client.post("/v1/events", json=event("1"), headers=BY_KEY)
    assert (said.status_code, said.headers["retry-after"]) == (503, receiver.RETRY_SECONDS)
    assert said.json()["detail"].startswith("another process")


def test_a_fault_is_told_by_an_id_and_never_by_its_message(
    plain: Workspace,
    plain_client: TestClient,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def faulty(*_: object, **__: object) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr(plain.spool, "take", faulty)
    said = plain_client.post("/v1/events", json=event("1"), headers=BY_KEY)
    logged = capsys.readouterr()
    assert said.status_code == 500
    fault = said.json()["detail"].partition("fault ")[2][:8]
    assert f"fault {fault}: " in logged.err
    assert CANARY not in said.text + logged.err + logged.out


def test_health_needs_no_key_and_fails_with_the_database(
    plain: Workspace, plain_client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plain_client.get("/healthz").json() == {"status": "ok"}

    def gone() -> None:
        raise StoreError("the PostgreSQL server does not answer.")

    monkeypatch.setattr(plain.database, "connect", gone)
    assert plain_client.get("/healthz").status_code == 503


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/v1/events"])
def test_there_is_no_other_door(plain_client: TestClient, path: str) -> None:
    said = plain_client.get(path)
    assert said.status_code in (404, 405)
    assert said.headers["content-type"] == "application/problem+json"


def test_an_event_of_somebody_erased_is_not_kept(plain: Workspace) -> None:
    client = client_of(plain)
    assert client.post("/v1/events", json=event("1"), headers=BY_KEY).json() == counts(new=1)
    (subject,) = plain.vault.subjects_for(["app:ana"])
    plain.keys.destroy(subject)
    plain.vault.mark_erased(subject)
    said = client.post("/v1/events", json=[event("2"), event("3", subject="app:ben")], headers=BY_KEY)
    assert said.json() == counts(new=1, erased=1)


def test_the_clock_is_asked_once_a_request(plain: Workspace) -> None:
    moments = iter([NOW, NOW + timedelta(seconds=1)])
    client = client_of(plain, now=lambda: next(moments))
    client.post("/v1/events", json=[event("1"), event("2")], headers=BY_KEY)
    client.post("/v1/events", json=event("3"), headers=BY_KEY)
    assert plain.spool.waiting(until=NOW) == 2
