"""The shapes of TRL's trainers: prompt and completion, chosen and rejected, with or without a label.

Covered: `prompt`/`completion`, `prompt`/`chosen`/`rejected`, `chosen`/`rejected` that begin with the same messages,
`prompt`/`completion`/`label` (a thumb), each as strings or as lists of messages, and `messages` in Parquet; JSON lines,
arrays, CSV, Parquet. Not covered: `messages` in JSON, which is OpenAI's shape (`logs/openai_log.py`). No person is
named in any of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from witting.intake.account import UNKNOWN_ACCOUNT
from witting.intake.assistants.tree import Node
from witting.intake.facts import family
from witting.intake.json_stream import as_dict
from witting.intake.sets.record import NotOurs, Talk, node, read_talks
from witting.intake.signals import Answer, preference
from witting.intake.source import Export, Member, Signal, Skipped, Source, Turn
from witting.intake.tables.rows import PARQUET, Row, columns

NAME = "trl"
Messages = list[Mapping[str, Any]]  # Any: JSON


def claims(member: Member, head: bytes) -> bool:
    found = columns(member, head)
    pairs = {"chosen", "rejected"} <= found and ("prompt" in found or "chosen.role" in found)
    as_messages = head.startswith(PARQUET) and {"messages.role", "messages.content"} <= found
    return pairs or {"prompt", "completion"} <= found or as_messages


def read(export: Export) -> Iterator[Turn | Skipped]:
    return read_talks(export, source=NAME, talk=_talk)


def _talk(row: Row, member: str) -> Talk:
    value = row.value
    if "chosen" in value and "rejected" in value:
        return _pair(row)
    if "completion" in value:
        nodes = _chain(row, [*_said(value.get("prompt"), "user"), *_said(value["completion"], "assistant")])
        return Talk(_labelled(nodes, value.get("label")), current=nodes[-1].id if nodes else None)
    return Talk(_chain(row, _said(value.get("messages"), "user")))


def _pair(row: Row) -> Talk:
    prompt = _said(row.value.get("prompt"), "user") if row.value.get("prompt") else []
    chosen, rejected = (_said(row.value[side], "assistant") for side in ("chosen", "rejected"))
    common = len(prompt)
    if not prompt or chosen[: len(prompt)] == prompt:
        common = next((n for n, (a, b) in enumerate(zip(chosen, rejected, strict=False)) if a != b), 0)
        prompt, chosen, rejected = chosen[:common], chosen[common:], rejected[common:]
    if not prompt or len(chosen) != 1 or len(rejected) != 1:
        raise NotOurs("no_common_prompt" if not prompt else "no_pair")
    nodes = _chain(row, [*prompt, chosen[0]])
    other = _node(row, "rejected", nodes[-2].id, rejected[0])
    answers = (Answer(one.id, one.text, one.skip is None) for one in (nodes[-1], other))
    found = preference(*answers, source_kind="chosen_rejected")
    return Talk([*nodes[:-1], replace(nodes[-1], signals=found), other], current=nodes[-1].id)


def _said(value: object, role: str) -> Messages:
    """Messages as they are; a string as one message of `role`. Raises NotOurs."""
    if isinstance(value, str):
        return [{"role": role, "content": value}]
    if not isinstance(value, list):
        raise NotOurs("no_messages")
    return [{key: as_dict(message).get(key) for key in ("role", "content")} for message in value]


def _chain(row: Row, said: Sequence[Mapping[str, Any]]) -> list[Node]:  # Any: JSON
    nodes: list[Node] = []
    for place, message in enumerate(said):
        nodes.append(_node(row, str(place), nodes[-1].id if nodes else None, message))
    return nodes


def _node(row: Row, turn: str, parent: str | None, message: Mapping[str, Any]) -> Node:  # Any: JSON
    return node(
        turn, parent, row, role=message.get("role"), text=message.get("content"), speaker=UNKNOWN_ACCOUNT
    )


def _labelled(nodes: list[Node], label: object) -> list[Node]:
    """KTO's label as a thumb on the answer. CSV writes it as a word."""
    wanted = {"true": 1, "1": 1, "false": -1, "0": -1}.get(str(label).lower())
    if wanted is None or not nodes or nodes[-1].role != "assistant":
        return nodes
    signal = Signal("thumb", value=wanted, source_kind="label")
    return [*nodes[:-1], replace(nodes[-1], signals=(signal,))]


SOURCE = Source(name=NAME, facts=family("sets")[NAME], claims=claims, read=read)
