"""Claude: the account's data export.

Covered: `conversations.json`, as an array, one conversation object, or {"conversations": [...]}; the account in the
conversation or in `users.json`. Not covered: artifacts, the words of attached documents, of projects and of memories
(`claude_beside.py` counts them).

A record is a message; a block of another kind beside its words (reasoning, tool use and result, attachment) is a
record of its own, skipped by its kind. With `parent_message_uuid` the messages are a tree, else each follows the one
before. The export names no current message: the active path is the one that ends newest. Text is `text` as it stands;
where that is empty, or was written together with blocks of other kinds, it is the text blocks, a blank line between
them. Audience: `assistant`. Time: ISO 8601 in UTC. The export has no thumbs and no model names (claude-code#40411).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from posixpath import basename, dirname
from typing import Any

import msgspec

from witting.intake.account import UNKNOWN_ACCOUNT
from witting.intake.assistants.claude_beside import kind_of, read_beside
from witting.intake.assistants.tree import Node, Seen, content_id, grow
from witting.intake.facts import family
from witting.intake.instant import from_either
from witting.intake.json_located import Form, Other
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
from witting.intake.source import Export, Member, Skipped, Source, Turn
from witting.intake.wrapped import records

NAME = "claude"
ACCOUNTS_NAME = "users.json"
ACCOUNTS_BYTES_MAX = 1 << 20
ROLES = {"human": "user", "user": "user", "assistant": "assistant"}
BLOCKS = {
    "thinking": "reasoning_block",
    "redacted_thinking": "reasoning_block",
    "tool_use": "tool_block",
    "tool_result": "tool_block",
    "server_tool_use": "tool_block",
    "image": "media_omitted",
    "document": "attachment",
}


class Block(msgspec.Struct, frozen=True, gc=False):
    """One block of a message's content."""

    type: Any = None  # Any: JSON, here and below
    text: Any = None
    cut_off: Any = None


class Message(msgspec.Struct, frozen=True, gc=False):
    """A message, in the fields we ask for. A field may hold anything; what is no object is read as `Other`."""

    uuid: Any = None
    parent_message_uuid: Any = msgspec.UNSET
    sender: Any = None
    text: Any = None
    content: list[Block | Other] | dict[str, Any] | str | int | float | bool | None = None
    created_at: Any = None
    attachments: Any = None
    files: Any = None
    stop_reason: Any = None
    truncated: Any = None


FORM = Form(Message | Other)
_NO_MESSAGE = Message()


def claims(member: Member, head: bytes) -> bool:
    paths = shape(head)
    if basename(member.path) == ACCOUNTS_NAME:
        return {"uuid", "full_name"} <= paths or {"uuid", "email_address"} <= paths
    return (
        "chat_messages" in paths
        or "conversations.chat_messages" in paths
        or kind_of(member.path, paths) is not None
    )


def read(export: Export) -> Iterator[Turn | Skipped]:
    seen = Seen()
    around = {**export.beside, **{member.path: member for member in export.claimed}}
    for member in export.claimed:
        if basename(member.path) == ACCOUNTS_NAME:
            continue
        kind = _kind(member)
        if kind is not None:
            yield from read_beside(member, kind)
        else:
            folder = dirname(member.path)
            account = _only_account(around.get(f"{folder}/{ACCOUNTS_NAME}" if folder else ACCOUNTS_NAME))
            yield from _read_member(member, account, seen)


def _kind(member: Member) -> str | None:
    return kind_of(member.path, shape(member.head()))


