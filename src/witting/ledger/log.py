"""The ledger: an append-only log of everything that changes what may be done with whose words.

Covers: appending in one transaction, reading, roots, proofs and checkpoints at any size, and recomputing the whole from
its bytes. Not covered: what entries mean (`rights`, `corpus`, ...), views of them (`store/projections.py`).
The design is sunlight's and tessera's: entries and tree are written together, checkpoints never contradict each other,
and damage is named rather than repaired.

Life of an entry:
1. `append_many` takes the database's write lock, so that writers in any number of processes wait for one another; on SQLite
   in a line (`queue.py`), where whoever has the turn appends for all that wait.
2. The frontier of the tree (its complete subtrees, at most one a level) is read; entries get the next indexes.
3. Their canonical bytes, their leaf hashes and every subtree hash they complete are written.
4. `fold` is called with the same connection, then everything commits at once, or nothing.
5. `checkpoint` signs size and root. Keep one outside: without it nobody can see that the ledger was cut or replaced.

What voids the guarantees: the signing key in other hands (they can sign another history, which only a checkpoint kept
outside reveals), and a database on a network file system whose locks do not hold.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Engine, LargeBinary, Table, cast, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from witting import __version__
from witting.errors import DiskFull, LedgerDamaged, LedgerError, ProofInvalid, StoreError
from witting.ledger import merkle
from witting.ledger.checkpoint import Checkpoint, VerifierKey, open_checkpoint, sign_checkpoint, verifier_key
from witting.ledger.entry import Entry, canonical, format_time, make_entry, read_entry
from witting.ledger.merkle import HASH_BYTES, Frontier, Node, Range, cover
from witting.ledger.proof import format_proof
from witting.ledger.queue import Queue, Said, Told
from witting.ledger.tables import ledger_checkpoints, ledger_entries, ledger_nodes

APPEND_ENTRIES_MAX = 100_000
LOCK_ATTEMPTS_MAX = 8  # each waits as long as the database's own busy timeout
READ_ENTRIES = 1_000
READ_NODES = 400  # nodes a query, two values each; old builds of SQLite bind at most 999
ADVISORY_LOCK = 0x7769_7474_696E_67  # "witting": one ledger a PostgreSQL database


class StoredEntry(NamedTuple):
    """A row of ledger_entries."""

    number: int  # the column is called index, which is a method of every tuple
    kind: str
    at: str
    body: bytes
    leaf_hash: bytes


class StoredCheckpoint(NamedTuple):
    """A row of ledger_checkpoints, without its time."""

    size: int
    root: bytes
    note: str


BYTES: TypeEngine[bytes] = LargeBinary()
ENTRIES = select(
    ledger_entries.c.index,
    ledger_entries.c.kind,
    ledger_entries.c.at,
    cast(ledger_entries.c.body, BYTES),  # in SQLite, whoever edits the file may put text where bytes were
    cast(ledger_entries.c.leaf_hash, BYTES),
)
CHECKPOINTS = select(ledger_checkpoints.c.size, ledger_checkpoints.c.root, ledger_checkpoints.c.note)

Fold = Callable[[Connection, Sequence[Entry]], None]
Publish = Callable[["Ledger", str], object]  # with a signed checkpoint
Along = Callable[[Connection, list[int]], None]  # given the new entries' indexes
Result = TypeVar("Result")


class Ledger:
    """Holds the database, the signing key and the origin. Safe to open in many processes at once."""

    def __init__(
        self,
        database: Engine,
        signer: Ed25519PrivateKey,
        *,
        origin: str,
        fold: Fold | None = None,
        publish: Publish | None = None,
    ) -> None:
        self._database = database
        self._signer = signer
        self._fold = fold
        self._publish = publish
        self._key = verifier_key(signer, name=origin)
        self._queue = _queue(database, fold)

    @property
    def verifier_key(self) -> VerifierKey:
        """What others need to check our signatures; `str()` of it is the word to publish."""
        return self._key

    # -- appending ----------------------------------------------------------------------------------------------------

    def append(self, kind: str, body: Mapping[str, Any], *, now: datetime) -> int:
        """The new entry's index."""
        return self.append_many([(kind, body)], now=now)[0]

    def append_many(
        self,
        entries: Sequence[tuple[str, Mapping[str, Any]]],
        *,
        now: datetime,
        along: Along | None = None,
    ) -> list[int]:
        """All of them in one transaction, or none. Their indexes, in order and without a gap. `along` writes what must stand
        with them or not at all; where it raises, nothing is appended."""
        if len(entries) > APPEND_ENTRIES_MAX:
            raise LedgerError(
                f"{len(entries)} entries in one append; at most {APPEND_ENTRIES_MAX} are allowed. Append in batches."
            )
        if not entries:
            return []
        said: list[Said] = [(kind, body, now) for kind, body in entries]
        if self._queue is not None and along is None:
            first = self._queue.append(said, self._append, self._holds)
        else:
            with self._turn():
                first = self._append(said, along=along)
        return list(range(first, first + len(said)))

    def _append(self, said: Sequence[Said], told: Told | None = None, *, along: Along | None = None) -> int:
        """The first index. `told` is called before the commit."""
        return self._write(lambda connection: self._insert(connection, said, told, along))

    def _insert(
        self, connection: Connection, said: Sequence[Said], told: Told | None, along: Along | None
    ) -> int:
        frontier = _frontier(connection)
        entries = [
            make_entry(index, kind, body, now=now)
            for index, (kind, body, now) in enumerate(said, start=frontier.size)
        ]
        leaves = [merkle.leaf_hash(entry.bytes) for entry in entries]
        _, completed = frontier.extend(leaves)
        rows = [_row(entry, leaf) for entry, leaf in zip(entries, leaves, strict=True)]
        connection.exec_driver_sql(_insert_into(ledger_entries, _mark(connection)), rows)
        if completed:
            nodes = [(node.level, node.index, hashed) for node, hashed in completed.items()]
            connection.exec_driver_sql(_insert_into(ledger_nodes, _mark(connection)), nodes)
        if self._fold:
            self._fold(connection, entries)
        if along:
            along(connection, [entry.index for entry in entries])
        if told:
            told(frontier.size, entries[-1].index, leaves[-1].hex())
        return frontier.size

    def _holds(self, index: int, leaf_hash: str) -> bool:
        with self._database.connect() as connection:
            return _load_nodes(connection, [Node(0, index)]).get(Node(0, index), b"").hex() == leaf_hash

    def _write(self, act: Callable[[Connection], Result]) -> Result:
        """`act` in one transaction that holds the ledger's write lock; run again while the lock is not to be had."""
        for attempt in range(LOCK_ATTEMPTS_MAX):
            try:
                with self._database.begin() as connection:
                    _take_write_lock(connection)
                    return act(connection)
            except (DBAPIError, StoreError) as error:
                if _is_disk_full(error):
                    raise DiskFull(
                        "the disk filled up while writing the ledger; nothing was written, nothing was lost. "
                        "Free space and run again."
                    ) from error
                if not _is_busy(error) or attempt + 1 == LOCK_ATTEMPTS_MAX:
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    # -- reading ------------------------------------------------------------------------------------------------------

    def size(self) -> int:
        with self._database.connect() as connection:
            return _size(connection)

    def entry(self, index: int) -> Entry:
        """The entry, checked against its leaf hash. LedgerError if there is none, LedgerDamaged if it was changed."""
        query = ENTRIES.where(ledger_entries.c.index == index)
        with self._database.connect() as connection:
            row = connection.execute(query).first()
            if row is None:
                size = _size(connection)
                raise LedgerError(f"there is no ledger entry {index}; the ledger has {size}, counted from 0.")
        return _entry(StoredEntry(*row))

    def entries(self, start: int = 0, *, kind: str | None = None) -> Iterator[Entry]:
        """Entries from `start` on, in order, read in batches; `kind` is exact, or a family that ends in a dot."""
        while True:
            batch = self._batch(start, kind)
            yield from map(_entry, batch)
            if len(batch) < READ_ENTRIES:
                return
            start = batch[-1].number + 1

    def _batch(self, start: int, kind: str | None) -> list[StoredEntry]:
        with self._database.connect() as connection:
            return _rows(connection, start, kind)

    # -- roots, proofs, checkpoints -----------------------------------------------------------------------------------

    def root(self, size: int | None = None) -> bytes:
        """The root now, or as it was at any earlier size."""
        with self._database.connect() as connection:
            whole = _size(connection)
            return _hash_ranges(connection, [Range(0, _within(whole, size))])[0]

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """RFC 9162 §2.1.3.1: from the leaf's sibling up to the root's child."""
        with self._database.connect() as connection:
            ranges = merkle.path_ranges(index, _within(_size(connection), size))
            return _hash_ranges(connection, ranges)

    def consistency_proof(self, old: int, new: int) -> list[bytes]:
        """RFC 9162 §2.1.4.1: that the tree of `old` entries is the beginning of the tree of `new`."""
        with self._database.connect() as connection:
            ranges = merkle.consistency_ranges(old, _within(_size(connection), new))
            return _hash_ranges(connection, ranges)

    def hashes(self, level: int, start: int, end: int) -> list[bytes]:
        """The roots of the complete subtrees `start` up to but not including `end` of this height; 0 is the leaves."""
        nodes = [Node(level, index) for index in range(start, end)]
        with self._database.connect() as connection:
            stored = _load_nodes(connection, nodes)
        return [_found(stored, node) for node in nodes]

    def checkpoint(self, *, now: datetime) -> str:
        """The ledger's size and root as a signed note, kept for good, then published where `publish` says. Refuses to sign
        what contradicts the last one."""
        note = self.signed_note(now=now)
        if self._publish:
            self._publish(self, note)
        return note

    def signed_note(self, *, now: datetime) -> str:
        """As `checkpoint`, and not published: for who writes first what stands under it, and publishes then."""
        with self._database.connect() as connection:
            known = _stored_note(connection, _size(connection))
        note = known or self._written_note(now)
        open_checkpoint(note, self._key)
        return note

    def _written_note(self, now: datetime) -> str:
        with self._turn():
            return self._write(lambda connection: self._sign(connection, now))

    def _turn(self) -> AbstractContextManager[None]:
        """For what nobody else may write for us: our place in the line, where there is one."""
        return nullcontext() if self._queue is None else self._queue.turn()

    def _sign(self, connection: Connection, now: datetime) -> str:
        frontier = _frontier(connection)
        known = _stored_note(connection, frontier.size)
        if known:
            return known
        self._check_latest(connection, frontier.size)
        checkpoint = Checkpoint(self._key.name, frontier.size, frontier.root())
        note = sign_checkpoint(checkpoint, self._signer)
        connection.execute(
            ledger_checkpoints.insert(),
            {"size": checkpoint.size, "root": checkpoint.root, "note": note, "at": format_time(now)},
        )
        return note

    def _check_latest(self, connection: Connection, size: int) -> None:
        latest = connection.execute(CHECKPOINTS.order_by(ledger_checkpoints.c.size.desc()).limit(1)).first()
        if latest is not None:
            signed = StoredCheckpoint(*latest)
            self._check_against(connection, Checkpoint(self._key.name, signed.size, signed.root), size)

    def checkpoints(self, *, newest: int) -> list[str]:
        """The `newest` signed notes, the newest first."""
        query = select(ledger_checkpoints.c.note).order_by(ledger_checkpoints.c.size.desc()).limit(newest)
        with self._database.connect() as connection:
            return list(connection.execute(query).scalars())

    def tlog_proof(self, index: int, *, now: datetime, note: str | None = None) -> str:
        """A `.tlog-proof` that stands alone: its extra line carries the entry's bytes and the verifier key. `note` is the
        checkpoint to prove against, e.g. one with cosignatures; without it, the present one."""
        note = self.checkpoint(now=now) if note is None else note
        size = open_checkpoint(note, self._key).size
        entry = self.entry(index)
        extra = canonical({"entry": entry.bytes.decode(), "verifier_key": str(self._key)}, what="extra line")
        return format_proof(index, self.inclusion_proof(index, size), note, extra=extra)

    # -- is it still the same ledger? ---------------------------------------------------------------------------------

    def compare(self, old_checkpoint: str) -> None:
        """Against a checkpoint kept outside: LedgerDamaged if entries were cut off (rollback) or replaced (fork).

        Compares with the tree as stored; `verify` recomputes that tree from the entries' bytes. Run both.
        """
        kept = open_checkpoint(old_checkpoint, self._key)
        with self._database.connect() as connection:
            self._check_against(connection, kept, _size(connection))

    def _check_against(self, connection: Connection, kept: Checkpoint, size: int) -> None:
        if kept.size > size:
            raise LedgerDamaged(
                f"rollback: a checkpoint over {kept.size} entries was signed, the ledger now has {size}. "
                "Restore the newer database; do not append to this one."
            )
        if _hash_ranges(connection, [Range(0, kept.size)])[0] != kept.root:
            raise LedgerDamaged(
                f"fork: the first {kept.size} entries are not those that the kept checkpoint signed. "
                "Run verify to find the entry; restore the database that the checkpoint belongs to."
            )

    def verify(self) -> None:
        """Recomputes everything from the entries' bytes: order, hashes, tree, checkpoints. LedgerDamaged names what
        is wrong. Reads in batches, so that writers are never kept waiting; memory stays bounded."""
        frontier = Frontier()
        with self._database.connect() as connection:
            _check_pages(connection)
            size = _size(connection)
        while frontier.size < size:
            frontier = self._verify_batch(frontier, size)
        self._verify_nothing_beside()
        self._verify_checkpoints()

    def _verify_batch(self, frontier: Frontier, size: int) -> Frontier:
        rows = self._batch(frontier.size, None)[: size - frontier.size]
        if not rows:
            raise LedgerDamaged(f"ledger entry {frontier.size} is missing; the ledger claims {size} entries.")
        leaves = [_verified_leaf(row, index) for index, row in enumerate(rows, start=frontier.size)]
        after, completed = frontier.extend(leaves)
        with self._database.connect() as connection:
            stored = _load_nodes(connection, completed)
        for node, computed in completed.items():
            if stored.get(node) != computed:
                raise LedgerDamaged(
                    f"ledger node {tuple(node)} over the entries {node.index << node.level} to "
                    f"{((node.index + 1) << node.level) - 1} is missing or differs from their hash."
                )
        return after

    def _verify_nothing_beside(self) -> None:
        """No node that no entries stand under. Nodes are read first: entries appended meanwhile only add room."""
        columns = ledger_nodes.c
        query = select(columns.level, func.min(columns.index), func.max(columns.index)).group_by(
            columns.level
        )
        with self._database.connect() as connection:
            levels = connection.execute(query).all()
            size = _size(connection)
        for level, first, last in levels:
            if level < 1 or first < 0 or last >= size >> level:
                raise LedgerDamaged(f"ledger node ({level}, {last}) stands over entries that do not exist.")

    def _verify_checkpoints(self) -> None:
        start = -1
        while rows := self._checkpoint_batch(start):
            for row in rows:
                self._verify_checkpoint(row)
            start = rows[-1].size

    def _checkpoint_batch(self, after: int) -> list[StoredCheckpoint]:
        column = ledger_checkpoints.c.size
        query = CHECKPOINTS.where(column > after).order_by(column).limit(READ_ENTRIES)
        with self._database.connect() as connection:
            return [StoredCheckpoint(*row) for row in connection.execute(query)]

    def _verify_checkpoint(self, row: StoredCheckpoint) -> None:
        try:
            signed = open_checkpoint(row.note, self._key)
        except ProofInvalid as error:
            raise LedgerDamaged(f"the ledger's checkpoint over {row.size} entries: {error}") from error
        if (signed.size, signed.root) != (row.size, row.root):
            raise LedgerDamaged(
                f"the ledger's checkpoint over {row.size} entries signs another size or root."
            )
        with self._database.connect() as connection:
            self._check_against(connection, signed, _size(connection))


