"""Cosignatures of witnesses: a real one of each kind, an invented witness over the web, both verifiers, and mangling."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ledger.invented_witness import Witness, served
from witting.doors.cli import main
from witting.errors import ProofInvalid
from witting.ledger.checkpoint import open_checkpoint, parse_note, parse_verifier_key, sign_note
from witting.ledger.cosign import (
    add_checkpoint_request,
    add_cosignatures,
    merge_notes,
    parse_witness_key,
    read_cosignature,
)
from witting.workspace import Workspace

ROOT = Path(__file__).parents[2]
VECTOR = json.loads((ROOT / "tests" / "vectors" / "cosigned_checkpoint.json").read_text("utf-8"))
KINDS = ("ed25519", "ml_dsa_44")
SIGNER = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
TEXT = "ledger.example/test\n3\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
NOTE = sign_note(TEXT, name="ledger.example/test", signer=SIGNER)
NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
Said = dict[str, Any]


def cosigned(kind: str) -> str:
    return VECTOR["text"] + "\n" + VECTOR[f"{kind}_line"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_real_cosignature_is_read_with_its_time(kind: str) -> None:
    key = parse_witness_key(VECTOR[f"{kind}_key"])
    assert str(key) == VECTOR[f"{kind}_key"]
    found = read_cosignature(cosigned(kind), key)
    assert found is not None
    assert (found.witness, found.at) == (key.name, datetime(2026, 8, 2, 21, 4, 51, tzinfo=UTC))


@pytest.mark.parametrize("kind", KINDS)
def test_a_cosignature_fits_no_other_checkpoint(kind: str) -> None:
    key = parse_witness_key(VECTOR[f"{kind}_key"])
    changed = cosigned(kind).replace("185550722", "185550723")
    with pytest.raises(ProofInvalid, match="does not fit"):
        read_cosignature(changed, key)


@given(st.integers(0, len(cosigned("ed25519")) - 1), st.characters())
def test_no_character_of_a_cosigned_note_can_be_changed(place: int, char: str) -> None:
    whole = cosigned("ed25519")
    changed = whole[:place] + char + whole[place + 1 :]
    if changed != whole:
        with contextlib.suppress(ProofInvalid):
            assert read_cosignature(changed, parse_witness_key(VECTOR["ed25519_key"])) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "w",
        "w+00000000+",
        VECTOR["ed25519_key"].replace("a3e00fe2", "a3e00fe3"),
        VECTOR["ed25519_key"][:-4],
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",  # a ledger's key, of type 1
    ],
)
def test_what_is_no_key_of_a_witness_is_refused(text: str) -> None:
    with pytest.raises(ProofInvalid):
        parse_witness_key(text)


@pytest.mark.parametrize("signer", [None, MLDSA44PrivateKey.generate()])
def test_an_answer_is_taken_over_and_what_others_sign_in_it_is_not(
    signer: MLDSA44PrivateKey | None,
) -> None:
    witness, other = Witness("w.example", seconds=1_000, signer=signer), Witness("o.example", seconds=9)
    key = parse_witness_key(witness.key)
    for answer in (other.line(TEXT) + witness.line(TEXT), NOTE + other.line(TEXT) + witness.line(TEXT)):
        note = add_cosignatures(NOTE, answer, key)
        assert [one.name for one in parse_note(note)[1]] == ["ledger.example/test", "w.example"]
        assert read_cosignature(note, parse_witness_key(other.key)) is None
    witness.seconds = 2_000
    newer = add_cosignatures(note, witness.line(TEXT), key)  # replaces the older one of the same witness
    found = read_cosignature(newer, key)
    assert found is not None
    assert (found.at.timestamp(), len(parse_note(newer)[1])) == (2_000, 2)
    assert merge_notes(NOTE, newer) == newer
    assert merge_notes(NOTE, "not a note") == NOTE


@pytest.mark.parametrize("seconds", [0, 253_402_300_800, 2**63])
def test_a_cosignature_without_a_time_that_can_be_is_refused(seconds: int) -> None:
    witness = Witness("w.example", seconds=seconds)
    with pytest.raises(ProofInvalid, match="time"):
        add_cosignatures(NOTE, witness.line(TEXT), parse_witness_key(witness.key))


def test_an_answer_without_the_witness_or_over_another_checkpoint_is_refused() -> None:
    witness, other = Witness("w.example", seconds=1), Witness("o.example", seconds=1)
    key = parse_witness_key(witness.key)
    for answer in ("", "\n", other.line(TEXT), NOTE, VECTOR["text"] + "\n" + witness.line(VECTOR["text"])):
        with pytest.raises(ProofInvalid):
            add_cosignatures(NOTE, answer, key)


def test_a_request_is_spelt_as_specified() -> None:
    said = add_checkpoint_request(2, [b"\x00" * 32, b"\xff" * 32], NOTE)
    assert said.split("\n")[:4] == ["old 2", "A" * 43 + "=", "/" * 42 + "8=", ""]
    assert said.endswith("\n\n" + NOTE)
    assert add_checkpoint_request(0, [], NOTE) == "old 0\n\n" + NOTE


# -- an invented witness, over the web --------------------------------------------------------------------------------


@pytest.fixture
def house(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    root = tmp_path / "house"
    assert main(["init", str(root), "--quiet"]) == 0
    grow(root, 3)
    capsys.readouterr()
    return root


@pytest.fixture
def witness(house: Path) -> Witness:
    """It was sent our key beforehand, as every witness is."""
    made = Witness("witness.example/w1", seconds=int(time.time()))
    key = parse_verifier_key(key_of(house))
    made.logs[key.name] = key
    return made


@pytest.fixture
def run(house: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Said]]:
    def said(*words: str) -> tuple[int, Said]:
        code = main([*words, "--workspace", str(house), "--json"])
        return code, json.loads(capsys.readouterr().out)

    return said


def grow(root: Path, count: int, *, run: str = "r") -> None:
    workspace = Workspace.open(root)
    workspace.ledger.append_many([("run.trained", {"run": run})] * count, now=NOW)
    workspace.database.dispose()


def key_of(root: Path) -> str:
    return (root / "checkpoints" / "ledger.vkey").read_text("utf-8").strip()


def both_verifiers(path: Path, *words: str) -> bool:
    return answers_of_both(path, *words) == 0


def answers_of_both(path: Path, *words: str) -> int:
    """The command's exit code, after making sure that the verifier without us gives the same."""
    script = [sys.executable, str(ROOT / "verify" / "witting_verify.py"), str(path), *words]
    alone = subprocess.run(script, capture_output=True, check=False).returncode
    assert main(["verify", str(path), *words, "--workspace", str(path.parent), "--quiet"]) == alone
    return alone


