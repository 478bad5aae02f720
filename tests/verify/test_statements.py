"""A sealed statement verifies; one with anything changed does not; both verifiers say the same of each."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from witting.errors import LedgerError, ProofInvalid
from witting.ledger import (
    Ledger,
    read_statement,
    reissue_statement,
    seal_statement,
    statement_text,
    verify_statement,
    with_continuation,
)
from witting.ledger.certificate import HISTORY_MAX, STATEMENT_KINDS
from witting.ledger.checkpoint import Checkpoint, encode_base64, sign_checkpoint, verifier_key
from witting.ledger.entry import make_entry
from witting.ledger.merkle import leaf_hash
from witting.ledger.proof import format_proof

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
NUMBERS = json.loads((Path(__file__).parents[1] / "vectors" / "rfc8785_numbers.json").read_text())["numbers"]
BODY = {
    "request": "5f",
    "located": {"rows": 41, "parts": 2, "adapters": [3]},
    "loss_nats": {"before": 2.25, "after": 0.1 + 0.2},
    "not_proven": "That no copy exists outside this system \u2013 e.g. in an export.",
    "complete": True,
}
QUICK = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


@pytest.fixture
def document(ledger: Ledger) -> dict[str, Any]:
    return seal_statement(ledger, "erasure", BODY, now=NOW, facts={"subject": "00" * 16})


def outcomes(
    verifier: ModuleType, text: str, *, key: str | None = None, kept: str | None = None
) -> dict[str, bool]:
    """By check; both verifiers must agree on every one."""
    theirs = {
        check.name: check.ok for check in verifier.verify_statement(text.encode(), expected=key, kept=kept)
    }
    try:
        read = read_statement(text.encode())
    except ProofInvalid:
        assert theirs == {"format": False}
        return theirs
    ours = {check.name: check.ok for check in verify_statement(read, verifier_key=key, old_checkpoint=kept)}
    assert ours == theirs
    return ours


@pytest.mark.parametrize("kind", STATEMENT_KINDS)
def test_a_sealed_statement_verifies(verifier: ModuleType, ledger: Ledger, kind: str) -> None:
    document = seal_statement(ledger, kind, BODY, now=NOW)
    assert ledger.entry(document["entry"]).kind == STATEMENT_KINDS[kind]
    assert document["body"] == BODY
    found = outcomes(verifier, statement_text(document), key=str(ledger.verifier_key))
    assert found == dict.fromkeys(["format", "key", "statement", "signature", "inclusion", "history"], True)


def test_the_entry_carries_the_facts_that_projections_need(ledger: Ledger, document: dict[str, Any]) -> None:
    body = ledger.entry(document["entry"]).body
    assert body["subject"] == "00" * 16
    assert body["statement"]["body_sha256"] == hashlib.sha256(rfc8785.dumps(BODY)).hexdigest()


def test_the_caller_may_name_the_entry(ledger: Ledger) -> None:
    document = seal_statement(ledger, "receipt", BODY, now=NOW, entry_kind="rights.receipt")
    assert ledger.entry(document["entry"]).kind == "rights.receipt"


def test_a_statement_that_cannot_be_sealed_leaves_no_entry(ledger: Ledger) -> None:
    before = ledger.size()
    for kind, body, facts in (
        ("rumour", BODY, None),
        ("audit", {"x": float("nan")}, None),
        ("audit", {}, {"statement": 1}),
    ):
        with pytest.raises(LedgerError):
            seal_statement(ledger, kind, body, now=NOW, facts=facts)
    assert ledger.size() == before


def test_a_statement_still_verifies_when_the_ledger_has_grown(
    verifier: ModuleType, ledger: Ledger, document: dict[str, Any]
) -> None:
    ledger.append_many([("run.trained", {})] * 50, now=NOW + timedelta(days=9))
    assert all(outcomes(verifier, statement_text(document)).values())


def test_a_lost_document_is_made_again_from_its_entry(
    verifier: ModuleType, ledger: Ledger, document: dict[str, Any]
) -> None:
    assert reissue_statement(ledger, document["entry"], BODY, now=NOW) == document
    size = ledger.size()
    ledger.append_many([("run.trained", {})] * 30, now=NOW)
    again = reissue_statement(ledger, document["entry"], BODY, now=NOW)
    assert all(outcomes(verifier, statement_text(again)).values())
    assert ledger.size() == size + 30
    for index, body in ((document["entry"], BODY | {"complete": False}), (0, BODY)):
        with pytest.raises(LedgerError, match="does not seal this statement"):
            reissue_statement(ledger, index, body, now=NOW)


def test_a_document_proves_its_newest_checkpoints_and_no_more(verifier: ModuleType, ledger: Ledger) -> None:
    sealed = [seal_statement(ledger, "audit", BODY, now=NOW) for _ in range(HISTORY_MAX + 3)]
    assert len(sealed[-1]["history"]) == HISTORY_MAX
    assert all(outcomes(verifier, statement_text(sealed[-1])).values())


# -- whose it is ------------------------------------------------------------------------------------------------------


def test_without_a_key_the_reader_is_told_to_compare_it(
    verifier: ModuleType, document: dict[str, Any]
) -> None:
    for checks in (
        verify_statement(document),
        verifier.verify_statement(statement_text(document).encode(), expected=None, kept=None),
    ):
        detail = next(check.detail for check in checks if check.name == "key")
        assert document["verifier_key"] in detail
        assert "compare it with one you got elsewhere" in detail


def forge(document: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """What somebody without our key can make: everything right, but signed by a key of their own."""
    signer = Ed25519PrivateKey.from_private_bytes(b"\x66" * 32)
    digest = hashlib.sha256(rfc8785.dumps(body)).hexdigest()
    sealed = {"format": document["format"], "kind": document["kind"], "body_sha256": digest}
    entry = make_entry(0, "erasure.completed", {"statement": sealed}, now=NOW)
    note = sign_checkpoint(Checkpoint("ledger.example/test", 1, leaf_hash(entry.bytes)), signer)
    return document | {
        "body": body,
        "body_sha256": digest,
        "entry": 0,
        "entry_bytes": encode_base64(entry.bytes),
        "proof": format_proof(0, [], note),
        "history": [],
        "verifier_key": str(verifier_key(signer, name="ledger.example/test")),
    }


def test_a_forgery_under_another_key_is_found_by_key_or_by_kept_checkpoint(
    verifier: ModuleType, ledger: Ledger, document: dict[str, Any]
) -> None:
    forged = statement_text(forge(document, BODY | {"complete": False}))
    assert all(outcomes(verifier, forged).values())  # which is why the key must be compared
    assert outcomes(verifier, forged, key=str(ledger.verifier_key))["key"] is False
    assert outcomes(verifier, forged, kept=ledger.checkpoint(now=NOW))["kept checkpoint"] is False


# -- nothing can be changed -------------------------------------------------------------------------------------------


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for name in value:
            yield from paths(value[name], (*path, name))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from paths(item, (*path, place))
    else:
        yield path


def changed(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    other = copy.deepcopy(document)
    inner: Any = other
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return other


OTHERS: list[Any] = [None, False, 0, 1, 42, -1, 2.5, "", "x", [], {}, "AAAA", 1e300]


def test_no_value_of_a_statement_can_be_replaced(verifier: ModuleType, document: dict[str, Any]) -> None:
    for path in paths(document):
        for value in OTHERS:
            other = changed(document, path, value)
            if rfc8785.dumps(other) != rfc8785.dumps(document):
                assert not all(outcomes(verifier, statement_text(other)).values()), (path, value)


def test_no_field_can_be_added_or_left_out(verifier: ModuleType, document: dict[str, Any]) -> None:
    assert outcomes(verifier, statement_text(document | {"note": "all fine"})) == {"format": False}
    for name in document:
        rest = {known: value for known, value in document.items() if known != name}
        assert outcomes(verifier, statement_text(rest)) == {"format": False}


@QUICK
@given(data=st.data())
def test_no_byte_of_a_statement_file_can_be_flipped(
    verifier: ModuleType, document: dict[str, Any], data: st.DataObject
) -> None:
    """A flip that leaves the JSON the same (white space, another spelling of a number) changes nothing stated."""
    raw = bytearray(statement_text(document).encode())
    place, mask = data.draw(st.integers(0, len(raw) - 1)), data.draw(st.integers(1, 255))
    raw[place] ^= mask
    try:
        same = rfc8785.dumps(json.loads(raw)) == rfc8785.dumps(document)
    except (ValueError, RecursionError):
        same = False
    held = all(check.ok for check in verifier.verify_statement(bytes(raw), expected=None, kept=None))
    assert held == same
    assert holds(bytes(raw)) == same


@QUICK
@given(rows=st.integers(0, 10**6).filter(lambda rows: rows != BODY["located"]["rows"]))
def test_a_figure_edited_and_hashed_again_is_found(
    verifier: ModuleType, document: dict[str, Any], rows: int
) -> None:
    other = changed(document, ("body", "located", "rows"), rows)
    other["body_sha256"] = hashlib.sha256(rfc8785.dumps(other["body"])).hexdigest()
    found = outcomes(verifier, statement_text(other))
    assert found["statement"] is False
    entry = json.loads(base64.b64decode(other["entry_bytes"]))
    entry["body"]["statement"]["body_sha256"] = other["body_sha256"]
    other["entry_bytes"] = encode_base64(rfc8785.dumps(entry))  # and the entry too, without our key
    found = outcomes(verifier, statement_text(other))
    assert (found["statement"], found["inclusion"]) == (True, False)


def test_a_name_that_occurs_twice_is_refused(verifier: ModuleType, document: dict[str, Any]) -> None:
    text = statement_text(document).replace('"complete": true', '"complete": false, "complete": true')
    assert outcomes(verifier, text) == {"format": False}


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", "{" * 3000, '{"format": "witting.statement/2"}', '{"a": NaN}']
)
def test_what_is_no_statement_is_refused_and_not_a_crash(verifier: ModuleType, text: str) -> None:
    assert outcomes(verifier, text) == {"format": False}


def test_a_body_nested_too_deeply_is_refused_and_not_a_crash(
    verifier: ModuleType, document: dict[str, Any]
) -> None:
    for depth in (100, 900, 20_000):
        text = statement_text(document).replace("true", "[" * depth + "]" * depth)
        assert not all(
            check.ok for check in verifier.verify_statement(text.encode(), expected=None, kept=None)
        )
        assert not holds(text.encode())


def holds(data: bytes) -> bool:
    """In the package's own verifier."""
    try:
        return all(check.ok for check in verify_statement(read_statement(data)))
    except ProofInvalid:
        return False


