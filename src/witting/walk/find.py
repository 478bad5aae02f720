"""Where things lie in a workspace: a turn by its id, the parts of a person. Reads metadata; opens no words."""

from __future__ import annotations

from typing import Any

import polars as pl

from witting.store.parts import read_part
from witting.walk.admit import PEOPLE, TURNS
from witting.workspace import Workspace


def find_turn(workspace: Workspace, row_id: str) -> dict[str, Any] | None:
    """The metadata of one turn with the people of its conversation (`parties`), or None. Reads the parts in order."""
    row = _first(workspace, TURNS, "row_id", row_id)
    if row is None:
        return None
    del row["text_sealed"]
    people = _first(workspace, PEOPLE, "conversation_id", row["conversation_id"])
    return row | {"parties": people["parties"] if people is not None else []}


def _first(workspace: Workspace, snapshot: str, column: str, value: str) -> dict[str, Any] | None:
    current = workspace.snapshots.current(snapshot)
    for part in current.parts if current is not None else ():
        found = pl.DataFrame(read_part(workspace.objects, part)).filter(pl.col(column) == value)
        if found.height:
            return found.row(0, named=True)
    return None