def entries_within(connection: Connection, start: int, end: int, *, kind: str) -> Iterator[Entry]:
    """For an `along`: entries `start` up to but not including `end` of this kind, as the transaction sees them, in which nobody
    else appends any more."""
    while True:
        rows = [row for row in _rows(connection, start, kind) if row.number < end]
        yield from map(_entry, rows)
        if len(rows) < READ_ENTRIES:
            return
        start = rows[-1].number + 1


# -- the database -----------------------------------------------------------------------------------------------------


def _queue(database: Engine, fold: Fold | None) -> Queue | None:
    """The line before a SQLite file; PostgreSQL has its own."""
    path = database.url.database
    if database.dialect.name != "sqlite" or not path or path == ":memory:":
        return None
    return Queue(Path(f"{path}-queue"), fold=_fold_name(fold))


def _fold_name(fold: Fold | None) -> str | None:
    """By what another process may know that it folds as we do: a function of the same version of Witting, or none."""
    if fold is None:
        return f"none {__version__}"
    module, name = getattr(fold, "__module__", ""), getattr(fold, "__qualname__", "<")
    return f"{module}.{name} {__version__}" if module.startswith("witting.") and "<" not in name else None


def _take_write_lock(connection: Connection) -> None:
    """From here on no other process appends, and everything committed before is visible.

    On SQLite a write as the first statement takes the one write lock as BEGIN IMMEDIATE does, whichever way the driver
    begins transactions; this one matches no row. Waiting for it is the busy timeout's work.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")
    else:
        connection.exec_driver_sql("UPDATE ledger_entries SET kind = kind WHERE 1 = 0")


def _is_busy(error: DBAPIError | StoreError) -> bool:
    driver = _driver_error(error)
    if isinstance(driver, sqlite3.Error):
        return driver.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return getattr(driver, "sqlstate", None) in (
        "40001",
        "40P01",
        "55P03",
    )  # serialisation, deadlock, no lock


def _is_disk_full(error: DBAPIError | StoreError) -> bool:
    driver = _driver_error(error)
    if isinstance(driver, sqlite3.Error):
        return driver.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL
    return getattr(driver, "sqlstate", None) == "53100"


def _driver_error(error: DBAPIError | StoreError) -> BaseException | None:
    """What the driver raised, under SQLAlchemy's error or under the sentence that `store/database.py` made of it."""
    return error.orig if isinstance(error, DBAPIError) else error.__cause__


