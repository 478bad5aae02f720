"""Names that count in every text, because their people objected: whole, however typed, and no part of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from witting.errors import UsageError
from witting.redaction import names, scan
from witting.redaction.names import FullNames

OBJECTORS = FullNames(["Quillon Vantreight", "maria do carmo tesfaye", "ptarmigan_9035", "rose"])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("yesterday quillon vantreight cooked soup", "quillon vantreight"),
        ("QUILLON-VANTREIGHT!", "QUILLON-VANTREIGHT"),
        ("soup for maria do carmo tesfaye", "maria do carmo tesfaye"),
        ("ask ptarmigan_9035 about soup", "ptarmigan_9035"),
    ],
)
def test_a_whole_name_is_found_in_any_text(text: str, found: str) -> None:
    spans, _ = scan(text, everywhere=OBJECTORS)
    assert [text[span.start : span.end] for span in spans] == [found]
    assert scan(text)[0] == []


@pytest.mark.parametrize(
    "text",
    [
        "quillon cooked",
        "a vantreight soup",
        "quillon, then vantreight's",
        "a rose in the soup",
        "maria tesfaye",
    ],
)
def test_a_part_of_a_name_is_somebody_elses(text: str) -> None:
    assert scan(text, everywhere=OBJECTORS) == scan(text)


@given(st.lists(st.text(max_size=12), max_size=6), st.text(max_size=60))
def test_any_names_and_any_text_are_read_in_any_order(said: list[str], text: str) -> None:
    assert scan(text, everywhere=FullNames(said)) == scan(text, everywhere=FullNames(said[::-1]))


@pytest.mark.parametrize(
    ("given", "counts"),
    [
        ("quillon vantreight", True), ("maria do carmo tesfaye", True), ("सीता शर्मा", True), ("anne-marie o'neil", True), ("order-42", False), ("order 42 b", False),
        ("good you", False), ("quillon", False), ("", False),
    ],
)  # fmt: skip
def test_what_was_given_as_a_name_counts_only_where_it_reads_as_one(given: str, counts: bool) -> None:
    assert names.reads_as_name(given) == counts


def test_names_that_begin_alike_are_looked_up_at_once_and_not_one_by_one() -> None:
    many = FullNames([f"maria s{number}x" for number in range(5_000)])
    assert many.lengths("maria") == (2,)
    spans, _ = scan("maria maria s17x maria", everywhere=many)
    assert [(span.start, span.end) for span in spans] == [(6, 16)]


def test_more_names_than_are_looked_for_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "EVERYWHERE_MAX", 1)
    with pytest.raises(UsageError, match="at most 1"):
        FullNames(["ana souza", "bob stone"])
