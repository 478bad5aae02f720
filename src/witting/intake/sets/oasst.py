"""OpenAssistant: message trees that volunteers wrote and ranked (Köpf et al. 2023, arXiv 2304.07327).

Covered: tree lines ({"message_tree_id", "prompt": {...}} or the root message itself, `replies` inside), flat message
lines with `message_tree_id`, and the flat seed tree file (`user_message_id`, `parent_message_id`). Not covered: the
Parquet form, review and moderation fields.

A record is a message. A rank (0 is best) becomes a preference for every pair of finished siblings whose ranks and
words differ, a quality label a `rating` between 0 and 1, an emoji +1 or -1 a `reaction` (once, however often given). All of
these are other volunteers' judgements, not the prompter's.
Nobody left a branch of such a tree: the active path is the best ranked way down, unranked last, then file order, and
the other branches say `on_active_path` false. Deleted messages are skipped, and link the others still. Audience
`assistant`, time where the file has `created_date`; the speaker is `user_id` where it is given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from msgspec import structs

from witting.errors import UnreadableFile
from witting.intake.account import UNKNOWN_ACCOUNT
from witting.intake.assistants.tree import Node, Seen, content_id, grow
from witting.intake.facts import family
from witting.intake.instant import from_either
from witting.intake.json_stream import (
    BadRecord,
    Offsets,
    Piece,
    as_dict,
    each,
    first_text,
    line_shapes,
    parse,
    shape,
    split,
    split_lines_or_array,
    value_at,
)
from witting.intake.signals import SOMEBODY_ELSE, Answer, preference, rating
from witting.intake.source import Export, Member, Signal, Skipped, Source, Turn

NAME = "oasst"
ROLES = {"prompter": "user", "assistant": "assistant"}
SEED_BYTES_MAX = 256 << 20
TREE_MESSAGES_MAX = 100_000
RANKED_MAX = 50  # siblings of one prompt that are paired; the published files have up to six
UNRANKED = float("inf")


@dataclass(frozen=True)
class _Message:
    node: Node
    rank: float


def claims(member: Member, head: bytes) -> bool:
    return any(_is_ours(paths) for paths in (shape(head), *line_shapes(head)))


def _is_ours(paths: frozenset[str]) -> bool:
    nested = {"message_id", "role", "text", "replies"} <= paths or "prompt.message_id" in paths
    flat = {"message_id", "message_tree_id", "role", "text"} <= paths
    return nested or flat or {"user_message_id", "parent_message_id", "role", "text"} <= paths


def read(export: Export) -> Iterator[Turn | Skipped]:
    seen = Seen()
    for member in export.claimed:
        if "user_message_id" in shape(member.head()):
            yield from _read_seed(member, seen)
        else:
            yield from _read_lines(member, seen)


# Trees


@dataclass
class _Branch:
    """A message of a nested tree as parsed, where it lies in the text, and the branches below it."""

    fields: dict[str, Any]  # Any: JSON
    span: tuple[int, int]
    replies: list[_Branch]
    prompt: _Branch | None


def _read_lines(member: Member, seen: Seen) -> Iterator[Turn | Skipped]:
    """Trees, one a line; flat messages of one tree follow one another, as the published files have them."""
    messages: list[_Message] = []
    tree: str | None = None
    for piece in split_lines_or_array(member):
        try:
            found, of_tree = _messages(piece)
        except BadRecord as bad:
            yield Skipped(member.path, bad.reason, (piece.start, piece.end), piece.kept)
            continue
        if messages and (of_tree != tree or len(messages) > TREE_MESSAGES_MAX):
            yield from _grow(messages, tree or "", member.path, seen)
            messages = []
        messages.extend(found)
        tree = of_tree
    if messages:
        yield from _grow(messages, tree or "", member.path, seen)


def _messages(piece: Piece) -> tuple[list[_Message], str]:
    """All messages of a line with their own bytes, parents first, and the id of their tree. Raises BadRecord."""
    if not isinstance(parse(piece), dict):
        raise BadRecord("unknown_shape")
    text = piece.data.decode()
    try:
        line, _ = _branch(text, 0)
    except RecursionError as error:
        raise BadRecord("nested_too_deep") from error
    root = line.prompt or line
    if first_text(root.fields.get("role")) not in ROLES or "message_id" not in root.fields:
        raise BadRecord("unknown_shape")
    tree = first_text(line.fields.get("message_tree_id"), root.fields.get("message_id")) or content_id(
        piece.data
    )
    parent = root.fields.get("parent_id")
    stack = [(root, parent if isinstance(parent, str) else None)]
    ordered: list[tuple[_Branch, str | None]] = []
    while stack:
        branch, above = stack.pop()
        ordered.append((branch, above))
        name = first_text(branch.fields.get("message_id"))
        stack.extend((reply, name) for reply in reversed(branch.replies))
    offset = Offsets(text, piece.start)
    places = {at: offset(at) for at in sorted({at for branch, _ in ordered for at in branch.span})}
    return [
        _message(branch.fields, above, (places[branch.span[0]], places[branch.span[1]]), piece)
        for branch, above in ordered
    ], tree


def _branch(text: str, at: int) -> tuple[_Branch, int]:
    branch = _Branch({}, (at, at), [], None)
    if text[at] != "{":
        end = value_at(text, at)[1]
        return replace(branch, span=(at, end)), end

    def reply(_: str, begin: int) -> int:
        below, end = _branch(text, begin)
        branch.replies.append(below)
        return end

    def take(key: str, begin: int) -> int:
        if key == "replies" and text[begin] == "[":
            branch.replies.clear()  # of a key that stands twice, JSON readers take the last
            return each(text, begin, reply)
        if key == "prompt" and text[begin] == "{":
            branch.prompt, end = _branch(text, begin)
            return end
        branch.fields[key], end = value_at(text, begin)
        return end

    end = each(text, at, take)
    branch.span = (at, end)
    return branch, end


def _message(
    message: Mapping[str, Any], parent: str | None, place: tuple[int, int], piece: Piece
) -> _Message:
    rank = message.get("rank")
    turn = first_text(message.get("message_id"), message.get("user_message_id"))
    role = ROLES.get(str(message.get("role")))
    skip = _why_skipped(message, turn, role)
    record = piece.data[place[0] - piece.start : place[1] - piece.start] if skip == "broken_message" else None
    text = message.get("text")
    node = Node(
        turn or f"at-{place[0]}",
        parent,
        place,
        role=role or "",
        speaker=_speaker(message, role),
        text=text if isinstance(text, str) and skip is None else None,
        time=from_either(message.get("created_date")),
        skip=skip,
        record=record,
        signals=_signals(message),
    )
    return _Message(node, rank if isinstance(rank, (int, float)) and not isinstance(rank, bool) else UNRANKED)


def _why_skipped(message: Mapping[str, Any], turn: str | None, role: str | None) -> str | None:
    text = message.get("text")
    if turn is None or role is None or not isinstance(text, str):
        return "broken_message"
    if message.get("deleted") is True:
        return "deleted"
    return None if text.strip() else "no_text"


def _speaker(message: Mapping[str, Any], role: str | None) -> str:
    """Volunteers play both parts; only the prompter's is a person's turn."""
    if role == "user":
        return first_text(message.get("user_id")) or UNKNOWN_ACCOUNT
    return first_text(message.get("model_name")) or "assistant"


def _signals(message: Mapping[str, Any]) -> tuple[Signal, ...]:
    quality = as_dict(as_dict(message.get("labels")).get("quality")).get("value")
    emojis = as_dict(message.get("emojis"))
    reactions = tuple(
        Signal("reaction", value=emoji, source_kind="emojis", by=SOMEBODY_ELSE)
        for emoji in ("+1", "-1")
        if emoji in emojis
    )
    return (*rating(quality, source_kind="labels.quality", by=SOMEBODY_ELSE), *reactions)


# The seed file


def _read_seed(member: Member, seen: Seen) -> Iterator[Turn | Skipped]:
    """A flat list whose messages name their parents: all trees at once, since a parent may stand anywhere."""
    if member.size_bytes > SEED_BYTES_MAX:
        raise UnreadableFile(
            f"{member.path} is larger than {SEED_BYTES_MAX} bytes; a seed file is a few trees."
        )
    messages: list[_Message] = []
    for piece in split(member):
        try:
            message = as_dict(parse(piece))
        except BadRecord as bad:
            yield Skipped(member.path, bad.reason, (piece.start, piece.end), piece.kept)
            continue
        parent = message.get("parent_message_id")
        place = (piece.start, piece.end)
        messages.append(_message(message, parent if isinstance(parent, str) else None, place, piece))
    trees: dict[str, list[_Message]] = {}
    roots = _roots(messages)
    for message, root in zip(messages, roots, strict=True):
        trees.setdefault(root, []).append(message)
    for root, members in trees.items():
        yield from _grow(members, root, member.path, seen)


def _roots(messages: list[_Message]) -> list[str]:
    parent = {message.node.id: message.node.parent for message in messages}
    root: dict[str, str] = {}
    for start in parent:
        way: list[str] = []
        here = start
        passed: set[str] = set()
        while (
            here not in root
            and here not in passed
            and (above := parent[here]) in parent
            and above is not None
        ):
            way.append(here)
            passed.add(here)
            here = above
        top = root.get(here, here)
        root.update(dict.fromkeys((*way, here), top))
    return [root[message.node.id] for message in messages]


# Ranks


def _grow(messages: list[_Message], conversation: str, member: str, seen: Seen) -> Iterator[Turn | Skipped]:
    pairs = _pairs(messages)
    nodes = [
        structs.replace(message.node, signals=(*message.node.signals, *pairs.get(message.node.id, ())))
        for message in messages
    ]
    yield from grow(
        nodes,
        conversation=conversation,
        member=member,
        source=NAME,
        current=_best_leaf(messages),
        seen=seen,
        siblings_mean=False,
    )


def _siblings(messages: list[_Message]) -> dict[str | None, list[_Message]]:
    below: dict[str | None, list[_Message]] = {}
    ids = {message.node.id for message in messages}
    for message in messages:
        parent = message.node.parent
        below.setdefault(parent if parent in ids else None, []).append(message)
    return below


def _pairs(messages: list[_Message]) -> dict[str, list[Signal]]:
    pairs: dict[str, list[Signal]] = {}
    for parent, siblings in _siblings(messages).items():
        if parent is None:
            continue
        ranked = [one for one in siblings if one.rank < UNRANKED and one.node.role == "assistant"][
            :RANKED_MAX
        ]
        for better in ranked:
            for worse in ranked:
                if better.rank < worse.rank:
                    signal = preference(_answer(better), _answer(worse), source_kind="rank", by=SOMEBODY_ELSE)
                    pairs.setdefault(better.node.id, []).extend(signal)
    return pairs


def _answer(message: _Message) -> Answer:
    return Answer(message.node.id, message.node.text, message.node.skip is None)


def _best_leaf(messages: list[_Message]) -> str | None:
    below = _siblings(messages)
    here: str | None = None
    passed: set[str | None] = set()
    while here not in passed and (replies := below.get(here)):
        passed.add(here)
        shown = [reply for reply in replies if reply.node.skip is None] or replies
        here = min(shown, key=lambda message: message.rank).node.id
    return here


SOURCE = Source(
    name=NAME,
    facts=family("sets")[NAME],
    claims=claims,
    read=read,
)
