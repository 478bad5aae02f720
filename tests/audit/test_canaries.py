"""Canaries: drawn from a secret, bound before training, planted by the coin alone, about nobody."""

from __future__ import annotations

import itertools
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from witting.audit.canary import Canary, commitment, draw, rows
from witting.schema import EXAMPLE

KEY = bytes(range(32))
FEW = {"coins": 40, "repeated": 3, "repeats": 5, "controls": 20}
RULES = {"name": "routine", "people_min": 300}


def test_one_key_gives_the_same_canaries_and_another_key_others() -> None:
    drawn = draw(KEY, **FEW)
    assert drawn == draw(KEY, **FEW)
    assert not {c.secret for c in drawn} & {c.secret for c in draw(KEY[::-1], **FEW)}
    assert [c.family for c in drawn] == ["coin"] * 40 + ["repeated"] * 3 + ["control"] * 20


@given(st.binary(min_size=32, max_size=32))
def test_the_coin_alone_decides_what_is_planted(key: bytes) -> None:
    drawn = draw(key, **FEW)
    by_family = {f: [c for c in drawn if c.family == f] for f in ("coin", "repeated", "control")}
    assert all(c.planted and c.repeats == 5 for c in by_family["repeated"])
    assert not any(c.planted or c.repeats for c in by_family["control"])
    assert all(c.repeats == c.planted for c in by_family["coin"])
    assert draw(key, **FEW | {"controls": 0, "repeated": 0})[:40] == tuple(by_family["coin"])


def test_the_coin_is_fair_and_independent_of_the_secret() -> None:
    planted = [c.planted for c in draw(KEY, coins=4_000, repeated=0, repeats=2, controls=0)]
    assert abs(sum(planted) - 2_000) < 4 * 4_000**0.5 / 2  # four standard deviations
    runs = sum(one != other for one, other in itertools.pairwise(planted))
    assert abs(runs - 2_000) < 130


def test_secrets_are_distinct_and_the_question_does_not_hold_them() -> None:
    drawn = draw(KEY, coins=2_000, repeated=10, repeats=8, controls=500)
    for told in ("canary_id", "secret"):
        assert len({getattr(c, told) for c in drawn}) == len(drawn)
    assert len({c.prompt for c in drawn}) > 0.99 * len(drawn)
    assert all(c.secret in c.answer and c.secret not in c.prompt for c in drawn)


@pytest.mark.parametrize("name", [f.name for f in fields(Canary)])
def test_any_change_of_a_canary_changes_the_commitment(name: str) -> None:
    drawn = draw(KEY, **FEW)
    value = getattr(drawn[7], name)
    other = not value if isinstance(value, bool) else value + 1 if isinstance(value, int) else value + "x"
    changed = (*drawn[:7], replace(drawn[7], **{name: other}), *drawn[8:])
    assert commitment(changed, thresholds=RULES) != commitment(drawn, thresholds=RULES)


def test_other_thresholds_fewer_or_reordered_canaries_change_the_commitment() -> None:
    drawn = draw(KEY, **FEW)
    first = commitment(drawn, thresholds=RULES)
    assert first == commitment(draw(KEY, **FEW), thresholds=dict(reversed(RULES.items())))
    others = (
        commitment(drawn, thresholds=RULES | {"people_min": 299}),
        commitment(drawn[:-1], thresholds=RULES),
        commitment(drawn[::-1], thresholds=RULES),
    )
    assert len({first, *others}) == 4


def test_rows_are_the_planted_ones_each_of_its_own_person_and_in_its_persons_shard() -> None:
    drawn = draw(KEY, **FEW)
    made = rows(drawn, shard_of=lambda subject: int(subject, 16) % 3)
    assert made.schema == EXAMPLE
    found = made.to_pylist()
    assert len(found) == sum(c.repeats for c in drawn if c.planted)
    assert {row["subject_id"] for row in found} == {c.canary_id for c in drawn if c.planted}
    assert len({row["example_id"] for row in found}) == len(found)
    assert all(row["canary"] and row["split"] == "train" and not row["turns"] for row in found)
    assert all(row["shard"] == int(row["subject_id"], 16) % 3 for row in found)
    unplanted = {c.secret for c in drawn if not c.planted}
    assert not any(secret in row["messages"][1]["content"] for row in found for secret in unplanted)
    assert rows((), shard_of=lambda subject: 0).num_rows == 0
