"""The spool: each event once, sealed, and in batches that a crash does not change."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from witting.errors import StoreError
from witting.store import spool as spool_module
from witting.store.database import begin_write, open_database
from witting.store.keys import KeyStore
from witting.store.spool import KNOWN_DAYS, Bad, Event, Spool, Taken
from witting.store.tables import known_events
from witting.store.tables import spool as spool_table
from witting.store.vault import Vault

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
WORDS = "cormorant-lantern-4471"
ALL = {"until": NOW, "events_max": 1_000, "bytes_max": 1 << 20}
TAKE_AND_DIE = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from witting.store.database import open_database
from witting.store.keys import KeyStore
from witting.store.spool import Event, Spool
from witting.store.vault import Vault
root = Path(sys.argv[2])
database, keys = open_database(sys.argv[1], root=root), KeyStore(root / "keys")
spool = Spool(database, keys, Vault(database, keys))
for number in range(int(sys.argv[3])):
    spool.take([Event("/chat", str(number), "app:ana", False, b"{}")], now=datetime(2026, 11, 24, tzinfo=UTC))
    print(number, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def spool(database: sa.Engine, keys: KeyStore) -> Spool:
    return Spool(database, keys, Vault(database, keys))


def event(id: str, *, handle: str = "app:ana", source: str = "/chat", rights: bool = False) -> Event:
    return Event(source, id, handle, rights, f'{{"id":"{id}","said":"{WORDS}"}}'.encode())


def count(database: sa.Engine, table: sa.Table) -> int:
    with database.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def test_an_event_is_taken_once_by_source_and_id(spool: Spool) -> None:
    first = spool.take([event("1"), event("2"), event("1")], now=NOW)
    assert (first.new, first.known, first.erased) == (2, 1, 0)
    again = spool.take([event("2"), event("1", source="/other"), event("3")], now=NOW)
    assert (again.new, again.known) == (2, 1)
    batch = spool.claim(**ALL)
    assert batch is not None
    assert batch.events == tuple(event(id).data for id in ("1", "2", "1", "3"))


def test_what_was_settled_is_gone_and_still_known(spool: Spool, database: sa.Engine) -> None:
    spool.take([event("1"), event("2")], now=NOW)
    batch = spool.claim(**ALL)
    assert batch is not None
    spool.settle(batch, now=NOW)
    assert (spool.waiting(until=NOW), count(database, spool_table), spool.claim(**ALL)) == (0, 0, None)
    assert spool.take([event("1"), event("2")], now=NOW).known == 2
    assert count(database, spool_table) == 0


def test_a_batch_stays_the_same_until_it_is_settled(spool: Spool) -> None:
    spool.take([event("1"), event("2")], now=NOW)
    first = spool.claim(**ALL)
    spool.take([event("3")], now=NOW)
    assert spool.claim(**ALL) == first
    assert first is not None
    spool.settle(first, now=NOW)
    second = spool.claim(**ALL)
    assert second is not None
    assert second.events == (event("3").data,)
    assert second.id != first.id


@pytest.mark.parametrize(
    ("events_max", "bytes_max", "sizes"), [(2, 1 << 20, [2, 2, 1]), (9, 1, [1] * 5), (9, 1 << 20, [5])]
)
def test_a_batch_has_its_limits_and_at_least_one_event(
    spool: Spool, events_max: int, bytes_max: int, sizes: list[int]
) -> None:
    spool.take([event(str(number)) for number in range(5)], now=NOW)
    seen = []
    while batch := spool.claim(until=NOW, events_max=events_max, bytes_max=bytes_max):
        seen.append(len(batch.events))
        spool.settle(batch, now=NOW)
    assert seen == sizes


def test_what_came_later_waits_for_the_next_walk(spool: Spool) -> None:
    later = NOW + timedelta(seconds=1)
    spool.take([event("late", rights=True)], now=later)
    assert (spool.claim(**ALL), spool.waiting(until=NOW), spool.rights_waiting(until=NOW)) == (None, 0, False)
    assert (spool.waiting(until=later), spool.rights_waiting(until=later)) == (1, True)


def test_words_alone_are_no_rights_waiting(spool: Spool) -> None:
    spool.take([event("1")], now=NOW)
    assert not spool.rights_waiting(until=NOW)


def test_an_erased_person_is_refused_at_the_door_and_closed_where_they_wait(
    spool: Spool, database: sa.Engine, keys: KeyStore
) -> None:
    vault = Vault(database, keys)
    spool.take([event("1"), event("2", handle="app:ben")], now=NOW)
    (ana,) = vault.subjects_for(["app:ana"])
    keys.destroy(ana)
    vault.mark_erased(ana)
    told = spool.take([event("1"), event("3"), event("4", handle="app:ben")], now=NOW)
    assert (told.new, told.known, told.erased) == (1, 1, 1)
    batch = spool.claim(**ALL)
    assert batch is not None
    assert batch.events == (None, event("2").data, event("4").data)


def test_one_persons_events_are_counted_and_forgotten_also_out_of_a_batch(
    spool: Spool, database: sa.Engine, keys: KeyStore
) -> None:
    spool.take([event("1"), event("2", handle="app:ben"), event("3")], now=NOW)
    (ana,) = Vault(database, keys).subjects_for(["app:ana"])
    before = spool.claim(**ALL)
    assert spool.waiting_of(ana) == 2
    spool.forget(ana)
    spool.forget(ana)
    assert (spool.waiting_of(ana), spool.waiting(until=NOW)) == (0, 1)
    left = spool.claim(**ALL)
    assert before is not None
    assert left is not None
    assert (left.id, left.events) == (before.id, (event("2", handle="app:ben").data,))
    assert spool.take([event("1")], now=NOW).known == 1


def test_no_byte_of_what_was_said_or_of_whom_is_in_the_clear(database: sa.Engine, spool: Spool) -> None:
    spool.take([event("secret-id-77", handle="app:ana-handle", source="/secret-source")], now=NOW)
    with database.connect() as connection:
        rows = [
            tuple(row)
            for table in (spool_table, known_events)
            for row in connection.execute(sa.select(table))
        ]
    assert len(rows) == 2
    seen = repr(rows)
    assert [word for word in (WORDS, "ana-handle", "secret-id", "secret-source") if word in seen] == []
    assert WORDS not in repr(event("1"))


def test_a_private_database_file_holds_no_word_before_or_after(tmp_path: Path, keys: KeyStore) -> None:
    database = open_database("sqlite:///witting.db", root=tmp_path)
    spool = Spool(database, keys, Vault(database, keys))
    spool.take([event(str(number)) for number in range(50)], now=NOW)
    assert WORDS.encode() not in (tmp_path / "witting.db").read_bytes()
    with database.connect() as connection:
        sealed = connection.execute(sa.select(spool_table.c.sealed).limit(1)).scalar_one()
    assert sealed in (tmp_path / "witting.db").read_bytes()  # the look was a look
    batch = spool.claim(**ALL)
    assert batch is not None
    spool.settle(batch, now=NOW)
    assert sealed not in (tmp_path / "witting.db").read_bytes()


def test_hashes_of_settled_events_end_and_those_of_waiting_ones_stay(
    spool: Spool, database: sa.Engine
) -> None:
    spool.take([event("old")], now=NOW)
    batch = spool.claim(**ALL)
    assert batch is not None
    spool.take([event("old and waiting")], now=NOW)
    spool.settle(batch, now=NOW + timedelta(days=KNOWN_DAYS))
    assert count(database, known_events) == 2
    spool.settle(batch, now=NOW + timedelta(days=KNOWN_DAYS, seconds=1))
    assert count(database, known_events) == 1
    assert spool.take([event("old and waiting")], now=NOW).known == 1


def test_a_full_spool_refuses_and_keeps_what_it_has(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "WAITING_MAX", 2)
    spool.take([event("1"), event("2")], now=NOW)
    with pytest.raises(StoreError, match="wait already"):
        spool.take([event("3")], now=NOW)
    assert spool.take([event("1")], now=NOW).known == 1
    assert spool.waiting(until=NOW) == 2


def test_what_was_answered_survives_a_kill(database_url: str, tmp_path: Path, keys: KeyStore) -> None:
    command = [sys.executable, "-c", TAKE_AND_DIE, database_url, str(tmp_path), "20"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    database = open_database(database_url, root=tmp_path)
    spool = Spool(database, keys, Vault(database, keys))
    assert spool.waiting(until=NOW) == len(done.stdout.split()) == 20
    database.dispose()


def take_at_once(spool: Spool, deliveries: Sequence[Sequence[Event]]) -> list[Taken | StoreError]:
    """All of them from threads of their own, queued before the first has its turn."""
    said: list[Taken | StoreError | None] = [None] * len(deliveries)

    def take(place: int) -> None:
        try:
            said[place] = spool.take(deliveries[place], now=NOW)
        except StoreError as error:
            said[place] = error

    threads = [threading.Thread(target=take, args=(place,)) for place in range(len(deliveries))]
    with spool._turn:
        for place, thread in enumerate(threads):
            thread.start()
            while len(spool._queue) <= place:
                os.sched_yield()
    for thread in threads:
        thread.join(timeout=60)
    return [found for found in said if found is not None]


def commits(database: sa.Engine) -> list[object]:
    seen: list[object] = []
    sa.event.listen(database, "commit", seen.append)
    return seen


def test_deliveries_that_come_at_once_share_a_transaction_and_keep_their_own_counts(
    spool: Spool, database: sa.Engine
) -> None:
    spool.take([event("0")], now=NOW)
    seen = commits(database)
    said = take_at_once(
        spool,
        [[event("1")], [event("2"), event("2")], [event("1"), event("3")], [event("0")], [], [event("4")]],
    )
    assert said == [
        Taken(1, 0, 0),
        Taken(1, 1, 0),
        Taken(1, 1, 0),
        Taken(0, 1, 0),
        Taken(0, 0, 0),
        Taken(1, 0, 0),
    ]
    assert len(seen) == 1
    batch = spool.claim(**ALL)
    assert batch is not None
    assert batch.events == tuple(event(id).data for id in "01234")


def test_an_erased_person_in_one_of_them_is_refused_there_alone(
    spool: Spool, database: sa.Engine, keys: KeyStore
) -> None:
    vault = Vault(database, keys)
    (ana,) = vault.subjects_for(["app:ana"])
    keys.destroy(ana)
    vault.mark_erased(ana)
    ben = {"handle": "app:ben"}
    said = take_at_once(spool, [[event("1"), event("2", **ben)], [event("3")], [event("4", **ben)]])
    assert said == [Taken(1, 0, 1), Taken(0, 0, 1), Taken(1, 0, 0)]


def test_nobody_pays_for_what_another_delivery_brought(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "WAITING_MAX", 4)
    spool.take([event("0")], now=NOW)
    said = take_at_once(spool, [[event("1")], [event(f"many-{n}") for n in range(3)], [event("2")]])
    assert isinstance(said[1], StoreError)
    assert [said[0], said[2]] == [Taken(1, 0, 0), Taken(1, 0, 0)]
    assert spool.waiting(until=NOW) == 3


def test_a_store_that_takes_nothing_is_asked_once_for_all(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def held(events: dict[str, Event], at: object) -> None:
        asked.append(len(events))
        raise StoreError("another process has held the database for 30 s.")

    with monkeypatch.context() as holding:
        holding.setattr(spool, "_insert", held)
        said = take_at_once(spool, [[event(str(n))] for n in range(4)])
    assert [type(error) for error in said] == [StoreError] * 4
    assert asked == [4]
    assert spool.take([event("1")], now=NOW).new == 1


def test_a_transaction_holds_so_many_events_and_at_least_one_delivery(
    spool: Spool, database: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "TOGETHER_EVENTS_MAX", 2)
    spool.take([event("0")], now=NOW)
    seen = commits(database)
    said = take_at_once(
        spool, [[event("1")], [event("2")], [event(f"m-{n}") for n in range(3)], [event("3")]]
    )
    assert said == [Taken(1, 0, 0), Taken(1, 0, 0), Taken(3, 0, 0), Taken(1, 0, 0)]
    assert len(seen) == 3


def test_whoever_waits_behind_one_that_was_stopped_is_told(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(BaseException):
        pass

    def stopped(*_: object) -> None:
        raise Stopped

    with monkeypatch.context() as stopping:
        stopping.setattr(spool, "_insert", stopped)
        stopping.setattr(threading, "excepthook", lambda _: None)
        said = take_at_once(spool, [[event("1")], [event("2")]])
    assert [type(error) for error in said] == [StoreError]  # the other was stopped itself
    assert spool.take([event("1"), event("2")], now=NOW).new == 2


def bad(offset: int, data: bytes = WORDS.encode(), *, reason: str = "broken_json") -> Bad:
    return Bad(("chats", "0", str(offset)), reason, data)


def test_a_bad_message_is_kept_once_sealed_and_with_its_reason(spool: Spool, database: sa.Engine) -> None:
    spool.take([event("1")], now=NOW)
    assert spool.set_aside([bad(1), bad(2, reason="no_subject"), bad(1)], now=NOW) == 2
    assert spool.set_aside([bad(2, reason="no_subject"), bad(3)], now=NOW) == 1
    assert spool.set_aside([bad(1, b"another topic of the same name")], now=NOW) == 1
    with database.connect() as connection:
        assert WORDS not in repr(connection.execute(sa.select(spool_table)).all())
    assert (spool.waiting(until=NOW), spool.bad_waiting()) == (5, 4)
    batch = spool.claim(**ALL)
    assert batch is not None
    assert batch.events == (event("1").data,)
    words = WORDS.encode()
    other = ("broken_json", b"another topic of the same name")
    assert batch.bad == (("broken_json", words), ("no_subject", words), ("broken_json", words), other)
    assert not spool.rights_waiting(until=NOW)
    spool.settle(batch, now=NOW)
    assert spool.waiting(until=NOW) == 0
    assert spool.set_aside([bad(1)], now=NOW) == 0


def test_a_full_spool_refuses_bad_messages_too(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "WAITING_MAX", 2)
    spool.take([event("1"), event("2")], now=NOW)
    with pytest.raises(StoreError, match="wait already"):
        spool.set_aside([bad(1)], now=NOW)


def test_events_that_wait_survive_the_move_from_version_0002(
    database: sa.Engine, spool: Spool, database_url: str, tmp_path: Path
) -> None:
    spool.take([event("1"), event("2")], now=NOW)
    with begin_write(database) as connection:
        connection.exec_driver_sql("ALTER TABLE spool DROP COLUMN reason")
        connection.exec_driver_sql("ALTER TABLE artifacts DROP COLUMN account_mac")
        connection.exec_driver_sql("DROP TABLE data_rights_requests")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0002'")
    open_database(database_url, root=tmp_path).dispose()
    assert spool.set_aside([bad(1)], now=NOW) == 1
    assert spool.take([event("2"), event("3")], now=NOW) == Taken(1, 1, 0)
    batch = spool.claim(**ALL)
    assert batch is not None
    assert (batch.events, len(batch.bad)) == (tuple(event(id).data for id in "123"), 1)