def _check_pages(connection: Connection) -> None:
    """That SQLite's pages and indexes fit its tables: an index that lost a row would hide an entry from who asks by kind."""
    if connection.dialect.name != "sqlite":
        return
    said = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalars().all()
    if said != ["ok"]:
        raise LedgerDamaged("the pages of the database do not fit together; restore it from a backup.")


def _size(connection: Connection) -> int:
    last = connection.exec_driver_sql('SELECT max("index") FROM ledger_entries').scalar_one()
    if last is not None and not isinstance(last, int):
        raise LedgerDamaged("the ledger holds an entry whose index is not a number; restore the database.")
    return 0 if last is None else last + 1


def _rows(connection: Connection, start: int, kind: str | None) -> list[StoredEntry]:
    """At most READ_ENTRIES."""
    query = ENTRIES.where(ledger_entries.c.index >= start)
    if kind is not None:
        column = ledger_entries.c.kind
        family = kind.endswith(".")
        query = query.where(column.startswith(kind, autoescape=True) if family else column == kind)
    rows = connection.execute(query.order_by(ledger_entries.c.index).limit(READ_ENTRIES))
    return [StoredEntry(*row) for row in rows]


def _within(whole: int, size: int | None) -> int:
    if size is None:
        return whole
    if not 0 <= size <= whole:
        raise LedgerError(f"the ledger has {whole} entries; a tree of {size} was asked for.")
    return size


