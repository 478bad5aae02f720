"""ShareGPT's shape: {"conversations": [{"from", "value"}]}, as much of the open fine-tuning data has it.

Covered: `from` in all its spellings, a first turn of the model, roles that do not alternate, system messages; JSON,
JSON lines, Parquet. Not covered: whose conversations they were: no person is named, so the speaker is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from witting.intake.account import UNKNOWN_ACCOUNT
from witting.intake.assistants.tree import Node
from witting.intake.facts import family
from witting.intake.json_stream import first_text
from witting.intake.sets.record import Talk, messages, node, read_talks
from witting.intake.source import Export, Member, Skipped, Source, Turn
from witting.intake.tables.rows import Row, columns

NAME = "sharegpt"


def claims(member: Member, head: bytes) -> bool:
    return {"conversations.from", "conversations.value"} <= columns(member, head)


def read(export: Export) -> Iterator[Turn | Skipped]:
    return read_talks(export, source=NAME, talk=_talk)


def _talk(row: Row, member: str) -> Talk:
    found: list[Node] = []
    make = partial(node, row=row, speaker=UNKNOWN_ACCOUNT)
    for place, message in enumerate(messages(row.value.get("conversations"))):
        parent = found[-1].id if found else None
        found.append(make(str(place), parent, role=message.get("from"), text=message.get("value")))
    return Talk(found, key=first_text(row.value.get("id")))


SOURCE = Source(name=NAME, facts=family("sets")[NAME], claims=claims, read=read)
