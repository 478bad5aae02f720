"""Entries: exact bytes, limits, strict reading; and `.tlog-proof` texts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from witting.errors import LedgerDamaged, LedgerError, ProofInvalid
from witting.ledger.entry import ENTRY_BYTES_MAX, WHOLE_NUMBER_MAX, make_entry, parse_entry, parse_json
from witting.ledger.proof import format_proof, parse_proof

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.integers(-WHOLE_NUMBER_MAX, WHOLE_NUMBER_MAX) | st.floats(-1e15, 1e15)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(WORDS, JSON, max_size=4))
def test_an_entry_reads_back_from_its_bytes(body: dict) -> None:
    entry = make_entry(7, "rights.consent", body, now=NOW)
    assert parse_entry(entry.bytes) == entry
    assert json.loads(entry.bytes) == {
        "index": 7,
        "kind": "rights.consent",
        "at": "2026-11-24T12:30:00.000000Z",
        "body": body,
    }


def test_bytes_are_canonical_whatever_the_order_of_names() -> None:
    one = make_entry(0, "a", {"b": 1, "a": [1.0, "\u20ac"]}, now=NOW)
    two = make_entry(0, "a", {"a": [1, "\u20ac"], "b": 1}, now=NOW)
    assert one.bytes == two.bytes == rfc8785.dumps(json.loads(one.bytes))


def test_one_moment_has_one_spelling() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert make_entry(0, "a", {}, now=elsewhere) == make_entry(0, "a", {}, now=NOW)


@pytest.mark.parametrize(
    "body", [{"x": float("nan")}, {"x": 2**53}, {"x": 1e16}, {"x": "\ud800"}, {1: 2}, {"x": {1}}]
)
def test_what_readers_would_disagree_about_is_refused(body: dict) -> None:
    with pytest.raises(LedgerError, match="canonical JSON"):
        make_entry(0, "a", body, now=NOW)


def test_an_entry_too_large_is_refused_and_one_at_the_limit_is_not() -> None:
    room = ENTRY_BYTES_MAX - len(make_entry(0, "a", {"x": ""}, now=NOW).bytes)
    assert len(make_entry(0, "a", {"x": "y" * room}, now=NOW).bytes) == ENTRY_BYTES_MAX
    with pytest.raises(LedgerError, match="at most 65535"):
        make_entry(0, "a", {"x": "y" * (room + 1)}, now=NOW)


@pytest.mark.parametrize("kind", ["", "Rights", "a..b", "a b", ".a", "a.", "x" * 65])
def test_kinds_are_lower_case_words(kind: str) -> None:
    with pytest.raises(LedgerError, match="kind"):
        make_entry(0, kind, {}, now=NOW)


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(LedgerError, match="zone"):
        make_entry(0, "a", {}, now=NOW.replace(tzinfo=None))


GOOD = make_entry(3, "a.b", {"n": 12}, now=NOW).bytes


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"\xff",
        GOOD + b" ",
        GOOD.replace(b":", b": ", 1),
        GOOD.replace(b'"n":12', b'"n":12,"n":13'),
        GOOD.replace(b'"index":3', b'"index":true'),
        GOOD.replace(b'"index":3', b'"index":3,"more":1'),
        GOOD.replace(b".000000Z", b"Z"),
        GOOD.replace(b"12", b"1e400"),
        b'{"at":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    ],
)
def test_bytes_that_are_not_exactly_an_entry_are_damage(data: bytes) -> None:
    with pytest.raises(LedgerDamaged):
        parse_entry(data)


def test_json_with_a_name_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        parse_json('{"rows": 1, "rows": 2}')


HASH = st.binary(min_size=32, max_size=32)


@given(st.integers(0, 2**60), st.lists(HASH, max_size=6), st.none() | st.binary(max_size=20))
def test_a_tlog_proof_reads_back(index: int, hashes: list[bytes], extra: bytes | None) -> None:
    text = format_proof(index, hashes, "log\n1\nroot\n\n\u2014 log sig\n", extra=extra)
    proof = parse_proof(text)
    assert (proof.index, list(proof.hashes), proof.extra) == (index, hashes, extra)
    assert format_proof(proof.index, proof.hashes, proof.checkpoint, extra=proof.extra) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1\n",
        "c2sp.org/tlog-proof@v2\nindex 1\n\nlog\n",
        "c2sp.org/tlog-proof@v1\nindex 01\n\nlog\n",
        "c2sp.org/tlog-proof@v1\nindex\n\nlog\n",
        "c2sp.org/tlog-proof@v1\nextra !!\nindex 1\n\nlog\n",
        "c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n\nlog\n",
        "c2sp.org/tlog-proof@v1\nindex 1\n" + "A" * 43 + "=\n" * 70 + "\nlog\n",
    ],
)
def test_what_is_not_a_tlog_proof_is_refused(text: str) -> None:
    with pytest.raises(ProofInvalid):
        parse_proof(text)
