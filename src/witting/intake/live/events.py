"""CloudEvents 1.0, the live stream of a product: what was said, what was thought of it, what people allow.

Covered: `chat.turn`, `chat.feedback`, `consent.granted|refused|withdrawn`, `objection.made`, `erasure.requested`, as a
JSON array, JSON lines or one object; the same (source, id) told twice; any order, also across files: feedback may come
before its turn, a withdrawal before what it is about. Not covered: carrying them (HTTP, Kafka), deciding (rights).
Shape: docs/formats/live-events.md.

Unknown means no, but never to a person's withdrawal: one that names no purpose, or none that is known, is a withdrawal of
everything, while a consent must name its purpose and its time.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from witting.intake.account import names_nobody
from witting.intake.assistants.tree import fit_id
from witting.intake.facts import family
from witting.intake.instant import from_iso
from witting.intake.json_stream import (  # fmt: skip
    BadRecord,
    Piece,
    as_dict,
    first_text,
    line_shapes,
    parse,
    shape,
    split_lines_or_array,
)
from witting.intake.signals import fit, is_text, thumb
from witting.intake.source import (
    Export,
    Feedback,
    Member,
    Record,
    RightsRecord,
    Signal,
    Skipped,
    Source,
    Turn,
)
from witting.schema import ACCESS_SCOPES, AUDIENCES, PURPOSES, ROLES, SIGNAL_KINDS

NAME = "live"
SAID = {  # type of event -> kind of rights event
    "consent.granted": "consent",
    "consent.refused": "refusal",
    "consent.withdrawn": "withdrawal",
    "objection.made": "objection",
    "erasure.requested": "erasure_request",
    "access.requested": "access_request",
    "complaint.made": "complaint",
}
OPENING = ("consent",)  # all others close doors, or ask for an answer: none is ever refused over its time
_SURFACE = re.compile(r"([a-z][a-z0-9_]{0,39}):(.+)", re.DOTALL)


class _Bad(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def claims(member: Member, head: bytes) -> bool:
    needed = {"specversion", "id", "source", "type"}
    return any(needed <= paths for paths in (shape(head), *line_shapes(head)))


def read(export: Export) -> Iterator[Record]:
    seen: set[bytes] = set()
    for member in export.claimed:
        for piece in split_lines_or_array(member):
            yield _record(member.path, piece, seen)


def _record(member: str, piece: Piece, seen: set[bytes]) -> Record:
    place = (piece.start, piece.end)
    try:
        event = as_dict(parse(piece))
        source, id = (first_text(event.get(name)) for name in ("source", "id"))
        if source is None or id is None or event.get("specversion") != "1.0":
            raise _Bad("broken_event")
        record = _understood(event, source, id, member, place)
    except (BadRecord, _Bad) as bad:
        known = isinstance(bad, _Bad) and bad.reason == "unknown_event"
        return Skipped(member, bad.reason, place, None if known else piece.kept)
    digest = _digest(source, id)
    if digest in seen:
        return Skipped(member, "repeated", place)
    seen.add(digest)
    if isinstance(record, Turn):
        told = _digest(record.source, record.conversation, record.turn)
        if told in seen:  # an event of its own about a turn that was told: the first reading stands
            return Skipped(member, "repeated", place)
        seen.add(told)
    return record


def _digest(*parts: str) -> bytes:
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _understood(
    event: Mapping[str, Any], source: str, id: str, member: str, place: tuple[int, int]
) -> Record:  # Any: JSON
    """Raises _Bad."""
    kind, data = event.get("type"), as_dict(event.get("data"))
    if not isinstance(kind, str):
        raise _Bad("broken_event")
    if kind in SAID:
        return RightsRecord(member, place, _said(event, data, SAID[kind]))
    if kind not in ("chat.turn", "chat.feedback"):
        raise _Bad("unknown_event")
    surface, speaker = _person(event)
    conversation, turn = (first_text(data.get(name)) for name in ("conversation_id", "turn_id"))
    if conversation is None or turn is None or not is_text(conversation) or not is_text(turn):
        raise _Bad("broken_event")
    time = from_iso(event.get("time"))
    at = time.iso if time else None
    if kind == "chat.feedback":
        signal = _signal(data, at, speaker)
        return Feedback(member, place, surface, fit_id(conversation), fit_id(turn), f"{source}\0{id}", signal)
    role, text, parent = data.get("role"), data.get("text"), first_text(data.get("parent_id"))
    if role not in ROLES:
        raise _Bad("unknown_role")
    deleted = data.get("deleted") is True
    if not deleted and (not is_text(text) or not text.strip()):
        raise _Bad("no_text" if text in (None, "") else "broken_event")
    audience = data.get("audience")
    speaks = role in ("user", "person")
    return Turn(
        member=member,
        conversation=fit_id(conversation),
        turn=fit_id(turn),
        parent=None if parent is None else fit_id(parent),
        speaker=speaker if speaks else str(role),
        role=str(role),
        time=at,
        time_precision="s" if at else None,
        text=None if deleted else text,
        audience=audience if audience in AUDIENCES else "unknown",
        source=surface,
        bytes=place,
        edited=data.get("edited") is True,
        deleted=deleted,
        owner=None if speaks else speaker,
    )


def _person(event: Mapping[str, Any]) -> tuple[str, str]:  # Any: JSON
    """Surface and name of the handle in `subject`."""
    subject = first_text(event.get("subject"))
    if subject is None or not is_text(subject):
        raise _Bad("no_subject")
    found = _SURFACE.fullmatch(subject)
    return (found[1], found[2]) if found else (NAME, subject)


def _said(event: Mapping[str, Any], data: Mapping[str, Any], kind: str) -> dict[str, Any]:  # Any: JSON
    """The fields of a rights event."""
    surface, speaker = _person(event)
    named = data.get("purposes", data.get("purpose"))
    listed = named if isinstance(named, list) else [] if named is None else [named]
    purposes = [purpose for purpose in listed if purpose in PURPOSES]
    time = from_iso(event.get("time"))
    said: dict[str, Any] = {"kind": kind, "subject": f"{surface}:{speaker}"}
    if kind in OPENING and (not purposes or len(purposes) < len(listed) or time is None):
        raise _Bad("broken_event")  # nobody can say what was agreed to, or when
    if kind in OPENING and names_nobody(said["subject"]):
        raise _Bad("nobodys_consent")
    if time is not None and (kind in OPENING or datetime.fromisoformat(time.iso).tzinfo is not None):
        said["occurred_at"] = time.iso
    if kind != "erasure_request":
        said["purposes"] = purposes if len(purposes) == len(listed) else []
    if kind == "access_request":  # a scope nobody knows might be more than the others: all of it
        scope = data.get("scope")
        said["scope"] = scope if scope in ACCESS_SCOPES else ACCESS_SCOPES[0]
    evidence = data.get("evidence")
    if kind in OPENING and isinstance(evidence, dict):
        said["evidence"] = evidence
    return said


def _signal(data: Mapping[str, Any], at: str | None, speaker: str) -> Signal:  # Any: JSON
    kind, value, text = data.get("kind"), data.get("value"), data.get("text")
    if kind not in SIGNAL_KINDS:
        raise _Bad("unknown_feedback")
    if kind == "thumb" and (value := thumb(value)) is None:
        raise _Bad("unknown_feedback")
    if kind in ("comment", "correction") and not is_text(text):
        text, value = value, None  # words given as the value
        if not is_text(text):
            raise _Bad("unknown_feedback")
    words = text if is_text(text) else None
    signal = fit(Signal(str(kind), value=value, text=words, source_kind="chat.feedback", time=at, by=speaker))
    if signal is None:
        raise _Bad("unknown_feedback")
    return signal


SOURCE = Source(name=NAME, facts=family("live")[NAME], claims=claims, read=read)
