"""Killed at any moment, in opening, appending, signing, replaying and publishing: nothing told is lost, nothing is there twice.

Each round starts one to three processes on the same database, kills them (from outside after a time drawn by chance, or by
themselves at a statement drawn by chance), and opens what they left. The chance is seeded and the seed is in the failure.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from ledger.working_until_killed import NOW, opened, work
from witting.ledger import Ledger
from witting.ledger.checkpoint import open_checkpoint
from witting.ledger.tiles import CHECKPOINT, Tiles, read_folder, write_tiles
from witting.store.database import HEAD, MIGRATIONS

ROUNDS_A_DATABASE = 6
SECONDS_MAX = 0.6  # until a kill from outside
SEED = 20_261_124
FIRST_STEPS = ("0001", "0002", None)  # what a database is at before the first round; None: empty


def test_nothing_told_is_lost_in_a_few_kills(new_url: Callable[[], str], tmp_path: Path) -> None:
    """Some seconds: real processes, really killed."""
    survive(new_url, tmp_path, rounds=9, seed=SEED)


@pytest.mark.stress
def test_nothing_told_is_lost_in_hundreds_of_kills(
    new_url: Callable[[], str], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    record_property("kills", survive(new_url, tmp_path, rounds=300, seed=SEED + 1))


def survive(new_url: Callable[[], str], folder: Path, *, rounds: int, seed: int) -> int:
    """How many processes were killed."""
    processes = multiprocessing.get_context("forkserver")  # forks a process that has imported everything
    processes.set_forkserver_preload(["ledger.working_until_killed", "alembic.command", "psycopg"])
    chance, killed = random.Random(seed), 0
    for number in range(rounds):
        if number % ROUNDS_A_DATABASE == 0:
            url, root = new_url(), folder / f"database-{number}"
            root.mkdir()
            begin_at(url, chance.choice(FIRST_STEPS))
        counted = chance.random() < 0.5
        workers = [
            processes.Process(
                target=work,
                args=(url, str(root), f"{number}-{worker}", chance.randrange(2**32)),
                kwargs={"counted": counted, "publishes": worker == 0},
            )
            for worker in range(chance.choice((1, 1, 3)))
        ]
        for worker in workers:
            worker.start()
        time.sleep(chance.random() * SECONDS_MAX)
        for worker in workers:
            worker.kill()
            worker.join(timeout=60)
            assert worker.exitcode == -9, f"seed {seed}, round {number}: ended by itself"
        killed += len(workers)
        look(url, root, f"seed {seed}, round {number}")
    return killed


def begin_at(url: str, step: str | None) -> None:
    """An empty database, or one that an older Witting made."""
    if step is None:
        return
    engine = sa.create_engine(url)
    settings = Config()
    settings.set_main_option("script_location", str(MIGRATIONS))
    settings.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, step)
    engine.dispose()


def look(url: str, root: Path, where: str) -> None:
    """Everything that was told is there, once; everything that is derived is as a replay makes it."""
    ledger, projections = opened(url, root)
    with ledger._database.connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == HEAD
    ledger.verify()
    entries = list(ledger.entries())
    tokens = Counter(entry.body["token"] for entry in entries)
    assert [token for token, times in tokens.items() if times > 1] == [], where
    for said in (json.loads(line) for path in root.glob("*.told") for line in whole_lines(path)):
        for index, token in zip(said.get("indexes", ()), said.get("tokens", ()), strict=True):
            assert entries[index].body["token"] == token, where
        if "note" in said:
            ledger.compare(said["note"])
    live = projections.events()
    projections.rebuild(ledger)
    assert projections.events().equals(live), where
    look_at_tiles(ledger, root / "tiles", where)
    ledger._database.dispose()


def whole_lines(path: Path) -> list[bytes]:
    return [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def look_at_tiles(ledger: Ledger, folder: Path, where: str) -> None:
    """What is published is whole at any moment, and publishing goes on where it was cut."""
    if (folder / CHECKPOINT).exists():
        signed = open_checkpoint((folder / CHECKPOINT).read_text("utf-8"), ledger.verifier_key)
        tiles = Tiles(read_folder(folder), signed.size)
        assert tiles.root() == signed.root, where
        for index in range(signed.size):
            tiles.entry(index)
    done = write_tiles(ledger, folder, entries=True, now=NOW)
    assert done.size == ledger.size(), where
