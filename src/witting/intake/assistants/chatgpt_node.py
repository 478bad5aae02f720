"""One node of a ChatGPT conversation: who speaks, what is shown of it, and why the rest is not.

Covered: entries of `mapping`, in the fields we ask for. Not covered: how they hang together (`tree.py`), the files of an
export (`chatgpt.py`).

A field may hold anything, since the format is undocumented; what is no object where one belongs is read as `Other`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from witting.intake.assistants.tree import Node
from witting.intake.instant import from_epoch
from witting.intake.json_located import Form, Other
from witting.intake.json_stream import Item, Piece, as_dict, first_text
from witting.intake.source import Skipped

HIDDEN_KINDS = {
    "user_editable_context": "custom_instructions",
    "model_editable_context": "custom_instructions",
    "thoughts": "reasoning",
    "reasoning_recap": "reasoning",
}
HIDDEN_CHANNELS = ("analysis", "commentary")
ROLES = ("user", "assistant", "system", "tool")


class Author(msgspec.Struct, frozen=True, gc=False):
    """Who speaks."""

    role: Any = None  # Any: JSON, here and below


class Content(msgspec.Struct, frozen=True, gc=False):
    """What is said."""

    content_type: Any = None
    parts: Any = None
    text: Any = None


class Finish(msgspec.Struct, frozen=True, gc=False):
    """How an answer ended."""

    type: Any = None


class Metadata(msgspec.Struct, frozen=True, gc=False):
    """What stands beside a message."""

    is_visually_hidden_from_conversation: Any = None
    finish_details: Finish | Other = None
    model_slug: Any = None


class Message(msgspec.Struct, frozen=True, gc=False):
    """The message of a node."""

    id: Any = None
    author: Author | Other = None
    content: Content | Other = None
    metadata: Metadata | Other = None
    create_time: Any = None
    status: Any = None
    end_turn: Any = None
    weight: Any = None
    recipient: Any = None
    channel: Any = None


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An entry of `mapping`."""

    parent: Any = None
    children: Any = None
    message: Message | Other = None


FORM = Form(Entry | Other)
_NO_CONTENT, _NO_METADATA = Content(), Metadata()


def parents_by_children(items: tuple[Item, ...]) -> dict[str, str]:
    """Links told only from above, for entries that name no parent: some exports lack `parent`."""
    orphans = {
        item.key
        for item in items
        if not isinstance(item.value, Entry) or not isinstance(item.value.parent, str)
    }
    parents: dict[str, str] = {}
    for item in items if orphans else ():
        children = item.value.children if isinstance(item.value, Entry) else None
        for child in children if isinstance(children, list) else ():
            if isinstance(child, str) and child in orphans:
                parents.setdefault(child, item.key)
    return parents


def node(item: Item, piece: Piece, member: str, account: str, parents: Mapping[str, str]) -> Node:
    """The node of one entry, with a turn's words or the reason why it gives none."""
    place, entry = (item.start, item.end), item.value
    if not isinstance(entry, Entry):
        return Node(item.key, None, place, skip="broken_node", record=piece.bytes_of(item))
    parent, message = entry.parent, entry.message
    if not isinstance(parent, str):
        parent = parents.get(item.key)
    if message is None:
        return Node(item.key, parent, place, skip="empty_node")
    author = message.author if isinstance(message, Message) else None
    role = author.role if isinstance(author, Author) else None
    if not isinstance(message, Message) or role not in ROLES:
        return Node(item.key, parent, place, skip="unknown_role", record=piece.bytes_of(item))
    content, metadata = message.content, message.metadata
    content = content if isinstance(content, Content) else _NO_CONTENT
    metadata = metadata if isinstance(metadata, Metadata) else _NO_METADATA
    text, media = _words(content)
    skip = _why_hidden(role, message, content, metadata) or (
        None if text and not text.isspace() else "media_omitted" if media else "no_text"
    )
    return Node(
        item.key,
        parent,
        place,
        role,
        account if role == "user" else first_text(metadata.model_slug) or "assistant",
        text if skip is None else None,
        from_epoch(message.create_time),
        skip,
        finished=role != "assistant" or _finished(message, metadata),
        beside=(Skipped(member, "media_omitted", place),) * media if media and skip is None else (),
    )


def message_id(item: Item) -> str | None:
    """The id a message gives itself, which feedback may name instead of the node's."""
    message = item.value.message if isinstance(item.value, Entry) else None
    return message.id if isinstance(message, Message) and isinstance(message.id, str) else None


def _why_hidden(role: str, message: Message, content: Content, metadata: Metadata) -> str | None:
    kind = content.content_type
    if kind != "text" and (hidden := HIDDEN_KINDS.get(str(kind))):
        return hidden
    if role in ("system", "tool"):
        return f"{role}_message"
    if message.recipient != "all" and message.recipient is not None:
        return "tool_call"
    if message.channel in HIDDEN_CHANNELS:
        return "reasoning"
    if message.weight == 0 or metadata.is_visually_hidden_from_conversation is True:
        return "hidden"
    return None


def _words(content: Content) -> tuple[str | None, int]:
    """The text parts, one a line, and how many parts are none."""
    parts = content.parts
    if not isinstance(parts, list):
        return (content.text if isinstance(content.text, str) else None), 0
    if len(parts) == 1 and isinstance(parts[0], str):
        return parts[0], 0
    texts = [part if isinstance(part, str) else as_dict(part).get("text") for part in parts]
    said = [text for text in texts if isinstance(text, str)]
    return ("\n".join(said) if said else None), sum(part is not None for part in parts) - len(said)


def _finished(message: Message, metadata: Metadata) -> bool:
    """The model came to its end and said so. Silence is not an end."""
    details = metadata.finish_details
    ended_by = details.type if isinstance(details, Finish) else None
    return (
        message.status == "finished_successfully"
        and ended_by not in ("interrupted", "max_tokens")
        and message.end_turn is not False
    )
