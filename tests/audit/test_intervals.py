"""Intervals and tests against published and hand-made numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from witting.audit.interval import (
    Share,
    clopper_pearson,
    higher_p_value,
    hits_at,
    more_often_p_value,
    upper_bound,
)


@pytest.mark.parametrize(
    ("hits", "trials", "bound"),
    [(0, 300, 0.0099), (0, 1000, 0.0030), (0, 3000, 0.0010), (3, 3000, 0.0026), (0, 10_000, 0.0003)],
)
def test_one_sided_upper_bounds_are_the_known_ones(hits: int, trials: int, bound: float) -> None:
    assert round(upper_bound(hits, trials), 4) == bound


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [
        (0, 10, 0.0, 0.3085),  # Clopper and Pearson's chart; R binom.test
        (1, 10, 0.0025, 0.4450),
        (5, 10, 0.1871, 0.8129),
        (10, 10, 0.6915, 1.0),
        (9, 100, 0.0420, 0.1640),
    ],
)
def test_two_sided_intervals_are_those_of_other_implementations(
    hits: int, trials: int, low: float, high: float
) -> None:
    share = clopper_pearson(hits, trials)
    assert (round(share.low, 4), round(share.high, 4)) == (low, high)


def test_the_bound_without_hits_is_the_rule_that_is_taught() -> None:
    """0 of n: 1 - 0.05 ** (1/n), in closed form."""
    for trials in (1, 7, 59, 2_000):
        assert math.isclose(upper_bound(0, trials), 1 - 0.05 ** (1 / trials), rel_tol=1e-9)


@given(st.integers(0, 400), st.integers(0, 400))
def test_an_interval_holds_its_share_and_narrows_with_trials(hits: int, misses: int) -> None:
    share = clopper_pearson(hits, hits + misses)
    assert 0 <= share.low <= share.high <= 1
    if share.value is None:
        assert share == Share(0, 0, 0.0, 1.0)
        return
    assert share.low <= share.value <= share.high
    more = clopper_pearson(hits * 4, (hits + misses) * 4)
    assert more.high - more.low < share.high - share.low


def test_nothing_tried_bounds_nothing_and_impossible_counts_are_refused() -> None:
    assert upper_bound(0, 0) == 1.0
    for hits, trials in ((-1, 5), (6, 5)):
        with pytest.raises(ValueError, match="between 0 and trials"):
            clopper_pearson(hits, trials)


def test_ranks_that_are_all_above_are_surprising_and_equal_ones_are_not() -> None:
    assert higher_p_value([4.0, 5.0, 6.0], [1.0, 2.0, 3.0]) == pytest.approx(1 / 20)  # one of C(6, 3) orders
    assert higher_p_value([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]) == pytest.approx(1.0)
    assert higher_p_value([0.0] * 5, [0.0] * 9) == pytest.approx(1.0)
    assert higher_p_value([], [1.0]) is None
    assert higher_p_value([1.0], []) is None


def test_fishers_test_is_the_lady_tasting_tea() -> None:
    """4 of 4 against 0 of 4: 1 of C(8, 4) = 70 tables; 3 of 4 against 1 of 4: 17 of 70 (Fisher 1935)."""
    assert more_often_p_value(clopper_pearson(4, 4), clopper_pearson(0, 4)) == pytest.approx(1 / 70)
    assert more_often_p_value(clopper_pearson(3, 4), clopper_pearson(1, 4)) == pytest.approx(17 / 70)
    assert more_often_p_value(clopper_pearson(3, 4), clopper_pearson(0, 0)) == 1.0
    assert more_often_p_value(clopper_pearson(0, 0), clopper_pearson(1, 4)) == 1.0


@given(
    st.lists(st.integers(0, 9).map(float), max_size=30),
    st.lists(st.integers(0, 9).map(float), max_size=30),
    st.sampled_from([0.0, 0.01, 0.1, 0.5]),
)
def test_a_threshold_lets_no_more_than_its_share_of_the_others_through(
    inside: list[float], outside: list[float], rate: float
) -> None:
    wrongly = hits_at(outside, outside, false_positive_rate=rate)
    assert wrongly <= rate * len(outside)
    assert 0 <= hits_at(inside, outside, false_positive_rate=rate) <= len(inside)


def test_hits_at_a_rate_by_hand() -> None:
    outside = [float(i) for i in range(100)]
    assert hits_at([99.5, 98.5, 97.5], outside, false_positive_rate=0.01) == 2  # the threshold is 98
    assert hits_at([99.5, 99.0], outside, false_positive_rate=0.001) == 1
