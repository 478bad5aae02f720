"""Thumbs in every spelling, comments, and the guard on pairs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from witting.intake.signals import (
    Answer,
    comparable,
    distinct,
    feedback,
    preference,
    rating,
    thumb,
    thumb_in_words,
)
from witting.intake.source import Signal


@pytest.mark.parametrize(
    "spelling", ["thumbsUp", "thumbs_up", "thumbs-up", " UP ", "like", "good", "1", 1, 1.0]
)
def test_every_spelling_of_thumbs_up_is_one(spelling):
    assert thumb(spelling) == 1


@pytest.mark.parametrize(
    "spelling", ["thumbsDown", "thumbs_down", "thumbs down", "down", "dislike", "-1", -1, -1.0]
)
def test_every_spelling_of_thumbs_down_is_minus_one(spelling):
    assert thumb(spelling) == -1


@pytest.mark.parametrize(
    "other", [True, False, None, 0, 2, "0", "", "-", "meh", [], {}, float("nan"), 10**400]
)
def test_what_is_no_thumb_is_none(other):
    assert thumb(other) is None


def test_a_comment_keeps_its_words_and_the_products_own_tags_apart():
    given_ = feedback(
        "down", comment="too long", tags=["not-helpful", "my name is …"], source_kind="annotation"
    )
    assert [(s.kind, s.value, s.text) for s in given_] == [
        ("thumb", -1, None),
        ("comment", {"tags": ["not-helpful"]}, "too long"),
    ]


def test_blank_comments_and_unwritable_ones_are_none():
    assert feedback(None, comment="  ", source_kind="x") == ()
    assert feedback(None, comment="\ud800", source_kind="x") == ()


@pytest.mark.parametrize("value", [True, "5", None, float("nan"), float("inf")])
def test_a_rating_is_a_finite_number(value):
    assert rating(value, source_kind="x") == ()
    assert rating(0.5, source_kind="x")[0].value == 0.5


@given(
    st.none() | st.sampled_from(["a", "a ", "b", ""]), st.none() | st.sampled_from(["a", "b"]), st.booleans()
)
def test_comparing_is_symmetric_and_never_of_equals(one, other, whole):
    first, second = Answer("1", one, whole), Answer("2", other, True)
    assert comparable(first, second) == comparable(second, first)
    assert not comparable(first, first)
    if preference(first, second, source_kind="x"):
        assert whole
        assert one is not None
        assert other is not None
        assert one.strip() != other.strip()


def test_the_same_act_told_twice_is_one():
    thumbs = [
        Signal("thumb", value=1, source_kind="annotation"),
        Signal("thumb", value=1, source_kind="feedback"),
    ]
    assert distinct(thumbs) == (thumbs[0],)
    assert len(distinct([*thumbs, Signal("thumb", value=-1)])) == 2


@pytest.mark.parametrize(
    ("value", "direction"),
    [
        ("thumbs_up", 1),
        ("down", -1),
        (True, 1),
        (False, -1),
        (1, None),
        (-1, None),
        ("1", None),
        (None, None),
    ],
)
def test_a_score_of_one_is_no_thumb_where_numbers_may_be_stars(value, direction):
    assert thumb_in_words(value) == direction


acts = st.builds(
    Signal,
    st.just("thumb"),
    value=st.sampled_from([1, -1]),
    time=st.none() | st.sampled_from([f"2026-03-0{day}T10:00:00+00:00" for day in range(1, 5)]),
    by=st.none() | st.sampled_from(["ana", "ben"]),
)


def last_said(signals) -> dict:
    """By person: what they said at their last moment; without a time is before any time."""
    last: dict = {}
    for one in signals:
        at, said = last.get(one.by, ("", set()))
        when = one.time or ""
        last[one.by] = (
            (when, {one.value}) if when > at else (at, said | {one.value}) if when == at else (at, said)
        )
    return last


@given(st.lists(acts, max_size=12))
def test_the_last_word_of_each_person_is_the_same_with_each_act_once(signals):
    once = distinct(signals)
    assert last_said(once) == last_said(signals)
    assert distinct(once) == once
    assert len(set(map(repr, once))) == len(once)
    places = [signals.index(signal) for signal in once]
    assert places == sorted(places)


def test_who_changed_their_mind_twice_is_heard_to_the_end_and_nobody_hides_another():
    said = [Signal("thumb", value=value, time=f"2026-03-0{day}") for day, value in enumerate((1, -1, 1), 1)]
    assert distinct(said) == tuple(said)
    both = [Signal("thumb", value=1, by="ana"), Signal("thumb", value=1, by="ben")]
    assert distinct(both) == tuple(both)


def test_an_act_without_a_time_is_the_one_that_has_it():
    told = [Signal("thumb", value=1), Signal("thumb", value=1, time="2026-03-01"), Signal("thumb", value=-1)]
    assert distinct(told) == (told[1], told[2])
