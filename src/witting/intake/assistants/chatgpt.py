"""ChatGPT: the account's data export, in one file or shards, and conversation objects that were shared.

Covered: `conversations.json`, `conversations-000.json` and its like, one conversation object a file; the account in
`user.json`, thumbs and comments in `message_feedback.json` in both known spellings. Not covered: `chat.html` (the same
conversations again), `model_comparisons.json`, files and pictures beside the words.

A record is a node of a conversation's `mapping`. Shown are the words of the person and of the model to the person;
system and hidden nodes, custom instructions, reasoning, tool calls and their results are skipped by reason. Text is
the text parts as they stand, one a line, private-use citation marks included. Audience: `assistant`. Time: seconds
since 1970, so with an offset. Undocumented by the vendor; learnt from LibreChat's fixtures, sanand0/openai-conversations
and openwebui-importer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from posixpath import basename, dirname
from typing import Any

from msgspec.structs import replace

from witting.errors import UnreadableFile
from witting.intake import signals
from witting.intake.assistants.chatgpt_node import FORM, message_id, node, parents_by_children
from witting.intake.assistants.tree import UNKNOWN_ACCOUNT, Node, Seen, content_id, grow
from witting.intake.facts import family
from witting.intake.instant import from_either
from witting.intake.json_stream import (
    BadRecord,
    Item,
    Piece,
    as_dict,
    first_text,
    parse,
    read_record,
    shape,
    split,
)
from witting.intake.source import Export, Member, Signal, Skipped, Source, Turn

NAME = "chatgpt"
FEEDBACK_NAME = "message_feedback.json"
ACCOUNT_NAME = "user.json"
FEEDBACK_BYTES_MAX = 256 << 20
ACCOUNT_BYTES_MAX = 1 << 20


@dataclass
class _Votes:
    """The feedback of one account, and which of it found its answer."""

    signals: list[tuple[Signal, ...]] = field(default_factory=list)
    skipped: dict[int, Skipped] = field(default_factory=dict)  # by position in the file: what is no feedback
    places: list[tuple[int, int]] = field(default_factory=list)
    by_message: dict[str, list[int]] = field(default_factory=dict)
    by_conversation: dict[str, list[int]] = field(default_factory=dict)
    message_of: dict[int, str] = field(default_factory=dict)
    found: set[int] = field(default_factory=set)


def claims(member: Member, head: bytes) -> bool:
    paths = shape(head)
    if basename(member.path) == FEEDBACK_NAME:
        return "rating" in paths and "conversation_id" in paths
    if basename(member.path) == ACCOUNT_NAME:
        return "chatgpt_plus_user" in paths
    nodes = [path for path in paths if path.startswith("mapping.") and path.count(".") == 2]
    return any(path.endswith((".message", ".parent", ".children")) for path in nodes)


def read(export: Export) -> Iterator[Turn | Skipped]:
    seen = Seen()
    folders: dict[str, list[Member]] = {}
    for member in export.claimed:
        folders.setdefault(dirname(member.path), []).append(member)
    around = {**export.beside, **{member.path: member for member in export.claimed}}
    for folder, members in folders.items():
        prefix = f"{folder}/" if folder else ""
        account = _account(around.get(prefix + ACCOUNT_NAME))
        votes = _read_votes(around.get(prefix + FEEDBACK_NAME))
        for member in members:
            if basename(member.path) not in (FEEDBACK_NAME, ACCOUNT_NAME):
                yield from _read_conversations(member, account, votes, seen)
        for member in members:
            if basename(member.path) == FEEDBACK_NAME:
                yield from _unmatched(votes, member.path)


def _read_conversations(member: Member, account: str, votes: _Votes, seen: Seen) -> Iterator[Turn | Skipped]:
    for piece in split(member):
        try:
            record = read_record(piece, ("mapping",), form=FORM)
        except BadRecord as bad:
            yield Skipped(member.path, bad.reason, (piece.start, piece.end), piece.kept)
            continue
        if not isinstance(record.value, dict) or record.items is None:
            yield Skipped(member.path, "no_mapping", (piece.start, piece.end), piece.kept)
        elif not record.items:
            yield Skipped(member.path, "empty_conversation", (piece.start, piece.end))
        else:
            yield from _read_conversation(
                member.path, piece, record.value, record.items, account, votes, seen
            )


def _read_conversation(
    member: str,
    piece: Piece,
    conversation: Mapping[str, Any],
    items: tuple[Item, ...],
    account: str,
    votes: _Votes,
    seen: Seen,
) -> Iterator[Turn | Skipped]:
    key = first_text(conversation.get("conversation_id"), conversation.get("id")) or content_id(piece.data)
    parents = parents_by_children(items)
    nodes = [node(item, piece, member, account, parents) for item in items]
    current = conversation.get("current_node")
    nodes = _with_votes(nodes, items, key, votes)
    yield from grow(
        nodes,
        conversation=key,
        member=member,
        source=NAME,
        current=current if isinstance(current, str) else None,
        seen=seen,
    )


# Feedback


def _read_votes(member: Member | None) -> _Votes:
    votes = _Votes()
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
        given = _vote_signals(vote) if isinstance(vote, dict) else ()
        if not given:
            votes.skipped[position] = Skipped(
                member.path, "unknown_feedback", (piece.start, piece.end), piece.kept
            )
            continue
        votes.signals[position] = given
        _index_vote(votes, position, vote)
    return votes


def _vote_signals(vote: Mapping[str, Any]) -> tuple[Signal, ...]:
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


def _index_vote(votes: _Votes, position: int, vote: Mapping[str, Any]) -> None:
    message = first_text(vote.get("message_id"), vote.get("id"))
    conversation = first_text(vote.get("conversation_id"))
    if message is not None:
        votes.by_message.setdefault(message, []).append(position)
        votes.message_of[position] = message
    if conversation is not None:
        votes.by_conversation.setdefault(conversation, []).append(position)


def _with_votes(nodes: list[Node], items: tuple[Item, ...], conversation: str, votes: _Votes) -> list[Node]:
    """The nodes with the feedback given on them: by message, or where a conversation has one answer only, by that."""
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


def _unmatched(votes: _Votes, member: str) -> Iterator[Skipped]:
    for position, place in enumerate(votes.places):
        if position in votes.skipped:
            yield votes.skipped[position]
        elif position not in votes.found:
            yield Skipped(member, "feedback_unmatched", place)


def _account(member: Member | None) -> str:
    if member is None or member.size_bytes > ACCOUNT_BYTES_MAX:
        return UNKNOWN_ACCOUNT
    try:
        account = as_dict(parse(next(split(member), Piece(0, 0, b""))))
    except BadRecord:
        return UNKNOWN_ACCOUNT
    return first_text(account.get("id"), account.get("email")) or UNKNOWN_ACCOUNT


SOURCE = Source(
    name=NAME,
    companions=frozenset(
        ("user.json", "user_settings.json", "chat.html", "export_manifest.json", "model_comparisons.json")
    ),
    facts=family("assistants")[NAME],
    claims=claims,
    read=read,
)
