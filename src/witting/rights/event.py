"""A rights event as it comes from outside: one JSON object a line, checked whole before any of it counts.

Covers: reading and refusing (`read_events`, `parse_event`). Not covered: recording (`record.py`). A file is read twice:
once to check every line, once to hand its events on, so that a log with one bad line changes nothing. Errors name the
line and the field, never what stands in it. The format page is docs/formats/rights-events.md.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import rfc8785

from witting.errors import InvalidEvent, UnreadableFile
from witting.intake.account import UNKNOWN_ACCOUNT, names_nobody
from witting.intake.source import RightsRecord
from witting.rights.capture import read_evidence
from witting.rights.claims import canonical, is_claim
from witting.rights.signals import KINDS, is_known, read_signal
from witting.schema import ACCESS_SCOPES, EVENT_KINDS, PURPOSES

LINE_BYTES_MAX = 1 << 20
LINES_MAX = 50_000_000
SUBJECT_CHARS_MAX = 512
SAFEGUARDS_MAX = 100
AGE_YEARS_MAX = 150
PLACE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
SAFEGUARD = re.compile(r"[a-z0-9_]{1,64}")
SHA256 = re.compile(r"[0-9a-f]{64}")
ABOUT_EVERYBODY = "assessment"
SPECIAL_KINDS = (  # REDACTION_KINDS that are special categories
    "BIOMETRIC", "CRIMINAL", "ETHNICITY", "GENETIC", "HEALTH", "POLITICS", "RELIGION", "SEX_LIFE", "UNION",
)  # fmt: skip
NOBODYS_YES = (
    f"an export that does not say whose it is has the speaker {UNKNOWN_ACCOUNT}, and nobody can agree for it, because "
    "strangers' exports share it; name the account with `witting intake --account NAME` and record the consent for SOURCE:NAME"
)


@dataclass(frozen=True)
class RightsEvent:
    """What somebody said, or was told, or is known to be. `subject` is a handle, so it is kept out of the repr."""

    kind: str  # schema.EVENT_KINDS
    subject: str | None = field(repr=False)  # handle; None on an assessment
    occurred_at: datetime
    purposes: tuple[str, ...] = ()
    evidence: Mapping[str, Any] | None = field(default=None, repr=False)  # Any: JSON, checked by capture.py
    place: str | None = None
    age: int | None = None
    safeguards: tuple[str, ...] = ()
    notice_sha256: str | None = None
    signal: str | None = None  # kind of a preference signal; its value is in the evidence
    special: tuple[str, ...] = ()  # of a signal: special categories it refuses
    scope: str | None = None  # schema.ACCESS_SCOPES, of an access request


FIELDS = tuple(name for name in RightsEvent.__dataclass_fields__ if name != "special")
# Which fields mean something on which kind, beside kind, subject, purposes, occurred_at and evidence.
ONLY_ON = {
    "place": "place",
    "age": "age",
    "safeguards": "assessment",
    "notice_sha256": "notice",
    "signal": "signal",
    "scope": "access_request",
}
SIGNAL_KIND = re.compile(r"[A-Za-z][A-Za-z0-9 ._-]{0,63}")


def read_events(path: Path, *, now: datetime) -> Iterator[RightsEvent]:
    """The events of a JSON Lines file, in its order. Before the first is given every line has been checked.

    Raises InvalidEvent (line and field), UnreadableFile.
    """
    try:
        stream = path.open("rb")
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be opened as a rights log: {error.strerror}.") from error
    with stream:
        for number, line in _lines(stream, path):
            parse_event(line, where=f"{path}, line {number}", now=now)
        stream.seek(0)
        for number, line in _lines(stream, path):
            yield parse_event(line, where=f"{path}, line {number}", now=now)


def _lines(stream: BinaryIO, path: Path) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := stream.readline(LINE_BYTES_MAX + 1):
        number += 1
        if len(line) > LINE_BYTES_MAX:
            raise InvalidEvent(
                f"{path}, line {number}: longer than {LINE_BYTES_MAX} bytes; one event is a page."
            )
        if number > LINES_MAX:
            raise InvalidEvent(f"{path}: more than {LINES_MAX} lines; cut the log into several files.")
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if line.strip():
            yield number, line


def hear(said: RightsRecord, *, now: datetime) -> RightsRecord | None:
    """What a stream of live events says of rights, as it will be recorded; None for a consent that cannot be.

    A no is never lost over how it was told: one whose time is missing, cannot be read or lies ahead counts from now, and one
    whose other fields cannot be read means everything. Only one that names nobody cannot be heard.
    """
    event = dict(said.event)
    if event.get("kind") != "consent":
        event["occurred_at"] = said_at(event.get("occurred_at"), now=now).isoformat()
    bare = {"kind": event.get("kind"), "subject": event.get("subject"), "occurred_at": now.isoformat()}
    for told in (event, *([] if event.get("kind") == "consent" else [bare])):
        with contextlib.suppress(InvalidEvent):
            make_event(told, where="a live event", now=now)
            return replace(said, event=told)
    return None


def said_at(value: object, *, now: datetime) -> datetime:
    """When a no counts from: the moment it names with an offset, if that is one and has come; else now."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else now
        return min(moment, now).astimezone(UTC) if moment.tzinfo is not None else now
    except (ValueError, OverflowError):
        return now