# -- against a kept checkpoint ----------------------------------------------------------------------------------------


def test_a_kept_checkpoint_is_matched_by_the_history_inside(
    verifier: ModuleType, ledger: Ledger, document: dict[str, Any]
) -> None:
    kept = ledger.checkpoints(newest=9)[-1]
    assert kept.split("\n")[1] == "7"
    assert outcomes(verifier, statement_text(document), kept=kept)["kept checkpoint"] is True
    own = ledger.checkpoint(now=NOW)
    assert outcomes(verifier, statement_text(document), kept=own)["kept checkpoint"] is True


def test_a_checkpoint_that_the_document_knows_nothing_of_can_be_added(
    verifier: ModuleType, ledger: Ledger, document: dict[str, Any]
) -> None:
    ledger.append_many([("run.trained", {})] * 9, now=NOW)
    later = ledger.checkpoint(now=NOW)
    assert outcomes(verifier, statement_text(document), kept=later)["kept checkpoint"] is False
    extended = with_continuation(ledger, document, later)
    assert outcomes(verifier, statement_text(extended), kept=later)["kept checkpoint"] is True


def test_a_fork_shows_against_a_kept_checkpoint(
    verifier: ModuleType, ledger: Ledger, document: dict[str, Any]
) -> None:
    """Even when our own key signed both histories."""
    signer = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    for size in (7, document["entry"] + 1):
        kept = sign_checkpoint(Checkpoint("ledger.example/test", size, b"\x11" * 32), signer)
        assert outcomes(verifier, statement_text(document), kept=kept)["kept checkpoint"] is False


# -- canonical JSON ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("bits", "spelt"), NUMBERS)
def test_numbers_are_spelt_as_in_rfc_8785(verifier: ModuleType, bits: str, spelt: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert verifier.canonical(number) == spelt.encode() == rfc8785.dumps(number)


@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_both_spell_every_number_alike(verifier: ModuleType, number: float) -> None:
    try:
        assert verifier.canonical(number) == rfc8785.dumps(number)
    except verifier.Failed:
        assert 2**53 <= abs(number) < 10**21


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=10,
)


@given(value=VALUES)
def test_both_write_every_value_alike(verifier: ModuleType, value: Any) -> None:
    assert verifier.canonical(value) == rfc8785.dumps(value)
