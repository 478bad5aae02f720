"""`witting verify FILE`: which kind of file it is, every check by name, and the same answer as the verifier without us."""

from __future__ import annotations

import base64
import importlib.util
import json
import sys
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from witting.ledger import Ledger, seal_statement, statement_text
from witting.ledger.verify import FILE_BYTES_MAX, KEY_FILE, verify_file

SCRIPT = Path(__file__).parents[2] / "verify" / "witting_verify.py"
ORIGIN = "ledger.example/test"
QUICK = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
KINDS = ("statement.json", "entry.tlog-proof", "checkpoint")
Checks = list[tuple[str, bool]]


@pytest.fixture(scope="session")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("witting_verify_beside", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["witting_verify_beside"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def grown(sqlite_database: sa.Engine, signer: Ed25519PrivateKey, now: datetime) -> Ledger:
    ledger = Ledger(sqlite_database, signer, origin=ORIGIN)
    ledger.append_many([("run.trained", {"run": str(n)}) for n in range(5)], now=now)
    return ledger


@pytest.fixture
def key(grown: Ledger) -> str:
    return str(grown.verifier_key)


@pytest.fixture
def kept(grown: Ledger, now: datetime) -> str:
    return grown.checkpoint(now=now)


@pytest.fixture
def files(grown: Ledger, kept: str, now: datetime, tmp_path: Path) -> dict[str, Path]:
    """One of each kind, over six entries; `kept` is over five."""
    document = seal_statement(grown, "erasure", {"subject": "9f86d081", "rows": 3}, now=now)
    texts = (statement_text(document), grown.tlog_proof(2, now=now), grown.checkpoint(now=now))
    written = {}
    for name, text in zip(KINDS, texts, strict=True):
        written[name] = tmp_path / name
        written[name].write_text(text, "utf-8")
    return written


@pytest.fixture
def check(script: ModuleType):
    """Both verifiers' checks of a file; they must be the same."""

    def both(path: Path, *, key: str | None = None, kept: str | None = None) -> Checks:
        ours = [(c.name, c.ok) for c in verify_file(path, verifier_key=key, old_checkpoint=kept)]
        theirs = [(c.name, c.ok) for c in script.verify(path, expected=key, kept=kept)]
        assert ours == theirs
        return ours

    return both


def test_a_statement_a_proof_and_a_checkpoint_hold_under_their_key(
    check: Any, files: dict[str, Path], key: str
) -> None:
    found = {name: check(path, key=key) for name, path in files.items()}
    assert all(ok for checks in found.values() for _, ok in checks)
    names = {kind: [name for name, _ in checks] for kind, checks in found.items()}
    assert names == {
        "statement.json": ["format", "key", "statement", "signature", "inclusion", "history"],
        "entry.tlog-proof": ["format", "key", "signature", "inclusion"],
        "checkpoint": ["key", "signature"],
    }


def test_without_a_key_a_file_that_carries_one_is_whole_and_a_checkpoint_asks_for_one(
    check: Any, files: dict[str, Path], key: str
) -> None:
    assert all(ok for name in KINDS[:2] for _, ok in check(files[name]))
    assert check(files["checkpoint"]) == [("key", False)]
    (why,) = verify_file(files["checkpoint"], verifier_key=None, old_checkpoint=None)
    assert KEY_FILE in why.detail
    files["checkpoint"].with_name(KEY_FILE).write_text(key, "utf-8")
    assert check(files["checkpoint"]) == [("key", True), ("signature", True)]


@pytest.mark.parametrize("text", ["", "hello\n", "[rights]\npurpose = 1\n", "a\n\nb\n", "[1, 2]"])
def test_a_file_that_is_nothing_of_ours_is_said_to_be_none_and_is_held_against_nothing(
    check: Any, tmp_path: Path, key: str, text: str
) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(text, "utf-8")
    assert check(path, key=key) == [("format", False)]
    (why,) = verify_file(path, verifier_key=key, old_checkpoint=None)
    assert "no certificate, receipt, checkpoint or proof" in why.detail


def test_another_key_is_noticed(check: Any, files: dict[str, Path]) -> None:
    from witting.ledger.checkpoint import verifier_key

    other = str(verifier_key(Ed25519PrivateKey.from_private_bytes(b"o" * 32), name=ORIGIN))
    for name in KINDS[:2]:
        assert ("key", False) in check(files[name], key=other)
    assert ("signature", False) in check(files["checkpoint"], key=other)


@pytest.mark.parametrize("bad", ["", "nonsense", "a+b+c", "ledger.example/test+00000000+AA=="])
def test_a_key_that_is_none_is_a_failed_check(check: Any, files: dict[str, Path], bad: str) -> None:
    for path in files.values():
        if bad or path.name != "checkpoint":  # no key at all is asked for, and compared with nothing
            assert ("key", False) in check(path, key=bad)


def test_a_kept_checkpoint_is_always_looked_at(
    check: Any, files: dict[str, Path], key: str, kept: str, grown: Ledger, now: datetime
) -> None:
    """Handed over and not looked at, it would seem to have held."""
    assert dict(check(files["statement.json"], key=key, kept=kept))["kept checkpoint"]
    same = grown.checkpoint(now=now)
    for name in KINDS[1:]:
        assert dict(check(files[name], key=key, kept=same))["kept checkpoint"]
        assert not dict(check(files[name], key=key, kept=kept))["kept checkpoint"]  # carries no proof for it
    for broken in ("", "no checkpoint", kept.replace("5", "4", 1), kept[:-9]):
        for path in files.values():
            assert not dict(check(path, key=key, kept=broken))["kept checkpoint"]


def test_a_fork_is_noticed(check: Any, files: dict[str, Path], key: str, signer: Ed25519PrivateKey) -> None:
    from witting.ledger.checkpoint import Checkpoint, sign_checkpoint

    for size in (5, 6):
        forked = sign_checkpoint(Checkpoint(ORIGIN, size, b"f" * 32), signer)
        for path in files.values():
            assert not dict(check(path, key=key, kept=forked))["kept checkpoint"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        b"\xff\xfe\x00",
        b"{",
        b"{}",
        b"[]",
        b'{"format": "witting.statement/1"}',
        b'{"a": 1, "a": 1}',
        b"{" * 100_000,
        b'{"x": ' + b"[" * 100_000,
        b"c2sp.org/tlog-proof@v1\n",
        b"c2sp.org/tlog-proof@v1\nindex 0\n\nx\n",
        b"c2sp.org/tlog-proof@v1\nextra !\nindex 0\n\nx\n",
        b"ledger.example/test\n5\n",
        b"PK\x03\x04 not ours",
    ],
)
def test_garbage_fails_and_never_raises(check: Any, tmp_path: Path, key: str, data: bytes) -> None:
    path = tmp_path / "garbage"
    path.write_bytes(data)
    assert not all(ok for _, ok in check(path, key=key))


@pytest.mark.parametrize("name", KINDS)
@QUICK
@given(data=st.data())
def test_no_byte_can_change_unseen(
    check: Any, files: dict[str, Path], key: str, name: str, data: st.DataObject
) -> None:
    whole = files[name].read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[at]))
    changed = whole[:at] + bytes([other]) + whole[at + 1 :]
    path = files[name].with_name("changed")
    path.write_bytes(changed)
    checks = check(path, key=key)
    if name == "statement.json" and _same_json(whole, changed):
        return  # white space between values carries no meaning
    assert not all(ok for _, ok in checks)