def parse_event(line: bytes, *, where: str, now: datetime) -> RightsEvent:
    """One line. `where` begins every message."""
    try:
        values = json.loads(line.decode("utf-8"), object_pairs_hook=_once)
    except UnicodeDecodeError as error:
        raise InvalidEvent(f"{where}: not UTF-8 at byte {error.start}; save the log as UTF-8.") from error
    except json.JSONDecodeError as error:
        raise InvalidEvent(f"{where}: not JSON at character {error.pos}; write one object a line.") from error
    except (_Twice, RecursionError) as error:
        raise InvalidEvent(f"{where}: {error}.") from error
    if not isinstance(values, dict):
        raise InvalidEvent(f"{where}: holds a {type(values).__name__}; write one object a line.")
    return make_event(values, where=where, now=now)


class _Twice(ValueError):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A name that stands twice could be read either way."""
    if len({name for name, _ in pairs}) != len(pairs):
        raise _Twice("a field stands twice in one object")
    return dict(pairs)


def make_event(values: Mapping[str, Any], *, where: str, now: datetime) -> RightsEvent:
    """An event from JSON values. Raises InvalidEvent."""
    check = _Check(where)
    for name in values:
        if name not in FIELDS:
            raise check.wrong(name, _unknown(name))
    kind = values.get("kind")
    if kind not in EVENT_KINDS:
        raise check.wrong("kind", f"must be one of {', '.join(EVENT_KINDS)}")
    for name, only in ONLY_ON.items():
        if values.get(name) is not None and kind != only:
            raise check.wrong(name, f"means something on an event of kind {only} only")
    event = RightsEvent(
        kind=kind,
        subject=check.subject(values.get("subject"), kind),
        occurred_at=check.time(values.get("occurred_at"), now),
        purposes=check.purposes(values.get("purposes")),
        evidence=check.evidence(values.get("evidence"), kind),
        place=check.place(values.get("place"), kind),
        age=check.age(values.get("age"), kind),
        safeguards=check.safeguards(values.get("safeguards"), kind),
        notice_sha256=check.sha256(values.get("notice_sha256")),
        scope=check.scope(values.get("scope"), kind),
    )
    if kind == ABOUT_EVERYBODY and not event.purposes:
        raise check.wrong("purposes", "an assessment must name the purposes it is about")
    return _with_signal(event, values, check) if kind == "signal" else event


def _with_signal(event: RightsEvent, values: Mapping[str, Any], check: _Check) -> RightsEvent:
    """The noes of a preference signal as the event's purposes; the signal itself becomes its evidence."""
    for name in ("purposes", "evidence"):
        if values.get(name) is not None:
            raise check.wrong(name, "is read from the signal; leave it out")
    sent = values.get("signal")
    kind = sent.get("kind") if isinstance(sent, dict) else None
    if not isinstance(sent, dict) or set(sent) != {"kind", "value"} or not isinstance(kind, str):
        raise check.wrong("signal", 'must be {"kind": ..., "value": ...}, as it was sent')
    if not SIGNAL_KIND.fullmatch(kind):
        raise check.wrong("signal", "has a kind that is no name such as gpc")
    if not is_known(kind):
        raise check.wrong("signal", f"is of a kind that is not known; kinds are {', '.join(KINDS)}")
    evidence = check.evidence({"signals": [sent | {"at": event.occurred_at.isoformat()}]}, event.kind)
    said = read_signal(kind, sent["value"])
    return replace(
        event,
        purposes=tuple(sorted(said.refuses)),
        evidence=evidence,
        signal=kind,
        special=SPECIAL_KINDS if said.special else (),
    )


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, FIELDS, n=1)
    return (
        f"is not known; did you mean {near[0]}" if near else f"is not known; fields are {', '.join(FIELDS)}"
    )


