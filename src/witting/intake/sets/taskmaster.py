"""Taskmaster-4: written coffee-order dialogues and human rewards on single answers (Google, CC BY 4.0).

Covered: dialogue files (`data_*.json`: conversation_id, utterances) and reward files (`reward_*.json`:
conversation_id, context and generation as JSON in strings, reward). Not covered: the first three Taskmasters'
ontologies; their dialogue files have the same utterances and read alike.

A record is an utterance, or a message of a context or generation; calls to the ordering service and its responses are
skipped by reason, and so is a reward on a call: there are no words it would be about. A reward becomes a `rating` on
the generated answer. Audience `assistant`, no time; the writers are not named, so the speaker is `unknown-account`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from witting.intake.account import UNKNOWN_ACCOUNT
from witting.intake.assistants.tree import Node, Seen, content_id, grow
from witting.intake.facts import family
from witting.intake.json_stream import BadRecord, Item, Piece, as_dict, first_text, read_record, shape, split
from witting.intake.signals import rating
from witting.intake.source import Export, Member, Signal, Skipped, Source, Turn

NAME = "taskmaster"
ROLES = {"user": "user", "assistant": "assistant", "agent": "assistant"}
MESSAGES_MAX = 10_000


def claims(member: Member, head: bytes) -> bool:
    paths = shape(head)
    is_dialogue = {"conversation_id", "utterances.speaker", "utterances.text"} <= paths
    return is_dialogue or {"conversation_id", "context", "generation", "reward"} <= paths


def read(export: Export) -> Iterator[Turn | Skipped]:
    seen = Seen()
    for member in export.claimed:
        for piece in split(member):
            yield from _read_piece(member.path, piece, seen)


def _read_piece(member: str, piece: Piece, seen: Seen) -> Iterator[Turn | Skipped]:
    place = (piece.start, piece.end)
    try:
        record = read_record(piece, ("utterances",))
        value = as_dict(record.value)
        nodes = _reward_nodes(value, place) if record.items is None else _dialogue_nodes(record.items, piece)
    except BadRecord as bad:
        yield Skipped(member, bad.reason, place, piece.kept)
        return
    if not nodes:
        yield Skipped(member, "empty_conversation", place)
    key = first_text(value.get("conversation_id")) or content_id(piece.data)
    last = nodes[-1].id if nodes else None
    yield from grow(nodes, conversation=key, member=member, source=NAME, current=last, seen=seen)


def _dialogue_nodes(items: tuple[Item, ...], piece: Piece) -> list[Node]:
    nodes: list[Node] = []
    for item in items:
        utterance = as_dict(item.value)
        before = nodes[-1].id if nodes else None
        nodes.append(
            _node(item.key, before, (item.start, item.end), utterance.get("speaker"), utterance.get("text"))
        )
        if nodes[-1].skip == "unknown_role":
            nodes[-1] = Node(
                item.key, before, (item.start, item.end), skip="unknown_role", record=piece.bytes_of(item)
            )
    return nodes


def _reward_nodes(value: Any, place: tuple[int, int]) -> list[Node]:  # Any: JSON
    """The context's messages, then the generation with its reward. Raises BadRecord."""
    context, generation = _inner(value.get("context")), _inner(value.get("generation"))
    if not isinstance(context, list) or not isinstance(generation, dict) or len(context) > MESSAGES_MAX:
        raise BadRecord("no_messages")
    nodes: list[Node] = []
    for message in [*map(as_dict, context), generation]:
        before = nodes[-1].id if nodes else None
        signals = rating(value.get("reward"), source_kind="reward") if message is generation else ()
        node = _node(
            str(len(nodes)), before, place, message.get("role"), message.get("text"), signals=signals
        )
        if "api" in message or message.get("role") == "api":
            skip = (
                "rated_call" if message is generation else "tool_call" if "api" in message else "tool_message"
            )
            node = Node(node.id, before, place, skip=skip)
        nodes.append(node)
    return nodes


def _inner(value: object) -> Any:  # Any: JSON
    if not isinstance(value, str):
        raise BadRecord("no_messages")
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise BadRecord("broken_json") from error


def _node(
    turn: str,
    parent: str | None,
    place: tuple[int, int],
    speaker: object,
    text: object,
    *,
    signals: tuple[Signal, ...] = (),
) -> Node:
    role = ROLES.get(str(speaker).lower())
    words = text if isinstance(text, str) else None
    return Node(
        turn,
        parent,
        place,
        role=role or "",
        speaker=UNKNOWN_ACCOUNT if role == "user" else "assistant",
        text=words,
        skip="unknown_role" if role is None else None if words and words.strip() else "no_text",
        signals=signals,
    )


SOURCE = Source(
    name=NAME,
    facts=family("sets")[NAME],
    claims=claims,
    read=read,
)
