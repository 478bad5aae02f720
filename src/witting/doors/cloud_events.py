"""CloudEvents at a door, however they came: from JSON to an event that the walk will read.

Covered: every check that can be made before an event is kept, by the reader that will read it later, so that nothing is
taken that a walk would stumble over. Not covered: how an event lies in a request or a message (`http/binding.py`,
`kafka/binding.py`); formats other than JSON; `data_base64`.

A withdrawal is never refused over its time: without one, with one nobody can read, or with one that lies ahead, it counts
from when it was received. A consent must name its time. Only the attributes that are read are kept.
From: CloudEvents 1.0.2, JSON Event Format §3.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from witting.errors import InvalidEvent
from witting.intake.live import events
from witting.intake.source import Export, Feedback, Member, Record, RightsRecord, Skipped, Turn
from witting.rights.event import NOBODYS_YES, SUBJECT_CHARS_MAX, make_event, said_at
from witting.schema import PURPOSES, ROLES, SIGNAL_KINDS
from witting.store.spool import Event

STRUCTURED, JSON = "application/cloudevents+json", "application/json"
EVENT_BYTES_MAX = 1 << 20
UNKNOWN_FIELD = "holds a field that is not known; docs/formats/evidence.md has them all"
ATTRIBUTE_CHARS_MAX = 1_024
KEPT = ("specversion", "id", "source", "type", "subject", "time", "data")
TYPES = ("chat.turn", "chat.feedback", *events.SAID)
FAMILIES = frozenset(kind.partition(".")[0] for kind in TYPES)
CLOSING = frozenset(kind for kind, said in events.SAID.items() if said not in events.OPENING)
Json = Mapping[str, Any]  # Any: JSON


@dataclass
class Wrong(Exception):
    """One event that is not taken: which field, and what it should be. `reason` is one of `intake/skipped.py`."""

    field: str
    why: str
    reason: str = "broken_event"


@dataclass
class NotJson(Exception):
    """What is wrong with it, as the end of a sentence."""

    why: str


def parsed(body: bytes) -> Any:  # Any: JSON
    """One JSON value in UTF-8, read one way only. Raises NotJson."""
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise NotJson(f"is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise NotJson(f"is not JSON at character {error.pos}") from None
    except RecursionError:
        raise NotJson("is nested too deep") from None
    except ValueError:
        raise NotJson("holds NaN, a number of thousands of digits, or a name twice in one object") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A name that stands twice could be read either way."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _no_constant(_: str) -> None:
    raise ValueError


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
        raise Wrong(*_why(value, kind, record.reason), record.reason)
    if isinstance(record, RightsRecord):
        _check_rights(record, now)
    elif _text_chars(record) > text_chars_max:
        raise Wrong("data.text", f"is longer than {text_chars_max:,} characters", "text_too_long")
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
    if value.get("data") is not None and not isinstance(value["data"], dict):
        raise Wrong("data", "must be an object")
    return str(value["type"])


def _is_text(value: object, chars_max: int) -> bool:
    if not isinstance(value, str) or not value.strip() or len(value) > chars_max:
        return False
    return value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)


def _time(value: object, kind: str, now: datetime) -> dict[str, str]:
    if kind in CLOSING:
        return {"time": said_at(value, now=now).isoformat()}
    moment = _moment(value)
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
        raise Wrong("data", "is nested too deep", "nested_too_deep") from None
    if len(data) > EVENT_BYTES_MAX:
        raise Wrong("data", f"makes the event larger than {EVENT_BYTES_MAX:,} bytes", "too_large")
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
        said = str(error).removeprefix("data, ").rstrip(".")
        if "is not known" in said:  # a name of the sender's own: it is not repeated, what it may mean is
            _, found, meant = said.partition("did you mean ")
            said = f"holds a field that is not known; did you mean {meant}" if found else UNKNOWN_FIELD
        raise Wrong("time" if "field occurred_at" in str(error) else "data.evidence", said) from None


def _why(value: Json, kind: str, reason: str) -> tuple[str, str]:
    """What the reader stumbled over: the field, and what it should be."""
    data = value.get("data") or {}
    if reason == "no_subject":
        return "subject", "must name the person, as surface:name"
    if reason == "unknown_role":
        return "data.role", f"must be one of {', '.join(ROLES)}"
    if reason == "no_text":
        return "data.text", "must hold the words, or data.deleted be true"
    if reason == "unknown_feedback" and data.get("kind") not in SIGNAL_KINDS:
        return "data.kind", f"must be one of {', '.join(SIGNAL_KINDS)}"
    if reason == "unknown_feedback":
        return "data.value", "means nothing for this kind of feedback"
    if reason == "nobodys_consent":
        return "subject", NOBODYS_YES
    if kind in events.SAID and value.get("time") is None:
        return "time", "must say when this was agreed to"
    if kind in events.SAID:
        return "data.purposes", f"must name what was agreed to; purposes are {', '.join(PURPOSES)}"
    for name in ("conversation_id", "turn_id"):
        if not _is_text(data.get(name), EVENT_BYTES_MAX):
            return f"data.{name}", "must be text"
    return "data.text", "must be Unicode text that is not blank"
