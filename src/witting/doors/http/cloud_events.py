"""CloudEvents over HTTP: from a request's body to events that the walk will read.

Covered: the structured, batched and binary modes in JSON; every check that can be made before an event is kept, by the
reader that will read it later, so that nothing is taken that a walk would stumble over. Not covered: other formats
(Avro, Protobuf, XML), `data_base64`, the HTTP webhook handshake.

A withdrawal is never refused over its time: without one, with one nobody can read, or with one that lies ahead, it counts
from when it was received. A consent must name its time. Only the attributes that are read are kept.
From: CloudEvents 1.0.2, HTTP Protocol Binding §3 and JSON Event Format §3, §4.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from witting.doors.http.problem import Problem
from witting.errors import InvalidEvent
from witting.intake.live import events
from witting.intake.source import Export, Feedback, Member, Record, RightsRecord, Skipped, Turn
from witting.rights.event import SUBJECT_CHARS_MAX, make_event
from witting.schema import PURPOSES, ROLES, SIGNAL_KINDS
from witting.store.spool import Event

STRUCTURED, BATCH, JSON = (
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "application/json",
)
EVENTS_MAX = 1_000  # in one request
EVENT_BYTES_MAX = 1 << 20
ATTRIBUTE_CHARS_MAX = 1_024
KEPT = ("specversion", "id", "source", "type", "subject", "time", "data")
TYPES = ("chat.turn", "chat.feedback", *events.SAID)
FAMILIES = frozenset(kind.partition(".")[0] for kind in TYPES)
CLOSING = frozenset(kind for kind, said in events.SAID.items() if said not in events.OPENING)
Json = Mapping[str, Any]  # Any: JSON


@dataclass
class Wrong(Exception):
    """One event that is not taken: which field, and what it should be."""

    field: str
    why: str


# The body


def events_in(
    content_type: str, headers: Mapping[str, str], body: bytes
) -> list[Any]:  # Any: JSON, checked next
    """The events of a request, not checked yet. Raises Problem (400, 413, 415)."""
    media, _, parameters = content_type.lower().partition(";")
    media, charset = media.strip(), parameters.replace(" ", "").replace('"', "")
    if "charset=" in charset and "charset=utf-8" not in charset:
        raise Problem(415, "media-type", "Content-Type: the charset must be utf-8.")
    if media not in (STRUCTURED, BATCH, JSON):
        raise Problem(415, "media-type", f"Content-Type must be {STRUCTURED}, {BATCH} or {JSON}.")
    value = _parsed(body)
    if media == JSON and is_binary(content_type, headers):
        return [_from_headers(headers) | {"data": value}]
    if isinstance(value, list) != (media == BATCH) and media != JSON:
        wanted = "an array of events" if media == BATCH else "one event, an object"
        raise Problem(400, "not-an-event", f"the body must be {wanted}, as its Content-Type says.")
    found = value if isinstance(value, list) else [value]
    if len(found) > EVENTS_MAX:
        raise Problem(413, "too-many-events", f"at most {EVENTS_MAX:,} events in one request; cut the batch.")
    return found


def is_binary(content_type: str, headers: Mapping[str, str]) -> bool:
    """Whether the event's attributes stand in headers."""
    return not content_type.lower().startswith("application/cloudevents") and any(
        name.startswith("ce-") for name in headers
    )


def _parsed(body: bytes) -> Any:  # Any: JSON
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise Problem(400, "not-json", f"the body is not UTF-8 at byte {error.start}.") from None
    except json.JSONDecodeError as error:
        raise Problem(400, "not-json", f"the body is not JSON at character {error.pos}.") from None
    except RecursionError:
        raise Problem(400, "not-json", "the body is nested too deep.") from None
    except ValueError:
        raise Problem(
            400,
            "not-json",
            "the body holds NaN, a number of thousands of digits, or a name twice in one object.",
        ) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A name that stands twice could be read either way."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _no_constant(_: str) -> None:
    raise ValueError


