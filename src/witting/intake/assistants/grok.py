"""Grok's export: conversations with a list of responses, which may name the response they answer.

Covered: `prod-grok-backend.json` and files of its shape; times as ISO 8601 or as MongoDB writes them; branches by
`parent_response_id`, the kept one by `leaf_response_id`. Not covered: images, files and cards (counted as attachments),
what the model thought (counted, never a turn). The speaker is the account's id.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from witting.intake.account import UNKNOWN_ACCOUNT
from witting.intake.assistants.tree import Node, Seen, content_id, grow
from witting.intake.facts import family
from witting.intake.instant import Instant, from_either
from witting.intake.json_stream import BadRecord, Item, Piece, as_dict, first_text, read_record, shape
from witting.intake.source import Export, Member, Skipped, Source, Turn
from witting.intake.wrapped import records

NAME = "grok"
ROLES = {"human": "user", "user": "user", "assistant": "assistant"}
BESIDE = {
    "image_attachments": "attachment",
    "file_attachments": "attachment",
    "generated_image_urls": "media_omitted",
}


def claims(member: Member, head: bytes) -> bool:
    paths = shape(head)
    return "conversations.conversation" in paths and "conversations.responses" in paths


def read(export: Export) -> Iterator[Turn | Skipped]:
    seen = Seen()
    for member in export.claimed:
        for piece in records(member, "conversations"):
            yield from _conversation(member.path, piece, seen)


def _conversation(member: str, piece: Piece, seen: Seen) -> Iterator[Turn | Skipped]:
    place = (piece.start, piece.end)
    try:
        record = read_record(piece, ("responses",))
    except BadRecord as bad:
        yield Skipped(member, bad.reason, place, piece.kept)
        return
    if record.items is None:
        yield Skipped(member, "no_messages", place, piece.kept)
        return
    if not record.items:
        yield Skipped(member, "empty_conversation", place)
    about = as_dict(as_dict(record.value).get("conversation"))
    account = first_text(about.get("user_id"), about.get("x_user_id"), about.get("anon_user_id"))
    yield from grow(
        _nodes(record.items, piece, member, account or UNKNOWN_ACCOUNT),
        conversation=first_text(about.get("conversation_id"), about.get("id")) or content_id(piece.data),
        member=member,
        source=NAME,
        current=first_text(about.get("leaf_response_id")),
        seen=seen,
    )


def _nodes(items: tuple[Item, ...], piece: Piece, member: str, account: str) -> list[Node]:
    responses = [as_dict(as_dict(item.value).get("response")) or as_dict(item.value) for item in items]
    is_tree = any(first_text(response.get("parent_response_id")) for response in responses)
    nodes: list[Node] = []
    for item, response in zip(items, responses, strict=True):
        before = nodes[-1].id if nodes else None
        parent = first_text(response.get("parent_response_id")) if is_tree else before
        nodes.append(_node(item, response, piece, member, account, parent))
    return nodes


def _node(
    item: Item, response: Mapping[str, Any], piece: Piece, member: str, account: str, parent: str | None
) -> Node:  # Any: JSON
    place = (item.start, item.end)
    turn = first_text(response.get("response_id"), response.get("_id")) or f"response-{item.key}"
    role = ROLES.get(str(response.get("sender")).lower())
    if role is None:
        return Node(turn, parent, place, skip="unknown_role", record=piece.bytes_of(item))
    text = response.get("message")
    beside = [
        reason
        for name, reason in BESIDE.items()
        for _ in (response[name] if isinstance(response.get(name), list) else ())
    ]
    beside += ["reasoning_block"] if response.get("thinking_trace") else []
    return Node(
        turn,
        parent,
        place,
        role=role,
        speaker=account if role == "user" else "assistant",
        text=text if isinstance(text, str) else None,
        time=_time(response.get("create_time")),
        skip=None if isinstance(text, str) and text.strip() else "no_text",
        finished=response.get("partial") is not True and not response.get("error"),
        beside=tuple(Skipped(member, reason, place) for reason in beside),
    )


def _time(value: object) -> Instant | None:
    """ISO 8601, a number, or {"$date": {"$numberLong": "milliseconds"}}."""
    inner = as_dict(value).get("$date", value)
    return from_either(as_dict(inner).get("$numberLong", inner))


SOURCE = Source(name=NAME, facts=family("assistants")[NAME], claims=claims, read=read)
