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
        first, last = self.offsets[people], self.offsets[people + 1]
        first[people < 0] = last[people < 0] = 0
        low = first.copy()  # rows below `low` start at or before the moment
        active = np.flatnonzero(first < last)
        below, above, moment = first[active], last[active], moments[active]
        while active.size:
            middle = (below + above) >> 1
            before = self.starts[middle] <= moment
            below, above = np.where(before, middle + 1, below), np.where(before, above, middle)
            low[active] = below
            going = below < above
            if not going.all():
                active, below, above, moment = active[going], below[going], above[going], moment[going]
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


def in_order(person: Ints, moment: Ints) -> Ints:
    """The rows by person and then by moment, ties in no order. Both go into one number of 64 bits, as much of the moment as
    there is room for: one sort of numbers, and one of the few rows it left alike, instead of a sort by two columns."""
    if not person.size:
        return np.empty(0, dtype=np.int64)
    since = (moment - moment.min()).astype(np.uint64)  # the difference fits, whatever the two are
    spare = 64 - int(person.max()).bit_length()
    cut = max(int(since.max()).bit_length() - spare, 0)
    key = (person.astype(np.uint64) << np.uint64(min(spare, 63))) | (since >> np.uint64(cut))
    order = order_of(key)
    if cut:
        tied = ties(key[order])
        rows = order[tied]
        order[tied] = rows[np.lexsort((moment[rows], person[rows]))]
    return order


def order_of(keys: npt.NDArray[np.uint64]) -> Ints:
    """The rows by their keys, equal ones in no order. Each key goes into one number with its row, which costs it a few of
    its bits: numbers are sorted instead of their places, and those left alike are few."""
    bits = np.uint64(max(keys.size, 1).bit_length())
    packed = (keys >> bits << bits) | np.arange(keys.size, dtype=np.uint64)
    packed.sort()
    order = (packed & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.int64)
    ascending = keys[order]
    if np.any(ascending[1:] < ascending[:-1]):
        tied = ties(ascending >> bits)
        order[tied] = order[tied][np.argsort(ascending[tied])]
    return order


def ties(*columns: npt.NDArray[np.generic]) -> Ints:
    """The places of rows that are like their neighbour in every column."""
    if not columns[0].size:
        return np.empty(0, dtype=np.int64)
    same = np.ones(columns[0].size - 1, dtype=np.bool_)
    for column in columns:
        same &= column[1:] == column[:-1]
    return np.flatnonzero(np.append(False, same) | np.append(same, False))
