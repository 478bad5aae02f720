"""Logs and training files in OpenAI's chat shape, one JSON object a line (or one array of them).

Covered, each line by its own shape: {"messages": [...]} with per-message `weight` (0, not to be
learnt from, becomes a `rating` of 0); {"request": {...}, "response":
{...}} of chat completions; preference lines {"input": {"messages"}, "preferred_output", "non_preferred_output"};
`user`, `metadata` (user_id, conversation_id, created) and `feedback` (thumb, rating, comment, correction) on any.
Not covered: the Responses API, batch files, tool definitions, audio.

A record is a message. A log line repeats the history of its conversation: a turn's id is a hash chain over the roles
and words before it, so a message that was yielded is skipped as `repeated`, a longer history goes on from it, and a
history that differs is a branch of its own. Without `conversation_id` a line is its own conversation, keyed by its
bytes. The last assistant message of a line is the one its feedback is about. System and developer messages are turns
of role `system`: they are the operator's words, and context. Audience `assistant`; a line's time is when it was
logged, and stands on each message it is the first to hold. A turn's bytes are those of its line.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from witting.intake.assistants.tree import UNKNOWN_ACCOUNT, Node, Seen, content_id, fit_id, grow
from witting.intake.facts import family
from witting.intake.instant import Instant, from_either
from witting.intake.json_stream import (
    FAULTY_BYTES_MAX,
    BadRecord,
    Piece,
    as_dict,
    first_text,
    line_shapes,
    parse,
    shape,
    split_lines_or_array,
)
from witting.intake.signals import Answer, distinct, feedback, is_text, preference, rating
from witting.intake.source import Export, Member, Signal, Skipped, Source, Turn

NAME = "openai_log"
ROLES = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system"}
CALL_ROLES = ("tool", "function")
MESSAGES_MAX = 10_000  # in one line


@dataclass(frozen=True)
class _Line:
    """What one line says, whatever its shape."""

    conversation: str
    named: bool  # the line names its conversation, so others may speak of the same turns
    speaker: str
    time: Instant | None
    history: Sequence[Any]  # Any: JSON, one message each
    answers: Sequence[Any] = ()  # alternatives that follow the history; the first is the one that was given
    preferred: bool = False  # the first answer is stated to be better than the second
    signals: tuple[Signal, ...] = ()


@dataclass
class _Given:
    """Feedback by the turn it is about, gathered before the turns are yielded."""

    by_turn: dict[tuple[str, str], tuple[Signal, ...]] = field(default_factory=dict)


def claims(member: Member, head: bytes) -> bool:
    return any(_is_ours(paths) for paths in (shape(head), *line_shapes(head)))


def _is_ours(paths: frozenset[str]) -> bool:
    if {"history", "mapping", "chat_messages", "conversationId"} & paths:
        return False
    plain = {"messages.role", "messages.content"} <= paths
    logged = "request.messages" in paths and "response" in paths
    return plain or logged or {"input.messages", "preferred_output"} <= paths


def read(export: Export) -> Iterator[Turn | Skipped]:
    """Lines with feedback are looked through first, so that it stands on its turn when the turn is yielded."""
    seen, given = Seen(), _Given()
    for member in export.claimed:
        for piece in split_lines_or_array(member):
            if not piece.fault and (b'"feedback"' in piece.data or b'"preferred_output"' in piece.data):
                _gather(piece, given)
    for member in export.claimed:
        for piece in split_lines_or_array(member):
            yield from _read_piece(member.path, piece, given, seen)


def _read_piece(member: str, piece: Piece, given: _Given, seen: Seen) -> Iterator[Turn | Skipped]:
    place = (piece.start, piece.end)
    try:
        line = _line(piece)
    except BadRecord as bad:
        yield Skipped(member, bad.reason, place, piece.kept)
        return
    nodes, last = _nodes(line, place, member)
    if not nodes:
        yield Skipped(member, "empty_conversation", place)
    about = _about(line, nodes) if line.signals else None
    yield from grow(
        [_with_feedback(node, line, given, is_about=node.id == about) for node in nodes],
        conversation=line.conversation,
        member=member,
        source=NAME,
        current=last,
        seen=seen,
        siblings_mean=False,
    )
    if line.signals and about is None:
        yield Skipped(member, "feedback_unmatched", place)


def _with_feedback(node: Node, line: _Line, given: _Given, *, is_about: bool) -> Node:
    told = given.by_turn.get((line.conversation, node.id), ()) if given.by_turn else ()
    if not (told or is_about):
        return node
    return replace(node, signals=distinct((*node.signals, *(line.signals if is_about else ()), *told)))


def _gather(piece: Piece, given: _Given) -> None:
    """What a line of a named conversation says of its turns: an earlier line may be the one that yields them."""
    try:
        line = _line(piece)
    except BadRecord:
        return  # told when the line is read
    if not line.named:
        return
    nodes, _ = _nodes(line, (piece.start, piece.end), "")
    about = _about(line, nodes)
    for node in nodes:
        signals = (*node.signals, *(line.signals if node.id == about else ()))
        if signals:
            key = (line.conversation, node.id)
            given.by_turn[key] = distinct((*given.by_turn.get(key, ()), *signals))


def _about(line: _Line, nodes: Sequence[Node]) -> str | None:
    """The turn a line's feedback is about: the answer that was given or preferred, else the last in the history."""
    first_answer = len(line.history)
    spoken = [node.id for node in nodes[: first_answer + 1] if node.role == "assistant" and node.skip is None]
    return spoken[-1] if spoken else None


