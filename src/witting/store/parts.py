"""Tables as hashed Parquet parts, and named snapshots that say which parts are current.

Covered: writing a table or a stream of tables as parts with equal bytes for equal rows, reading a part against its
hash, snapshots committed by compare-and-swap, deleting the parts nobody names any more.
Not covered: what a corpus means (`corpus/`), what the rows mean (`schema.py`).

Parts carry no column statistics, no page index and no bloom filter: in formats that remember, a minimum or maximum
kept an erased person's words (measured, docs/store.md). Rows lie in parts by shard, so that an erasure rewrites one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import rfc8785
import sqlalchemy as sa

from witting.errors import CommitRaced, ObjectDamaged, StoreError
from witting.store.database import begin_write
from witting.store.objects import Objects
from witting.store.tables import pointer_history, pointers

ROW_GROUP_ROWS = 10_000
PART_BYTES_MAX = 2 << 30  # in memory, uncompressed
BUFFER_BYTES_MAX = 256 << 20  # what write_parts holds back, over all shards
COMPRESSION_LEVEL = 3
DELETES_PER_ROUND = 200  # under one lock; others wait meanwhile
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}")


@dataclass(frozen=True)
class Part:
    """One Parquet file: where it lies, what it must hash to, how much it holds."""

    key: str
    sha256: str
    rows: int
    size_bytes: int
    shard: int | None

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        return {
            "key": self.key,
            "sha256": self.sha256,
            "rows": self.rows,
            "size_bytes": self.size_bytes,
            "shard": self.shard,
        }


@dataclass(frozen=True)
class Snapshot:
    """What a name means at one moment: its parts, which stage made them, and counts or fingerprints in `detail`."""

    name: str
    made_by: str
    parts: tuple[Part, ...]
    detail: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON; never a person's words

    @cached_property
    def id(self) -> str:
        """32 hex: SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.canonical).hexdigest()[:32]

    @cached_property
    def canonical(self) -> bytes:
        """RFC 8785 JSON: equal snapshots have equal bytes."""
        return rfc8785.dumps(
            {
                "name": self.name,
                "made_by": self.made_by,
                "parts": [part.as_json() for part in self.parts],
                "detail": dict(self.detail),
            }
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> Snapshot:
        values = json.loads(text)
        parts = tuple(Part(**part) for part in values["parts"])
        return cls(name=values["name"], made_by=values["made_by"], parts=parts, detail=values["detail"])


def write_part(objects: Objects, table: pa.Table, *, folder: str, shard: int | None) -> Part:
    """The table as one part, `folder/<first 32 hex of its SHA-256>.parquet`. Equal rows give equal bytes and the same
    key, however the table was chunked (with one version of pyarrow)."""
    if table.nbytes > PART_BYTES_MAX:
        raise StoreError(f"a part of {table.nbytes} bytes; at most {PART_BYTES_MAX}. Use write_parts.")
    data = _parquet(table)
    sha256 = hashlib.sha256(data).hexdigest()
    key = f"{folder}/{sha256[:32]}.parquet"
    objects.create(key, data)
    return Part(key=key, sha256=sha256, rows=table.num_rows, size_bytes=len(data), shard=shard)


def read_part(objects: Objects, part: Part, *, columns: Sequence[str] | None = None) -> pa.Table:
    """Its rows, of all columns or of those named. The bytes are checked against the hash before anything parses them. Raises ObjectDamaged."""
    try:
        data = objects.read(part.key)
    except KeyError:
        raise ObjectDamaged(
            f"part {part.key} is missing. Restore it from a backup, or make it again."
        ) from None
    found = hashlib.sha256(data).hexdigest()
    if found != part.sha256:
        raise ObjectDamaged(
            f"part {part.key} has SHA-256 {found[:16]}…, committed was {part.sha256[:16]}…. Restore it from a backup, "
            "or delete it and run again."
        )
    file = pq.ParquetFile(_arrows_own(data))
    return file.read() if columns is None else file.read(columns=list(columns)).select(list(columns))


def _arrows_own(data: bytes) -> pa.BufferReader:
    """A copy that no Python object holds: Arrow's threads let go of what they read a little after a read is over, and one that
    needs Python for it while the interpreter ends takes the whole process down (seen with pyarrow 26 on Python 3.11)."""
    copy = pa.BufferOutputStream()
    copy.write(data)
    return pa.BufferReader(copy.getvalue())


def write_parts(
    objects: Objects,
    tables: Iterable[pa.Table],
    *,
    folder: str,
    shard_column: str = "shard",
    rows_max: int,
    buffer_bytes_max: int = BUFFER_BYTES_MAX,
) -> list[Part]:
    """A stream of tables as parts of one shard and at most `rows_max` rows each, rows of a shard in stream order.

    The cut into tables does not show in the parts unless `buffer_bytes_max` was reached: then the fullest shard is
    written early. Memory: that buffer, one table of the stream and one part.
    """
    if rows_max < 1:
        raise ValueError(f"rows_max is {rows_max}; at least 1.")
    waiting: dict[int, _Waiting] = {}
    parts: list[Part] = []
    for table in filter(len, tables):
        for shard, rows in _by_shard(table, shard_column):
            pile = waiting.setdefault(shard, _Waiting())
            pile.add(rows)
            parts += [
                write_part(objects, full, folder=folder, shard=shard) for full in pile.take_full(rows_max)
            ]
        while sum(pile.size_bytes for pile in waiting.values()) > buffer_bytes_max:
            fullest = max(waiting, key=lambda shard: (waiting[shard].size_bytes, shard))
            parts.append(write_part(objects, waiting.pop(fullest).take_all(), folder=folder, shard=fullest))
    rest = [
        write_part(objects, pile.take_all(), folder=folder, shard=s)
        for s, pile in waiting.items()
        if pile.rows
    ]
    return sorted(parts + rest, key=lambda part: (part.shard or 0, part.key))


class Snapshots:
    """Names and what they point at, in the database; parts, among the objects."""

    def __init__(self, database: sa.Engine, objects: Objects) -> None:
        self._database = database
        self._objects = objects

    def current(self, name: str) -> Snapshot | None:
        with self._database.connect() as connection:
            row = connection.execute(sa.select(pointers.c.snapshot).where(pointers.c.name == name)).first()
        return None if row is None else Snapshot.from_json(row.snapshot)

    def commit(self, snapshot: Snapshot, *, expected: str | None) -> None:
        """Moves the name from the snapshot with id `expected` (None: from nothing) to this one, in one transaction.
        Raises CommitRaced if it points elsewhere, or if a part was swept away meanwhile: run again."""
        if not NAME.fullmatch(snapshot.name):
            raise StoreError(
                f"snapshot name {snapshot.name[:64]!r}: up to 200 letters, digits and . _ / - only."
            )
        with begin_write(self._database, lock="snapshots") as connection:
            self._check_parts(connection, snapshot)
            if not _move(connection, snapshot, expected):
                raise CommitRaced(
                    f"{snapshot.name} no longer points at {expected or 'nothing'}: somebody else moved it first. "
                    "Run again on what it points at now."
                )
            values = {
                "name": snapshot.name,
                "snapshot_id": snapshot.id,
                "snapshot": snapshot.canonical.decode(),
            }
            connection.execute(sa.insert(pointer_history), values)

    def history(self, name: str) -> list[Snapshot]:
        """Every snapshot the name ever pointed at, newest first. Their parts may be gone: only hashes and counts are
        kept."""
        query = (
            sa.select(pointer_history.c.snapshot)
            .where(pointer_history.c.name == name)
            .order_by(pointer_history.c.move.desc())
        )
        with self._database.connect() as connection:
            return [Snapshot.from_json(text) for text in connection.execute(query).scalars()]

    def forget_unreferenced(self, *, prefixes: Sequence[str], keep: Iterable[str]) -> int:
        """Deletes the objects under `prefixes` that no current snapshot and no key in `keep` names; how many.
        Safe beside a running commit: a part deleted under it makes that commit fail as raced."""
        kept = set(keep)
        candidates = sorted({key for prefix in prefixes for key in self._objects.keys(prefix)} - kept)
        rounds = range(0, len(candidates), DELETES_PER_ROUND)
        return sum(self._forget(candidates[start : start + DELETES_PER_ROUND]) for start in rounds)

    def _forget(self, candidates: Sequence[str]) -> int:
        with begin_write(self._database, lock="snapshots") as connection:
            named = _named(connection)
            unnamed = [key for key in candidates if key not in named]
            for key in unnamed:
                self._objects.delete(key)
        return len(unnamed)

    def _check_parts(self, connection: sa.Connection, snapshot: Snapshot) -> None:
        named = _named(connection)
        for part in snapshot.parts:
            if part.key not in named and not self._objects.exists(part.key):
                raise CommitRaced(
                    f"{snapshot.name}: part {part.key} was deleted before the commit. Run again."
                )


@dataclass
class _Waiting:
    """Rows of one shard, not yet written. The one mutable value here: a buffer."""

    tables: list[pa.Table] = field(default_factory=list)
    rows: int = 0
    size_bytes: int = 0

    def add(self, table: pa.Table) -> None:
        self.tables.append(table)
        self.rows += table.num_rows
        self.size_bytes += table.nbytes

    def take_full(self, rows_max: int) -> Iterator[pa.Table]:
        while self.rows >= rows_max:
            whole = self.take_all()
            yield whole.slice(0, rows_max)
            if whole.num_rows > rows_max:
                self.add(whole.slice(rows_max))

    def take_all(self) -> pa.Table:
        whole = pa.concat_tables(self.tables)
        self.tables, self.rows, self.size_bytes = [], 0, 0
        return whole


def _parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(
        table.replace_schema_metadata(None).combine_chunks(),  # chunk borders would show in the pages
        sink,
        row_group_size=ROW_GROUP_ROWS,
        compression="zstd",
        compression_level=COMPRESSION_LEVEL,
        write_statistics=False,
        write_page_index=False,
    )
    return sink.getvalue().to_pybytes()


def _by_shard(table: pa.Table, shard_column: str) -> Iterator[tuple[int, pa.Table]]:
    """The table's rows of each shard, in the table's order; copies, so that the table itself may go."""
    column = table[shard_column]
    if column.null_count:
        raise StoreError(f"{column.null_count} rows have no {shard_column}; every row belongs to one shard.")
    shards = column.to_numpy()
    order = np.argsort(shards, kind="stable")
    present, starts = np.unique(shards[order], return_index=True)
    for shard, rows in zip(present, np.split(order, starts[1:]), strict=True):
        yield int(shard), table.take(pa.array(rows))


def _move(connection: sa.Connection, snapshot: Snapshot, expected: str | None) -> bool:
    """Compare-and-swap of one row; False if it was not as expected."""
    values = {"snapshot_id": snapshot.id, "snapshot": snapshot.canonical.decode(), "moved_at": sa.func.now()}
    held = connection.execute(
        sa.select(pointers.c.snapshot_id).where(pointers.c.name == snapshot.name)
    ).scalar()
    if held != expected:
        return False
    if expected is None:
        connection.execute(sa.insert(pointers).values(name=snapshot.name, **values))
        return True
    swap = sa.update(pointers).where(pointers.c.name == snapshot.name, pointers.c.snapshot_id == expected)
    return connection.execute(swap.values(**values)).rowcount == 1


def _named(connection: sa.Connection) -> set[str]:
    """Keys of the parts of all current snapshots."""
    texts = connection.execute(sa.select(pointers.c.snapshot)).scalars()
    return {part["key"] for text in texts for part in json.loads(text)["parts"]}
