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

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from witting.intake.account import UNKNOWN_ACCOUNT
from witting.intake.assistants.tree import Seen, content_id, fit_id
from witting.intake.facts import family
from witting.intake.instant import Instant, from_either
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
from witting.intake.logs.exchange import Exchange, Given, about_of, first_time, nodes_of, turns_of
from witting.intake.signals import distinct, feedback, is_text, rating, thumb, thumb_in_words
from witting.intake.source import Export, Member, Signal, Skipped, Source, Turn

NAME = "openai_log"
MESSAGES_MAX = 10_000  # in one line


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
    seen, given = Seen(), Given()
    for member in export.claimed:
        for piece in split_lines_or_array(member):
            if not piece.fault and (b'"feedback"' in piece.data or b'"preferred_output"' in piece.data):
                _gather(piece, given)
    for member in export.claimed:
        for piece in split_lines_or_array(member):
            yield from _read_piece(member.path, piece, given, seen)


def _read_piece(member: str, piece: Piece, given: Given, seen: Seen) -> Iterator[Turn | Skipped]:
    place = (piece.start, piece.end)
    try:
        line = _line(piece)
    except BadRecord as bad:
        yield Skipped(member, bad.reason, place, piece.kept)
        return
    yield from turns_of(line, place, member, source=NAME, given=given, seen=seen)


def _gather(piece: Piece, given: Given) -> None:
    """What a line of a named conversation says of its turns: an earlier line may be the one that yields them."""
    try:
        line = _line(piece)
    except BadRecord:
        return  # told when the line is read
    if not line.named:
        return
    nodes, _ = nodes_of(line, (piece.start, piece.end), "")
    about = about_of(line, nodes)
    for node in nodes:
        signals = (*node.signals, *(line.signals if node.id == about else ()))
        if signals:
            key = (line.conversation, node.id)
            given.by_turn[key] = distinct((*given.by_turn.get(key, ()), *signals))


# Lines


def _line(piece: Piece) -> Exchange:
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
    time = first_time(
        metadata.get("created"),
        value.get("created"),
        response.get("created"),
        inner.get("created"),
        metadata.get("created_at"),
        value.get("created_at"),
    )
    history, answers = _messages(value, request, response)
    return Exchange(
        conversation=fit_id(conversation) if conversation else content_id(piece.data),
        named=conversation is not None,
        speaker=speaker or UNKNOWN_ACCOUNT,
        time=time,
        history=history,
        answers=answers,
        preferred="preferred_output" in value,
        signals=_feedback(value.get("feedback"), time) if "feedback" in value else (),
    )


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
    stated = thumb(given.get("thumb"))
    signals = feedback(
        thumb_in_words(score) if stated is None else stated,
        comment=given.get("comment"),
        tags=given.get("tags"),
        source_kind="feedback",
        time=when,
    )
    signals += rating(score, source_kind="feedback", time=when)
    correction = given.get("correction")
    if is_text(correction) and correction.strip():
        signals += (Signal("correction", text=correction, source_kind="feedback", time=when),)
    return signals


SOURCE = Source(
    name=NAME,
    facts=family("logs")[NAME],
    claims=claims,
    read=read,
)
