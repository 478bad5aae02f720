"""`witting verify` and `verify/witting_verify.py` answer alike for every kind of file, with and without key and
kept checkpoint: what one finds, the other finds."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

from witting.ledger import Ledger, seal_statement, statement_text
from witting.ledger.verify import verify_file

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
STRANGER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


@pytest.fixture
def files(ledger: Ledger, tmp_path: Path) -> dict[str, Path]:
    document = seal_statement(ledger, "erasure", {"rows": 41}, now=NOW)
    texts = {
        "statement": statement_text(document),
        "proof": ledger.tlog_proof(3, now=NOW),
        "checkpoint": ledger.checkpoint(now=NOW),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, "utf-8")
    return {name: tmp_path / name for name in texts}


def both(verifier: ModuleType, path: Path, *, key: str | None, kept: str | None) -> dict[str, bool]:
    theirs = {check.name: check.ok for check in verifier.verify(path, expected=key, kept=kept)}
    assert {
        check.name: check.ok for check in verify_file(path, verifier_key=key, old_checkpoint=kept)
    } == theirs
    return theirs


@pytest.mark.parametrize("name", ["statement", "proof", "checkpoint"])
def test_both_accept_the_file_under_its_key(
    verifier: ModuleType, ledger: Ledger, files: dict[str, Path], name: str
) -> None:
    key, own = str(ledger.verifier_key), ledger.checkpoint(now=NOW)
    assert all(both(verifier, files[name], key=key, kept=None).values())
    assert both(verifier, files[name], key=key, kept=own)["kept checkpoint"] is True


@pytest.mark.parametrize("name", ["statement", "proof", "checkpoint"])
def test_both_refuse_another_key_and_a_broken_one(
    verifier: ModuleType, files: dict[str, Path], name: str
) -> None:
    for key in (STRANGER, "nonsense"):
        assert not all(both(verifier, files[name], key=key, kept=None).values())


@pytest.mark.parametrize("name", ["statement", "proof", "checkpoint"])
def test_a_kept_checkpoint_is_never_passed_over(
    verifier: ModuleType, ledger: Ledger, files: dict[str, Path], name: str
) -> None:
    """One that nothing in the file can be compared with is a failed check, and so is one of another ledger."""
    ledger.append("run.trained", {}, now=NOW)
    for kept in (ledger.checkpoint(now=NOW), "not a checkpoint\n"):
        found = both(verifier, files[name], key=str(ledger.verifier_key), kept=kept)
        assert found["kept checkpoint"] is False


def test_only_a_checkpoint_needs_to_be_told_its_key(verifier: ModuleType, files: dict[str, Path]) -> None:
    assert both(verifier, files["checkpoint"], key=None, kept=None) == {"key": False}
    for name in ("statement", "proof"):
        assert all(both(verifier, files[name], key=None, kept=None).values())


@pytest.mark.parametrize(
    "data", [b"", b"\x00\xff", b"hello\n", b"{", b"[]", b"c2sp.org/tlog-proof@v1\nindex 0\n\nx\n"]
)
def test_both_refuse_what_is_nothing_of_ours(
    verifier: ModuleType, ledger: Ledger, tmp_path: Path, data: bytes
) -> None:
    (tmp_path / "something").write_bytes(data)
    found = both(verifier, tmp_path / "something", key=str(ledger.verifier_key), kept=None)
    assert not all(found.values())


@pytest.mark.parametrize("name", ["statement", "proof", "checkpoint"])
def test_both_find_a_changed_character_in_the_same_place(
    verifier: ModuleType, ledger: Ledger, files: dict[str, Path], name: str
) -> None:
    text = files[name].read_text("utf-8")
    for place in range(0, len(text), 7):
        files[name].write_text(
            text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :], "utf-8"
        )
        both(verifier, files[name], key=str(ledger.verifier_key), kept=None)
