"""Conversations with Meta AI, as its own files have them: `ai_conversations.json`, `your_ai_conversations.json`.

Covered: lists of threads, or one, whose messages have a sender, words and a time under any of the plausible names. No
sample with a licence exists (facts), so the shape is asked, not assumed: what holds no such messages is counted. Not
covered: pictures made by the assistant. Audience `assistant`; the person is whoever is not Meta AI.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from posixpath import basename
from typing import Any

from witting.intake.assistants.tree import Node, Seen, content_id, grow
from witting.intake.facts import family
from witting.intake.instant import from_either
from witting.intake.json_stream import (
    FAULTY_BYTES_MAX,
    BadRecord,
    Piece,
    as_dict,
    first_text,
    parse,
    shape,
    split,
)
from witting.intake.meta.mojibake import is_mojibake, repaired
from witting.intake.meta.rules import META_AI
from witting.intake.source import Export, Member, Skipped, Source, Turn

NAME = "meta_ai"
LISTS = ("messages", "conversation", "turns", "prompts")
SENDERS = ("sender_name", "sender", "author", "role", "from")
WORDS = ("content", "text", "message", "body")
TIMES = ("timestamp_ms", "timestamp", "created_at", "create_time", "time")
ASSISTANT = frozenset((META_AI.casefold(), "meta_ai", "ai", "assistant", "bot", "model"))
PERSON = frozenset(("user", "human", "you"))
DEPTH_MAX = 6


def claims(member: Member, head: bytes) -> bool:
    named = "ai_conversations" in basename(member.path).lower()
    return named and bool(shape(head))


def read(export: Export) -> Iterator[Turn | Skipped]:
    seen = Seen()
    for member in export.claimed:
        for piece in split(member):
            yield from _record(member.path, piece, seen)


def _record(member: str, piece: Piece, seen: Seen) -> Iterator[Turn | Skipped]:
    place = (piece.start, piece.end)
    try:
        value = parse(piece)
    except BadRecord as bad:
        yield Skipped(member, bad.reason, place, piece.kept)
        return
    value = repaired(value) if is_mojibake([value]) else value
    threads = list(_threads(value, 0))
    if not threads:
        yield Skipped(member, "no_messages", place, piece.kept)
    for thread, listed in threads:
        nodes = list(_nodes(listed, place))
        named = (thread.get(name) for name in ("thread_id", "conversation_id", "id", "thread_path", "title"))
        first = json.dumps(listed[:1], sort_keys=True, default=str).encode()
        yield from grow(
            nodes,
            conversation=first_text(*named) or content_id(first),
            member=member,
            source=NAME,
            current=None,
            seen=seen,
            siblings_mean=False,
        )


def _threads(value: Any, depth: int) -> Iterator[tuple[Mapping[str, Any], list[Any]]]:  # Any: JSON
    """Every list of messages with the object it stands in."""
    if depth > DEPTH_MAX:
        return
    if isinstance(value, dict):
        for name in LISTS:
            listed = value.get(name)
            if isinstance(listed, list) and any(_is_message(entry) for entry in listed):
                yield value, listed
                return
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        if isinstance(inner, (dict, list)):
            yield from _threads(inner, depth + 1)


def _is_message(entry: object) -> bool:
    fields = as_dict(entry)
    return any(name in fields for name in SENDERS) and any(name in fields for name in WORDS)


def _nodes(listed: list[Any], place: tuple[int, int]) -> Iterator[Node]:  # Any: JSON
    """Oldest first, whichever way the file has them."""
    moments = [time for entry in listed if (time := _time(as_dict(entry))) is not None]
    newest_first = len(moments) > 1 and moments[0].seconds > moments[-1].seconds
    parent: str | None = None
    for number, entry in enumerate(reversed(listed) if newest_first else listed):
        message = as_dict(entry)
        sender = first_text(*(message.get(name) for name in SENDERS))
        text = next((message[name] for name in WORDS if isinstance(message.get(name), str)), None)
        turn = f"{number}"
        if sender is None:
            record = json.dumps(entry, default=str).encode()[:FAULTY_BYTES_MAX]
            yield Node(turn, parent, place, skip="unknown_role", record=record)
            parent = turn
            continue
        is_assistant = sender.casefold() in ASSISTANT
        yield Node(
            turn,
            parent,
            place,
            role="assistant" if is_assistant else "user",
            speaker="assistant"
            if is_assistant
            else "unknown-account"
            if sender.casefold() in PERSON
            else sender,
            text=text,
            time=_time(message),
            skip=None if text and text.strip() else "no_text",
        )
        parent = turn


def _time(message: Mapping[str, Any]) -> Any:  # Any: Instant or None
    return next((time for name in TIMES if (time := from_either(message.get(name))) is not None), None)


SOURCE = Source(name=NAME, facts=family("meta")[NAME], claims=claims, read=read)
