"""What the ledger's rights events add up to, as a table that can be read in bulk.

Covered: folding entries `rights.*` into the `events` table within the append's own transaction, reading them as
schema.EVENT, catching up and rebuilding from the ledger. Not covered: what the events mean (`rights/`).

Projections may be lost at any time: drop and replay equals live (a property test). An entry of a kind not known here
is passed over, so that an older Witting can read a newer ledger. A table that lags behind its ledger is never read:
a missing withdrawal would permit what was refused, so `events` raises instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlalchemy as sa

from witting.errors import StoreError
from witting.ledger.entry import Entry
from witting.ledger.tables import ledger_entries
from witting.schema import EVENT, EVENT_KINDS, PURPOSES
from witting.store.database import begin_read, begin_write
from witting.store.tables import events, projection_state

if TYPE_CHECKING:
    from witting.ledger.log import Ledger

KIND_PREFIX = "rights."
ENTRIES_PER_ROUND = 5_000  # replayed in one transaction
ROWS_PER_BATCH = 10_000
AGE_MAX = 18  # an age says minor or adult; more is nobody's business here
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
TIMES = ("occurred_at", "valid_from", "expires_at")
NOES = ("refusal", "objection", "withdrawal", "erasure_request", "signal")  # of EVENT_KINDS
LISTS = ("purposes", "special", "safeguards")


class Projections:
    def __init__(self, database: sa.Engine) -> None:
        self._database = database

    def fold(self, connection: sa.Connection, entries: Iterable[Entry]) -> None:
        """For `Ledger(..., fold=projections.fold)`: applies new entries in the append's transaction."""
        fold(connection, entries)

    def events(self) -> pa.Table:
        """Every rights event in ledger order, as schema.EVENT. Raises StoreError if the table lags behind."""
        return pa.Table.from_batches(self.event_batches(), EVENT)

    def event_batches(self) -> Iterator[pa.RecordBatch]:
        """As `events`, in batches of bounded size, all of one moment."""
        with begin_read(self._database) as connection:
            _refuse_lag(connection)
            query = sa.select(events).order_by(events.c.entry).execution_options(yield_per=ROWS_PER_BATCH)
            for rows in connection.execute(query).mappings().partitions():
                yield _batch(rows)

    def entries_of(self, subject_id: str) -> list[int]:
        """The ledger entries of one person's rights events, in order. Raises StoreError if the table lags behind."""
        with begin_read(self._database) as connection:
            _refuse_lag(connection)
            return self.entries_now(connection, subject_id)

    def entries_now(self, connection: sa.Connection, subject_id: str) -> list[int]:
        """As `entries_of`, in the caller's transaction, as far as the table goes."""
        query = sa.select(events.c.entry).where(events.c.subject == subject_id).order_by(events.c.entry)
        return list(connection.execute(query).scalars())

    def people(self, kinds: Sequence[str]) -> Iterator[str]:
        """Everybody with an event of one of these kinds, by id, in order; read in rounds, so that nothing is held open."""
        after = ""
        while True:
            query = sa.select(events.c.subject).distinct().where(events.c.subject > after)
            query = query.where(events.c.kind.in_(kinds)).order_by(events.c.subject).limit(ROWS_PER_BATCH)
            with begin_read(self._database) as connection:
                _refuse_lag(connection)
                found = list(connection.execute(query).scalars())
            yield from found
            if len(found) < ROWS_PER_BATCH:
                return
            after = found[-1]

    def events_of(self, subjects: Sequence[str]) -> pa.Table:
        """Those of these people and those about everybody, as `events`."""
        with begin_read(self._database) as connection:
            _refuse_lag(connection)
            mine = events.c.subject.in_(list(subjects)) | events.c.subject.is_(None)
            rows = connection.execute(sa.select(events).where(mine).order_by(events.c.entry)).mappings().all()
        return pa.Table.from_batches([_batch(rows)], EVENT)

    def heard_before(self, entry: int) -> int:
        """How many rights events stand before this ledger entry."""
        query = sa.select(sa.func.count()).select_from(events).where(events.c.entry < entry)
        with self._database.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def applied_index(self) -> int:
        """The last ledger entry folded in; -1 before the first."""
        with self._database.connect() as connection:
            return _applied(connection)

    def catch_up(self, ledger: Ledger) -> int:
        """Folds what the ledger has and the table has not; how many entries. Cheap when there is nothing to do."""
        folded = 0
        while entries := list(islice(ledger.entries(self.applied_index() + 1), ENTRIES_PER_ROUND)):
            with begin_write(self._database, lock="projections") as connection:
                fold(connection, entries)
            folded += len(entries)
        return folded

    def rebuild(self, ledger: Ledger) -> None:
        """Drops everything and replays the ledger, in rounds of bounded size. Until it is done `events` raises;
        appends go on, and their entries are folded in their turn. Killed in the middle: catch_up goes on."""
        with begin_write(self._database, lock="projections") as connection:
            connection.execute(sa.delete(events))
            connection.execute(sa.update(projection_state).values(applied_index=-1))
        self.catch_up(ledger)


