"""Many writers never fork the tree, and a writer killed at any point leaves the ledger whole. Real processes."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from witting.errors import DiskFull
from witting.ledger import Ledger

PROGRAM = Path(__file__).with_name("append_many_times.py")
WRITERS = 8
APPENDS = 20
KILLS = 5


def start(url: str, *, times: int, batch: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(PROGRAM), url, str(times), str(batch)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_writers_in_many_processes_never_fork_the_tree(url: str, database: sa.Engine, ledger: Ledger) -> None:
    """Takes a few seconds: eight interpreters start."""
    writers = [start(url, times=APPENDS, batch=1) for _ in range(WRITERS)]
    outcomes = [writer.communicate(timeout=120) for writer in writers]
    assert [error for _, error in outcomes if error] == []
    written = [int(word) for out, _ in outcomes for word in out.split()]
    assert sorted(written) == list(range(WRITERS * APPENDS))
    assert [entry.index for entry in ledger.entries()] == sorted(written)
    ledger.verify()


@pytest.mark.parametrize("acknowledged", range(1, KILLS + 1))
def test_a_writer_killed_in_the_middle_leaves_a_whole_ledger(
    tmp_path: Path, sqlite_database: sa.Engine, signer: Ed25519PrivateKey, acknowledged: int
) -> None:
    writer = start(f"sqlite:///{tmp_path / 'witting.db'}", times=10_000, batch=7)
    assert writer.stdout is not None
    told = [writer.stdout.readline() for _ in range(acknowledged)]
    writer.kill()  # SIGKILL, wherever it is in its next append
    told += writer.communicate(timeout=60)[0].splitlines(keepends=True)
    indexes = [int(word) for line in told if line.endswith("\n") for word in line.split()]
    ledger = Ledger(sqlite_database, signer, origin="ledger.example/test")
    ledger.verify()
    assert ledger.size() % 7 == 0  # whole batches only
    assert ledger.size() > max(indexes)  # nothing acknowledged is lost
    assert ledger.append("rights.withdrawal", {}, now=ledger.entry(0).at) == ledger.size() - 1
    ledger.verify()


def test_a_full_disk_is_said_and_loses_nothing(
    tmp_path: Path, sqlite_database: sa.Engine, signer: Ed25519PrivateKey, now: datetime
) -> None:
    small = sa.create_engine(f"sqlite:///{tmp_path / 'witting.db'}")
    sa.event.listen(small, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count=40"))
    ledger = Ledger(small, signer, origin="ledger.example/test")
    ledger.append("rights.withdrawal", {}, now=now)
    with pytest.raises(DiskFull, match="Free space and run again"):
        ledger.append_many([("rights.withdrawal", {"filler": "x" * 9_000})] * 50, now=now)
    roomy = Ledger(sqlite_database, signer, origin="ledger.example/test")
    assert roomy.size() == 1
    roomy.append_many([("rights.withdrawal", {"filler": "x" * 9_000})] * 50, now=now)
    roomy.verify()


def test_a_lock_that_is_never_let_go_is_an_error_and_not_a_fork(
    tmp_path: Path, sqlite_database: sa.Engine, signer: Ed25519PrivateKey, now: datetime
) -> None:
    hurried = sa.create_engine(f"sqlite:///{tmp_path / 'witting.db'}", connect_args={"timeout": 0.01})
    ledger = Ledger(hurried, signer, origin="ledger.example/test")
    with closing(sqlite3.connect(tmp_path / "witting.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sa.exc.OperationalError, match="locked"):
            ledger.append("rights.withdrawal", {}, now=now)
    assert ledger.append("rights.withdrawal", {}, now=now) == 0
