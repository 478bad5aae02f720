"""Conversations with Meta AI, as its own files have them: `ai_conversations.json`, `your_ai_conversations.json`.

Covered: a list of threads, an object around it, or one thread, whose messages have a sender, words and a time under any
of the plausible names. No sample with a licence exists (facts), so the shape is asked, not assumed: what holds no such
messages is put aside whole. Not covered: pictures made by the assistant. Audience `assistant`; a sender that is neither
Meta AI nor spells out the person is taken as the person by name. The same thread in the layout of Messenger is read there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from posixpath import basename
from typing import Any

from witting.intake.account import UNKNOWN_ACCOUNT
from witting.intake.assistants.tree import Node, Seen, content_id, fit_id, grow
from witting.intake.facts import family
from witting.intake.instant import Instant, from_either
from witting.intake.json_stream import (
    BadRecord,
    Item,
    Piece,
    as_dict,
    first_text,
    parse,
    read_record,
    shape,
)
from witting.intake.meta.exporter import COMPANIONS, exporter
from witting.intake.meta.mojibake import is_mojibake, repaired
from witting.intake.meta.rules import META_AI
from witting.intake.source import Export, Member, Skipped, Source, Turn
from witting.intake.wrapped import name_around, records

NAME = "meta_ai"
LISTS = ("messages", "conversation", "turns", "prompts")
PATHS = (*((name,) for name in LISTS), *(("thread", name) for name in LISTS), ("conversation", "messages"))
SENDERS = ("sender_name", "senderName", "sender", "author", "role", "from")
WORDS = ("content", "text", "message", "body")
TIMES = ("timestamp_ms", "timestamp", "created_at", "create_time", "creation_timestamp", "time")
IDS = ("thread_id", "conversation_id", "id", "thread_path")
ASSISTANT = frozenset((META_AI.casefold(), "meta_ai", "ai", "assistant", "bot", "model"))
PERSON = frozenset(("user", "human", "you"))
APP = frozenset(("system", "tool"))

_NAMED = re.compile(r"(?:your_)?ai_conversations(?:_\d+)?\.json", re.IGNORECASE)


def claims(member: Member, head: bytes) -> bool:
    return _NAMED.fullmatch(basename(member.path)) is not None and bool(shape(head))


def read(export: Export) -> Iterator[Turn | Skipped]:
    seen = Seen()
    for member in export.claimed:
        faulty = is_mojibake(_values(member))
        for piece in _pieces(member):
            yield from _thread(member.path, piece, repaired if faulty else _same, seen)


def _same(value: Any) -> Any:  # Any: JSON
    return value


def _pieces(member: Member) -> Iterator[Piece]:
    """One thread each; where one thread is the whole file, that."""
    return records(member, name_around(member.head(), never=(*LISTS, "participants")))


def _values(member: Member) -> Iterator[Any]:  # Any: JSON
    for piece in _pieces(member):
        try:
            yield parse(piece)
        except BadRecord:
            continue


def _thread(
    member: str, piece: Piece, clean: Callable[[Any], Any], seen: Seen
) -> Iterator[Turn | Skipped]:  # Any: JSON
    place = (piece.start, piece.end)
    try:
        record = read_record(piece, *PATHS)
    except BadRecord as bad:
        yield Skipped(member, bad.reason, place, piece.kept)
        return
    if record.items == ():
        yield Skipped(member, "empty_conversation", place)
        return
    if not any(_is_message(item.value) for item in record.items or ()):
        yield Skipped(member, "unknown_shape", place, piece.kept)
        return
    items = record.items or ()
    named = first_text(*(clean(as_dict(record.value).get(name)) for name in IDS))
    first = min(items, key=partial(_moment, clean))
    known_by = json.dumps(clean(first.value), sort_keys=True).encode("utf-8", "surrogatepass")
    yield from grow(
        list(_nodes(items, piece, clean)),
        conversation=fit_id(named) if named else content_id(known_by),
        member=member,
        source=NAME,
        current=None,
        seen=seen,
        siblings_mean=False,
    )


def _is_message(entry: object) -> bool:
    fields = as_dict(entry)
    return any(name in fields for name in SENDERS) and any(name in fields for name in WORDS)


def _moment(clean: Callable[[Any], Any], item: Item) -> float:  # Any: JSON
    time = _time(as_dict(clean(item.value)))
    return time.seconds if time else float("inf")


def _nodes(items: tuple[Item, ...], piece: Piece, clean: Callable[[Any], Any]) -> Iterator[Node]:  # Any: JSON
    """Oldest first, whichever way the file has them."""
    moments = [at for item in items if (at := _moment(clean, item)) != float("inf")]
    newest_first = len(moments) > 1 and moments[0] > moments[-1]
    parent: str | None = None
    for number, item in enumerate(reversed(items) if newest_first else items):
        node = _node(str(number), parent, item, as_dict(clean(item.value)), piece)
        yield node
        parent = node.id


def _node(
    number: str, parent: str | None, item: Item, message: Mapping[str, Any], piece: Piece
) -> Node:  # Any: JSON
    place = (item.start, item.end)
    sender = first_text(*(_name(message.get(name)) for name in SENDERS))
    said = next((message[name] for name in WORDS if message.get(name) is not None), None)
    if sender is None:
        return Node(number, parent, place, skip="unknown_role", record=piece.bytes_of(item))
    if said is not None and not isinstance(said, str):
        return Node(number, parent, place, skip="unknown_block", record=piece.bytes_of(item))
    if sender.casefold() in APP:
        return Node(number, parent, place, skip="system_message")
    is_assistant = sender.casefold() in ASSISTANT
    person = UNKNOWN_ACCOUNT if sender.casefold() in PERSON else sender
    return Node(
        number,
        parent,
        place,
        role="assistant" if is_assistant else "user",
        speaker="assistant" if is_assistant else person,
        text=said,
        time=_time(message),
        skip=None if said and said.strip() else "no_text",
    )


def _name(value: object) -> object:
    """A sender may be an object with a name."""
    return as_dict(value).get("name") if isinstance(value, dict) else value


def _time(message: Mapping[str, Any]) -> Instant | None:  # Any: JSON
    return next((time for name in TIMES if (time := from_either(message.get(name))) is not None), None)


def _exporter(export: Export) -> str:
    return exporter(export) or UNKNOWN_ACCOUNT


SOURCE = Source(
    name=NAME,
    facts=family("meta")[NAME],
    claims=claims,
    read=read,
    exporter=_exporter,
    companions=COMPANIONS,
)
