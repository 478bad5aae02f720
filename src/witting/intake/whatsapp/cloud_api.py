"""The WhatsApp Business Cloud API: webhook bodies as a business kept them, as turns.

Covered: bodies as JSON lines, one object or an array; messages of customers and echoes of what the business typed in its
app; buttons and list replies, captions; replies to a message (`context`) as parents; reactions as feedback, the last one
of a person on a message alone; messages taken back, also by a later body; bodies delivered twice; groups.
Not covered: what the business sent through the API itself (webhooks do not carry it), edits (kept sealed), media.

A conversation is one business number and one customer, or one group; its key is a hash, so no number stands in an id.
Shape: the messages webhook reference of the WhatsApp Business Platform, read as of May 2026; field names of groups and
of messages taken back are not checked against live traffic.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from witting.intake.assistants.tree import fit_id
from witting.intake.facts import family
from witting.intake.instant import Instant, from_epoch
from witting.intake.json_stream import (
    BadRecord,
    Piece,
    as_dict,
    first_text,
    line_shapes,
    parse,
    shape,
    split_lines_or_array,
)
from witting.intake.signals import is_text
from witting.intake.source import Export, Feedback, Member, Record, Signal, Skipped, Source, Turn

NAME = "whatsapp_cloud_api"
EMOJI_CHARS_MAX = 64
_NEEDED = frozenset(("object", "entry", "entry.changes", "entry.changes.value.messaging_product"))
_LATER = (b'"reaction"', b'"revoke"', b'"deleted"')  # bodies that may change what others said
_SAID = {  # type of message -> where its words stand
    "text": ("text", "body"),
    "button": ("button", "text"),
    "image": ("image", "caption"),
    "video": ("video", "caption"),
    "document": ("document", "caption"),
}
_SILENT = {
    "audio": "media_attached",
    "sticker": "media_attached",
    "contacts": "media_attached",
    "location": "location",
    "order": "no_text",
    "system": "system_line",
    "request_welcome": "system_line",
    "revoke": "deleted",
}


@dataclass
class Later:
    """What bodies say about earlier messages: gathered over all files first, because it may stand in any of them."""

    revoked: set[str] = field(default_factory=set)
    reactions: dict[tuple[str, str], tuple[float, str]] = field(
        default_factory=dict
    )  # the last: when, its id

    def see(self, change: Mapping[str, Any]) -> None:  # Any: JSON
        value = as_dict(change.get("value"))
        for message in _listed(value.get("messages")):
            id, about = first_text(message.get("id")), _about(message)
            if message.get("type") == "revoke" and about:
                self.revoked.add(about)
            if message.get("type") == "reaction" and id and about:
                who, time = _sender(message) or "", from_epoch(message.get("timestamp"))
                moment = (time.seconds if time else 0.0, id)
                self.reactions[about, who] = max(moment, self.reactions.get((about, who), moment))
        for status in _listed(value.get("statuses")):
            if status.get("status") == "deleted" and (id := first_text(status.get("id"))):
                self.revoked.add(id)


def claims(member: Member, head: bytes) -> bool:
    return b'"whatsapp_business_account"' in head and any(
        paths >= _NEEDED for paths in (shape(head), *line_shapes(head))
    )


def read(export: Export) -> Iterator[Record]:
    later, told = Later(), _Told()
    for member in export.claimed:
        for piece in split_lines_or_array(member):
            if any(word in piece.data for word in _LATER):
                for change in _changes(piece) or ():
                    later.see(change)
    for member in export.claimed:
        for piece in split_lines_or_array(member):
            yield from _records(member.path, piece, later, told)


@dataclass
class _Told:
    """What was told so far: messages, and the last of each conversation."""

    ids: set[bytes] = field(default_factory=set)
    last: dict[str, str] = field(default_factory=dict)

    def is_new(self, *parts: str) -> bool:
        digest = hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if digest in self.ids:
            return False
        self.ids.add(digest)
        return True


def _changes(piece: Piece) -> list[Mapping[str, Any]] | None:  # Any: JSON
    """The changes of a body; None where it is none."""
    try:
        body = as_dict(parse(piece))
    except BadRecord:
        return None
    if body.get("object") != "whatsapp_business_account":
        return None
    return [change for entry in _listed(body.get("entry")) for change in _listed(entry.get("changes"))]


def _listed(value: object) -> list[Mapping[str, Any]]:  # Any: JSON
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _records(member: str, piece: Piece, later: Later, told: _Told) -> Iterator[Record]:
    place = (piece.start, piece.end)
    changes = _changes(piece)
    if changes is None:
        yield Skipped(member, piece.fault or "unknown_shape", place, piece.kept)
        return
    gave = False
    for change in changes:
        value = as_dict(change.get("value"))
        for message in [*_listed(value.get("messages")), *_listed(value.get("message_echoes"))]:
            gave = True
            yield _record(message, _Talk.of(message, value), member, piece, later, told)
        for _ in _listed(value.get("statuses")):
            gave = True
            yield Skipped(member, "status_notice", place)
    if not gave:
        yield Skipped(member, "unknown_event", place)


@dataclass(frozen=True)
class _Talk:
    """Where a message was said."""

    conversation: str
    audience: str
    business: str  # its display number

    @staticmethod
    def of(message: Mapping[str, Any], value: Mapping[str, Any]) -> _Talk:  # Any: JSON
        about = as_dict(value.get("metadata"))
        number = first_text(about.get("phone_number_id"), about.get("display_phone_number")) or ""
        business = _digits(first_text(about.get("display_phone_number")) or number)
        group = first_text(message.get("group_id"))
        sender = _sender(message) or ""
        other = first_text(message.get("to")) or "" if _digits(sender) == business else sender
        said = "\0".join((NAME, number, group or other)).encode("utf-8", "surrogatepass")
        key = hashlib.blake2b(said, digest_size=16).hexdigest()
        return _Talk(key, "closed_group" if group else "direct", business)


def _digits(number: str) -> str:
    """Display numbers come as "+1 555-0100" or "15550100"."""
    digits = "".join(character for character in number if character.isdecimal())
    return digits or number


def _sender(message: Mapping[str, Any]) -> str | None:  # Any: JSON
    return first_text(message.get("from"), message.get("from_user_id"))


def _about(message: Mapping[str, Any]) -> str | None:  # Any: JSON
    """The message that a reaction or a taking back is about."""
    told = as_dict(message.get("reaction")), as_dict(message.get("revoke"))
    return first_text(told[0].get("message_id"), told[1].get("original_message_id"))


def _record(
    message: Mapping[str, Any],  # Any: JSON
    talk: _Talk,
    member: str,
    piece: Piece,
    later: Later,
    told: _Told,
) -> Record:
    place = (piece.start, piece.end)
    id, sender, kind = first_text(message.get("id")), _sender(message), message.get("type")
    if id is None or sender is None or not is_text(id) or not is_text(sender) or not isinstance(kind, str):
        return Skipped(member, "broken_message", place, piece.kept)
    if not told.is_new(talk.conversation, id):
        return Skipped(member, "repeated", place)
    time = from_epoch(message.get("timestamp"))
    speaker = _digits(sender) if _digits(sender) == talk.business else sender
    if kind == "reaction":
        return _reaction(message, id, talk, speaker, time, member, place, later)
    text = _words(message, kind)
    revoked = id in later.revoked
    if kind in _SILENT or (not text and kind in _SAID and not revoked):
        return Skipped(member, _SILENT.get(kind, "media_attached" if kind != "text" else "no_text"), place)
    if text is None and not revoked:
        return Skipped(member, "unknown_block", place, piece.kept)
    turn = fit_id(id)
    replied = first_text(as_dict(message.get("context")).get("id"))
    previous = told.last.get(talk.conversation)
    told.last[talk.conversation] = turn
    return Turn(
        member=member,
        conversation=talk.conversation,
        turn=turn,
        parent=fit_id(replied) if replied and is_text(replied) else previous,
        speaker=fit_id(speaker),
        role="person",
        time=time.iso if time else None,
        time_precision="s" if time else None,
        text=None if revoked else text,
        audience=talk.audience,
        source=NAME,
        bytes=place,
        deleted=revoked,
    )


def _words(message: Mapping[str, Any], kind: str) -> str | None:  # Any: JSON
    """The person's words, or those of the button or list entry that they chose."""
    if kind == "interactive":
        chosen = as_dict(message.get("interactive"))
        reply = as_dict(chosen.get("button_reply")) or as_dict(chosen.get("list_reply"))
        return first_text(reply.get("title"))
    if kind not in _SAID:
        return None
    holder, name = _SAID[kind]
    text = first_text(as_dict(message.get(holder)).get(name))
    return text if text and text.strip() else None


def _reaction(
    message: Mapping[str, Any],  # Any: JSON
    id: str,
    talk: _Talk,
    speaker: str,
    time: Instant | None,
    member: str,
    place: tuple[int, int],
    later: Later,
) -> Record:
    about, emoji = _about(message), first_text(as_dict(message.get("reaction")).get("emoji"))
    if about is None or not is_text(about):
        return Skipped(member, "unknown_feedback", place)
    if emoji is None or later.reactions.get((about, _sender(message) or ""), (0.0, id))[1] != id:
        return Skipped(member, "reaction_withdrawn", place)
    if len(emoji) > EMOJI_CHARS_MAX or not is_text(emoji):
        return Skipped(member, "unknown_feedback", place)
    signal = Signal(
        "reaction", value=emoji, source_kind="reaction", time=time.iso if time else None, by=fit_id(speaker)
    )
    return Feedback(member, place, NAME, talk.conversation, fit_id(about), fit_id(id), signal)


SOURCE = Source(name=NAME, facts=family("whatsapp")[NAME], claims=claims, read=read)
