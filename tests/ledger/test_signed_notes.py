"""Signed notes, checkpoints and verifier keys, against Go's published vector and against mangling."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from witting.errors import ProofInvalid, UsageError
from witting.ledger.checkpoint import (
    Checkpoint,
    open_checkpoint,
    open_note,
    parse_checkpoint,
    parse_verifier_key,
    sign_checkpoint,
    sign_note,
    verifier_key,
)

VECTOR = json.loads((Path(__file__).parents[1] / "vectors" / "signed_note.json").read_text())
SEED = base64.b64decode(VECTOR["signer_key"].split("+", 4)[4])[1:]
PETER = Ed25519PrivateKey.from_private_bytes(SEED)
KEY = parse_verifier_key(VECTOR["verifier_key"])
OTHER = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)


def test_signing_gives_the_published_note_byte_for_byte() -> None:
    assert sign_note(VECTOR["text"], name="PeterNeumann", signer=PETER) == VECTOR["note"]


def test_the_published_note_opens_with_the_published_key() -> None:
    assert open_note(VECTOR["note"], KEY) == VECTOR["text"]


def test_a_verifier_key_is_spelt_as_published() -> None:
    assert str(verifier_key(PETER, name="PeterNeumann")) == VECTOR["verifier_key"]


@pytest.mark.parametrize(
    "text", [*VECTOR["refused_keys"], "", "++", "PeterNeumann", "Peter Neumann+c74f20a3+AA=="]
)
def test_other_keys_than_ed25519_and_broken_ones_are_refused(text: str) -> None:
    with pytest.raises(ProofInvalid):
        parse_verifier_key(text)


@given(st.integers(0, len(VECTOR["verifier_key"]) - 1), st.characters(codec="ascii"))
def test_no_character_of_a_verifier_key_can_be_changed(place: int, char: str) -> None:
    text = VECTOR["verifier_key"]
    changed = text[:place] + char + text[place + 1 :]
    try:
        assert parse_verifier_key(changed) == KEY  # white space around a key that somebody pasted is allowed
        assert changed.strip() == text.strip()
    except ProofInvalid:
        assert changed != text


@given(st.integers(0, len(VECTOR["note"]) - 1), st.characters())
def test_no_character_of_a_note_can_be_changed(place: int, char: str) -> None:
    changed = VECTOR["note"][:place] + char + VECTOR["note"][place + 1 :]
    if changed != VECTOR["note"]:
        with pytest.raises(ProofInvalid):
            open_note(changed, KEY)


def test_a_witness_may_sign_beside_us() -> None:
    witness = sign_note(VECTOR["text"], name="witness.example", signer=OTHER).removeprefix(
        VECTOR["text"] + "\n"
    )
    assert open_note(VECTOR["note"] + witness, KEY) == VECTOR["text"]


def test_a_note_that_only_others_signed_is_refused() -> None:
    for name in ("witness.example", "PeterNeumann"):
        with pytest.raises(ProofInvalid, match="not signed by PeterNeumann"):
            open_note(sign_note(VECTOR["text"], name=name, signer=OTHER), KEY)


def test_a_checkpoint_reads_back() -> None:
    checkpoint = Checkpoint("log.example/one", 20_852_163, b"\x0a" * 32)
    note = sign_checkpoint(checkpoint, OTHER)
    assert open_checkpoint(note, verifier_key(OTHER, name="log.example/one")) == checkpoint


def test_the_example_of_the_specification_is_a_checkpoint() -> None:
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    assert parse_checkpoint(text).text() == text
    assert parse_checkpoint(text + "an extension line\n") == parse_checkpoint(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "log\n",
        "log\n1\n",
        "log\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "log\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "log\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n",
        "log\n1\nAAAA\n",
        "log\n1\n\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
    ],
)
def test_what_is_not_a_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(ProofInvalid):
        parse_checkpoint(text)


def test_a_key_signs_only_its_own_ledger() -> None:
    foreign = sign_note(
        Checkpoint("log.example/two", 1, bytes(32)).text(), name="log.example/one", signer=OTHER
    )
    with pytest.raises(ProofInvalid, match=r"log\.example/two"):
        open_checkpoint(foreign, verifier_key(OTHER, name="log.example/one"))


@pytest.mark.parametrize("origin", ["", "two words", "a+b", "non\u00a0breaking"])
def test_an_origin_that_no_signature_line_can_carry_is_refused(origin: str) -> None:
    with pytest.raises(UsageError):
        verifier_key(OTHER, name=origin)
