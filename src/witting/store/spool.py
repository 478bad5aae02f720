"""Live events that were received and wait for the walk: taken once, sealed, and gone once what they said is committed.

Covered: taking events before their sender is answered, each (source, id) once; handing them to the walk in batches that
a crash does not change; forgetting them; keeping aside, sealed, what no event could be read from. Not covered: carrying
them (`doors/http`, `doors/kafka`), reading them (`intake/live`).

An event is sealed under the key of the person it is about, so an erasure closes it here, too, and in every backup. What
makes it unique lies here as a keyed hash, for KNOWN_DAYS after it came; the hash of an event still waiting stays.

A batch is fixed in the database before a word of it is read: a walk that was killed reads the same events again, under
the same name, and whatever it had committed of them is found to be known. Void where two walks drain at once; a walk
holds the workspace.

Deliveries that come at once share a transaction: whoever has the turn takes all that queued up meanwhile (group commit;
DeWitt et al., Implementation techniques for main memory database systems, 1984, section 5).
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from witting.errors import SpoolFull, StoreError, SubjectErased
from witting.store.database import begin_write, chunks, insert_missing
from witting.store.keys import KeyStore
from witting.store.tables import known_events, spool
from witting.store.vault import Vault

KNOWN_DAYS = (
    90  # senders try again for days; later than this, rows and entries are still told apart by content
)
WAITING_MAX = 5_000_000  # events; more are refused until a walk has taken some
TOGETHER_EVENTS_MAX = 2_000  # of several deliveries in one transaction; one larger delivery goes alone
LOCK = "spool"


@dataclass(frozen=True)
class Event:
    """One event that was understood. `data` is its JSON on one line."""

    source: str = field(repr=False)
    id: str = field(repr=False)
    handle: str = field(repr=False)
    about_rights: bool
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Bad:
    """A message no event could be read from. `place` (topic, partition, offset) tells it from every other."""

    place: tuple[str, ...]
    reason: str  # of intake/skipped.py
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Taken:
    new: int
    known: int  # taken before, or twice in one delivery
    erased: int  # about somebody who was erased: not kept


@dataclass(frozen=True)
class Batch:
    """Events to be read together, in the order they came; None where the person was erased meanwhile. `id` is 64 hex.
    `bad` are messages no event could be read from, each with its reason."""

    id: str
    events: tuple[bytes | None, ...] = field(repr=False)
    bad: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)


@dataclass
class _Delivery:
    """What one caller of `take` brought, and what became of it: `taken` or `error`, once somebody had the turn."""

    events: dict[str, Event]  # by keyed hash
    told: int  # those told twice included
    now: datetime
    taken: Taken | None = None
    error: Exception | None = None

    def over(self) -> bool:
        return self.taken is not None or self.error is not None


class Spool:
    """Holds a queue, so that the threads of one receiver share a transaction and do not each wait for the database."""

    def __init__(self, database: sa.Engine, keys: KeyStore, vault: Vault) -> None:
        self._database, self._keys, self._vault = database, keys, vault
        self._turn = threading.Lock()
        self._queue: deque[_Delivery] = deque()  # appending and popping are atomic

    def take(self, events: Sequence[Event], *, now: datetime) -> Taken:
        """Keeps what was not known; when this returns it is on disk. All of it or, where this raises, nothing. Raises
        SpoolFull."""
        told: dict[str, Event] = {}
        for event in events:
            told.setdefault(self._mac(event), event)  # told twice, the first stands
        mine = _Delivery(told, len(events), now)
        self._queue.append(mine)
        with self._turn:
            while not mine.over():
                self._take_all(self._waiting_together())
        if mine.error is not None:
            raise mine.error
        assert mine.taken is not None
        return mine.taken

    def _waiting_together(self) -> list[_Delivery]:
        """The next deliveries in the order they came, as many as one transaction holds."""
        together = [self._queue.popleft()]
        size = len(together[0].events)
        while self._queue and size + len(self._queue[0].events) <= TOGETHER_EVENTS_MAX:
            together.append(self._queue.popleft())
            size += len(together[-1].events)
        return together

    def _take_all(self, together: Sequence[_Delivery]) -> None:
        """In one transaction; where that fails for what one of them brought, each in its own, so that no other pays."""
        try:
            self._take_together(together)
        except BaseException as error:
            if len(together) > 1 and isinstance(error, Exception) and not _fails_all(error):
                for delivery in together:
                    self._take_all([delivery])
                return
            for delivery in together:
                delivery.error = error if isinstance(error, Exception) else _cut_short()
            if not isinstance(error, Exception):
                raise

    def _take_together(self, together: Sequence[_Delivery]) -> None:
        first: dict[str, _Delivery] = {}  # an event in two deliveries is the first one's
        for delivery in together:
            for mac in delivery.events:
                first.setdefault(mac, delivery)
        fresh = self._fresh({mac: delivery.events[mac] for mac, delivery in first.items()})
        at, gone = {mac: delivery.now for mac, delivery in first.items()}, set[str]()
        try:
            new = self._insert(fresh, at)
        except SubjectErased:
            erased = self._vault.erased_handles([event.handle for event in fresh.values()])
            gone = {mac for mac, event in fresh.items() if event.handle in erased}
            new = self._insert({mac: event for mac, event in fresh.items() if mac not in gone}, at)
        for delivery in together:
            kept = sum(first[mac] is delivery for mac in new & delivery.events.keys())
            refused = len(gone & delivery.events.keys())
            delivery.taken = Taken(new=kept, known=delivery.told - kept - refused, erased=refused)

    def set_aside(self, messages: Sequence[Bad], *, now: datetime) -> int:
        """Keeps bad messages for the walk to quarantine, each once, in one transaction; how many were new. Nobody knows
        whose they are: they are sealed under the quarantine key. Raises SpoolFull."""
        told = {self._mac_of_bad(message): message for message in messages}
        data = [message.data for message in told.values()]
        sealed = self._keys.seal_quarantined([_label(mac) for mac in told], data)
        rows = {
            mac: {
                "event_mac": mac,
                "about_rights": False,
                "received_at": now,
                "sealed": words,
                "size_bytes": len(message.data),
                "reason": message.reason,
            }
            for (mac, message), words in zip(told.items(), sealed, strict=True)
        }
        with self._turn:
            return len(self._write(rows))

    def waiting(self, *, until: datetime) -> int:
        """How many events came until then and were not committed yet."""
        query = sa.select(sa.func.count()).select_from(spool).where(spool.c.received_at <= until)
        with self._database.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def rights_waiting(self, *, until: datetime) -> bool:
        """Whether one of them says what somebody allows or forbids."""
        query = sa.select(spool.c.seq).where(spool.c.about_rights, spool.c.received_at <= until).limit(1)
        with self._database.connect() as connection:
            return connection.execute(query).first() is not None

    def waiting_of(self, subject_id: str) -> int:
        """How many events about this person wait."""
        query = sa.select(sa.func.count()).select_from(spool).where(spool.c.subject_id == subject_id)
        with self._database.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def rights_waiting_of(self, subject_id: str) -> int:
        """How many events of a person's that are about rights wait for the next walk."""
        theirs = sa.select(sa.func.count()).where(spool.c.subject_id == subject_id, spool.c.about_rights)
        with self._database.connect() as connection:
            return int(connection.execute(theirs).scalar_one())

    def forget(self, subject_id: str) -> None:
        """Deletes the events about this person; again is fine. The hashes of source and id stay their KNOWN_DAYS."""
        with begin_write(self._database, lock=LOCK) as connection:
            connection.execute(sa.delete(spool).where(spool.c.subject_id == subject_id))

    def bad_waiting(self) -> int:
        """How many messages wait that no event could be read from; nobody knows whose they are."""
        query = sa.select(sa.func.count()).select_from(spool).where(spool.c.reason.is_not(None))
        with self._database.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def claim(self, *, until: datetime, events_max: int, bytes_max: int) -> Batch | None:
        """The batch that was not settled yet, else a new one of the oldest events that came until then."""
        with begin_write(self._database, lock=LOCK) as connection:
            name = connection.execute(
                sa.select(spool.c.batch).where(spool.c.batch.is_not(None)).limit(1)
            ).scalar()
            if name is None:
                name = _fix(connection, until, events_max, bytes_max)
            query = sa.select(spool).where(spool.c.batch == name).order_by(spool.c.seq)
            rows = [] if name is None else connection.execute(query).all()
        if name is None:
            return None
        events = [row for row in rows if row.reason is None]
        bad = [row for row in rows if row.reason is not None]
        opened = self._keys.open_bytes([row.subject_id for row in events], _labels(events), _sealed(events))
        messages = self._keys.open_quarantined(_labels(bad), _sealed(bad))
        return Batch(name, tuple(opened), tuple(zip([row.reason for row in bad], messages, strict=True)))

    def settle(self, batch: Batch, *, now: datetime) -> None:
        """Deletes a batch whose events are committed; again is fine."""
        old = known_events.c.received_at < now - timedelta(days=KNOWN_DAYS)
        with begin_write(self._database, lock=LOCK) as connection:
            connection.execute(sa.delete(spool).where(spool.c.batch == batch.id))
            waits = sa.select(spool.c.event_mac)
            connection.execute(sa.delete(known_events).where(old, known_events.c.event_mac.not_in(waits)))

    def _mac(self, event: Event) -> str:
        return self._keys.row_id("live event", event.source, event.id)

    def _mac_of_bad(self, message: Bad) -> str:
        # With what it holds: a topic that was made anew counts its offsets from 0 again.
        return self._keys.row_id("live message", *message.place, hashlib.sha256(message.data).hexdigest())

    def _fresh(self, events: dict[str, Event]) -> dict[str, Event]:
        with self._database.connect() as connection:
            known = _known(connection, list(events))
        return {mac: event for mac, event in events.items() if mac not in known}

    def _insert(self, events: dict[str, Event], at: Mapping[str, datetime]) -> set[str]:
        """Which of them were new. Raises SubjectErased, keeping nothing."""
        if not events:
            return set()
        macs = list(events)
        subjects = self._vault.subjects_for([event.handle for event in events.values()])
        data = [event.data for event in events.values()]
        sealed = self._keys.seal_bytes(subjects, [_label(mac) for mac in macs], data)
        rows = {
            mac: {
                "event_mac": mac,
                "subject_id": subject,
                "about_rights": event.about_rights,
                "received_at": at[mac],
                "sealed": words,
                "size_bytes": len(event.data),
            }
            for (mac, event), subject, words in zip(events.items(), subjects, sealed, strict=True)
        }
        return self._write(rows)

    def _write(self, rows: Mapping[str, Mapping[str, Any]]) -> set[str]:  # Any: column values
        """Which of them, by keyed hash, were new: they are on disk when this returns."""
        with begin_write(self._database, lock=LOCK) as connection:
            known = _known(connection, list(rows))  # another receiver may have taken some of them
            fresh = [mac for mac in rows if mac not in known]
            if fresh:
                _refuse_too_many(connection, len(fresh))
                marks = [{"event_mac": mac, "received_at": rows[mac]["received_at"]} for mac in fresh]
                insert_missing(connection, known_events, marks)
                connection.execute(sa.insert(spool), [dict(rows[mac]) for mac in fresh])
        return set(fresh)


