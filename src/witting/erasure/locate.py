"""Where a person's rows lie. A person lives in one shard, so only its parts are read.

Covers: counting their rows by snapshot. Not covered: words of other people that speak of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from witting.store.objects import Objects
from witting.store.parts import Part, Snapshots, read_part


@dataclass(frozen=True)
class Located:
    """Rows of one person by snapshot; snapshots without any are left out."""

    subject_id: str
    shard: int
    rows: Mapping[str, int]


def locate(
    snapshots: Snapshots, objects: Objects, subject_id: str, *, shard: int, names: Sequence[str]
) -> Located:
    """Count the person's rows in the named snapshots. Reads the shard's parts, one at a time."""
    counts = {
        name: sum(count(read_part(objects, part), subject_id) for part in parts_of(snapshots, name, shard))
        for name in names
    }
    return Located(subject_id, shard, {name: number for name, number in counts.items() if number})


def parts_of(snapshots: Snapshots, name: str, shard: int) -> list[Part]:
    """The parts of a snapshot in which this shard's people lie."""
    current = snapshots.current(name)
    return [part for part in (current.parts if current is not None else ()) if part.shard == shard]


def count(table: pa.Table, subject_id: str) -> int:
    """How many rows are this person's."""
    return rows_of(table, subject_id).num_rows


def rows_of(table: pa.Table, subject_id: str) -> pa.Table:
    """This person's rows."""
    own = pl.DataFrame(table).filter(pl.col("subject_id") == subject_id)
    return own.to_arrow().cast(table.schema)


def rows_without(table: pa.Table, subject_id: str) -> pa.Table:
    """Everybody else's rows, and those of nobody."""
    rest = pl.DataFrame(table).filter(pl.col("subject_id").ne_missing(subject_id))
    return rest.to_arrow().cast(table.schema)
