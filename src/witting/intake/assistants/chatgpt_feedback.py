"""What a person said of ChatGPT's answers beside the conversations: thumbs and comparisons.

Covered: `message_feedback.json` in both known spellings, thumbs and comments; `model_comparisons.json`, where the person
said which of two answers is better, after regenerating one or side by side. Not covered: the words of a comparison (they
stand in the conversation, or the comparison is unmatched), its thumb (it stands in `message_feedback.json`).

A comparison gives a `preference` only where both answers are found, answer the same prompt, and may be compared
(`signals.comparable`). Undocumented by the vendor; the shapes are those of A. Valenzuela (2023) and of readers of
people's own exports: `output.feedback_step_2` with `original_turn`, `new_turn` and `completion_comparison_rating`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from witting.errors import UnreadableFile
from witting.intake import signals
from witting.intake.assistants.chatgpt_node import message_id
from witting.intake.assistants.tree import Node, fit_id
from witting.intake.instant import from_either
from witting.intake.json_stream import BadRecord, Item, as_dict, first_text, parse, split
from witting.intake.signals import Answer
from witting.intake.source import Member, Signal, Skipped

FEEDBACK_BYTES_MAX = 256 << 20
COMPARED = "model_comparison"


@dataclass
class Votes:
    """The feedback of one account, and which of it found its answer."""

    signals: list[tuple[Signal, ...]] = field(default_factory=list)
    skipped: dict[int, Skipped] = field(default_factory=dict)  # by position in the file: what is no feedback
    places: list[tuple[int, int]] = field(default_factory=list)
    by_message: dict[str, list[int]] = field(default_factory=dict)
    by_conversation: dict[str, list[int]] = field(default_factory=dict)
    message_of: dict[int, str] = field(default_factory=dict)
    found: set[int] = field(default_factory=set)


def read_votes(member: Member | None) -> Votes:
    votes = Votes()
    if member is None:
        return votes
    if member.size_bytes > FEEDBACK_BYTES_MAX:
        raise UnreadableFile(
            f"{member.path} is larger than {FEEDBACK_BYTES_MAX} bytes; feedback is a few of them."
        )
    for position, piece in enumerate(split(member)):
        votes.places.append((piece.start, piece.end))
        votes.signals.append(())
        try:
            vote = parse(piece)
        except BadRecord as bad:
            votes.skipped[position] = Skipped(member.path, bad.reason, (piece.start, piece.end), piece.kept)
            continue
        given = _signals(vote) if isinstance(vote, dict) else ()
        if not given:
            votes.skipped[position] = Skipped(
                member.path, "unknown_feedback", (piece.start, piece.end), piece.kept
            )
            continue
        votes.signals[position] = given
        _index(votes, position, vote)
    return votes


def _signals(vote: Mapping[str, Any]) -> tuple[Signal, ...]:
    content = vote.get("content")
    if isinstance(content, str):  # JSON in a string
        try:
            content = json.loads(content)
        except (ValueError, RecursionError):
            content = {"text": content}
    content = as_dict(content)
    time = from_either(vote.get("create_time"))
    return signals.feedback(
        vote.get("rating"),
        comment=first_text(
            content.get("text"), content.get("comment"), vote.get("text"), vote.get("comment")
        ),
        tags=content.get("tags") or vote.get("tags"),
        source_kind="message_feedback",
        time=time.iso if time else None,
    )


def _index(votes: Votes, position: int, vote: Mapping[str, Any]) -> None:
    """A vote that names its message is about that one, and about none where that one is gone. `id` alone may be the message's
    or the vote's own, so such a vote may be looked up by its conversation as well."""
    named = first_text(vote.get("message_id"))
    message = named or first_text(vote.get("id"))
    conversation = first_text(vote.get("conversation_id")) if named is None else None
    if message is not None:
        votes.by_message.setdefault(message, []).append(position)
        votes.message_of[position] = message
    if conversation is not None:
        votes.by_conversation.setdefault(conversation, []).append(position)


def with_votes(nodes: list[Node], items: tuple[Item, ...], conversation: str, votes: Votes) -> list[Node]:
    """The nodes with the feedback given on them: by message, or, where the vote names none and the conversation has one answer
    only, by that."""
    if not votes.places:
        return nodes
    answers = [place for place, node in enumerate(nodes) if node.role == "assistant" and node.skip is None]
    given: dict[int, list[int]] = {}
    for place in answers:
        names = {name for name in (nodes[place].id, message_id(items[place])) if name is not None}
        given[place] = [vote for name in sorted(names) for vote in votes.by_message.get(name, ())]
    if len(answers) == 1:
        here = {item.key for item in items}
        given[answers[0]] += [
            vote
            for vote in votes.by_conversation.get(conversation, ())
            if votes.message_of.get(vote) not in here and vote not in given[answers[0]]
        ]
    for place, positions in given.items():
        if positions:
            votes.found.update(positions)
            added = tuple(signal for vote in positions for signal in votes.signals[vote])
            nodes[place] = replace(nodes[place], signals=added)
    return nodes