def fold(connection: sa.Connection, entries: Iterable[Entry]) -> None:
    """Applies entries in order. One seen before changes nothing; one beyond the next is left for `catch_up`, which a
    rebuild under way is doing. Raises StoreError for a rights event of a known kind that cannot be read."""
    before = applied = _applied(connection, for_update=True)
    rows: list[dict[str, Any]] = []  # Any: column values
    for entry in entries:
        if entry.index != applied + 1:
            continue
        applied = entry.index
        kind = entry.kind.removeprefix(KIND_PREFIX)
        if entry.kind.startswith(KIND_PREFIX) and kind in EVENT_KINDS:
            rows.append(_row(entry, kind))
    if rows:
        connection.execute(sa.insert(events), rows)
    if applied != before:
        connection.execute(sa.update(projection_state).values(applied_index=applied))


def _applied(connection: sa.Connection, *, for_update: bool = False) -> int:
    query = sa.select(projection_state.c.applied_index)
    if for_update:  # PostgreSQL: two folds take turns; SQLite has locked the whole file already
        query = query.with_for_update()
    return connection.execute(query).scalar_one()


def _refuse_lag(connection: sa.Connection) -> None:
    last = connection.execute(sa.select(sa.func.max(ledger_entries.c.index))).scalar()
    applied = _applied(connection)
    if last is not None and applied < last:
        raise StoreError(
            f"the projection has seen ledger entries up to {applied}, the ledger goes to {last}. "
            "Run `witting ledger rebuild`, or wait for the one that is running."
        )


def _row(entry: Entry, kind: str) -> dict[str, Any]:  # Any: column values
    body = entry.body
    try:
        return {
            "entry": entry.index,
            "kind": kind,
            "subject": _text(body, "subject"),
            "verdict": _text(body, "verdict"),
            "place": _text(body, "place"),
            "age": _age(body.get("age")),
            "purposes": _purposes(body, kind),
            "special": _list(body, "special"),
            "safeguards": _proven(body),
            "occurred_at_us": _microseconds(body["occurred_at"]),
            "valid_from_us": _microseconds(body.get("valid_from")),
            "expires_at_us": _microseconds(body.get("expires_at")),
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(
            f"ledger entry {entry.index}, kind {entry.kind}, is not a rights event that can be projected "
            f"({type(error).__name__}): fields and types are in docs/architecture.md."
        ) from error


def _text(body: Mapping[str, Any], name: str) -> str | None:  # Any: JSON
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise TypeError(name)
    return value


def _list(body: Mapping[str, Any], name: str) -> str | None:  # Any: JSON
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TypeError(name)
    return json.dumps(value)


def _purposes(body: Mapping[str, Any], kind: str) -> str:  # Any: JSON
    """Those that are known. A no to one that is not might have meant any: it is read as of everything."""
    said = json.loads(_list(body, "purposes") or "[]")
    known = [purpose for purpose in said if purpose in PURPOSES]
    return json.dumps([] if len(known) < len(said) and kind in NOES else known)


def _proven(body: Mapping[str, Any]) -> str | None:  # Any: JSON
    """Of an assessment's safeguards those that name their proof: a claim opens nothing."""
    proofs = body.get("proofs", {})
    if not isinstance(proofs, dict):
        raise TypeError("proofs")
    claimed = _list(body, "safeguards")
    return None if claimed is None else json.dumps([name for name in json.loads(claimed) if name in proofs])


def _age(value: Any) -> int | None:  # Any: JSON
    return None if value is None else min(int(value), AGE_MAX)


def _microseconds(value: str | None) -> int | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(value)
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // MICROSECOND


def _batch(rows: Sequence[sa.RowMapping]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([_column(rows, column) for column in EVENT], schema=EVENT)


def _column(rows: Sequence[sa.RowMapping], column: pa.Field) -> pa.Array:
    if column.name in TIMES:
        return pa.array([row[f"{column.name}_us"] for row in rows], pa.int64()).cast(column.type)
    if column.name in LISTS:
        return pa.array(
            [None if row[column.name] is None else json.loads(row[column.name]) for row in rows], column.type
        )
    return pa.array([row[column.name] for row in rows], column.type)
