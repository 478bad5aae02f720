"""Who and what is meant: a person by their handle, a turn by its id. Reads metadata; opens no words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from witting.errors import UsageError
from witting.store.parts import read_part
from witting.walk.admit import PEOPLE, TURNS
from witting.walk.decide import DECISIONS
from witting.workspace import Workspace

PERMITTED = "permitted"


def find_person(workspace: Workspace, handle: str) -> str:
    """The subject id behind a handle, of an erased person too. Raises UsageError, which does not repeat the handle."""
    subject = workspace.vault.find(handle)
    if subject is None:
        raise UsageError(
            "nobody is known by that handle here. Handles are source:name, e.g. chatgpt:user-4f2a."
        )
    return subject


def find_turn(workspace: Workspace, row_id: str) -> dict[str, Any] | None:
    """The metadata of one turn with the people of its conversation (`parties`), or None. Reads the parts in order."""
    row = next(_rows(workspace, TURNS, "row_id", row_id), None)
    if row is None:
        return None
    del row["text_sealed"]
    people = _rows(workspace, PEOPLE, "conversation_id", row["conversation_id"])
    return row | {"parties": sorted({person for found in people for person in found["parties"]})}


def turns_by_outcome(workspace: Workspace, subject: str) -> dict[str, list[str]]:
    """The ids of a person's turns as they were last decided: by PERMITTED or the reason of a deny, sorted."""
    found: dict[str, list[str]] = {}
    for row in _rows(workspace, DECISIONS, "subject_id", subject):
        outcome = PERMITTED if row["decision"] == "permit" else row["reason"]
        found.setdefault(outcome, []).append(row["row_id"])
    return {outcome: sorted(ids) for outcome, ids in sorted(found.items())}


def _rows(workspace: Workspace, snapshot: str, column: str, value: str) -> Iterator[dict[str, Any]]:
    current = workspace.snapshots.current(snapshot)
    for part in current.parts if current is not None else ():
        yield from pl.DataFrame(read_part(workspace.objects, part)).filter(pl.col(column) == value).to_dicts()
