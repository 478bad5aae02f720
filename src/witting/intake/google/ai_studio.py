"""Google AI Studio's prompts, as they lie in Drive: {"chunkedPrompt": {"chunks": [{"role", "text"}]}}, no extension.

Covered: user and model chunks in order; thoughts, files and the system instruction are counted. Not covered: prompts
that were typed and never sent (`pendingInputs`). Neither an id nor, in older files, times stand in it: a conversation is
known by its first chunk.
"""

from __future__ import annotations

from collections.abc import Iterator

from witting.intake.account import UNKNOWN_ACCOUNT
from witting.intake.assistants.tree import Node, Seen, content_id, grow
from witting.intake.facts import family
from witting.intake.instant import from_either
from witting.intake.json_stream import BadRecord, Item, Piece, as_dict, read_record, shape, split
from witting.intake.source import Export, Member, Skipped, Source, Turn

NAME = "ai_studio"
ROLES = {"user": "user", "model": "assistant"}
CHUNKS = ("chunkedPrompt", "chunks")


def claims(member: Member, head: bytes) -> bool:
    return "chunkedPrompt.chunks" in shape(head)


def read(export: Export) -> Iterator[Turn | Skipped]:
    seen = Seen()
    for member in export.claimed:
        for piece in split(member):
            place = (piece.start, piece.end)
            try:
                record = read_record(piece, CHUNKS)
            except BadRecord as bad:
                yield Skipped(member.path, bad.reason, place, piece.kept)
                continue
            if not record.items:
                yield Skipped(member.path, "empty_conversation", place)
                continue
            first = record.items[0]
            yield from grow(
                list(_nodes(record.items, piece)),
                conversation=content_id(piece.data[first.start - piece.start : first.end - piece.start]),
                member=member.path,
                source=NAME,
                current=None,
                seen=seen,
                siblings_mean=False,
            )
            if as_dict(as_dict(record.value).get("systemInstruction")).get("parts"):
                yield Skipped(member.path, "system_message", place)


def _nodes(items: tuple[Item, ...], piece: Piece) -> Iterator[Node]:
    parent: str | None = None
    for item in items:
        node = _node(item, parent, piece)
        yield node
        parent = node.id


def _node(item: Item, parent: str | None, piece: Piece) -> Node:
    chunk, place = as_dict(item.value), (item.start, item.end)
    role, text = ROLES.get(str(chunk.get("role"))), chunk.get("text")
    if chunk.get("isThought") is True:
        return Node(item.key, parent, place, skip="reasoning_block")
    if role is None:
        return Node(item.key, parent, place, skip="unknown_role", record=piece.bytes_of(item))
    words = text if isinstance(text, str) and text.strip() else None
    has_file = any(key.startswith("drive") or key.startswith("inline") for key in chunk)
    return Node(
        item.key,
        parent,
        place,
        role=role,
        speaker=UNKNOWN_ACCOUNT if role == "user" else "assistant",
        text=words,
        time=from_either(chunk.get("createTime")),
        skip=None if words else "attachment" if has_file else "no_text",
        finished=chunk.get("finishReason") in (None, "STOP"),
    )


SOURCE = Source(name=NAME, facts=family("google")[NAME], claims=claims, read=read)