# Lines


def _line(piece: Piece) -> _Line:
    """Raises BadRecord."""
    value = parse(piece)
    if not isinstance(value, dict):
        raise BadRecord("no_messages")
    request, response, metadata = (as_dict(value.get(name)) for name in ("request", "response", "metadata"))
    inner = as_dict(request.get("metadata"))
    conversation = first_text(
        metadata.get("conversation_id"), value.get("conversation_id"), inner.get("conversation_id")
    )
    speaker = first_text(
        metadata.get("user_id"),
        value.get("user"),
        value.get("user_id"),
        request.get("user"),
        inner.get("user_id"),
        request.get("safety_identifier"),
    )
    time = _first_time(
        metadata.get("created"),
        value.get("created"),
        response.get("created"),
        inner.get("created"),
        metadata.get("created_at"),
        value.get("created_at"),
    )
    history, answers = _messages(value, request, response)
    return _Line(
        conversation=fit_id(conversation) if conversation else content_id(piece.data),
        named=conversation is not None,
        speaker=speaker or UNKNOWN_ACCOUNT,
        time=time,
        history=history,
        answers=answers,
        preferred="preferred_output" in value,
        signals=_feedback(value.get("feedback"), time) if "feedback" in value else (),
    )


def _first_time(*stated: object) -> Instant | None:
    return next((time for value in stated if value is not None and (time := from_either(value))), None)


def _messages(
    value: Mapping[str, Any], request: Mapping[str, Any], response: Mapping[str, Any]
) -> tuple[Sequence[Any], Sequence[Any]]:  # Any: JSON
    """The history and the alternative answers to it. Raises BadRecord."""
    if "preferred_output" in value:
        sides = [value.get("preferred_output"), value.get("non_preferred_output")]
        answers = [side[0] for side in sides if isinstance(side, list) and len(side) == 1]
        if len(answers) != 2:
            raise BadRecord("no_pair")
        return _listed(as_dict(value.get("input")).get("messages")), answers
    if "request" in value:
        choices = response.get("choices")
        given = [as_dict(choice).get("message") for choice in choices] if isinstance(choices, list) else []
        return _listed(request.get("messages")), [message for message in given if isinstance(message, dict)]
    return _listed(value.get("messages")), ()