def _frontier(connection: Connection) -> Frontier:
    size = _size(connection)
    nodes = cover(0, size)
    stored = _load_nodes(connection, nodes)
    return Frontier(size, tuple(_found(stored, node) for node in nodes))


def _hash_ranges(connection: Connection, ranges: Sequence[Range]) -> list[bytes]:
    stored = _load_nodes(connection, {node for part in ranges for node in cover(*part)})
    return [merkle.hash_range(lambda node: _found(stored, node), *part) for part in ranges]


def _found(stored: Mapping[Node, bytes], node: Node) -> bytes:
    if node not in stored:
        raise LedgerDamaged(
            f"ledger node {tuple(node)} is missing; run verify, and restore the database if it fails."
        )
    return stored[node]


def _load_nodes(connection: Connection, nodes: Collection[Node]) -> dict[Node, bytes]:
    """What is stored of these nodes, one indexed look-up each. Fixed text: building the query would take half the time."""
    stored: dict[Node, bytes] = {}
    ordered, mark = sorted(nodes), _mark(connection)
    leaves = [node.index for node in ordered if node.level == 0]
    for part in _parts(leaves):
        for index, hashed in connection.exec_driver_sql(_leaf_query(len(part), mark), tuple(part)):
            stored[Node(0, index)] = _hash(Node(0, index), hashed)
    for nodes_part in _parts(ordered[len(leaves) :]):
        values = tuple(number for node in nodes_part for number in node)
        for level, index, hashed in connection.exec_driver_sql(_node_query(len(nodes_part), mark), values):
            stored[Node(level, index)] = _hash(Node(level, index), hashed)
    return stored


