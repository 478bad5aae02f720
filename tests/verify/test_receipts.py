"""A receipt as it was handed out holds, in both verifiers; with any byte changed it does not, in either."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import Said
from reports.receipted import ANA, everything, make, tell
from witting.doors.cli import main
from witting.ledger.verify import verify_file

QUICK = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)


@pytest.fixture(scope="module")
def given_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ana's five receipts and the proofs of their entries, her evidence, and the ledger's key; nothing else of the house."""
    folder = tmp_path_factory.mktemp("receipts")
    root = make(folder / "house")
    tell(root, *everything(root))
    assert main(["rights", "receipt", ANA, "--evidence", str(folder / "hers"), "--workspace", str(root)]) == 0
    for path in (*(root / "receipts").iterdir(), root / "checkpoints" / "ledger.vkey"):
        path.rename(folder / "hers" / path.name)
    return folder / "hers"


def of_kind(folder: Path, kind: str) -> Path:
    for path in folder.glob("*.json"):
        body = json.loads(path.read_text("utf-8")).get("body", {})
        if (
            body
            and body["dpv:hasRecordOfActivity"]["witting:ledgerEntry"]["witting:kind"] == f"rights.{kind}"
        ):
            return path
    raise AssertionError(f"no receipt of a {kind}")


def both(verifier: ModuleType, path: Path, key: str, opened: bytes | None = None) -> dict[str, bool]:
    """By check; the two must agree on every one."""
    ours = verify_file(path, verifier_key=key, old_checkpoint=None, opening=opened)
    theirs = verifier.verify(path, expected=key, kept=None, opened=opened)
    assert {check.name: check.ok for check in ours} == {check.name: check.ok for check in theirs}
    return {check.name: check.ok for check in ours}


def key_of(folder: Path) -> str:
    return (folder / "ledger.vkey").read_text("utf-8")


def test_every_receipt_and_the_proof_of_its_entry_hold_offline(verifier: ModuleType, given_out: Path) -> None:
    documents = [path for path in given_out.glob("*.json") if not path.name.endswith(".evidence.json")]
    assert len(documents) == 5
    for path in documents:
        assert all(both(verifier, path, key_of(given_out)).values())
        assert all(both(verifier, path.with_suffix(".tlog-proof"), key_of(given_out)).values())


def test_the_proof_beside_a_receipt_is_of_the_entry_that_the_receipt_names(given_out: Path) -> None:
    for path in given_out.glob("*.tlog-proof"):
        named = json.loads(path.with_suffix(".json").read_text("utf-8"))["body"]["dpv:hasRecordOfActivity"]
        index = named["witting:ledgerEntry"]["witting:index"]
        assert f"\nindex {index}\n" in path.read_text("utf-8")


@QUICK
@given(data=st.data())
def test_any_byte_changed_in_a_receipt_is_found_by_both_verifiers(
    verifier: ModuleType, given_out: Path, tmp_path: Path, data: st.DataObject
) -> None:
    """A change that leaves the JSON the same (white space) changes nothing stated."""
    kind = data.draw(st.sampled_from(["consent", "refusal", "withdrawal", "objection", "signal"]))
    whole = of_kind(given_out, kind).read_bytes()
    raw = bytearray(whole)
    place, mask = data.draw(st.integers(0, len(raw) - 1)), data.draw(st.integers(1, 255))
    raw[place] ^= mask
    try:
        same = rfc8785.dumps(json.loads(raw)) == rfc8785.dumps(json.loads(whole))
    except (ValueError, RecursionError):
        same = False
    changed = tmp_path / "changed.json"
    changed.write_bytes(bytes(raw))
    assert all(both(verifier, changed, key_of(given_out)).values()) == same


def test_a_no_cannot_be_made_a_yes(verifier: ModuleType, given_out: Path, tmp_path: Path) -> None:
    text = of_kind(given_out, "refusal").read_text("utf-8")
    for old, new in (
        ("odrl:prohibition", "odrl:permission"),
        ("dpv:ConsentRefused", "dpv:ConsentGiven"),
        ('"refused"', '"given"'),
    ):
        assert old in text
        forged = tmp_path / "forged.json"
        forged.write_text(text.replace(old, new), "utf-8")
        assert both(verifier, forged, key_of(given_out))["statement"] is False


# -- opened evidence --------------------------------------------------------------------------------------------------


def opened_of(path: Path) -> bytes:
    return path.with_name(f"{path.stem}.evidence.json").read_bytes()


def test_the_evidence_that_came_with_a_receipt_is_the_one_it_commits_to(
    verifier: ModuleType, given_out: Path
) -> None:
    path = of_kind(given_out, "consent")
    assert both(verifier, path, key_of(given_out), opened_of(path))["evidence"] is True


def test_evidence_that_was_changed_or_belongs_elsewhere_is_found(
    verifier: ModuleType, given_out: Path
) -> None:
    path = of_kind(given_out, "consent")
    opened = json.loads(opened_of(path))
    others: list[Any] = [
        opened | {"evidence": opened["evidence"] | {"default_state": "on"}},
        opened | {"salt": "0" * 32},
        opened | {"salt": opened["salt"].upper() + "x"},
        opened | {"salt": 7},
        opened | {"commitment": "0" * 64},
        opened | {"note": "all fine"},
        {"evidence": {}},
        [],
        json.loads(opened_of(of_kind(given_out, "signal"))),
    ]
    for other in others:
        assert both(verifier, path, key_of(given_out), json.dumps(other).encode())["evidence"] is False
    for data in (b"", b"\xff\xfe", b"{", b'{"salt": 1, "salt": 2}', b'{"commitment": NaN}'):
        assert both(verifier, path, key_of(given_out), data)["evidence"] is False


def test_what_is_no_receipt_has_no_evidence_to_be_held_against(verifier: ModuleType, given_out: Path) -> None:
    refusal = of_kind(given_out, "refusal")
    opened = opened_of(of_kind(given_out, "consent"))
    assert both(verifier, refusal, key_of(given_out), opened)["evidence"] is False
    proof = both(verifier, refusal.with_suffix(".tlog-proof"), key_of(given_out), opened)
    assert proof == {"format": False}


def test_the_command_checks_evidence_too(
    given_out: Path, tmp_path: Path, witting_here: Callable[..., Said]
) -> None:
    path = of_kind(given_out, "consent")
    evidence = path.with_name(f"{path.stem}.evidence.json")
    words = ("verify", path, "--key", key_of(given_out).strip(), "--workspace", tmp_path)
    assert witting_here(*words, "--evidence", evidence).code == 0
    assert witting_here(*words, "--evidence", path).code == 1
    assert witting_here(*words, "--evidence", tmp_path / "none").code == 2
