from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pyarrow as pa
import pytest
import sqlalchemy as sa

from witting.errors import CommitRaced, StoreError
from witting.store import parts as parts_module
from witting.store.database import open_database
from witting.store.objects import Objects
from witting.store.parts import Part, Snapshot, Snapshots, read_part, write_part

RACE = """
import sys
from pathlib import Path
from witting.errors import CommitRaced
from witting.store import parts as parts_module
from witting.store.database import open_database
from witting.store.objects import Objects
from witting.store.parts import Snapshot, Snapshots
url, root, who, expected = sys.argv[1:]
snapshots = Snapshots(open_database(url, root=Path(root)), Objects(f"{root}/objects"))
print("ready", flush=True)
sys.stdin.readline()
try:
    snapshots.commit(Snapshot("turns", who, ()), expected=expected)
    print("won")
except CommitRaced:
    print("raced")
"""


@pytest.fixture
def snapshots(database: sa.Engine, objects: Objects) -> Snapshots:
    return Snapshots(database, objects)


@pytest.fixture
def part(objects: Objects) -> Callable[[str, int], Part]:
    return lambda folder, number: write_part(objects, pa.table({"n": [number]}), folder=folder, shard=0)


def test_a_committed_snapshot_is_the_current_one(
    snapshots: Snapshots, part: Callable[[str, int], Part]
) -> None:
    assert snapshots.current("turns") is None
    first = Snapshot("turns", "intake/1", (part("turns", 1),), {"rows": 1})
    snapshots.commit(first, expected=None)
    assert snapshots.current("turns") == first
    second = Snapshot("turns", "intake/1", (part("turns", 1), part("turns", 2)), {"rows": 2})
    snapshots.commit(second, expected=first.id)
    assert snapshots.current("turns") == second
    assert snapshots.current("signals") is None
    assert snapshots.history("turns") == [second, first]


@pytest.mark.parametrize("expected", [None, "0" * 32])
def test_a_commit_that_expects_something_else_is_refused_and_changes_nothing(
    snapshots: Snapshots, expected: str | None
) -> None:
    first = Snapshot("turns", "intake/1", ())
    snapshots.commit(first, expected=None)
    with pytest.raises(CommitRaced, match="Run again"):
        snapshots.commit(Snapshot("turns", "intake/2", ()), expected=expected)
    assert snapshots.current("turns") == first
    assert snapshots.history("turns") == [first]


def test_a_first_commit_that_expects_a_predecessor_is_refused(snapshots: Snapshots) -> None:
    with pytest.raises(CommitRaced):
        snapshots.commit(Snapshot("turns", "intake/1", ()), expected="0" * 32)
    assert snapshots.current("turns") is None


@pytest.mark.parametrize("name", ["", "a b", "../x", "x" * 201, "é"])
def test_a_snapshot_name_outside_the_allowed_letters_is_refused(snapshots: Snapshots, name: str) -> None:
    with pytest.raises(StoreError, match="snapshot name"):
        snapshots.commit(Snapshot(name, "intake/1", ()), expected=None)


def test_of_eight_racing_threads_exactly_one_wins(database_url: str, tmp_path: Path) -> None:
    open_database(database_url, root=tmp_path).dispose()
    start = Barrier(8)

    def attempt(number: int) -> bool:
        engine = open_database(database_url, root=tmp_path)
        snapshots = Snapshots(engine, Objects(str(tmp_path / "objects")))
        start.wait()
        try:
            snapshots.commit(Snapshot("turns", f"attempt/{number}", ()), expected=None)
        except CommitRaced:
            return False
        finally:
            engine.dispose()
        return True

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(attempt, range(8)))
    assert sum(results) == 1


def test_of_two_racing_processes_exactly_one_wins(
    database_url: str, tmp_path: Path, snapshots: Snapshots
) -> None:
    first = Snapshot("turns", "intake/1", ())
    snapshots.commit(first, expected=None)
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, database_url, str(tmp_path), who, first.id],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for who in ("racer/1", "racer/2")
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    outcomes = [racer.communicate("go\n")[0].strip() for racer in racers]
    assert sorted(outcomes) == ["raced", "won"]
    current = snapshots.current("turns")
    assert current is not None
    assert current.made_by == f"racer/{outcomes.index('won') + 1}"
    assert len(snapshots.history("turns")) == 2


def test_only_objects_that_nobody_names_are_forgotten(
    snapshots: Snapshots, objects: Objects, part: Callable[[str, int], Part]
) -> None:
    old, new, kept, other, outside = (
        part("turns", 1),
        part("turns", 2),
        part("turns", 3),
        part("signals", 4),
        part("x", 5),
    )
    first = Snapshot("turns", "intake/1", (old,))
    snapshots.commit(first, expected=None)
    snapshots.commit(Snapshot("turns", "intake/1", (new,)), expected=first.id)
    snapshots.commit(Snapshot("signals", "intake/1", (other,)), expected=None)
    assert snapshots.forget_unreferenced(prefixes=["turns/", "signals/"], keep=[kept.key]) == 1
    assert [objects.exists(p.key) for p in (old, new, kept, other, outside)] == [
        False,
        True,
        True,
        True,
        True,
    ]
    assert snapshots.forget_unreferenced(prefixes=["turns/", "signals/"], keep=[kept.key]) == 0
    assert [s.parts for s in snapshots.history("turns")] == [(new,), (old,)]
    assert read_part(objects, new).num_rows == 1


def test_more_than_a_round_of_objects_is_forgotten(
    snapshots: Snapshots, objects: Objects, part: Callable[[str, int], Part], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts_module, "DELETES_PER_ROUND", 2)
    parts = [part("turns", number) for number in range(7)]
    snapshots.commit(Snapshot("turns", "intake/1", (parts[3],)), expected=None)
    assert snapshots.forget_unreferenced(prefixes=["turns/", "turns/"], keep=[]) == 6
    assert list(objects.keys("turns/")) == [parts[3].key]


def test_a_commit_whose_part_was_swept_away_meanwhile_has_to_run_again(
    snapshots: Snapshots, part: Callable[[str, int], Part]
) -> None:
    written = part("turns", 1)
    snapshots.forget_unreferenced(prefixes=["turns/"], keep=[])
    snapshot = Snapshot("turns", "intake/1", (written,))
    with pytest.raises(CommitRaced, match="deleted before the commit"):
        snapshots.commit(snapshot, expected=None)
    assert part("turns", 1) == written
    snapshots.commit(snapshot, expected=None)
    assert snapshots.current("turns") == snapshot