def test_a_wrong_key_or_a_deaf_address_is_said_in_words(
    house: Path, witness: Witness, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--workspace", str(house), "--quiet"]
    assert main(["ledger", "cosign", "http://127.0.0.1:1", "--witness", "bad", *words]) == 2
    assert "--witness" in capsys.readouterr().err
    held = tmp_path / "witness.vkey"
    held.write_text(f"{witness.key}\n", "utf-8")
    assert main(["ledger", "cosign", "http://127.0.0.1:1", "--witness", str(held), *words]) == 1
    said = capsys.readouterr().err
    assert "Connection refused" in said
    assert "Error" not in said


def test_a_witness_cosigns_a_growing_ledger_and_anyone_verifies_it_offline(
    run: Callable[..., tuple[int, Said]], house: Path, witness: Witness, tmp_path: Path
) -> None:
    with served(witness) as address:
        for _ in range(3):  # the first time, the same size again, and after growing
            assert run("ledger", "cosign", address, "--witness", witness.key)[0] == 0
        grow(house, 300)
        assert run("ledger", "cosign", address, "--witness", witness.key)[1]["size"] == 303
    _, said = run("ledger", "checkpoint")
    assert [one["witness"] for one in said["cosignatures"]] == [witness.name]
    _, proof = run("ledger", "proof", "7")
    assert witness.line(parse_note(said["note"])[0]) in said["note"]
    assert run("ledger", "tiles")[1]["note"] == said["note"]
    stranger = Witness(witness.name, seconds=1)
    for given_file in (said["path"], proof["path"], house / "tiles" / "checkpoint"):
        copy = tmp_path / Path(given_file).name
        shutil.copy(given_file, copy)
        assert both_verifiers(copy, "--key", key_of(house), "--witness", witness.key)
        assert not both_verifiers(copy, "--key", key_of(house), "--witness", stranger.key)
        assert both_verifiers(
            copy, "--key", str(house / "checkpoints" / "ledger.vkey"), "--witness", witness.key
        )
        for wrong in (("--witness", "nonsense"), ("--key", "nonsense"), ("--key", given_file)):
            assert answers_of_both(copy, *map(str, wrong)) == 2


def test_a_checkpoint_of_a_ledger_that_grew_since_has_no_cosignature_yet(
    run: Callable[..., tuple[int, Said]], house: Path, witness: Witness
) -> None:
    with served(witness) as address:
        run("ledger", "cosign", address, "--witness", witness.key)
    grow(house, 1)
    assert run("ledger", "checkpoint")[1]["cosignatures"] == []


def test_what_a_witness_sent_by_mail_is_taken_from_a_file(
    run: Callable[..., tuple[int, Said]], house: Path, witness: Witness, tmp_path: Path
) -> None:
    note = run("ledger", "checkpoint")[1]["note"]
    text, _ = parse_note(note)
    answer = tmp_path / "answer.txt"
    answer.write_text(witness.line(text), "utf-8")
    assert run("ledger", "cosign", str(answer), "--witness", witness.key)[0] == 0
    grow(house, 1)  # a whole note says which checkpoint it is about
    second = Witness("witness.example/w2", seconds=5)
    answer.write_text(note + second.line(text), "utf-8")
    code, said = run("ledger", "cosign", str(answer), "--witness", second.key)
    assert (code, said["size"]) == (0, 3)
    assert witness.line(text) in said["note"]
    assert second.line(text) in said["note"]
    signed = open_checkpoint(said["note"], parse_verifier_key(key_of(house)))
    assert signed.size == 3


def test_a_cosignature_from_the_future_is_refused(
    run: Callable[..., tuple[int, Said]], witness: Witness, tmp_path: Path
) -> None:
    witness.seconds += 3_600
    with served(witness) as address:
        code, said = run("ledger", "cosign", address, "--witness", witness.key)
    assert (code, said["error"]["kind"]) == (1, "ProofInvalid")


@pytest.mark.parametrize(("extra", "says"), [(0, "rollback"), (9, "fork")])
def test_a_witness_finds_the_rollback_and_the_fork(
    run: Callable[..., tuple[int, Said]], house: Path, witness: Witness, tmp_path: Path, extra: int, says: str
) -> None:
    shutil.copy(house / "witting.db", tmp_path / "older.db")
    grow(house, 2)
    with served(witness) as address:
        assert run("ledger", "cosign", address, "--witness", witness.key)[0] == 0
        shutil.copy(tmp_path / "older.db", house / "witting.db")
        if extra:
            grow(house, extra, run="another")
        code, said = run("ledger", "cosign", address, "--witness", witness.key)
    assert (code, said["error"]["kind"]) == (1, "LedgerDamaged")
    assert says in said["error"]["message"]


def test_a_witness_that_does_not_know_us_or_is_not_there_is_said(
    run: Callable[..., tuple[int, Said]], witness: Witness
) -> None:
    witness.logs.clear()
    with served(witness) as address:
        code, said = run("ledger", "cosign", address, "--witness", witness.key)
        assert (code, said["error"]["kind"]) == (1, "InputError")
        assert "ledger.vkey" in said["error"]["message"]
        assert run("ledger", "cosign", f"{address}/elsewhere", "--witness", witness.key)[0] == 1
    code, said = run("ledger", "cosign", "http://127.0.0.1:9/", "--witness", witness.key)
    assert (code, said["error"]["kind"]) == (1, "InputError")
    assert run("ledger", "cosign", "nothing-here.txt", "--witness", witness.key)[0] == 2