@pytest.mark.parametrize("name", KINDS)
@QUICK
@given(data=st.data())
def test_no_part_can_be_cut_or_added_unseen(
    check: Any, files: dict[str, Path], key: str, name: str, data: st.DataObject
) -> None:
    whole = files[name].read_bytes()
    at = data.draw(st.integers(0, len(whole)))
    added = data.draw(st.binary(max_size=4))
    changed = whole[:at] + added + (whole[at:] if added else b"")
    path = files[name].with_name("changed")
    path.write_bytes(changed)
    checks = check(path, key=key)
    if changed == whole or (name == "statement.json" and _same_json(whole, changed)):
        return
    assert not all(ok for _, ok in checks)


def _same_json(one: bytes, other: bytes) -> bool:
    try:
        return json.loads(one) == json.loads(other)
    except ValueError:
        return False


def test_a_proof_of_another_entry_does_not_hold(
    check: Any, files: dict[str, Path], key: str, grown: Ledger
) -> None:
    """Right signature, right entry, wrong place."""
    path = files["entry.tlog-proof"]
    text = path.read_text("utf-8")
    path.write_text(text.replace("index 2\n", "index 3\n"), "utf-8")
    assert dict(check(path, key=key))["inclusion"] is False
    entry = {"entry": grown.entry(3).bytes.decode(), "verifier_key": key}
    extra = base64.b64encode(json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()).decode()
    lines = text.split("\n")
    path.write_text("\n".join([lines[0], f"extra {extra}", *lines[2:]]), "utf-8")
    assert dict(check(path, key=key))["inclusion"] is False


def test_a_huge_file_and_a_whole_ledger_are_not_read_as_proofs(tmp_path: Path, key: str) -> None:
    huge = tmp_path / "huge"
    with huge.open("wb") as stream:
        stream.truncate(FILE_BYTES_MAX + 1)
    (said,) = verify_file(huge, verifier_key=key, old_checkpoint=None)
    assert (said.name, said.ok) == ("format", False)
    ledger = tmp_path / "copy.db"
    ledger.write_bytes(b"SQLite format 3\x00" + b"\x00" * 100)
    (said,) = verify_file(ledger, verifier_key=key, old_checkpoint=None)
    assert "witting_verify.py" in said.detail
