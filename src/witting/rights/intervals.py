"""What held from when on, for many people at once: intervals as three arrays, found by binary search.

Covers: the arrays, looking up a million moments, building them from a table. Not covered: what the values mean
(`timeline.py`). From: valid time in temporal databases (Snodgrass); [start, end) so that no moment belongs to two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
UNKNOWN = -1


@dataclass(frozen=True)
class Timeline:
    """What held from when on. Rows of one person lie together, ascending; a row holds until the person's next."""

    offsets: Ints  # (people + 1,): rows offsets[i] to offsets[i + 1] are of person i
    starts: Ints  # (rows,), microseconds since 1970 UTC
    columns: Mapping[str, Ints]  # (rows,) each

    def at(self, people: Ints, moments: Ints) -> Ints:
        """The row that held for each person at each moment, -1 where none did yet. Binary search, all at once."""
        known = people >= 0
        low = np.where(known, self.offsets[people], 0)  # rows below `low` start at or before the moment
        high = np.where(known, self.offsets[people + 1], 0)
        first = low.copy()
        active = np.flatnonzero(low < high)
        while active.size:
            middle = (low[active] + high[active]) // 2
            before = self.starts[middle] <= moments[active]
            low[active[before]] = middle[before] + 1
            high[active[~before]] = middle[~before]
            active = active[low[active] < high[active]]
        return np.where(low > first, low - 1, UNKNOWN)

    def latest(self, moment: int) -> Ints:
        """`at` that moment for every person, (people,)."""
        people = np.arange(self.offsets.size - 1, dtype=np.int64)
        return self.at(people, np.full(people.size, moment, dtype=np.int64))

    def value(self, column: str, rows: Ints, missing: int) -> Ints:
        values = self.columns[column]
        return (
            np.where(rows >= 0, values[rows], missing)
            if values.size
            else np.full(rows.shape, missing, np.int64)
        )


def timeline_of(frame: pl.DataFrame, people: int, columns: tuple[str, ...]) -> Timeline:
    counts = (
        np.bincount(frame["person"].to_numpy(), minlength=people)
        if frame.height
        else np.zeros(people, np.int64)
    )
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Timeline(
        offsets=offsets,
        starts=frame["start"].to_numpy().astype(np.int64),
        columns={name: frame[name].to_numpy().astype(np.int64) for name in columns},
    )
