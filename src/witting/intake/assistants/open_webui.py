"""Open WebUI: exported chats, and the feedback an administrator exports.

Covered: the chats export (an array, or one chat), as stored with a `chat` inside or as the bare chat; the history
tree; annotations; the feedback export with its ratings, siblings and snapshot of the chat. Not covered: the database
itself, notes, channels, files.

A record is a message, or a rating that found none. The reason of a rating is kept as a tag; `meta.tags` are not: they
are topics, in a model's words. The active path runs from `currentId`. Answers that several
models gave side by side (`modelIdx`) are no regenerations of each other; they compare only where a rating names them.
A rating of an exported feedback stands on its message, as the chat owner's own only where its `user_id` is theirs; its snapshot is a whole copy of the chat, so its messages are
read too, unless the chats export had them. Audience `assistant`, time in seconds or finer units since 1970.

The one exception to "text is never changed": reasoning that the product writes into `content` as
<details type="reasoning"> (and tool calls likewise) was not said to the person, so it is taken out and counted as
`reasoning_block` or `tool_block`; the turn's bytes still point at the whole message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from witting.intake.account import UNKNOWN_ACCOUNT
from witting.intake.assistants.tree import Node, Seen, content_id, grow
from witting.intake.facts import family
from witting.intake.instant import from_epoch
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
from witting.intake.signals import SOMEBODY_ELSE, Answer, feedback, preference, rating
from witting.intake.source import Export, Member, Signal, Skipped, Source, Turn

NAME = "open_webui"
TOP = "(top)"  # a new first prompt is a sibling of the old one, though neither has a parent
HISTORIES = (
    ("chat", "history", "messages"),
    ("snapshot", "chat", "chat", "history", "messages"),
    ("snapshot", "chat", "history", "messages"),
    ("history", "messages"),
)
_DETAILS = re.compile(r"<details\b[^>]{0,2000}>|</details>", re.IGNORECASE)
_TYPE = re.compile(r"\btype\s*=\s*[\"']?(reasoning|tool_calls|code_interpreter)\b", re.IGNORECASE)


@dataclass(frozen=True)
class _Rating:
    """One exported feedback."""

    member: str
    place: tuple[int, int]
    signals: tuple[Signal, ...]
    direction: int | None
    by: str
    siblings: tuple[str, ...]  # models it was compared with


@dataclass
class _Ratings:
    by_message: dict[tuple[str, str], list[_Rating]] = field(default_factory=dict)
    bad: dict[tuple[str, int], Skipped] = field(default_factory=dict)
    found: set[tuple[str, int]] = field(default_factory=set)


def claims(member: Member, head: bytes) -> bool:
    paths = shape(head)
    if _is_feedback(paths):
        return True
    is_bare = "history.messages" in paths or "history.currentId" in paths
    return is_bare or "chat.history" in paths or {"chat.messages", "chat.models"} <= paths


def _is_feedback(paths: frozenset[str]) -> bool:
    return {"data.rating", "meta.message_id"} <= paths or "snapshot.chat" in paths


def read(export: Export) -> Iterator[Turn | Skipped]:
    """Feedback is looked through first, so that each rating stands on its turn when the turn is yielded."""
    seen, ratings = Seen(), _Ratings()
    feedback_members = {member.path for member in export.claimed if _is_feedback(shape(member.head()))}
    for member in export.claimed:
        if member.path in feedback_members:
            _gather(member, ratings)
    for member in sorted(export.claimed, key=lambda member: member.path in feedback_members):
        yield from _read_member(member, ratings, seen, is_feedback=member.path in feedback_members)


def _read_member(
    member: Member, ratings: _Ratings, seen: Seen, *, is_feedback: bool
) -> Iterator[Turn | Skipped]:
    for piece in split(member):
        place = (piece.start, piece.end)
        if is_feedback and (member.path, piece.start) in ratings.bad:
            yield ratings.bad[member.path, piece.start]
            continue
        try:
            record = read_record(piece, *HISTORIES)
        except BadRecord as bad:
            yield Skipped(member.path, bad.reason, place, piece.kept)
            continue
        value = as_dict(record.value)
        items = record.items or _linear(_chat(value), piece)
        if items:
            yield from _read_chat(member.path, piece, value, items, ratings, seen, is_tree=bool(record.items))
        elif record.items is not None or _chat(value).get("messages") == []:
            yield Skipped(member.path, "empty_conversation", place)
        elif not is_feedback:
            yield Skipped(member.path, "no_messages", place, piece.kept)
        if is_feedback and (member.path, piece.start) not in ratings.found:
            yield Skipped(member.path, "feedback_unmatched", place)


def _chat(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """The innermost chat: of a feedback, of a stored chat, or the value itself."""
    value = as_dict(as_dict(value.get("snapshot")).get("chat")) or value
    return as_dict(value.get("chat")) or value


def _linear(chat: Mapping[str, Any], piece: Piece) -> tuple[Item, ...]:
    """Messages of a chat that has a list and no history; their bytes are those of the chat."""
    messages = chat.get("messages")
    listed = messages if isinstance(messages, list) else []
    return tuple(Item(str(place), piece.start, piece.end, message) for place, message in enumerate(listed))


def _read_chat(
    member: str,
    piece: Piece,
    value: Mapping[str, Any],
    items: tuple[Item, ...],
    ratings: _Ratings,
    seen: Seen,
    *,
    is_tree: bool,
) -> Iterator[Turn | Skipped]:
    key = _conversation(value) or content_id(piece.data)
    chat = _chat(value)
    stored = as_dict(as_dict(value.get("snapshot")).get("chat"))
    # a snapshot names its owner; the record around it whoever rated it
    account = first_text(stored.get("user_id"), chat.get("user_id"), value.get("user_id")) or UNKNOWN_ACCOUNT
    nodes: list[Node] = []
    for item in items:
        before = nodes[-1].id if nodes else TOP
        nodes.append(_node(item, piece, member, account, None if is_tree else before))
    current = as_dict(chat.get("history")).get("currentId") if is_tree else nodes[-1].id
    yield from grow(
        _rated(nodes, items, key, account, ratings),
        conversation=key,
        member=member,
        source=NAME,
        current=current if isinstance(current, str) else None,
        seen=seen,
    )


def _conversation(value: Mapping[str, Any]) -> str | None:
    if "data" in value or "snapshot" in value:  # the id of a feedback is not that of its chat
        stored = as_dict(as_dict(value.get("snapshot")).get("chat"))
        return first_text(as_dict(value.get("meta")).get("chat_id"), stored.get("id"))
    return first_text(value.get("id"), as_dict(value.get("chat")).get("id"))


def _node(item: Item, piece: Piece, member: str, account: str, before: str | None) -> Node:
    place = (item.start, item.end)
    message = as_dict(item.value)
    turn = item.key if before is None else first_text(message.get("id")) or f"message-{item.key}"
    parent = message.get("parentId") if before is None else before
    parent = parent if isinstance(parent, str) else TOP
    role = message.get("role")
    if role in ("system", "tool"):
        return Node(turn, parent, place, skip=f"{role}_message")
    if role not in ("user", "assistant"):
        return Node(turn, parent, place, skip="unknown_role", record=piece.bytes_of(item))
    text, others = _words(message.get("content"), role)
    model, lane = first_text(message.get("model"), message.get("modelName")), message.get("modelIdx")
    return Node(
        turn,
        parent,
        place,
        role=role,
        speaker=account if role == "user" else model or "assistant",
        text=text,
        time=from_epoch(message.get("timestamp")),
        skip=None if text and text.strip() else "no_text",
        finished=message.get("done") is not False and not message.get("error"),
        lane=str(lane) if role == "assistant" and isinstance(lane, int) else "",
        signals=_annotation(message.get("annotation")),
        beside=tuple(Skipped(member, reason, place) for reason in others),
    )


def _words(content: object, role: str) -> tuple[str | None, list[str]]:
    """The text said to the person, and why each thing beside it is skipped."""
    others: list[str] = []
    if isinstance(content, list):
        parts = [as_dict(part) for part in content]
        said = [part["text"] for part in parts if isinstance(part.get("text"), str)]
        others += ["media_omitted"] * (len(parts) - len(said))
        content = "\n".join(said)
    if not isinstance(content, str) or role == "user":
        return (content if isinstance(content, str) else None), others
    text, kinds = without_details(content)
    return text, others + ["tool_block" if kind != "reasoning" else "reasoning_block" for kind in kinds]


def without_details(content: str) -> tuple[str, list[str]]:
    """The content without the <details> that hold reasoning or tool use, and the types of those; nested ones go
    with the outer. Where none is found the content is returned untouched; one that never ends takes the rest."""
    kept: list[str] = []
    kinds: list[str] = []
    depth = begin = 0
    for tag in _DETAILS.finditer(content):
        closing = tag.group().startswith("</")
        if depth:
            depth += -1 if closing else 1
            begin = tag.end()
        elif not closing and (kind := _TYPE.search(tag.group())):
            kept.append(content[begin : tag.start()])
            kinds.append(kind.group(1).lower())
            depth = 1
    if not kinds:
        return content, kinds
    if depth == 0:
        kept.append(content[begin:].lstrip("\n") if not "".join(kept).strip() else content[begin:])
    return "".join(kept), kinds


# Ratings


def _annotation(annotation: object) -> tuple[Signal, ...]:
    given = as_dict(annotation)
    signals = feedback(
        given.get("rating"), comment=given.get("comment"), tags=given.get("reason"), source_kind="annotation"
    )
    return (*signals, *rating(as_dict(given.get("details")).get("rating"), source_kind="annotation.details"))


def _gather(member: Member, ratings: _Ratings) -> None:
    for piece in split(member):
        place = (piece.start, piece.end)
        try:
            value = parse(piece)
        except BadRecord as bad:
            ratings.bad[member.path, piece.start] = Skipped(member.path, bad.reason, place, piece.kept)
            continue
        given = _rating(member.path, place, as_dict(value))
        key = (
            _conversation(as_dict(value)),
            first_text(as_dict(as_dict(value).get("meta")).get("message_id")),
        )
        if given is None:
            skipped = Skipped(member.path, "unknown_feedback", place, piece.kept)
            ratings.bad[member.path, piece.start] = skipped
        elif key[0] is not None and key[1] is not None:
            ratings.by_message.setdefault((key[0], key[1]), []).append(given)


def _rating(member: str, place: tuple[int, int], value: Mapping[str, Any]) -> _Rating | None:
    data = as_dict(value.get("data"))
    time = from_epoch(value.get("created_at"))
    at = time.iso if time else None
    by = first_text(value.get("user_id")) or SOMEBODY_ELSE
    signals = feedback(
        data.get("rating"),
        comment=data.get("comment"),
        tags=data.get("reason"),
        source_kind="feedback",
        time=at,
        by=by,
    )
    signals += rating(
        as_dict(data.get("details")).get("rating"), source_kind="feedback.details", time=at, by=by
    )
    siblings = data.get("sibling_model_ids")
    names = tuple(name for name in siblings if isinstance(name, str)) if isinstance(siblings, list) else ()
    direction = next((signal.value for signal in signals if signal.kind == "thumb"), None)
    return _Rating(member, place, signals, direction, by, names) if signals else None


def _rated(
    nodes: list[Node], items: tuple[Item, ...], conversation: str, account: str, ratings: _Ratings
) -> list[Node]:
    """The nodes with the exported ratings on them, and the pairs that ratings of side-by-side answers state. What the chat's
    own account gave may stand in the chat as well: it is told alike, so that one act is one signal."""
    places = {node.id: place for place, node in enumerate(nodes)}
    for node in list(nodes):
        for given in ratings.by_message.get((conversation, node.id), ()):
            if node.role != "assistant" or node.skip is not None:
                continue
            ratings.found.add((given.member, given.place[0]))
            by = None if given.by == account else given.by
            _add(nodes, places[node.id], tuple(_by(signal, by) for signal in given.signals))
            for other in nodes:
                model = as_dict(items[places[other.id]].value).get("model")
                beside = other.parent == node.parent and other.role == "assistant" and other.id != node.id
                if given.direction is not None and beside and model in given.siblings:
                    best, worse = (node, other) if given.direction == 1 else (other, node)
                    pair = preference(
                        _answer(best),
                        _answer(worse),
                        source_kind="feedback.siblings",
                        time=given.signals[0].time,
                        by=by,
                    )
                    _add(nodes, places[best.id], pair)
    return nodes


def _by(signal: Signal, by: str | None) -> Signal:
    """The signal of a rating, as given by `by`."""
    return Signal(
        signal.kind,
        value=signal.value,
        text=signal.text,
        source_kind=signal.source_kind,
        time=signal.time,
        by=by,
    )


def _add(nodes: list[Node], place: int, signals: tuple[Signal, ...]) -> None:
    nodes[place] = replace(nodes[place], signals=(*nodes[place].signals, *signals))


def _answer(node: Node) -> Answer:
    return Answer(node.id, node.text, node.finished and node.skip is None)


SOURCE = Source(
    name=NAME,
    facts=family("assistants")[NAME],
    claims=claims,
    read=read,
)
