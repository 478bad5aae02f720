"""The verifier as a program: what it reads, how it answers, what it finds in a ledger that was tampered with."""

from __future__ import annotations

import ast
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

from witting.ledger import Ledger, merkle, seal_statement, statement_text
from witting.ledger.entry import make_entry

VERIFIER = Path(__file__).parents[2] / "verify" / "witting_verify.py"
NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
Answer = Callable[..., tuple[int, dict[str, bool]]]


@pytest.fixture
def answer(verifier: ModuleType, capsys: pytest.CaptureFixture[str]) -> Answer:
    """Exit status and outcome by check."""

    def run(*arguments: object) -> tuple[int, dict[str, bool]]:
        status = verifier.main([*map(str, arguments), "--json"])
        printed = json.loads(capsys.readouterr().out)
        assert printed["ok"] == (status == 0)
        return status, {check["name"]: check["ok"] for check in printed["checks"]}

    return run


@pytest.fixture
def certificate(tmp_path: Path, ledger: Ledger) -> Path:
    path = tmp_path / "certificate.json"
    path.write_text(statement_text(seal_statement(ledger, "erasure", {"rows": 41}, now=NOW)), "utf-8")
    return path


def written(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def test_it_imports_nothing_but_the_standard_library_and_cryptography() -> None:
    tree = ast.parse(VERIFIER.read_text("utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    roots = {name.split(".")[0] for name in imported}
    assert roots - set(sys.stdlib_module_names) == {"cryptography"}


def test_it_runs_alone_and_says_who_signed(certificate: Path, ledger: Ledger) -> None:
    command = [sys.executable, "-I", str(VERIFIER), str(certificate)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"not compared: {ledger.verifier_key}" in done.stdout
    assert "compare it with one you got elsewhere (--key)" in done.stdout
    assert "every check held" in done.stdout


def test_a_changed_certificate_fails_with_status_1(answer: Answer, certificate: Path) -> None:
    assert answer(certificate)[0] == 0
    certificate.write_text(certificate.read_text("utf-8").replace('"rows": 41', '"rows": 14'), "utf-8")
    status, found = answer(certificate)
    assert (status, found["statement"]) == (1, False)


def test_the_key_may_be_a_word_or_a_file(
    answer: Answer, certificate: Path, ledger: Ledger, tmp_path: Path
) -> None:
    key_file = written(tmp_path / "signer.vkey", f"{ledger.verifier_key}\n")
    assert answer(certificate, "--key", ledger.verifier_key)[0] == 0
    assert answer(certificate, "--key", key_file)[0] == 0
    other = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert answer(certificate, "--key", other)[0] == 1


def test_a_kept_checkpoint_is_compared(
    answer: Answer, certificate: Path, ledger: Ledger, tmp_path: Path
) -> None:
    kept = written(tmp_path / "kept.checkpoint", ledger.checkpoints(newest=9)[-1])
    status, found = answer(certificate, "--checkpoint", kept)
    assert (status, found["kept checkpoint"]) == (0, True)


def test_a_tlog_proof_stands_alone(answer: Answer, ledger: Ledger, tmp_path: Path) -> None:
    text = ledger.tlog_proof(3, now=NOW)
    assert answer(written(tmp_path / "3.tlog-proof", text))[0] == 0
    assert answer(written(tmp_path / "3.tlog-proof", text.replace("index 3", "index 4")))[0] == 1


def test_no_character_of_a_tlog_proof_can_be_changed(verifier: ModuleType, ledger: Ledger) -> None:
    text = ledger.tlog_proof(3, now=NOW)
    for place in range(len(text)):
        other = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
        checks = verifier.verify_proof(other, expected=None, kept=None)
        assert not all(check.ok for check in checks), place


def test_a_checkpoint_needs_a_key_given_or_beside(answer: Answer, ledger: Ledger, tmp_path: Path) -> None:
    path = written(tmp_path / "12.checkpoint", ledger.checkpoint(now=NOW))
    assert answer(path) == (1, {"key": False})
    assert answer(path, "--key", ledger.verifier_key)[0] == 0
    written(tmp_path / "ledger.vkey", str(ledger.verifier_key))
    assert answer(path) == (0, {"key": True, "signature": True})
    written(path, path.read_text("utf-8").replace("\n12\n", "\n13\n"))
    assert answer(path)[0] == 1


@pytest.mark.parametrize("data", [b"", b"\x00\xff\x00", b"hello\n", b"{", b"SQLite format 3\x00 and no more"])
def test_a_file_that_is_nothing_of_ours_fails_with_status_1(
    answer: Answer, ledger: Ledger, tmp_path: Path, data: bytes
) -> None:
    path = tmp_path / "something"
    path.write_bytes(data)
    assert answer(path, "--key", ledger.verifier_key)[0] == 1


def test_several_files_are_checked_in_turn_and_all_must_hold(
    verifier: ModuleType,
    certificate: Path,
    ledger: Ledger,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    key_file = written(tmp_path / "signer.vkey", f"{ledger.verifier_key}\n")
    copy = written(tmp_path / "copy.json", certificate.read_text("utf-8"))
    words = [str(certificate), str(copy), "--key", str(key_file), "--json"]
    assert verifier.main(words) == 0
    copy.write_text(copy.read_text("utf-8").replace('"rows": 41', '"rows": 14'), "utf-8")
    capsys.readouterr()
    assert (
        verifier.main([words[1], words[0], *words[2:]]) == 1
    )  # the bad one first: the good one does not heal it
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["file"], one["ok"]) for one in said] == [(words[1], False), (words[0], True)]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["missing.json"],
        ["{file}", "--checkpoint", "missing"],
        ["{file}", "--key", "nokey"],
        ["{file}", "--key", "a+b+c"],
        ["{file}", "--key", "{file}"],
        ["{file}", "--witness", "nonsense"],
        ["{file}", "{file}", "--evidence", "{file}"],
    ],
)
def test_wrong_usage_is_status_2(verifier: ModuleType, certificate: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        verifier.main([argument.replace("{file}", str(certificate)) for argument in arguments])
    assert stopped.value.code == 2


# -- ten edits of the ledger itself, by somebody who owns the file but not the key ------------------------------------


def test_an_untouched_ledger_verifies(
    answer: Answer, ledger: Ledger, database_path: Path, tmp_path: Path
) -> None:
    kept = written(tmp_path / "kept.checkpoint", ledger.checkpoint(now=NOW))
    status, found = answer(database_path, "--checkpoint", kept, "--key", ledger.verifier_key)
    assert (status, found) == (
        0,
        {"key": True, "entries": True, "checkpoints": True, "kept checkpoint": True},
    )
    assert answer(database_path)[0] == 1  # a ledger carries no key


def rewrite(database: sqlite3.Connection, change: Callable[[int, str, dict], tuple[str, dict]]) -> None:
    """Every entry through `change`, with bytes, hashes, columns and tree made to fit again."""
    rows = database.execute('SELECT body FROM ledger_entries ORDER BY "index"').fetchall()
    entries = []
    for index, (data,) in enumerate(rows):
        values = json.loads(data)
        kind, body = change(index, values["kind"], values["body"])
        entries.append(make_entry(index, kind, body, now=datetime.fromisoformat(values["at"])))
    leaves = [merkle.leaf_hash(entry.bytes) for entry in entries]
    database.execute("DELETE FROM ledger_entries")
    database.execute("DELETE FROM ledger_nodes")
    for entry, leaf in zip(entries, leaves, strict=True):
        at = json.loads(entry.bytes)["at"]
        database.execute(
            "INSERT INTO ledger_entries VALUES (?,?,?,?,?)", (entry.index, entry.kind, at, entry.bytes, leaf)
        )
    for node, hashed in merkle.Frontier().extend(leaves)[1].items():
        database.execute("INSERT INTO ledger_nodes VALUES (?,?,?)", (*node, hashed))


def swap(first: int, second: int) -> Callable[[int, str, dict], tuple[str, dict]]:
    """Two people change places in two runs."""
    people = {first: f"{second:032x}", second: f"{first:032x}"}

    def change(index: int, kind: str, body: dict) -> tuple[str, dict]:
        return kind, {"subjects": [people[index]]} if index in people else body

    return change


def only(at: int, **values: object) -> Callable[[int, str, dict], tuple[str, dict]]:
    return lambda index, kind, body: (kind, body | values) if index == at else (kind, body)


EDITS: dict[str, Callable[[sqlite3.Connection], object]] = {
    "payload": lambda db: db.execute("UPDATE ledger_entries SET body = replace(body, 'rights', 'ritual') WHERE \"index\" = 3"),
    "cut tail": lambda db: db.execute('DELETE FROM ledger_entries WHERE "index" > 9'),
    "swapped person": lambda db: rewrite(db, only(8, subjects=["ee" * 16])),
    "two people swapped between runs": lambda db: rewrite(db, swap(8, 9)),
    "deleted entry": lambda db: db.execute('DELETE FROM ledger_entries WHERE "index" = 5'),
    "rewritten provenance": lambda db: rewrite(db, only(2, profile="gdpr")),
    "reordered entries": lambda db: rewrite(db, lambda i, kind, body: (kind, {"subject": f"{6 - i:032x}"} if i < 7 else body)),
    "changed time": lambda db: db.execute("UPDATE ledger_entries SET at = '2020-01-01T00:00:00.000000Z' WHERE \"index\" = 1"),
    "forged head": lambda db: db.execute("UPDATE ledger_checkpoints SET root = zeroblob(32), note = replace(note, '12', '11') WHERE size = 12"),
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS)
def test_every_edit_of_the_ledger_is_found_offline(
    answer: Answer, ledger: Ledger, database_path: Path, tmp_path: Path, edit: str
) -> None:
    kept = written(tmp_path / "kept.checkpoint", ledger.checkpoint(now=NOW))
    with sqlite3.connect(database_path) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        EDITS[edit](database)
    assert answer(database_path, "--checkpoint", kept, "--key", ledger.verifier_key)[0] == 1


def test_a_file_rolled_back_whole_is_found_by_the_kept_checkpoint(
    answer: Answer, ledger: Ledger, database_path: Path, tmp_path: Path
) -> None:
    older = tmp_path / "older.db"
    shutil.copyfile(database_path, older)
    ledger.append("rights.withdrawal", {"subject": "03" * 16}, now=NOW)
    kept = written(tmp_path / "kept.checkpoint", ledger.checkpoint(now=NOW))
    assert answer(older, "--key", ledger.verifier_key)[0] == 0  # by itself it is whole
    status, found = answer(older, "--key", ledger.verifier_key, "--checkpoint", kept)
    assert (status, found["kept checkpoint"]) == (1, False)
