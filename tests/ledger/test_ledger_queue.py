"""The line before a SQLite ledger: appends of many share a transaction, each is there once, whoever is killed and when."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from witting.errors import LedgerError
from witting.ledger import Ledger
from witting.ledger import queue as queue_module
from witting.ledger.queue import ASK, GO

PROGRAM = Path(__file__).with_name("append_and_die.py")
WRITERS = 6


@pytest.fixture
def queue(sqlite_database: sa.Engine, tmp_path: Path) -> Path:
    """The folder of the line, once somebody wrote."""
    return tmp_path / "witting.db-queue"


@contextmanager
def held(queue: Path) -> Iterator[None]:
    """Somebody has the turn meanwhile."""
    queue.mkdir(exist_ok=True)
    with (queue / "turn").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield


@pytest.fixture
def writers(tmp_path: Path, signer: Ed25519PrivateKey, sqlite_database: sa.Engine) -> list[Ledger]:
    engines = [sa.create_engine(sqlite_database.url) for _ in range(WRITERS)]
    return [Ledger(engine, signer, origin="ledger.example/test") for engine in engines]


class Writing:
    """Each ledger appends once, in a thread of its own."""

    def __init__(self, ledgers: list[Ledger], now: datetime, *, batch: int = 1) -> None:
        self.indexes: list[list[int]] = []
        self.errors: list[Exception] = []
        self._threads = [
            threading.Thread(target=self._append, args=(ledger, number, now, batch), daemon=True)
            for number, ledger in enumerate(ledgers)
        ]
        for thread in self._threads:
            thread.start()

    def _append(self, ledger: Ledger, number: int, now: datetime, batch: int) -> None:
        try:
            entries = [("run.trained", {"writer": number, "place": place}) for place in range(batch)]
            self.indexes.append(ledger.append_many(entries, now=now))
        except Exception as error:
            self.errors.append(error)

    def all_wait(self, queue: Path) -> None:
        while len(list(queue.glob(f"*{GO}"))) < len(self._threads):
            assert any(thread.is_alive() for thread in self._threads)
            os.sched_yield()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(timeout=120)
            assert not thread.is_alive()


def commits(engine: sa.Engine) -> list[int]:
    told: list[int] = []
    sa.event.listen(engine, "commit", lambda connection: told.append(1))
    return told


def test_those_that_wait_are_appended_together_and_each_hears_its_own_indexes(
    writers: list[Ledger], queue: Path, now: datetime
) -> None:
    told = [commits(ledger._database) for ledger in writers]
    with held(queue):
        writing = Writing(writers, now, batch=3)
        writing.all_wait(queue)
    writing.join()
    assert writing.errors == []
    assert sum(map(len, told)) == 1
    assert sorted(index for batch in writing.indexes for index in batch) == list(range(3 * WRITERS))
    entries = list(writers[0].entries())
    for batch in writing.indexes:
        assert len({entries[index].body["writer"] for index in batch}) == 1
        assert [entries[index].body["place"] for index in batch] == [0, 1, 2]
    assert [path.name for path in queue.iterdir()] == ["turn"]  # nothing is left lying
    writers[0].verify()


@pytest.mark.parametrize("fault", [LedgerError, KeyError])
def test_what_cannot_be_appended_stops_only_who_brought_it(
    writers: list[Ledger],
    queue: Path,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
    fault: type[Exception],
) -> None:
    """A bad entry is refused before it stands in line; one that fails in the transaction fails alone, even by a fault of ours."""
    with pytest.raises(LedgerError, match="canonical JSON"), held(queue):
        writers[0].append("run.trained", {"loss": float("nan")}, now=now)
    insert = Ledger._insert

    def refusing(self: Ledger, connection: sa.Connection, said: list, *more: object) -> int:
        first = insert(self, connection, said, *more)  # type: ignore[arg-type]
        if any(body["writer"] == 2 for _, body, _ in said):
            raise fault("the projection cannot hold this")
        return first

    monkeypatch.setattr(Ledger, "_insert", refusing)
    with held(queue):
        writing = Writing(writers, now)
        writing.all_wait(queue)
    writing.join()
    assert [(type(error), error.args) for error in writing.errors] == [
        (fault, ("the projection cannot hold this",))
    ]
    assert sorted(entry.body["writer"] for entry in writers[0].entries()) == [0, 1, 3, 4, 5]
    writers[0].verify()


def test_who_folds_otherwise_is_not_appended_for(
    writers: list[Ledger], queue: Path, now: datetime, signer: Ed25519PrivateKey
) -> None:
    seen: list[int] = []
    engine = sa.create_engine(writers[0]._database.url)
    folding = Ledger(
        engine, signer, origin="a", fold=lambda _, entries: seen.extend(e.index for e in entries)
    )
    told = [commits(ledger._database) for ledger in (*writers, folding)]
    with held(queue):
        writing = Writing(writers, now)
        writing.all_wait(queue)
        alone = Writing([folding], now)
    writing.join()
    alone.join()
    assert sum(map(len, told)) == 2
    assert seen == alone.indexes[0]


def program(url: str, moment: str) -> subprocess.Popen[str]:
    words = [sys.executable, str(PROGRAM), url, moment]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("moment", ["about to commit", "committed"])
def test_a_writer_killed_while_it_appends_for_others_neither_loses_nor_doubles_anything(
    writers: list[Ledger],
    queue: Path,
    now: datetime,
    moment: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queue_module, "LOOK_MS", 600_000)  # they wait until somebody calls them
    with held(queue):
        writing = Writing(writers, now)
        writing.all_wait(queue)
    with program(f"sqlite:///{tmp_path / 'witting.db'}", moment) as dying:
        assert dying.communicate(timeout=60)[0] == "begins\ndied\n"
    assert (queue / "served").exists()
    size = writers[0].size()
    assert size == {"about to commit": 0, "committed": WRITERS + 1}[moment]
    last = Ledger(
        sa.create_engine(writers[0]._database.url), writers[0]._signer, origin="ledger.example/test"
    )
    assert last.append("run.trained", {"writer": "last"}, now=now) == size
    writing.join()
    assert writing.errors == []
    entries = list(last.entries())
    assert sum("by" in entry.body for entry in entries) == (moment == "committed")
    said = [entry.body.get("writer") for entry in entries]
    assert sorted(said[index] for (index,) in writing.indexes) == list(range(WRITERS))
    assert len(entries) == WRITERS + 1 + (moment == "committed")
    assert [path.name for path in queue.iterdir()] == ["turn"]
    last.verify()


def test_nobody_appends_for_a_writer_that_was_killed_while_it_waited(
    writers: list[Ledger], queue: Path, now: datetime, tmp_path: Path
) -> None:
    with held(queue), program(f"sqlite:///{tmp_path / 'witting.db'}", "waiting") as waiting:
        assert waiting.stdout is not None
        assert [waiting.stdout.readline() for _ in range(2)] == ["begins\n", "waits\n"]
        assert len(list(queue.glob(f"*{ASK}"))) == 1
        waiting.kill()
    assert writers[0].append("run.trained", {"writer": 0}, now=now) == 0
    assert writers[0].size() == 1
    assert [path.name for path in queue.iterdir()] == ["turn"]


def test_those_that_wait_go_on_by_themselves_when_the_one_with_the_turn_is_gone(
    writers: list[Ledger], queue: Path, now: datetime
) -> None:
    with held(queue):  # ends without calling anybody, as a kill would
        writing = Writing(writers, now)
        writing.all_wait(queue)
    writing.join()
    assert sorted(index for (index,) in writing.indexes) == list(range(WRITERS))


def test_a_file_in_the_place_of_the_folder_is_gone_without(
    writers: list[Ledger], queue: Path, now: datetime
) -> None:
    queue.write_text("not a folder")
    writing = Writing(writers, now)
    writing.join()
    assert sorted(index for (index,) in writing.indexes) == list(range(WRITERS))
    writers[0].verify()
