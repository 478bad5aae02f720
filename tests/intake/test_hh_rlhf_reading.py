"""hh-rlhf: the published pairs, and where to split."""

import io
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from witting.intake.sets.hh_rlhf import SOURCE
from witting.intake.source import Export, Member, Skipped, Turn

FILE = (
    Path(__file__).parents[3]
    / "shared"
    / "data"
    / "interactions-dev"
    / "hh-rlhf"
    / "harmless-base-test.jsonl.gz"
)
H, A = "\n\nHuman: ", "\n\nAssistant: "


def read(*pairs):
    data = "\n".join(
        json.dumps({"chosen": chosen, "rejected": rejected}) for chosen, rejected in pairs
    ).encode()
    only = Member("pairs.jsonl", len(data), lambda: io.BytesIO(data))
    return list(SOURCE.read(Export((only,), {}, "0")))


def told(records):
    return [(r.role, r.text, r.on_active_path) if isinstance(r, Turn) else r.reason for r in records]


@pytest.mark.skipif(not FILE.exists(), reason="the shared data set is not beside this checkout")
def test_the_published_pairs_are_read_and_all_but_the_empty_answers_are_pairs():
    only = Member(FILE.name, FILE.stat().st_size, lambda: FILE.open("rb"))
    assert SOURCE.claims(only, only.head())
    records = list(SOURCE.read(Export((only,), {}, "0")))
    kinds = Counter("turn" if isinstance(record, Turn) else record.reason for record in records)
    assert kinds == {"turn": 13824, "no_text": 4}
    pairs = [s for r in records if isinstance(r, Turn) for s in r.signals]
    assert len(pairs) == 2308
    assert {s.kind for s in pairs} == {"preference"}


def test_a_pair_is_the_shared_dialogue_and_two_answers():
    records = read((f"{H}hi{A}yo{H}why?{A}because", f"{H}hi{A}yo{H}why?{A}I won't say"))
    assert told(records) == [
        ("user", "hi", True),
        ("assistant", "yo", True),
        ("user", "why?", True),
        ("assistant", "because", True),
        ("assistant", "I won't say", False),
    ]
    assert records[3].signals[0].value == {"chosen": "3", "rejected": "3-rejected"}
    assert records[3].parent == records[4].parent == "2"


def test_a_marker_inside_an_answer_is_text():
    records = read((f"{H}hi{A}one{A}two", f"{H}hi{A}three"))
    assert told(records)[1:] == [("assistant", f"one{A}two", True), ("assistant", "three", False)]
    assert records[1].signals


def test_sides_that_differ_by_more_than_an_answer_are_kept_but_not_paired():
    records = read((f"{H}hi{A}one{H}more{A}two", f"{H}hi{A}three"))
    assert told(records)[1:] == [
        ("assistant", "one", True),
        ("user", "more", True),
        ("assistant", "two", True),
        ("assistant", "three", False),
    ]
    assert not any(record.signals for record in records)


def test_equal_sides_and_empty_answers_are_not_paired():
    assert told(read((f"{H}hi{A}yo", f"{H}hi{A}yo"))) == [("user", "hi", True), ("assistant", "yo", True)]
    records = read((f"{H}hi{A}yo", f"{H}hi\n\nAssistant:"))
    assert told(records) == [("user", "hi", True), ("assistant", "yo", True), "no_text"]
    assert not records[1].signals


@pytest.mark.parametrize("pair", [("a", "b"), (f"{H}x", f"{H}y"), (None, "x"), (f"{A}x", f"{A}y")])
def test_what_has_no_common_prompt_is_quarantined(pair):
    (record,) = read(pair)
    assert isinstance(record, Skipped)
    assert record.record is not None


WORDS = st.text(alphabet="ab \n:HA", max_size=6)


@given(st.lists(st.tuples(WORDS, WORDS), max_size=2), WORDS, WORDS, WORDS)
def test_the_text_of_the_two_sides_is_never_changed(before, prompt, one, other):
    shared = "".join(f"{H}{asked}{A}{said}" for asked, said in before) + f"{H}{prompt}{A}"
    records = read((shared + one, shared + other))
    found = {r.turn: r.text for r in records if isinstance(r, Turn)}
    for side, text in (("", one), ("-rejected", other)):
        if text.strip() and (side == "" or one != other):
            assert found[f"{2 * len(before) + 1}{side}"] == text