def _hash(node: Node, stored: object) -> bytes:
    """Whoever edits a SQLite file may put anything where a hash was."""
    if not isinstance(stored, bytes) or len(stored) != HASH_BYTES:
        raise LedgerDamaged(f"ledger node {tuple(node)} does not hold a hash; restore the database.")
    return stored


@lru_cache
def _leaf_query(count: int, mark: str) -> str:
    return f'SELECT "index", leaf_hash FROM ledger_entries WHERE "index" IN ({", ".join([mark] * count)})'  # noqa: S608  # marks only


@lru_cache
def _node_query(count: int, mark: str) -> str:
    """Places first, then the table: SQLite scans it for pairs in IN (...), and keeps the order of a CROSS JOIN."""
    places = ", ".join([f"({mark}, {mark})"] * count)
    return (
        f"WITH places(level, place) AS (VALUES {places}) "  # noqa: S608  # marks only
        'SELECT n.level, n."index", n.hash FROM places CROSS JOIN ledger_nodes n '
        'WHERE n.level = places.level AND n."index" = places.place'
    )


@lru_cache
def _insert_into(table: Table, mark: str) -> str:
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    marks = ", ".join([mark] * len(table.columns))
    return f"INSERT INTO {table.name} ({columns}) VALUES ({marks})"  # noqa: S608  # our own names


