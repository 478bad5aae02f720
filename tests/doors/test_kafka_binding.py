"""What a Kafka message says: structured and binary mode, and what is wrong with it, by field and never by value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doors.conftest import NOW, event
from witting.doors.cloud_events import EVENT_BYTES_MAX, Wrong, understood
from witting.doors.kafka.binding import event_in, message_bytes
from witting.intake.skipped import SKIPPED
from witting.store.spool import Event

CANARY = "ptarmigan-kettle-9035"
STRUCTURED = ("content-type", b"application/cloudevents+json")
ATTRIBUTES = [
    ("ce_specversion", b"1.0"),
    ("ce_type", b"chat.turn"),
    ("ce_source", b"/chat"),
    ("ce_id", "3 é%20".encode()),
    ("ce_subject", "app:José".encode()),
    ("ce_time", b"2026-11-01T10:00:00+00:00"),
]


def read(headers: list[tuple[str, bytes | None]], value: bytes | None) -> Event | None:
    return understood(event_in(headers, value), now=NOW, text_chars_max=1_000)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/cloudevents+json",
        "Application/CloudEvents+JSON; charset=UTF-8",
        ' application/cloudevents+json;charset="utf-8"',
    ],
)
def test_a_structured_message_is_its_value(content_type: str) -> None:
    said = read(
        [("Content-Type", content_type.encode()), ("ce_id", b"not read")], json.dumps(event("1")).encode()
    )
    assert said is not None
    assert json.loads(said.data) == event("1")


@pytest.mark.parametrize(
    "content_type",
    [None, b"application/json", b"application/json; charset=utf-8", b"application/vnd.chat+json"],
)
def test_a_binary_message_has_its_attributes_in_headers_as_they_are(content_type: bytes | None) -> None:
    headers = [*ATTRIBUTES, *([] if content_type is None else [("content-type", content_type)])]
    said = read([*headers, ("traceparent", b"x"), ("ce_null", None)], json.dumps(event("3")["data"]).encode())
    assert said is not None
    # no percent-encoding in Kafka's headers, unlike in HTTP's
    assert json.loads(said.data) == event("3") | {"id": "3 é%20", "subject": "app:José"}


def test_an_event_without_data_has_no_value() -> None:
    headers = [(name, b"erasure.requested" if name == "ce_type" else value) for name, value in ATTRIBUTES]
    said = read(headers, None)
    assert said is not None
    assert said.about_rights


def test_a_withdrawal_is_never_refused_over_its_time() -> None:
    for time in (b"yesterday", b"2027-01-01T00:00:00Z", b""):
        headers = [(n, {"ce_type": b"consent.withdrawn", "ce_time": time}.get(n, v)) for n, v in ATTRIBUTES]
        said = read(headers, b"{}")
        assert said is not None
        assert json.loads(said.data)["time"] == NOW.isoformat()


GOOD = json.dumps(event("1")).encode()
WRONG: list[tuple[list[tuple[str, bytes | None]], bytes | None, str, str]] = [
    ([STRUCTURED], CANARY.encode(), "value", "broken_json"),
    ([STRUCTURED], b"", "value", "broken_json"),
    ([STRUCTURED], None, "value", "broken_json"),
    ([STRUCTURED], b"\xff" + CANARY.encode(), "value", "broken_json"),
    ([STRUCTURED], json.dumps([event("1")]).encode(), "", "broken_event"),
    ([STRUCTURED], json.dumps(event("1", text=CANARY * 50)).encode(), "data.text", "text_too_long"),
    ([STRUCTURED], json.dumps(event("1", role=CANARY)).encode(), "data.role", "unknown_role"),
    ([STRUCTURED], json.dumps(event("1") | {"subject": None}).encode(), "subject", "no_subject"),
    ([STRUCTURED], json.dumps(event("1") | {"time": CANARY}).encode(), "time", "broken_event"),
    ([STRUCTURED], b" " * EVENT_BYTES_MAX + GOOD, "value", "too_large"),
    ([STRUCTURED, STRUCTURED], GOOD, "content-type", "broken_event"),
    ([("content-type", b"application/cloudevents-batch+json")], b"[" + GOOD + b"]", "content-type", "broken_event"),
    ([("content-type", b"application/cloudevents+avro")], GOOD, "content-type", "broken_event"),
    ([("content-type", b"application/cloudevents+json; charset=utf-16")], GOOD, "content-type", "broken_event"),
    ([], GOOD, "specversion", "broken_event"),  # no header says that it is structured
    ([], None, "specversion", "broken_event"),
    ([*ATTRIBUTES, ("ce_id", b"again")], b"{}", "id", "broken_event"),
    ([*ATTRIBUTES, ("ce_x", b"\xff")], b"{}", "x", "broken_utf8"),
    ([*ATTRIBUTES, ("content-type", b"text/plain")], CANARY.encode(), "content-type", "broken_event"),
    (ATTRIBUTES, CANARY.encode(), "value", "broken_json"),
    (ATTRIBUTES, None, "data.conversation_id", "broken_event"),
    ([*ATTRIBUTES, ("ce_data", b"{}")], b"[]", "data", "broken_event"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("headers", "value", "field", "reason"), WRONG, ids=[str(n) for n in range(len(WRONG))]
)
def test_what_is_wrong_is_named_by_field_with_a_known_reason_and_without_a_value(
    headers: list[tuple[str, bytes | None]], value: bytes | None, field: str, reason: str
) -> None:
    with pytest.raises(Wrong) as wrong:
        read(headers, value)
    assert (wrong.value.field, wrong.value.reason) == (field, reason)
    assert CANARY not in repr(wrong.value)
    assert reason in SKIPPED


def test_a_message_is_kept_whole_where_it_is_kept() -> None:
    assert message_bytes([("ce_id", b"1"), ("none", None)], b"\xffwords") == b"ce_id: 1\nnone: \n\n\xffwords"
    assert message_bytes([], None) == b"\n"


NAMES = st.sampled_from(
    ["content-type", "ce_id", "ce_type", "ce_time", "ce_data", "ce_", "ce_specversion", "ce_source"]
)
BYTES = (
    st.sampled_from([b"application/cloudevents+json", b"chat.turn", b"1.0", b"consent.withdrawn", b"{}"])
    | st.binary()
)
JSONS: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
EVENTS = st.fixed_dictionaries(
    {},
    optional={name: JSONS | st.just(value) for name, value in event("1").items()},
)


@given(
    headers=st.lists(st.tuples(NAMES | st.text(), BYTES | st.none())),
    value=st.none() | BYTES | EVENTS.map(lambda found: json.dumps(found).encode()),
)
def test_any_message_is_an_event_a_foreign_one_or_wrong_by_a_known_reason(
    headers: list[tuple[str, bytes | None]], value: bytes | None
) -> None:
    said: Event | Wrong | None
    try:
        said = read(headers, value)
    except Wrong as wrong:
        said = wrong
    if isinstance(said, Wrong):
        assert said.reason in SKIPPED
    else:
        assert said is None or json.loads(said.data)
