"""A full disk, cut files and turned bits: the command says what is damaged, exits with 1, and nothing committed is lost."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from witting.doors.cli import main
from witting.errors import ProofInvalid
from witting.ledger import merkle
from witting.ledger.checkpoint import open_checkpoint, parse_verifier_key
from witting.ledger.tiles import Tiles, read_folder
from witting.workspace import Workspace

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
Ask = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of forty entries with a checkpoint, published tiles, and what a watch keeps of it."""
    root = tmp_path_factory.mktemp("made")
    assert main(["init", str(root / "house"), "--quiet"]) == 0
    workspace = Workspace.open(root / "house")
    for number in range(4):
        workspace.ledger.append_many([("run.trained", {"run": f"{number}-{n}"}) for n in range(10)], now=NOW)
        workspace.ledger.checkpoint(now=NOW)
    workspace.database.dispose()
    words = ["--workspace", str(root / "house"), "--quiet"]
    assert main(["ledger", "checkpoint", *words]) == 0
    assert main(["ledger", "proof", "7", *words]) == 0
    assert main(["ledger", "tiles", "--entries", *words]) == 0
    assert main(["ledger", "watch", str(root / "kept"), "--begin", *words]) == 0
    return root


@pytest.fixture
def house(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "copy")
    return tmp_path / "copy" / "house"


@pytest.fixture
def ask(house: Path, capfd: pytest.CaptureFixture[str]) -> Ask:
    """A command's exit code and all it printed."""

    def run(*words: str) -> tuple[int, str]:
        capfd.readouterr()
        code = main([*words, "--workspace", str(house)])
        said = capfd.readouterr()
        return code, said.out + said.err

    return run


# -- a full disk ------------------------------------------------------------------------------------------------------

LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from witting.doors.cli import main
sys.exit(main(sys.argv[2:]))
"""
WITTING = "import sys; from witting.doors.cli import main; sys.exit(main(sys.argv[1:]))"
SMALL = """
set -u
mount -t tmpfs -o size="$SIZE" tmpfs "$PLACE" && cp -R "$HOUSE/." "$PLACE" || exit 99
"$PYTHON" -c "$WITTING" rights record "$EVENTS" --workspace "$PLACE"; echo "exit $?"
mount -o remount,size=64m "$PLACE" || exit 99
"$PYTHON" -c "$WITTING" ledger rebuild --workspace "$PLACE"; echo "exit $?"
"$PYTHON" -c "$WITTING" rights record "$EVENTS" --workspace "$PLACE"; echo "exit $?"
"$PYTHON" -c "$WITTING" ledger rebuild --workspace "$PLACE"; echo "exit $?"
"""


def may_mount() -> bool:
    """A file system of its own, in a namespace that ends with the test."""
    try:
        tried = subprocess.run(
            ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False
        )
    except FileNotFoundError:
        return False
    return tried.returncode == 0


def events_file(path: Path, count: int) -> Path:
    lines = (
        json.dumps({"kind": "withdrawal", "subject": f"whatsapp:person {n}", "occurred_at": NOW.isoformat()})
        for n in range(count)
    )
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


@pytest.mark.parametrize("room", [100_000] if may_mount() else [])
def test_a_full_disk_is_said_and_loses_nothing_and_with_space_it_goes_on(
    house: Path, tmp_path: Path, room: int
) -> None:
    events = events_file(tmp_path / "events.jsonl", 2_000)
    size = sum(4_096 * (1 + path.stat().st_size // 4_096) for path in house.rglob("*")) + room
    (tmp_path / "small").mkdir()
    told = {"SIZE": str(size), "PLACE": str(tmp_path / "small"), "HOUSE": str(house), "EVENTS": str(events)}
    told |= {"PYTHON": sys.executable, "WITTING": WITTING}
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", SMALL],
        env=os.environ | told, capture_output=True, text=True, timeout=200, check=True,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert re.search(r"disk.* full. Nothing was lost", done.stderr)
    exits = [line for line in done.stdout.splitlines() if line.startswith("exit")]
    assert exits == ["exit 1", "exit 0", "exit 0", "exit 0"]
    assert [line.split()[0] for line in done.stdout.splitlines() if "entries verify" in line] == [
        "40",
        "2,040",
    ]


def test_files_that_may_grow_no_more_fail_the_command_and_lose_nothing(
    house: Path, ask: Ask, tmp_path: Path
) -> None:
    """As a quota answers: no file may grow beyond what the database has now and a little."""
    events = events_file(tmp_path / "events.jsonl", 200)
    assert (
        ask("rights", "record", str(events))[0] == 0
    )  # the people are known from here on, so their keys do not grow
    more = events_file(tmp_path / "more.jsonl", 200)
    more.write_text(more.read_text("utf-8").replace('"withdrawal"', '"objection"'), "utf-8")
    limit = (house / "witting.db").stat().st_size + 8_192
    words = [str(limit), "rights", "record", str(more), "--workspace", str(house)]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *words], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "could not be read or written" in done.stderr
    assert "240 entries verify" in ask("ledger", "rebuild")[1]
    assert ask("rights", "record", str(more))[0] == 0
    assert "440 entries verify" in ask("ledger", "rebuild")[1]


# -- a power cut ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "left", ["", "\0" * 90, '{"first": 1, "last"', "[]", "null", '{"first":0,"last":"x","leaf_hash":"","asks":{}}',
             '{"first":0,"last":39,"leaf_hash":7,"asks":[]}'],
    ids=["empty", "zeros", "cut", "a list", "null", "a word for a number", "a number for a hash"],
)  # fmt: skip
def test_what_a_power_cut_left_of_a_served_file_keeps_nobody_from_saying_no(
    house: Path, ask: Ask, left: str
) -> None:
    queue = house / "witting.db-queue"
    (queue / "served").write_text(left, "utf-8")
    code, said = ask("rights", "object", "whatsapp:person 1")
    assert code == 0, said
    assert not (queue / "served").exists()
    assert "41 entries verify" in ask("ledger", "rebuild")[1]


# -- cut files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.5, 0.9, 0.999])
def test_a_database_cut_short_is_named_and_never_repaired_silently(
    house: Path, ask: Ask, share: float
) -> None:
    database = house / "witting.db"
    whole = database.read_bytes()
    cut = whole[: int(len(whole) * share)]
    database.write_bytes(cut)
    code, said = ask("ledger", "watch", str(house.parent / "kept"), "--recompute")
    assert (code, "Traceback" in said) == (1, False)
    assert re.search(r"(?i)damage|missing or empty", said)
    assert "fault" not in said, said


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("checkpoints/40.txt", ["verify", "{}"]),
        ("checkpoints/7.tlog-proof", ["verify", "{}"]),
        ("tiles/checkpoint", ["ledger", "watch", "{kept}", "--tiles", "tiles"]),
        ("tiles/tile/0/000.p/40", ["ledger", "watch", "{kept}", "--tiles", "tiles"]),
        ("../kept/ledger.vkey", ["ledger", "watch", "{kept}"]),
        ("../kept/*.checkpoint", ["ledger", "watch", "{kept}"]),
        ("keys/signing.pem", ["ledger", "checkpoint"]),
        ("keys/master.key", ["ledger", "checkpoint"]),
    ],
)
@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
def test_any_other_file_cut_short_fails_the_command_that_reads_it(
    house: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch, name: str, words: list[str], share: float
) -> None:
    monkeypatch.chdir(house)
    path = next((house / name).parent.resolve().glob(Path(name).name))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    code, said = ask(*(word.format(path, kept=house.parent / "kept") for word in words))
    assert code in (1, 2), said
    assert "Traceback" not in said
    assert "fault" not in said, said


# -- turned bits ------------------------------------------------------------------------------------------------------

READ = (  # all that is read of the ledger's tables; when a checkpoint was first signed is kept for operators, and read by nothing
    "SELECT * FROM ledger_entries ORDER BY 1",
    "SELECT * FROM ledger_nodes ORDER BY 1, 2",
    "SELECT size, root, note FROM ledger_checkpoints ORDER BY 1",
)


def content(database: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database)) as opened:
        return [row for query in READ for row in opened.execute(query)]


def turned(data: bytes, place: int, bit: int) -> bytes:
    return data[:place] + bytes([data[place] ^ (1 << bit)]) + data[place + 1 :]


def turn_bits(house: Path, ask: Ask, *, times: int, seed: int) -> dict[str, int]:
    """Every turned bit of the database's file is found, or nothing that the ledger reads is another: a page that is free, a
    byte between rows, another table. How often each."""
    database, kept, chance = house / "witting.db", house.parent / "kept", random.Random(seed)
    whole, before = database.read_bytes(), content(house / "witting.db")
    counts = {"found": 0, "nothing read is another": 0}
    for _ in range(times):
        place, bit = chance.randrange(len(whole)), chance.randrange(8)
        database.write_bytes(turned(whole, place, bit))
        code, said = ask("ledger", "watch", str(kept), "--recompute", "--quiet")
        assert "Traceback" not in said
        assert "fault" not in said, f"byte {place}, bit {bit}: {said}"
        if code == 0:
            assert content(database) == before, f"byte {place}, bit {bit}: changed and not found"
        counts["nothing read is another" if code == 0 else "found"] += 1
    database.write_bytes(whole)
    return counts


def test_a_turned_bit_of_the_database_is_found_or_changes_nothing_that_is_read(house: Path, ask: Ask) -> None:
    counts = turn_bits(house, ask, times=60, seed=1)
    assert min(counts.values()) > 0


@pytest.mark.stress
def test_thousands_of_turned_bits_are_found_or_change_nothing_that_is_read(
    house: Path, ask: Ask, record_property: Callable[[str, object], None]
) -> None:
    record_property("bits", turn_bits(house, ask, times=3_000, seed=2))


def test_every_turned_bit_of_an_entry_node_or_checkpoint_is_found(house: Path, ask: Ask) -> None:
    """Every byte of three rows, by the value in the row and not by its place in the file."""
    database, kept = house / "witting.db", house.parent / "kept"
    rows = {
        "ledger_entries": ('"index" = 11', ("kind", "at", "body", "leaf_hash")),
        "ledger_nodes": ('level = 2 AND "index" = 3', ("hash",)),
        "ledger_checkpoints": ("size = 20", ("root", "note")),
    }
    chance = random.Random(3)
    with closing(sqlite3.connect(database)) as opened, opened:
        for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            opened.execute(f"DROP TRIGGER {name}")
    for table, (where, columns) in rows.items():
        for column in columns:
            with closing(sqlite3.connect(database)) as opened:
                (value,) = opened.execute(f"SELECT {column} FROM {table} WHERE {where}").fetchone()
            data = value.encode() if isinstance(value, str) else value
            for place in {0, len(data) - 1, *(chance.randrange(len(data)) for _ in range(4))}:
                bad = turned(data, place, chance.randrange(7))
                change = bad.decode("ascii", "replace") if isinstance(value, str) else bad
                set_value(database, table, column, where, change)
                code, said = ask("ledger", "watch", str(kept), "--recompute")
                assert (code, "fault" in said) == (1, False), f"{table}.{column}, byte {place}"
            set_value(database, table, column, where, value)
    assert ask("ledger", "watch", str(kept), "--recompute")[0] == 0


def set_value(database: Path, table: str, column: str, where: str, value: object) -> None:
    with closing(sqlite3.connect(database)) as opened, opened:
        opened.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (value,))


def test_every_turned_bit_of_a_tile_or_bundle_is_found_by_who_proves_the_entries(house: Path) -> None:
    key = parse_verifier_key((house / "checkpoints" / "ledger.vkey").read_text("utf-8"))
    folder, chance = house / "tiles", random.Random(4)

    def prove() -> None:
        signed = open_checkpoint((folder / "checkpoint").read_bytes().decode("utf-8", "replace"), key)
        tiles = Tiles(read_folder(folder), signed.size)
        for index in range(signed.size):
            leaf, path = merkle.leaf_hash(tiles.entry(index)), tiles.inclusion_proof(index, signed.size)
            merkle.verify_inclusion(leaf, index=index, size=signed.size, proof=path, root=signed.root)

    prove()
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        whole = path.read_bytes()
        for _ in range(40):
            path.write_bytes(turned(whole, chance.randrange(len(whole)), chance.randrange(8)))
            with pytest.raises(ProofInvalid):
                prove()
        path.write_bytes(whole)
    prove()