def _mark(connection: Connection) -> str:
    """How the driver marks a value in a statement's text."""
    return "?" if connection.dialect.paramstyle == "qmark" else "%s"


def _parts(values: Sequence[Result]) -> Iterator[list[Result]]:
    rest = iter(values)
    while part := list(islice(rest, READ_NODES)):
        yield part


def _stored_note(connection: Connection, size: int) -> str | None:
    query = select(ledger_checkpoints.c.note).where(ledger_checkpoints.c.size == size)
    return connection.execute(query).scalar_one_or_none()


def _row(entry: Entry, leaf: bytes) -> tuple[int, str, str, bytes, bytes]:
    """In the order of the table's columns."""
    return entry.index, entry.kind, format_time(entry.at), entry.bytes, leaf


def _entry(row: StoredEntry) -> Entry:
    if merkle.leaf_hash(row.body) != row.leaf_hash:
        raise LedgerDamaged(
            f"ledger entry {row.number}: its bytes do not have the hash they were appended with."
        )
    return read_entry(row.body)


def _verified_leaf(row: StoredEntry, index: int) -> bytes:
    """The leaf hash, computed from the bytes, after comparing every column with them."""
    if row.number != index:
        raise LedgerDamaged(f"ledger entry {index} is missing; the next one there is {row.number}.")
    leaf = merkle.leaf_hash(row.body)
    if leaf != row.leaf_hash:
        raise LedgerDamaged(f"ledger entry {index}: its bytes do not have the hash they were appended with.")
    entry = read_entry(row.body)
    if (entry.index, entry.kind, format_time(entry.at)) != (index, row.kind, row.at):
        raise LedgerDamaged(f"ledger entry {index}: its index, kind or time differ from its bytes.")
    return leaf