def _read_member(member: Member, account: str, seen: Seen) -> Iterator[Turn | Skipped]:
    for piece in records(member, "conversations"):
        place = (piece.start, piece.end)
        try:
            record = read_record(piece, ("chat_messages",), form=FORM)
        except BadRecord as bad:
            yield Skipped(member.path, bad.reason, place, piece.kept)
            continue
        if not isinstance(record.value, dict) or record.items is None:
            yield Skipped(member.path, "no_messages", place, piece.kept)
        elif not record.items:
            yield Skipped(member.path, "empty_conversation", place)
        else:
            nodes = _nodes(record.items, piece, member.path, _speaker(record.value) or account)
            key = first_text(
                record.value.get("uuid"), record.value.get("conversation_id"), record.value.get("id")
            )
            yield from grow(
                nodes,
                conversation=key or content_id(piece.data),
                member=member.path,
                source=NAME,
                current=None,
                seen=seen,
            )


def _nodes(items: tuple[Item, ...], piece: Piece, member: str, account: str) -> list[Node]:
    nodes: list[Node] = []
    for item in items:
        message = item.value if isinstance(item.value, Message) else _NO_MESSAGE
        parent = message.parent_message_uuid
        if parent is msgspec.UNSET:  # in an export without trees it is missing everywhere
            parent = nodes[-1].id if nodes else None
        nodes.append(
            _node(item, message, piece, member, account, parent if isinstance(parent, str) else None)
        )
    return nodes


def _node(item: Item, message: Message, piece: Piece, member: str, account: str, parent: str | None) -> Node:
    place = (item.start, item.end)
    turn = first_text(message.uuid) or f"message-{item.key}"
    role = ROLES.get(str(message.sender))
    if role is None:
        is_system = message.sender == "system"
        record = None if is_system else piece.bytes_of(item)
        return Node(
            turn, parent, place, skip="system_message" if is_system else "unknown_role", record=record
        )
    text, others = _words(message)
    return Node(
        turn,
        parent,
        place,
        role=role,
        speaker=account if role == "user" else "assistant",
        text=text,
        time=from_either(message.created_at),
        skip=None if text and not text.isspace() else "no_text",
        finished=not _cut_off(message),
        beside=tuple([Skipped(member, reason, place) for reason in others]) if others else (),
    )


def _words(message: Message) -> tuple[str | None, list[str]]:
    """The text, and why each thing beside it is skipped."""
    content, said, others = message.content, [], []
    for block in content if isinstance(content, list) else ():
        if not isinstance(block, Block) or block.type != "text":
            kind = block.type if isinstance(block, Block) else None
            others.append(BLOCKS.get(str(kind), "unknown_block"))
        elif isinstance(block.text, str):
            said.append(block.text)
    mixed = bool(others)
    for listed in (message.attachments, message.files):
        others += ["attachment"] * (len(listed) if isinstance(listed, list) else 0)
    text = message.text
    whole = text if isinstance(text, str) else content if isinstance(content, str) else ""
    if whole and not mixed:
        return whole, others
    return "\n\n".join(filter(None, said)) or whole, others


def _cut_off(message: Message) -> bool:
    """Whether the answer was stopped: its last text says so, or it has a stop reason that is none of an end."""
    content = message.content
    last = content[-1] if isinstance(content, list) and content else None
    stopped = message.stop_reason not in (None, "end_turn", "stop_sequence")
    return stopped or (isinstance(last, Block) and last.cut_off is True) or message.truncated is True


def _speaker(conversation: Mapping[str, Any]) -> str | None:
    account = conversation.get("account")
    return first_text(as_dict(account).get("uuid"), account)


def _only_account(member: Member | None) -> str:
    """The account of `users.json`, if it names exactly one."""
    if member is None or member.size_bytes > ACCOUNTS_BYTES_MAX:
        return UNKNOWN_ACCOUNT
    try:
        accounts = [first_text(as_dict(parse(piece)).get("uuid")) for piece in split(member)]
    except BadRecord:
        return UNKNOWN_ACCOUNT
    return accounts[0] if len(accounts) == 1 and accounts[0] else UNKNOWN_ACCOUNT


SOURCE = Source(
    name=NAME,
    companions=frozenset(("users.json", "projects.json", "memories.json")),
    facts=family("assistants")[NAME],
    claims=claims,
    read=read,
)
