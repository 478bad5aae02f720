"""Thumbs in every spelling, comments, and the guard on pairs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from witting.intake.signals import Answer, comparable, distinct, feedback, preference, rating, thumb
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
