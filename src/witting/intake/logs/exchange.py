"""One call of a model as logs have it: what was said before, what was answered, and what somebody thought of it.

Covered: turns out of such calls, for every source of this folder. A log repeats the history of its conversation: a turn's
id is a hash chain over the roles and words before it, so what was told is skipped as `repeated`, a longer history goes on
from it, and one that differs is a branch. Not covered: the shapes logs come in (one file a source).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from witting.intake.assistants.tree import Node, Seen, grow
from witting.intake.instant import Instant, from_either
from witting.intake.json_stream import FAULTY_BYTES_MAX, as_dict
from witting.intake.signals import Answer, distinct, preference, rating
from witting.intake.source import Signal, Skipped, Turn

ROLES = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system"}
CALL_ROLES = ("tool", "function")


@dataclass(frozen=True)
class Exchange:
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
class Given:
    """Feedback by the turn it is about, gathered before the turns are yielded."""

    by_turn: dict[tuple[str, str], tuple[Signal, ...]] = field(default_factory=dict)


def turns_of(
    line: Exchange, place: tuple[int, int], member: str, *, source: str, given: Given, seen: Seen
) -> Iterator[Turn | Skipped]:
    """The turns of one call; feedback stands on the answer it is about."""
    nodes, last = nodes_of(line, place, member)
    if not nodes:
        yield Skipped(member, "empty_conversation", place)
    about = about_of(line, nodes) if line.signals else None
    yield from grow(
        [_with_feedback(node, line, given, is_about=node.id == about) for node in nodes],
        conversation=line.conversation,
        member=member,
        source=source,
        current=last,
        seen=seen,
        siblings_mean=False,
    )
    if line.signals and about is None:
        yield Skipped(member, "feedback_unmatched", place)


def _with_feedback(node: Node, line: Exchange, given: Given, *, is_about: bool) -> Node:
    told = given.by_turn.get((line.conversation, node.id), ()) if given.by_turn else ()
    if not (told or is_about):
        return node
    return replace(node, signals=distinct((*node.signals, *(line.signals if is_about else ()), *told)))


def about_of(line: Exchange, nodes: Sequence[Node]) -> str | None:
    """The turn a line's feedback is about: the answer that was given or preferred, else the last in the history."""
    first_answer = len(line.history)
    spoken = [node.id for node in nodes[: first_answer + 1] if node.role == "assistant" and node.skip is None]
    return spoken[-1] if spoken else None


def nodes_of(line: Exchange, place: tuple[int, int], member: str) -> tuple[list[Node], str | None]:
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
    message: object, index: int, parent: str | None, line: Exchange, place: tuple[int, int], member: str
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
        time=first_time(said.get("created"), said.get("timestamp")) or line.time,
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


def first_time(*stated: object) -> Instant | None:
    return next((time for value in stated if value is not None and (time := from_either(value))), None)