def _fails_all(error: Exception) -> bool:
    """Whether the store as a whole takes nothing now (held, away, full disk): asking again for each would only wait."""
    whole = isinstance(error, StoreError) and not isinstance(error, SpoolFull)
    return whole or isinstance(error, sa.exc.OperationalError)


def _cut_short() -> StoreError:
    return StoreError("the process was stopped while this was taken; nothing of it was kept. Send it again.")


def _fix(connection: sa.Connection, until: datetime, events_max: int, bytes_max: int) -> str | None:
    """Names the oldest events as one batch, by their hashes and when they came: an id that is sent again after its hash was
    forgotten is another event."""
    query = (
        sa.select(spool.c.seq, spool.c.event_mac, spool.c.size_bytes, spool.c.received_at)
        .where(spool.c.batch.is_(None), spool.c.received_at <= until)
        .order_by(spool.c.seq)
        .limit(events_max)
    )
    digest, size, last = hashlib.sha256(b"witting live events\n"), 0, None
    for row in connection.execute(query):
        size += row.size_bytes
        if last is not None and size > bytes_max:
            break
        digest.update(f"{row.event_mac} {row.received_at.isoformat()}\n".encode())
        last = row.seq
    if last is None:
        return None
    these = sa.update(spool).where(spool.c.batch.is_(None), spool.c.received_at <= until, spool.c.seq <= last)
    connection.execute(these.values(batch=digest.hexdigest()))
    return digest.hexdigest()


def _refuse_too_many(connection: sa.Connection, more: int) -> None:
    ends = [sa.select(end(spool.c.seq)).scalar_subquery() for end in (sa.func.min, sa.func.max)]
    first, last = connection.execute(sa.select(*ends)).one()  # apart, so that SQLite looks and does not scan
    if first is not None and last - first + 1 + more > WAITING_MAX:  # at least as many as wait, and no count
        raise SpoolFull(
            f"{WAITING_MAX:,} live events wait already, and none was lost. Run `witting run`, then send these again."
        )


def _known(connection: sa.Connection, macs: Sequence[str]) -> set[str]:
    known: set[str] = set()
    for some in chunks(macs):
        query = sa.select(known_events.c.event_mac).where(known_events.c.event_mac.in_(some))
        known |= set(connection.execute(query).scalars())
    return known


def _labels(rows: Sequence[sa.Row[Any]]) -> list[str]:  # Any: a row of the spool
    return [_label(row.event_mac) for row in rows]


def _sealed(rows: Sequence[sa.Row[Any]]) -> list[bytes]:
    return [bytes(row.sealed) for row in rows]


def _label(event_mac: str) -> str:
    return f"live:{event_mac}"
