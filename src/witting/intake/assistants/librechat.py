"""LibreChat's conversation export: a list of messages, or messages with their answers nested in `children`.

Covered: both, and arrays of them; branches; feedback on messages ({rating, tag, text}); texts as a string or as content
parts. Not covered: dumps of its database, files and images (counted). A root names a parent of zeros.

Nested answers lie as deep as the talk is long, so they are taken apart without recursion: brackets are walked once, and
each message is parsed without its children. A turn points at its own message, children included.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from witting.intake.account import UNKNOWN_ACCOUNT
from witting.intake.assistants.tree import Node, Seen, content_id, grow
from witting.intake.facts import family
from witting.intake.instant import from_either
from witting.intake.json_stream import FAULTY_BYTES_MAX, Offsets, Piece, as_dict, first_text, shape, split
from witting.intake.signals import feedback
from witting.intake.source import Export, Member, Skipped, Source, Turn

NAME = "librechat"
LISTS = ("messages", "messagesTree", "children")
PARTS = {
    "think": "reasoning_block",
    "tool_call": "tool_block",
    "image_file": "media_omitted",
    "error": "no_text",
}
MESSAGES_MAX = 100_000  # in one conversation
DEPTH_MAX = 10_000  # open brackets, two a nested message

_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"(\s*:)?|[\[\]{}]', re.DOTALL)
_ZEROS = re.compile(r"[0-]*")


@dataclass
class _Frame:
    """An open bracket: where it began, the key it stands under, and the ranges inside it that are children."""

    bracket: str
    start: int
    key: str
    byte: int = 0
    holes: list[tuple[int, int]] | None = None  # of a message
    within: _Frame | None = None  # the nearest message around it


class _TooDeep(Exception):
    """More than DEPTH_MAX brackets are open."""


@dataclass(frozen=True)
class _Message:
    bytes: tuple[int, int]
    value: Mapping[str, Any]  # Any: JSON; without children
    text: str  # what it was parsed from
    parent: int | None  # start of the message it is nested in


def claims(member: Member, head: bytes) -> bool:
    paths = shape(head)
    listed = any({f"{name}.messageId", f"{name}.isCreatedByUser"} <= paths for name in LISTS[:2])
    return listed and ("conversationId" in paths or "messages.conversationId" in paths)


def read(export: Export) -> Iterator[Turn | Skipped]:
    seen = Seen()
    for member in export.claimed:
        for piece in split(member):
            yield from _conversation(member.path, piece, seen)


def _conversation(member: str, piece: Piece, seen: Seen) -> Iterator[Turn | Skipped]:
    place = (piece.start, piece.end)
    reason, messages, about = piece.fault, [], {}
    if reason is None:
        try:
            text = piece.data.decode("utf-8")
            messages, about = _taken_apart(text, piece.start)
        except UnicodeDecodeError:
            reason = "not_utf8"
        except ValueError:
            reason = "broken_json"
        except (RecursionError, _TooDeep):
            reason = "nested_too_deep"
    if reason is None and len(messages) > MESSAGES_MAX:
        reason = "too_many_messages"
    if reason is not None:
        yield Skipped(member, reason, place, piece.kept)
        return
    if not messages:
        yield Skipped(member, "empty_conversation", place)
    key = first_text(about.get("conversationId"), *(m.value.get("conversationId") for m in messages[:1]))
    nested = {message.bytes[0]: _id(message) for message in messages}
    yield from grow(
        [_node(message, nested, member) for message in messages],
        conversation=key or content_id(piece.data),
        member=member,
        source=NAME,
        current=None,
        seen=seen,
    )


def _taken_apart(text: str, base: int) -> tuple[list[_Message], Mapping[str, Any]]:  # Any: JSON
    """The messages in the order they begin, and the conversation without them. Raises ValueError, _TooDeep."""
    offset, stack, key = Offsets(text, base), [], ""
    found: list[_Message] = []
    top_holes: list[tuple[int, int]] = []
    for token in _TOKEN.finditer(text):
        mark = token.group()[0]
        if mark == '"':
            key = token.group(1) if token.group(2) else key
            continue
        if mark in "[{":
            under = stack[-1] if stack else None
            is_message = mark == "{" and under is not None and under.bracket == "[" and under.key in LISTS
            byte = offset(token.start()) if is_message else 0
            name = key if under is None or under.bracket == "{" else ""
            within = under if under is None or under.holes is not None else under.within
            stack.append(_Frame(mark, token.start(), name, byte, [] if is_message else None, within))
            key = ""
            if len(stack) > DEPTH_MAX:
                raise _TooDeep
            continue
        if not stack or "[{".index(stack[-1].bracket) != "]}".index(mark):
            raise ValueError("brackets do not match")
        frame = stack.pop()
        owner = frame.within
        if frame.holes is not None:
            own = _without(text, frame.start, token.end(), frame.holes)
            place = (frame.byte, offset(token.end()))
            found.append(_Message(place, as_dict(json.loads(own)), own, owner.byte if owner else None))
        elif mark == "]" and frame.key in LISTS and stack and (stack[-1] is owner or owner is None):
            (owner.holes if owner is not None and owner.holes is not None else top_holes).append(
                (frame.start, token.end())
            )
    if stack:
        raise ValueError("a bracket stays open")
    about = json.loads(_without(text, 0, len(text), top_holes))
    return sorted(found, key=lambda message: message.bytes[0]), as_dict(about)


def _without(text: str, start: int, end: int, holes: list[tuple[int, int]]) -> str:
    parts, at = [], start
    for begin, stop in holes:
        parts += [text[at:begin], "[]"]
        at = stop
    return "".join([*parts, text[at:end]])


def _id(message: _Message) -> str:
    return first_text(message.value.get("messageId")) or f"message-{message.bytes[0]}"


def _node(message: _Message, nested: Mapping[int, str], member: str) -> Node:
    value, place = message.value, message.bytes
    named = first_text(value.get("parentMessageId"))
    above = nested.get(message.parent) if message.parent is not None else None
    parent = above or (None if named is None or _ZEROS.fullmatch(named) else named)
    if not isinstance(value.get("isCreatedByUser"), bool):
        record = message.text.encode("utf-8", "surrogatepass")[:FAULTY_BYTES_MAX]
        return Node(_id(message), parent, place, skip="unknown_role", record=record)
    is_user = value["isCreatedByUser"]
    text, others = _words(value)
    time = from_either(value.get("createdAt"))
    given = as_dict(value.get("feedback"))
    tag = given.get("tag")
    return Node(
        _id(message),
        parent,
        place,
        role="user" if is_user else "assistant",
        speaker=(first_text(value.get("user")) or UNKNOWN_ACCOUNT) if is_user else "assistant",
        text=text,
        time=time,
        skip=None if text and text.strip() else "no_text",
        finished=value.get("unfinished") is not True and value.get("error") is not True,
        signals=feedback(
            given.get("rating"),
            comment=given.get("text"),
            tags=as_dict(tag).get("key", tag),
            source_kind="feedback",
            time=time.iso if time else None,
        )
        if not is_user
        else (),
        beside=tuple(Skipped(member, reason, place) for reason in others),
    )


def _words(value: Mapping[str, Any]) -> tuple[str | None, list[str]]:  # Any: JSON
    """The text, and why each part beside it is skipped."""
    content = value.get("content")
    parts = [as_dict(part) for part in content] if isinstance(content, list) else []
    said = [words for part in parts if part.get("type") == "text" and (words := _text_of(part)) is not None]
    others = [
        PARTS.get(str(part.get("type")), "unknown_block") for part in parts if part.get("type") != "text"
    ]
    for name in ("files", "attachments"):
        others += ["attachment"] * (len(value[name]) if isinstance(value.get(name), list) else 0)
    text = value.get("text")
    if said:
        return "\n".join(said), others
    return (text if isinstance(text, str) else None), others


def _text_of(part: Mapping[str, Any]) -> str | None:  # Any: JSON
    text = part.get("text")
    inner = as_dict(text).get("value", text)
    return inner if isinstance(inner, str) else None


SOURCE = Source(name=NAME, facts=family("assistants")[NAME], claims=claims, read=read)
