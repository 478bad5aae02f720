"""`witting rights import`: a consentml store's revocations are honoured, whatever state it is in, and nothing in it is a consent."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from witting.doors.cli import main
from witting.workspace import Workspace

# As consentml 0.2.0 makes it (store.py, _SCHEMA); bench/ledger.py imports a store that consentml itself made.
SCHEMA = """
CREATE TABLE training_runs (run_pk INTEGER PRIMARY KEY, run_id TEXT NOT NULL UNIQUE, model_name TEXT NOT NULL,
  model_hash TEXT NOT NULL, provenance TEXT NOT NULL, subject_ids_hashed INTEGER NOT NULL, n_subjects INTEGER NOT NULL,
  started_at TEXT NOT NULL, finished_at TEXT NOT NULL);
CREATE TABLE subjects (subject_pk INTEGER PRIMARY KEY, subject_key TEXT NOT NULL UNIQUE);
CREATE TABLE subject_index (run_pk INTEGER NOT NULL REFERENCES training_runs(run_pk),
  subject_pk INTEGER NOT NULL REFERENCES subjects(subject_pk));
CREATE TABLE audit_log (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT NOT NULL, event_type TEXT NOT NULL,
  payload TEXT NOT NULL, prev_hash TEXT NOT NULL, entry_hash TEXT NOT NULL);
