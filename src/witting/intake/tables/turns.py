"""Our own turns read back: what `witting intake --turns` and a preview's `--out` write, as JSON lines, CSV or Parquet.

Covered: every field of docs/formats/intake-turns.md, recorded signals included, so that writing and reading back changes
nothing of them but where a turn's bytes lie. Not covered: other people's columns (`mapped.py`). The turn keeps the source it came from,
so its person keeps their handle and its platform's terms go on to bind.

Of signals, only what a product recorded is read: what words imply was read in a dry run from words that nobody may have
permitted. It is no record, so it is not counted either; curation reads it again, after rights.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from witting.intake.assistants.tree import fit_id
from witting.intake.facts import family
from witting.intake.implied.measured import RULE_OF
from witting.intake.instant import from_iso
from witting.intake.json_stream import as_dict, first_text
from witting.intake.signals import is_text
from witting.intake.source import Export, Member, Signal, Skipped, Source, Turn
from witting.intake.tables.rows import Row, columns, rows
from witting.schema import AUDIENCES, PRECISIONS, PURPOSES, ROLES, SIGNAL_KINDS

NAME = "turns"
NEEDED = frozenset(("conversation", "turn", "speaker", "role", "text", "audience", "source"))
SIGNALS_MAX = 1_000
RECORDED = "recorded/1"
SOURCE_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")  # a source of ours, or one that a mapping named


def claims(member: Member, head: bytes) -> bool:
    return columns(member, head) >= NEEDED


def read(export: Export) -> Iterator[Turn | Skipped]:
    seen: set[tuple[str, str, str]] = set()
    for member in export.claimed:
        for row in rows(member):
            turn = row.fault or _turn(row, member.path)
            if isinstance(turn, str):
                yield Skipped(member.path, turn, (row.start, row.end), row.record)
                continue
            key = (turn.source, turn.conversation, turn.turn)
            if key in seen:
                yield Skipped(member.path, "repeated", (row.start, row.end))
                continue
            seen.add(key)
            yield turn


def _turn(row: Row, member: str) -> Turn | str:
    """The turn, or why the row is none."""
    value = row.value
    conversation, turn, speaker, source = (
        first_text(value.get(name)) for name in ("conversation", "turn", "speaker", "source")
    )
    if source is not None and not SOURCE_NAME.fullmatch(source):
        source = None
    if conversation is None or turn is None or speaker is None or source is None:
        return "unknown_shape"
    if value.get("role") not in ROLES or value.get("audience") not in AUDIENCES:
        return "unknown_role" if value.get("role") not in ROLES else "unknown_shape"
    text, deleted = value.get("text"), _flag(value.get("deleted"))
    if text is not None and not isinstance(text, str):
        return "unknown_shape"
    time = from_iso(value.get("time"))
    precision = value.get("time_precision")
    parent = first_text(value.get("parent"))
    return Turn(
        member=member,
        conversation=fit_id(conversation),
        turn=fit_id(turn),
        parent=None if parent is None else fit_id(parent),
        speaker=speaker,
        role=str(value["role"]),
        time=str(value["time"]) if time else None,
        time_precision=(precision if precision in PRECISIONS else "s") if time else None,
        text=None if deleted else text or None,  # CSV writes null as nothing
        audience=str(value["audience"]),
        source=source,
        bytes=(row.start, row.end),
        edited=_flag(value.get("edited")),
        deleted=deleted,
        on_active_path=_flag(value.get("on_active_path", True)),
        owner=first_text(value.get("owner")),
        barred=tuple(purpose for purpose in _listed(value.get("barred")) if purpose in PURPOSES),
        signals=tuple(_signals(value.get("signals"))),
    )


def _flag(value: object) -> bool:
    return value is True or str(value).lower() in ("true", "1")


def _listed(value: object) -> list[Any]:  # Any: JSON
    """A list; CSV holds it as JSON."""
    if isinstance(value, str) and value:
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return []
    return value[:SIGNALS_MAX] if isinstance(value, list) else []


def _signals(value: object) -> Iterator[Signal]:
    for entry in map(as_dict, _listed(value)):
        kind, rule = entry.get("kind"), entry.get("rule")
        if kind not in SIGNAL_KINDS or kind in RULE_OF or rule not in (None, "", RECORDED):
            continue
        text = entry.get("text")
        yield Signal(
            kind=str(kind),
            value=entry.get("value"),
            text=text if is_text(text) else None,
            source_kind=first_text(entry.get("source_kind")),
            time=str(entry["time"]) if from_iso(entry.get("time")) else None,
            by=first_text(entry.get("by")),
        )


SOURCE = Source(name=NAME, facts=family("tables")[NAME], claims=claims, read=read)
