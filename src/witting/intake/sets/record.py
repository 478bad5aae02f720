"""Research sets whose every record is one small conversation: the loop they share.

Covered: records of JSON lines, arrays, CSV and Parquet (`tables/rows.py`), bad ones kept for quarantine, one
conversation each. Not covered: what a record says (one file a set).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from witting.intake.assistants.tree import Node, Seen, content_id, grow
from witting.intake.json_stream import as_dict
from witting.intake.source import Export, Skipped, Turn
from witting.intake.tables.rows import Row, rows

ROLES = {
    "human": "user", "user": "user", "prompter": "user",
    "gpt": "assistant", "assistant": "assistant", "chatgpt": "assistant", "bing": "assistant", "bard": "assistant",
    "model": "assistant", "bot": "assistant", "system": "system", "developer": "system",
}  # fmt: skip
TOOLS = frozenset(("tool", "function", "function_call", "function_response", "observation"))


@dataclass(frozen=True)
class Talk:
    """What a record says: nodes whose ids are unique in it. `key` names the conversation where the record does."""

    nodes: Sequence[Node]
    key: str | None = None
    current: str | None = None


class NotOurs(Exception):
    """The record has not the shape of its set; `reason` is why it is skipped. Never leaves the loop."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_talks(export: Export, *, source: str, talk: Callable[[Row, str], Talk]) -> Iterator[Turn | Skipped]:
    """`talk(row, member path)` may raise NotOurs."""
    seen = Seen()
    for member in export.claimed:
        for row in rows(member):
            place = (row.start, row.end)
            try:
                if row.fault is not None:
                    raise NotOurs(row.fault)
                found = talk(row, member.path)
            except NotOurs as why:
                yield Skipped(member.path, why.reason, place, row.record)
                continue
            if not found.nodes:
                yield Skipped(member.path, "empty_conversation", place)
            yield from grow(
                found.nodes,
                conversation=found.key or content_id(row.record),
                member=member.path,
                source=source,
                current=found.current,
                seen=seen,
                siblings_mean=False,
            )


def node(
    turn: str,
    parent: str | None,
    row: Row,
    *,
    role: object,
    text: object,
    speaker: str,
    more: Mapping[str, Any] | None = None,  # Any: further fields of Node
) -> Node:
    """A message of a record. Tool calls and results are counted; a role nobody knows makes a bad record."""
    place, name = (row.start, row.end), str(role).strip().lower()
    if name in TOOLS:
        return Node(turn, parent, place, skip="tool_message")
    known = ROLES.get(name)
    if known is None:
        return Node(turn, parent, place, skip="unknown_role", record=row.record)
    words = text if isinstance(text, str) else None
    return Node(
        turn,
        parent,
        place,
        role=known,
        speaker=speaker if known == "user" else known,
        text=words,
        skip=None if words and words.strip() else "no_text",
        **(more or {}),
    )


def messages(value: object) -> list[Mapping[str, Any]]:  # Any: JSON
    """A list of messages. Raises NotOurs."""
    if not isinstance(value, list):
        raise NotOurs("no_messages")
    return [as_dict(message) for message in value]