PRAGMA user_version = 2;
"""
AT = "2026-03-02T10:00:00.000001+00:00"
PEOPLE = ("person-0", "person-1", "person-2", "person-3")
Ask = Callable[..., tuple[int, dict[str, Any]]]


def key(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def log(database: sqlite3.Connection, kind: str, payload: dict[str, Any]) -> None:
    last = database.execute("SELECT entry_hash FROM audit_log ORDER BY id DESC LIMIT 1").fetchone()
    previous, text = last[0] if last else "0" * 64, json.dumps(payload, sort_keys=True)
    hashed = hashlib.sha256(f"{previous}{AT}{kind}{text}".encode()).hexdigest()
    database.execute(
        "INSERT INTO audit_log (timestamp, event_type, payload, prev_hash, entry_hash) VALUES (?, ?, ?, ?, ?)",
        (AT, kind, text, previous, hashed),
    )


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """One run over four people, two of whom revoked; one of a person who was in no run."""
    path = tmp_path / "lineage.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(SCHEMA)
        run = ("run-0", "model-0", "ab" * 32, "{}", 1, len(PEOPLE), AT, AT)
        database.execute("INSERT INTO training_runs VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)", run)
        for number, name in enumerate(PEOPLE, start=1):
            database.execute("INSERT INTO subjects VALUES (?, ?)", (number, key(name)))
            database.execute("INSERT INTO subject_index VALUES (1, ?)", (number,))
        logged = {
            "run_id": "run-0",
            "model_name": "model-0",
            "model_hash": "ab" * 32,
            "n_subjects": len(PEOPLE),
        }
        log(database, "training_run", logged)
        for name in ("person-1", "person-2", "stranger"):
            log(
                database,
                "revocation",
                {"subject_key": key(name), "n_affected_runs": 1, "recommended_actions": []},
            )
    return path


@pytest.fixture
def house(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["init", str(tmp_path / "house"), "--quiet"]) == 0
    capsys.readouterr()
    return tmp_path / "house"


@pytest.fixture
def ask(house: Path, store: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    def run(*words: str) -> tuple[int, dict[str, Any]]:
        code = main(
            [
                "rights",
                "import",
                str(store),
                "--source",
                "whatsapp",
                "--workspace",
                str(house),
                "--json",
                *words,
            ]
        )
        return code, json.loads(capsys.readouterr().out.splitlines()[-1])

    return run


def said_of(house: Path, handle: str) -> list[str]:
    workspace = Workspace.open(house)
    subject = workspace.vault.find(handle)
    rows = workspace.projections.events().to_pylist()
    workspace.database.dispose()
    return [row["kind"] for row in rows if row["subject"] == subject]


def change(store: Path, statement: str) -> None:
    with closing(sqlite3.connect(store)) as database, database:
        database.execute(statement)


def test_a_revocation_of_somebody_known_here_is_a_withdrawal(ask: Ask, house: Path) -> None:
    workspace = Workspace.open(house)
    workspace.vault.subjects_for([f"whatsapp:{name}" for name in PEOPLE])
    workspace.database.dispose()
    code, said = ask()
    assert (code, said["chain"], said["revocations"], said["unmatched"]) == (0, "whole", 3, 1)
    assert said["recorded"]["kinds"] == {"withdrawal": 3}
    assert [said_of(house, f"whatsapp:{name}") for name in PEOPLE] == [[], ["withdrawal"], ["withdrawal"], []]


def test_the_same_store_again_changes_nothing_and_new_ids_find_who_was_unmatched(
    ask: Ask, house: Path, tmp_path: Path
) -> None:
    assert ask()[1]["unmatched"] == 3
    first = ask()[1]
    assert (first["recorded"]["recorded"], first["recorded"]["repeated"]) == (0, 3)
    assert said_of(house, f"whatsapp:sha256:{key('stranger')}") == ["withdrawal"]
    ids = tmp_path / "ids.txt"
    ids.write_text("person-1\nstranger\nsomebody else\n", "utf-8")
    code, said = ask("--ids", str(ids))
    assert (code, said["unmatched"], said["recorded"]["recorded"], said["entry"]) == (0, 1, 2, first["entry"])
    assert said_of(house, "whatsapp:stranger") == ["withdrawal"]
    assert said_of(house, "whatsapp:person-1") == ["withdrawal"]


def test_runs_and_lineage_are_named_in_the_ledger_and_open_nothing(ask: Ask, house: Path) -> None:
    said = ask()[1]
    workspace = Workspace.open(house)
    entry = workspace.ledger.entry(said["entry"])
    kinds = {known.kind for known in workspace.ledger.entries()}
    text = entry.bytes.decode()
    workspace.database.dispose()
    assert entry.kind == "lineage.imported"
    assert (entry.body["lineage_rows"], entry.body["subjects"]) == (4, 4)
    assert entry.body["runs"][0]["model_hash"] == "ab" * 32
    assert kinds == {"rights.withdrawal", "lineage.imported"}
    assert not any(key(name) in text or name in text for name in (*PEOPLE, "stranger", "model-0"))


@pytest.mark.parametrize("more", [199, 200, 1_000])
def test_however_many_runs_there_are_the_entry_holds_them_or_the_hash_of_them(
    ask: Ask, store: Path, house: Path, more: int
) -> None:
    offset = "+23:59:59.999999"
    with closing(sqlite3.connect(store)) as database, database:
        for number in range(2, more + 2):
            run = (
                number,
                f"run-{number}",
                "m",
                "cd" * 32,
                "{}",
                1,
                2**53 - 1,
                AT[:26] + offset,
                AT[:26] + offset,
            )
            database.execute("INSERT INTO training_runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", run)
    _, said = ask()
    workspace = Workspace.open(house)
    body = workspace.ledger.entry(said["entry"]).body
    kept = list(workspace.objects.keys("lineage/"))
    assert (body["runs_in_all"], len(body["runs"]), len(kept)) == (more + 1, 200, int(more > 199))
    for name in kept:
        data = workspace.objects.read(name)
        assert hashlib.sha256(data).hexdigest() == body["runs_sha256"]
        assert name == f"lineage/{body['runs_sha256']}.json"
        assert len(json.loads(data)) == more + 1
        assert json.loads(data)[:200] == body["runs"]
    workspace.database.dispose()
    assert ask()[1]["entry"] == said["entry"]


SECRET = "ptarmigan-9035@example.org"


@pytest.mark.parametrize(
    ("edit", "left_out"),
    [
        (f"UPDATE training_runs SET model_hash = '{SECRET}'", 1),
        (f"UPDATE training_runs SET model_hash = '{'AB' * 32}'", 1),
        (f"UPDATE training_runs SET started_at = '{SECRET}', finished_at = x'00'", 2),
        (f"UPDATE training_runs SET n_subjects = '{SECRET}'", 1),
        ("UPDATE training_runs SET n_subjects = -1", 1),
        ("UPDATE training_runs SET n_subjects = 9007199254740992", 1),
        (f"UPDATE audit_log SET entry_hash = '{SECRET}'", 0),
    ],
    ids=["model", "model in capitals", "times", "people", "people below none", "people beyond JSON", "head"],
)
def test_what_only_stands_where_a_hash_or_a_time_should_never_enters_the_ledger(
    ask: Ask, store: Path, house: Path, edit: str, left_out: int
) -> None:
    change(store, edit)
    code, said = ask()
    assert (code, said["fields_left_out"]) == (
        int("started_at" not in edit),
        left_out,
    )  # times are not in the log
    assert len(said["runs"][0]) == 5 - left_out
    assert said["recorded"]["kinds"] == {"withdrawal": 3}
    workspace = Workspace.open(house)
    assert not any(SECRET.encode() in entry.bytes for entry in workspace.ledger.entries())
    workspace.database.dispose()
    assert SECRET not in json.dumps(said)


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (
            "UPDATE audit_log SET payload = replace(payload, 'model-0', 'model-9') WHERE id = 1",
            "entry 1: its hash",
        ),
        (
            "UPDATE audit_log SET timestamp = replace(timestamp, '2026', '2025') WHERE id = 3",
            "entry 3: its hash",
        ),
        ("DELETE FROM audit_log WHERE id = 2", "entry 3: it does not follow"),
        ("DELETE FROM subject_index WHERE subject_pk = 1", "another number of people"),
        ("DELETE FROM training_runs", "the run it tells of is gone"),
        ("UPDATE training_runs SET model_hash = 'cd'", "another model"),
    ],
)
def test_a_broken_chain_is_said_and_its_revocations_still_hold(
    ask: Ask, store: Path, edit: str, found: str
) -> None:
    change(store, edit)
    code, said = ask()
    assert (code, said["chain"]) == (1, "broken")
    assert found in said["found"][0]
    left = 2 if edit.startswith("DELETE FROM audit_log") else 3
    assert said["recorded"]["kinds"] == {"withdrawal": left}


def test_a_revocation_that_names_nobody_is_counted_and_fails_the_command(ask: Ask, store: Path) -> None:
    change(store, "UPDATE audit_log SET payload = 'x' WHERE id = 4")
    code, said = ask()
    assert (code, said["unreadable_revocations"], said["recorded"]["kinds"]) == (1, 1, {"withdrawal": 2})


def test_a_revocation_dated_ahead_or_without_a_time_counts_from_now(
    ask: Ask, store: Path, house: Path
) -> None:
    change(store, "UPDATE audit_log SET timestamp = '2999-01-01T00:00:00+00:00' WHERE id = 2")
    change(store, "UPDATE audit_log SET timestamp = 'long ago' WHERE id = 3")
    assert ask()[1]["recorded"]["kinds"] == {"withdrawal": 3}


@pytest.mark.parametrize("data", [b"", b"words", b"SQLite format 3\x00" + bytes(500)])
def test_what_is_no_store_is_an_error_that_names_it(ask: Ask, store: Path, data: bytes) -> None:
    store.write_bytes(data)
    code, said = ask()
    assert (code, said["error"]["kind"]) == (1, "UnreadableFile")


def test_another_database_and_an_unknown_source_are_refused(ask: Ask, store: Path, house: Path) -> None:
    change(store, "DROP TABLE audit_log")
    assert ask()[1]["error"]["kind"] == "UnreadableFile"
    assert main(["rights", "import", str(store), "--source", "nowhere", "--workspace", str(house)]) == 2


def test_the_store_is_only_read(ask: Ask, store: Path) -> None:
    before = store.read_bytes()
    ask()
    assert store.read_bytes() == before
    assert sorted(path.name for path in store.parent.iterdir()) == ["house", "lineage.db"]