def _listed(messages: object) -> Sequence[Any]:  # Any: JSON
    if not isinstance(messages, list):
        raise BadRecord("no_messages")
    if len(messages) > MESSAGES_MAX:
        raise BadRecord("too_many_messages")
    return messages


def _feedback(value: object, time: Instant | None) -> tuple[Signal, ...]:
    given = as_dict(value)
    own = from_either(given.get("created")) or from_either(given.get("created_at")) or time
    when = own.iso if own else None
    score = given.get("rating")
    signals = feedback(
        given.get("thumb", score),
        comment=given.get("comment"),
        tags=given.get("tags"),
        source_kind="feedback",
        time=when,
    )
    if "thumb" in given or not any(signal.kind == "thumb" for signal in signals):
        signals += rating(score, source_kind="feedback", time=when)
    correction = given.get("correction")
    if is_text(correction) and correction.strip():
        signals += (Signal("correction", text=correction, source_kind="feedback", time=when),)
    return signals


# Messages


def _nodes(line: _Line, place: tuple[int, int], member: str) -> tuple[list[Node], str | None]:
    """The history as a chain, then the answers as its leaves; and the last of the path that was given."""
    nodes: list[Node] = []
    parent: str | None = None
    for index, message in enumerate(line.history):
        nodes.append(_node(message, index, parent, line, place, member))
        parent = nodes[-1].id
    answers = [_node(message, len(nodes), parent, line, place, member) for message in line.answers]
    if len({answer.id for answer in answers}) < len(answers):
        answers = answers[:1]  # several choices with the same words are one
    if line.preferred and len(answers) == 2:
        best, worse = (Answer(node.id, node.text, node.skip is None) for node in answers)
        answers[0] = replace(answers[0], signals=preference(best, worse, source_kind="preferred_output"))
    return [*nodes, *answers], answers[0].id if answers else parent


def _node(
    message: object, index: int, parent: str | None, line: _Line, place: tuple[int, int], member: str
) -> Node:
    said = as_dict(message)
    name = said.get("role")
    role = ROLES.get(name) if isinstance(name, str) else None
    text, media = _words(said.get("content"))
    turn = _chained(parent, index, str(name), text)
    if name in CALL_ROLES:
        return Node(turn, parent, place, skip="tool_message")
    if role is None:
        record = json.dumps(message).encode()[:FAULTY_BYTES_MAX]
        return Node(turn, parent, place, skip="unknown_role", record=record)
    called = bool(said.get("tool_calls") or said.get("function_call"))
    silent = "tool_call" if called else "media_omitted" if media else "no_text"
    return Node(
        turn,
        parent,
        place,
        role=role,
        speaker=line.speaker if role == "user" else "system" if role == "system" else "assistant",
        text=text,
        time=_first_time(said.get("created"), said.get("timestamp")) or line.time,
        skip=None if text and text.strip() else silent,
        signals=rating(0, source_kind="weight") if said.get("weight") == 0 and role == "assistant" else (),
        beside=(Skipped(member, "media_omitted", place),) * (media if text else 0),
    )


def _words(content: object) -> tuple[str | None, int]:
    """The text, and how many parts are none."""
    if not isinstance(content, list):
        return (content if isinstance(content, str) else None), 0
    texts = [part if isinstance(part, str) else as_dict(part).get("text") for part in content]
    said = [text for text in texts if isinstance(text, str)]
    return ("\n".join(said) if said else None), len(content) - len(said)


def _chained(parent: str | None, index: int, role: str, text: str | None) -> str:
    """An id that says where in the conversation, and stands for all that was said up to there."""
    said = f"{parent}\0{role}\0{text}".encode("utf-8", "surrogatepass")
    shown = role if role in ROLES or role in CALL_ROLES else "other"
    return f"{index}-{shown}-{hashlib.blake2b(said, digest_size=6).hexdigest()}"


SOURCE = Source(
    name=NAME,
    facts=family("logs")[NAME],
    claims=claims,
    read=read,
)
