"""ChatGPT: the account's data export, in one file or shards, and conversation objects that were shared.

Covered: `conversations.json`, `conversations-000.json` and its like, one conversation object a file; the account in
`user.json`, what the person said of answers in `message_feedback.json` and `model_comparisons.json`
(`chatgpt_feedback.py`); `chat.html` where the export has no `conversations.json` (`chatgpt_page.py`). Not covered: files
and pictures beside the words; `shared_conversations.json`, which says for whom a link was made and not who has it: what
was shared keeps the audience of the rest.

A record is a node of a conversation's `mapping`. Shown are the words of the person and of the model to the person;
system and hidden nodes, custom instructions, reasoning, tool calls and their results are skipped by reason. Text is
the text parts as they stand, one a line, private-use citation marks included. Audience: `assistant`. Time: seconds
since 1970, so with an offset. Undocumented by the vendor; learnt from LibreChat's fixtures, sanand0/openai-conversations
and openwebui-importer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from posixpath import basename, dirname
from typing import Any

from witting.intake.account import UNKNOWN_ACCOUNT
from witting.intake.assistants.chatgpt_feedback import (
    Comparisons,
    Votes,
    compared,
    read_comparisons,
    read_votes,
    voted,
    with_comparisons,
    with_votes,
)
from witting.intake.assistants.chatgpt_node import FORM, node, parents_by_children
from witting.intake.assistants.chatgpt_page import data_at, page_pieces
from witting.intake.assistants.tree import Seen, content_id, grow
from witting.intake.facts import family
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

NAME = "chatgpt"
FEEDBACK_NAME = "message_feedback.json"
ACCOUNT_NAME = "user.json"
COMPARISONS_NAME = "model_comparisons.json"
PAGE_NAME = "chat.html"
BESIDE_NAMES = (FEEDBACK_NAME, ACCOUNT_NAME, COMPARISONS_NAME)
ACCOUNT_BYTES_MAX = 1 << 20


@dataclass(frozen=True)
class _Beside:
    """What an account's files say beside its conversations."""

    account: str
    votes: Votes
    comparisons: Comparisons


def claims(member: Member, head: bytes) -> bool:
    if basename(member.path).endswith(".html"):
        start = data_at(head)
        return start is not None and _has_nodes(shape(head[start:]))
    paths = shape(head)
    if basename(member.path) == FEEDBACK_NAME:
        return "rating" in paths and "conversation_id" in paths
    if basename(member.path) == ACCOUNT_NAME:
        return "chatgpt_plus_user" in paths
    if basename(member.path) == COMPARISONS_NAME:
        return {"input", "output"} <= paths
    return _has_nodes(paths)


def _has_nodes(paths: frozenset[str]) -> bool:
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
        beside = _Beside(
            _account(around.get(prefix + ACCOUNT_NAME)),
            read_votes(around.get(prefix + FEEDBACK_NAME)),
            read_comparisons(around.get(prefix + COMPARISONS_NAME)),
        )
        told = [member for member in members if basename(member.path) not in BESIDE_NAMES]
        pages = [member for member in told if basename(member.path).endswith(".html")]
        for member in told:
            if member not in pages:
                yield from _read_conversations(member, split(member), beside, seen)
        for member in pages:
            if len(pages) < len(told):
                yield Skipped(member.path, "same_chats", (0, member.size_bytes))
            else:
                yield from _read_conversations(member, page_pieces(member), beside, seen)
        for member in members:
            if basename(member.path) == FEEDBACK_NAME:
                yield from voted(beside.votes, member.path)
            elif basename(member.path) == COMPARISONS_NAME:
                yield from compared(beside.comparisons, member.path)


def _read_conversations(
    member: Member, pieces: Iterator[Piece], beside: _Beside, seen: Seen
) -> Iterator[Turn | Skipped]:
    for piece in pieces:
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
            yield from _read_conversation(member.path, piece, record.value, record.items, beside, seen)


def _read_conversation(
    member: str,
    piece: Piece,
    conversation: Mapping[str, Any],
    items: tuple[Item, ...],
    beside: _Beside,
    seen: Seen,
) -> list[Turn | Skipped]:
    key = first_text(conversation.get("conversation_id"), conversation.get("id")) or content_id(piece.data)
    parents = parents_by_children(items)
    nodes = [node(item, piece, member, beside.account, parents) for item in items]
    current = conversation.get("current_node")
    nodes = with_comparisons(with_votes(nodes, items, key, beside.votes), items, beside.comparisons)
    return grow(
        nodes,
        conversation=key,
        member=member,
        source=NAME,
        current=current if isinstance(current, str) else None,
        seen=seen,
    )


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
        (
            "user.json",
            "user_settings.json",
            "chat.html",
            "export_manifest.json",
            "model_comparisons.json",
            "shared_conversations.json",
            "conversation_asset_file_names.json",
            "library_files.json",
            "ads.json",
        )
    ),
    facts=family("assistants")[NAME],
    claims=claims,
    read=read,
)
