"""Whatever happens to the events, or to the one who decides, in the middle: no permit, and no file to mistake for one."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from witting.doors.cli import main
from witting.errors import StoreError
from witting.ledger import Ledger
from witting.store import projections as projections_module
from witting.store.database import open_database
from witting.store.projections import Projections

P = "fine_tune_own_model"
AS_OF = datetime(2026, 11, 24, tzinfo=UTC)
START = datetime(2026, 1, 1, tzinfo=UTC)
TURNS = 200_000
PEOPLE = 500
DECIDING = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from witting.rights import bulk
bulk.BATCH_ROWS = 2_000
turns, events, out = map(Path, sys.argv[1:])
print("begins", flush=True)
bulk.decide_files(turns, events, purpose="fine_tune_own_model", as_of=datetime(2026, 11, 24, tzinfo=UTC), out=out)
print("done", flush=True)
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everybody agreed: whole, every turn is permitted."""
    folder = tmp_path_factory.mktemp("files")
    when = [START + timedelta(days=100)] * TURNS
    turns = {
        "turn": [str(n) for n in range(TURNS)], "conversation": [f"c{n}" for n in range(TURNS)],
        "subject": [f"p{n % PEOPLE}" for n in range(TURNS)], "time": when, "role": ["user"] * TURNS,
        "place": ["FR"] * TURNS, "audience": ["assistant"] * TURNS, "surface": ["x"] * TURNS,
    }  # fmt: skip
    people = [f"p{n}" for n in range(PEOPLE)]
    kinds = {"age": 30, "consent": None}
    events = pl.DataFrame(
        [
            {"kind": kind, "subject": name, "purposes": [P] if kind == "consent" else [], "occurred_at": START,
             "verdict": "valid" if kind == "consent" else None, "place": None, "age": age}
            for name in people for kind, age in kinds.items()
        ],
        schema_overrides={"place": pl.String, "age": pl.Int16, "purposes": pl.List(pl.String)},
    )  # fmt: skip
    pl.DataFrame(turns).write_parquet(folder / "turns.parquet")
    events.write_parquet(folder / "events.parquet")
    return folder


def decide(turns: Path, events: Path, out: Path) -> int:
    words = ["--turns", str(turns), "--events", str(events), "--out", str(out)]
    return main(["rights", "decide", *words, "--purpose", P, "--as-of", AS_OF.isoformat(), "--json"])


def test_whole_they_permit(files: Path, tmp_path: Path) -> None:
    """So that no permit, below, is for the damage and for nothing else."""
    assert decide(files / "turns.parquet", files / "events.parquet", tmp_path / "out.parquet") == 0
    assert pl.read_parquet(tmp_path / "out.parquet")["decision"].unique().to_list() == ["permit"]


@pytest.mark.parametrize("damaged", ["events", "turns"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_source_cut_short_gives_no_file(files: Path, tmp_path: Path, damaged: str, share: float) -> None:
    places = {name: files / f"{name}.parquet" for name in ("turns", "events")}
    data = places[damaged].read_bytes()
    places[damaged] = tmp_path / "damaged.parquet"
    places[damaged].write_bytes(data[: int(len(data) * share)])
    assert decide(places["turns"], places["events"], tmp_path / "out.parquet") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["damaged.parquet"]


@pytest.mark.parametrize("seed", range(3))
def test_killed_while_it_decides_it_leaves_no_file_of_that_name(
    files: Path, tmp_path: Path, seed: int
) -> None:
    out = tmp_path / "out.parquet"
    words = [str(files / "turns.parquet"), str(files / "events.parquet"), str(out)]
    with subprocess.Popen(
        [sys.executable, "-c", DECIDING, *words], stdout=subprocess.PIPE, text=True
    ) as deciding:
        assert deciding.stdout is not None
        assert deciding.stdout.readline() == "begins\n"
        bytes_min = random.Random(seed).randrange(1, 200_000)
        while not any(path.stat().st_size >= bytes_min for path in tmp_path.iterdir() if path != out):
            assert deciding.poll() is None, "it was done before it could be killed"
            os.sched_yield()
        deciding.kill()
        assert deciding.communicate(timeout=60)[0] == ""
    assert not out.exists()
    assert decide(files / "turns.parquet", files / "events.parquet", out) == 0  # and run again, it is whole
    assert pl.read_parquet(out).height == TURNS


def test_a_ledger_damaged_while_its_events_are_read_gives_none_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projections_module, "ROWS_PER_BATCH", 50)
    database = open_database("sqlite:///witting.db", root=tmp_path)
    projections = Projections(database)
    ledger = Ledger(database, Ed25519PrivateKey.generate(), origin="test.example/log", fold=projections.fold)
    body = {"purposes": [P], "occurred_at": START.isoformat(), "verdict": "valid"}
    ledger.append_many(
        [("rights.consent", body | {"subject": f"{n:032x}"}) for n in range(20_000)], now=AS_OF
    )
    assert projections.events().num_rows == 20_000
    database.dispose()
    batches = projections.event_batches()
    next(batches)
    os.truncate(tmp_path / "witting.db", 40_960)
    with pytest.raises(StoreError, match=r"damaged|disk I/O"):
        list(batches)
    with pytest.raises(StoreError):
        projections.events()
