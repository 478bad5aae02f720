"""The same words twice: what counts as the same, who survives, and that nobody can guess words from keys."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from witting.config import Curation
from witting.curation import FINGERPRINT, curate_table, elect, fingerprint_rows
from witting.curation.dedup import normalise, text_keys

KEY = b"curation-test-key-0123456789abcd"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hello  World", "hello world"), ("Straße", "STRASSE"), ("ﬁne", "fine"), ("caf\u00e9", "cafe\u0301"),
        ("Call <PHONE_3> now", "call <PHONE_18> now"), ("１２３", "123"), (" tab\tand\nline ", "tab and line"),
    ],
)  # fmt: skip
def test_the_same_words_are_the_same(one, other):
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("yes.", "yes"),
        ("<PHONE_3>", "<EMAIL_3>"),
        ("resume", "résumé"),
        ("a b", "ab"),
        ("<PERSON_1>", "person"),
    ],
)
def test_other_words_are_not_the_same(one, other):
    assert normalise(one) != normalise(other)


@given(st.text())
def test_normalising_twice_changes_nothing(text):
    assert normalise(normalise(text)) == normalise(text)


def test_text_keys_depend_on_the_key():
    assert text_keys(["ok"], key=KEY) != text_keys(["ok"], key=KEY[::-1])
    assert text_keys(["ok"], key=KEY) == text_keys(["OK "], key=KEY)


def rows(*given_rows: tuple[str, str, str, datetime | None]) -> pa.Table:
    return pa.Table.from_pylist(
        [dict(zip(FINGERPRINT.names, row, strict=True)) for row in given_rows], FINGERPRINT
    )


MAY, JUNE = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)


def test_the_earliest_survives_then_the_smallest_row_id_and_unknown_times_come_last():
    clusters = elect(
        rows(
            ("r1", "k", "ana", None),
            ("r2", "k", "ben", JUNE),
            ("r4", "k", "ana", MAY),
            ("r3", "k", "cy", MAY),
        )
    ).to_pylist()
    assert {row["survivor"] for row in clusters} == {"r3"}
    assert {row["subjects"] for row in clusters} == {3}


def test_one_person_twice_is_one_subject():
    assert elect(rows(("r1", "k", "ana", MAY), ("r2", "k", "ana", MAY)))["subjects"].to_pylist() == [1, 1]


def test_a_repeated_question_with_its_answer_is_kept_once_and_says_whose_place_it_lost(new_chat):
    chat = new_chat()
    for person in ("ana", "ben"):
        chat.turn(f"q{person}", subject_id=person, text="What is the capital of Peru?")
        chat.answer(f"a{person}", f"q{person}", subject_id=person, text="Lima.")
    chat.turn("qc", subject_id="cy", text="What is the capital of Peru?")
    chat.answer("ac", "qc", subject_id="cy", text="It is Lima.")
    curated = curate_table(*chat.tables(), settings=Curation(), key=KEY)
    verdicts = {row["row_id"]: (row["reason"], row["detail"]) for row in curated.verdicts.to_pylist()}
    assert verdicts["aben"] == ("duplicate", '{"survivor":"aana","subjects":2}')
    assert verdicts["qben"][0] == "no_answer"
    assert verdicts["aana"][0] == verdicts["ac"][0] == ""


def test_the_next_in_line_is_elected_when_the_survivor_is_gone(new_chat):
    chat = (
        new_chat()
        .say("p1", text="happy birthday to you")
        .say("p2", subject_id="ben", text="Happy birthday to you")
    )
    redacted, signals = chat.tables()
    assert curate_table(redacted, signals, settings=Curation(), key=KEY).examples[
        "subject_id"
    ].to_pylist() == ["ana"]
    remaining = redacted.slice(1)
    again = curate_table(remaining, signals, settings=Curation(), key=KEY)
    assert again.examples["subject_id"].to_pylist() == ["ben"]


def test_everybodys_short_words_are_not_compared(new_chat):
    chat = new_chat().say("p1", text="sorry").say("p2", subject_id="ben", text="sorry")
    assert fingerprint_rows(*chat.tables(), settings=Curation(), key=KEY).num_rows == 0


def test_a_disliked_answer_does_not_stand_for_its_cluster(new_chat):
    chat = new_chat()
    for person in ("ana", "ben"):
        chat.turn(f"q{person}", subject_id=person, text="What is the capital of Peru?")
        chat.answer(f"a{person}", f"q{person}", subject_id=person, text="Lima.")
    chat.signal("g", "aana", "thumb", "-1")
    curated = curate_table(*chat.tables(), settings=Curation(), key=KEY)
    learned = [row["turns"] for row in curated.examples.to_pylist() if row["kind"] == "sft"]
    assert learned == [["qben", "aben"]]


def test_no_words_leave_with_the_fingerprints(new_chat):
    table = fingerprint_rows(*new_chat().say("p1").tables(), settings=Curation(), key=KEY)
    assert table.schema.equals(FINGERPRINT)
    assert table.num_rows == 1
    assert "words of turn" not in str(table.to_pylist())