@dataclass(frozen=True)
class _Check:
    """One field after another, each to its value or an InvalidEvent that names line and field."""

    where: str

    def wrong(self, name: str, problem: str) -> InvalidEvent:
        return InvalidEvent(f"{self.where}, field {name[:64]}: {problem}.")

    def subject(self, value: Any, kind: str) -> str | None:
        if kind == ABOUT_EVERYBODY:
            if value is not None:
                raise self.wrong("subject", "an assessment is about everybody; leave the subject out")
            return None
        if not isinstance(value, str) or not value.strip() or len(value) > SUBJECT_CHARS_MAX:
            raise self.wrong("subject", f"must be a handle of 1 to {SUBJECT_CHARS_MAX} characters")
        if any("\ud800" <= char <= "\udfff" for char in value):
            raise self.wrong("subject", "holds half of a character (an unpaired surrogate)")
        if kind == "consent" and names_nobody(value):
            raise self.wrong("subject", NOBODYS_YES)
        if not is_claim(value):
            return value
        if (claimed := canonical(value)) is None:
            raise self.wrong("subject", "is no e-mail address, phone number with its country, or name")
        return claimed

    def time(self, value: Any, now: datetime) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            raise self.wrong(
                "occurred_at", "must be a time in ISO 8601, such as 2026-03-02T09:30:00Z"
            ) from None
        if moment.tzinfo is None:
            raise self.wrong("occurred_at", "has no offset; add one, such as Z or +01:00")
        if moment > now:
            raise self.wrong("occurred_at", f"lies in the future (it is {now.isoformat(timespec='seconds')})")
        return moment.astimezone(UTC)

    def purposes(self, value: Any) -> tuple[str, ...]:
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong("purposes", "must be a list of purposes")
        if not set(value) <= set(PURPOSES):
            raise self.wrong("purposes", f"holds one that is not known; purposes are {', '.join(PURPOSES)}")
        return tuple(sorted(set(value)))

    def evidence(self, value: Any, kind: str) -> Mapping[str, Any] | None:
        if value is None:
            return None
        if kind == ABOUT_EVERYBODY:
            raise self.wrong("evidence", "an assessment names its safeguards; evidence belongs to a person")
        if not isinstance(value, dict):
            raise self.wrong("evidence", "must be an object, docs/formats/evidence.md")
        try:
            read_evidence(value)
        except InvalidEvent as error:
            raise InvalidEvent(f"{self.where}, {error}") from error
        try:
            rfc8785.dumps(value)
        except ValueError:
            problem = "holds a number or text that has no canonical JSON; keep whole numbers below 2^53"
            raise self.wrong("evidence", problem) from None
        return value

    def place(self, value: Any, kind: str) -> str | None:
        if kind != "place":
            return None
        if not isinstance(value, str) or not PLACE.fullmatch(value.upper()):
            raise self.wrong("place", "must be ISO 3166, such as FR or US-CA")
        return value.upper()

    def age(self, value: Any, kind: str) -> int | None:
        if kind != "age":
            return None
        if type(value) is not int or not 0 <= value <= AGE_YEARS_MAX:
            raise self.wrong("age", f"must be whole years from 0 to {AGE_YEARS_MAX}")
        return value

    def safeguards(self, value: Any, kind: str) -> tuple[str, ...]:
        if kind != ABOUT_EVERYBODY:
            return ()
        listed = isinstance(value, list) and len(value) <= SAFEGUARDS_MAX
        if not listed or not all(isinstance(item, str) and SAFEGUARD.fullmatch(item) for item in value):
            raise self.wrong("safeguards", f"must list up to {SAFEGUARDS_MAX} names such as deid_report")
        return tuple(sorted(set(value)))

    def scope(self, value: Any, kind: str) -> str | None:
        if kind != "access_request":
            return None
        if value is not None and value not in ACCESS_SCOPES:
            raise self.wrong("scope", f"must be one of {', '.join(ACCESS_SCOPES)}")
        return value or ACCESS_SCOPES[0]

    def sha256(self, value: Any) -> str | None:
        if value is not None and (not isinstance(value, str) or not SHA256.fullmatch(value.lower())):
            raise self.wrong("notice_sha256", "must be 64 hexadecimal characters")
        return value.lower() if value else None
