"""Which rows a snapshot holds already, so that reading an export again adds only what is new.

Covered: one snapshot during one admission, eight bytes a row in memory (100 million turns: 0.8 GB), filled from the
parts when the first row is asked about. Not covered: two equal rows in one batch (`admit._once`).

The first 64 bits of an id only say "perhaps"; what is perhaps known is looked up by the whole id in the parts of its
shard, then in all others, so a chance agreement (1 in 4,000 for 100 million rows) loses nothing, and a turn that was read
before as somebody else's is not kept twice.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from witting.store.parts import read_part
from witting.walk.step import Step

Digests = npt.NDArray[np.uint64]


class Known:
    """The ids of one snapshot by their first 64 bits, sorted. Holds them across the batches of an admission."""

    def __init__(self, step: Step, snapshot: str, key: str) -> None:
        self._step, self._snapshot, self._key = step, snapshot, key
        self._digests: Digests | None = None

    def new_rows(self, table: pa.Table) -> pa.Table:
        """The rows of `table` that the snapshot does not hold; from now on they count as held."""
        if table.num_rows == 0:
            return table
        held = self._held_digests()
        asked = _digests(table.column(self._key))
        perhaps = _contains(held, asked)
        fresh = table if not perhaps.any() else self._without_stored(table, perhaps)
        self._digests = np.sort(np.concatenate([held, asked[~perhaps]]))
        return fresh

    def held(self, table: pa.Table) -> pl.DataFrame:
        """Of the rows of `table` those the snapshot holds, in whatever shard: id and subject as they are held."""
        columns = [self._key, "subject_id"]
        found = pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
        perhaps = _contains(self._held_digests(), _digests(table.column(self._key)))
        if not perhaps.any():
            return found
        asked = pl.DataFrame(table.select([self._key]).filter(pa.array(perhaps)))
        for part in self._step.parts(self._snapshot):
            rows = pl.DataFrame(read_part(self._step.workspace.objects, part, columns=columns))
            found = pl.concat([found, rows.join(asked, on=self._key, how="semi")])
        return found

    def _held_digests(self) -> Digests:
        if self._digests is None:
            self._digests = np.sort(np.concatenate([np.empty(0, np.uint64), *map(_digests, self._stored())]))
        return self._digests

    def _stored(self, shards: set[int | None] | None = None) -> Iterable[pa.ChunkedArray]:
        for part in self._step.parts(self._snapshot):
            if shards is None or part.shard in shards:
                yield read_part(self._step.workspace.objects, part, columns=[self._key]).column(self._key)

    def _among(self, asked: pl.DataFrame, stored: Iterable[pa.ChunkedArray]) -> pl.DataFrame:
        """Those of the ids asked about that are stored."""
        found = pl.DataFrame(schema={self._key: pl.String})
        for ids in stored:
            kept = pl.DataFrame({self._key: pl.Series(ids)}).join(asked, on=self._key, how="semi")
            found = pl.concat([found, kept])
        return found

    def _without_stored(self, table: pa.Table, perhaps: npt.NDArray[np.bool_]) -> pa.Table:
        asked = table.filter(pa.array(perhaps))
        shards = set(asked.column("shard").to_pylist()) if "shard" in asked.column_names else {None}
        left = pl.DataFrame({self._key: pl.Series(asked.column(self._key))})
        stored = self._among(left, self._stored(shards))
        left = left.join(stored, on=self._key, how="anti")
        if (
            not left.is_empty()
        ):  # read before as somebody else's, whose shard is another; or a chance agreement
            others = {part.shard for part in self._step.parts(self._snapshot)} - shards
            stored = pl.concat([stored, self._among(left, self._stored(others))])
        frame = pl.DataFrame(table).join(stored, on=self._key, how="anti", maintain_order="left")
        return frame.to_arrow().cast(table.schema)


def _digests(ids: pa.ChunkedArray) -> Digests:
    return np.fromiter((int(name[:16], 16) for name in ids.to_pylist()), dtype=np.uint64, count=len(ids))


def _contains(held: Digests, asked: Digests) -> npt.NDArray[np.bool_]:
    if not held.size:
        return np.zeros(asked.size, dtype=np.bool_)
    place = np.minimum(np.searchsorted(held, asked), held.size - 1)
    return held[place] == asked