def _from_headers(headers: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in headers.items():
        if name.startswith("ce-"):
            try:
                found[name[3:]] = unquote(value, errors="strict")  # HTTP binding §3.1.3.2
            except UnicodeDecodeError:
                raise Problem(
                    400, "not-an-event", f"header {name[:64]} is not UTF-8 in percent-encoding."
                ) from None
    return found


# One event


def understood(value: Any, *, now: datetime, text_chars_max: int) -> Event | None:  # Any: JSON
    """The event as the spool keeps it; None where its type is none of ours. Raises Wrong."""
    if not isinstance(value, dict):
        raise Wrong("", "must be an object: one CloudEvent")
    kind = _checked(value)
    if kind not in TYPES:
        if kind.partition(".")[0] in FAMILIES:  # most likely a slip: nobody's withdrawal is lost over one
            raise Wrong("type", f"is not known; those of this family are {', '.join(TYPES)}")
        return None
    kept = {name: value[name] for name in KEPT if value.get(name) is not None}
    kept |= _time(value.get("time"), kind, now)
    data = _line(kept)
    record = _read(data)
    if isinstance(record, Skipped):
        raise _why(value, kind, record.reason)
    if isinstance(record, RightsRecord):
        _check_rights(record, now)
    elif _text_chars(record) > text_chars_max:
        raise Wrong("data.text", f"is longer than {text_chars_max:,} characters")
    return Event(value["source"], value["id"], _handle(record), isinstance(record, RightsRecord), data)


def _checked(value: Json) -> str:
    """The type; every attribute that is read has the form it must have."""
    if value.get("specversion") != "1.0":
        raise Wrong("specversion", "must be 1.0")
    for name in ("id", "source", "type"):
        if not _is_text(value.get(name), ATTRIBUTE_CHARS_MAX):
            raise Wrong(name, f"must be text of 1 to {ATTRIBUTE_CHARS_MAX:,} characters")
    if value.get("subject") is not None and not _is_text(value["subject"], SUBJECT_CHARS_MAX):
        raise Wrong("subject", f"must be text of 1 to {SUBJECT_CHARS_MAX} characters")
    if "data_base64" in value:
        raise Wrong("data_base64", "is not read; send JSON in data")
    content = value.get("datacontenttype", JSON)
    if not isinstance(content, str) or not content.partition(";")[0].strip().lower().endswith(
        ("/json", "+json")
    ):
        raise Wrong("datacontenttype", "must be a JSON media type")
    if not isinstance(value.get("data", {}), dict):
        raise Wrong("data", "must be an object")
    return str(value["type"])


def _is_text(value: object, chars_max: int) -> bool:
    if not isinstance(value, str) or not value.strip() or len(value) > chars_max:
        return False
    return not any("\ud800" <= char <= "\udfff" for char in value)


def _time(value: object, kind: str, now: datetime) -> dict[str, str]:
    moment = _moment(value)
    if kind in CLOSING:
        return {"time": (now if moment is None else min(moment, now)).isoformat()}
    if value is not None and moment is None:
        raise Wrong("time", "must be a time with an offset, such as 2026-03-02T09:30:00Z (RFC 3339)")
    if kind in events.SAID and moment is not None and moment > now:
        raise Wrong("time", "lies in the future; check the clock")
    return {}


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str) or "T" not in value.upper():
        return None
    try:
        moment = datetime.fromisoformat(value)
        return None if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _line(kept: Json) -> bytes:
    try:
        data = json.dumps(kept, separators=(",", ":")).encode()
    except RecursionError:
        raise Wrong("data", "is nested too deep") from None
    if len(data) > EVENT_BYTES_MAX:
        raise Wrong("data", f"makes the event larger than {EVENT_BYTES_MAX:,} bytes")
    return data


def _read(data: bytes) -> Record:
    member = Member("event", len(data), lambda: io.BytesIO(data))
    (record,) = events.read(Export((member,), {}, ""))
    return record


def _handle(record: Record) -> str:
    if isinstance(record, RightsRecord):
        return str(record.event["subject"])
    if isinstance(record, Feedback):
        return f"{record.source}:{record.signal.by}"
    assert isinstance(record, Turn)
    return f"{record.source}:{record.owner or record.speaker}"


def _text_chars(record: Record) -> int:
    if isinstance(record, Feedback):
        return len(record.signal.text or "")
    return len(record.text or "") if isinstance(record, Turn) else 0


def _check_rights(record: RightsRecord, now: datetime) -> None:
    """By the rules it will be recorded with."""
    try:
        make_event({"occurred_at": now.isoformat()} | dict(record.event), where="data", now=now)
    except InvalidEvent as error:
        name = "time" if "field occurred_at" in str(error) else "data.evidence"
        raise Wrong(name, str(error).removeprefix("data, ").rstrip(".")) from None


def _why(value: Json, kind: str, reason: str) -> Wrong:
    """What the reader stumbled over, by field."""
    data = value.get("data", {})
    if reason == "no_subject":
        return Wrong("subject", "must name the person, as surface:name")
    if reason == "unknown_role":
        return Wrong("data.role", f"must be one of {', '.join(ROLES)}")
    if reason == "no_text":
        return Wrong("data.text", "must hold the words, or data.deleted be true")
    if reason == "unknown_feedback" and data.get("kind") not in SIGNAL_KINDS:
        return Wrong("data.kind", f"must be one of {', '.join(SIGNAL_KINDS)}")
    if reason == "unknown_feedback":
        return Wrong("data.value", "means nothing for this kind of feedback")
    if kind in events.SAID and value.get("time") is None:
        return Wrong("time", "must say when this was agreed to")
    if kind in events.SAID:
        return Wrong("data.purposes", f"must name what was agreed to; purposes are {', '.join(PURPOSES)}")
    for name in ("conversation_id", "turn_id"):
        if not _is_text(data.get(name), EVENT_BYTES_MAX):
            return Wrong(f"data.{name}", "must be text")
    return Wrong("data.text", "must be Unicode text that is not blank")