def voted(votes: Votes, member: str) -> Iterator[Skipped]:
    """Every record of the file, with what became of it; the signal of one that was joined stands on its answer."""
    for position, place in enumerate(votes.places):
        reason = "feedback_joined" if position in votes.found else "feedback_unmatched"
        yield votes.skipped.get(position) or Skipped(member, reason, place)


# Comparisons


@dataclass(frozen=True)
class _Comparison:
    """What was compared, by the ids of each answer's messages."""

    original: tuple[str, ...]
    new: tuple[str, ...]
    better: str  # original | new | same
    time: str | None


@dataclass
class Comparisons:
    """The comparisons of one account, by position in the file, and what became of each."""

    places: list[tuple[int, int]] = field(default_factory=list)
    skipped: dict[int, Skipped] = field(default_factory=dict)
    told: dict[int, _Comparison] = field(default_factory=dict)
    by_message: dict[str, list[int]] = field(default_factory=dict)
    became: dict[int, str] = field(default_factory=dict)


def read_comparisons(member: Member | None) -> Comparisons:
    """Raises UnreadableFile where the file is larger than feedback can be."""
    found = Comparisons()
    if member is None:
        return found
    if member.size_bytes > FEEDBACK_BYTES_MAX:
        raise UnreadableFile(
            f"{member.path} is larger than {FEEDBACK_BYTES_MAX} bytes; comparisons are a few of them."
        )
    for position, piece in enumerate(split(member)):
        found.places.append((piece.start, piece.end))
        try:
            said = _comparison(as_dict(parse(piece)))
            reason = "unknown_feedback"
        except BadRecord as bad:
            said, reason = None, bad.reason
        if said is None:
            found.skipped[position] = Skipped(member.path, reason, (piece.start, piece.end), piece.kept)
            continue
        found.told[position] = said
        for message in {*said.original, *said.new}:
            found.by_message.setdefault(message, []).append(position)
    return found


def _comparison(record: Mapping[str, Any]) -> _Comparison | None:  # Any: JSON
    step = as_dict(as_dict(record.get("output")).get("feedback_step_2"))
    original, new = _ids(step.get("original_turn")), _ids(step.get("new_turn"))
    better = step.get("completion_comparison_rating")
    if not original or not new or better not in ("original", "new", "same"):
        return None
    time = from_either(record.get("create_time"))
    return _Comparison(original, new, str(better), time.iso if time else None)


def _ids(turn: object) -> tuple[str, ...]:
    listed = turn if isinstance(turn, list) else [turn]
    named = (first_text(as_dict(message).get("id")) for message in listed)
    return tuple(name for name in named if name is not None)


def with_comparisons(nodes: list[Node], items: Sequence[Item], comparisons: Comparisons) -> list[Node]:
    """The nodes with the preferences a person stated between them; each stands on the better answer."""
    if not comparisons.told:
        return nodes
    places: dict[str, int] = {}
    for place, item in enumerate(items):
        for name in (nodes[place].id, message_id(item)):
            if name is not None and name in comparisons.by_message:
                places.setdefault(name, place)
    asked = {position for name in places for position in comparisons.by_message[name]}
    for position in sorted(asked):
        said = comparisons.told[position]
        original, new = _answer(said.original, nodes, places), _answer(said.new, nodes, places)
        if original is None or new is None:
            continue
        comparisons.became[position] = "no_pair"
        chosen, other = (original, new) if said.better == "original" else (new, original)
        given = (
            signals.preference(
                _known(nodes[chosen]), _known(nodes[other]), source_kind=COMPARED, time=said.time
            )
            if said.better != "same" and _prompt(nodes, chosen) == _prompt(nodes, other)
            else ()
        )
        if given:
            nodes[chosen] = replace(nodes[chosen], signals=(*nodes[chosen].signals, *given))
            comparisons.became[position] = "feedback_joined"
    return nodes


def _answer(ids: Sequence[str], nodes: Sequence[Node], places: Mapping[str, int]) -> int | None:
    """The last of an answer's messages that is shown."""
    shown = [places[name] for name in ids if name in places]
    return next(
        (
            place
            for place in reversed(shown)
            if nodes[place].role == "assistant" and nodes[place].skip is None
        ),
        None,
    )


def _known(node: Node) -> Answer:
    return Answer(fit_id(node.id), node.text, node.finished)


def _prompt(nodes: Sequence[Node], place: int) -> str | None:
    """The prompt an answer hangs from, over hidden messages; of one without a prompt, the answer itself."""
    by_id = {node.id: node for node in nodes}
    here: Node | None = nodes[place]
    for _ in range(len(nodes)):
        if here is None or here.role == "user":
            return here.id if here else nodes[place].id
        here = by_id.get(here.parent) if here.parent is not None else None
    return nodes[place].id


def compared(comparisons: Comparisons, member: str) -> Iterator[Skipped]:
    """Every record of the file, with what became of it."""
    for position, place in enumerate(comparisons.places):
        yield comparisons.skipped.get(position) or Skipped(
            member, comparisons.became.get(position, "feedback_unmatched"), place
        )
