from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from witting import config
from witting.training import Recipe
from witting.training.recipe import allot

TOKENS = st.dictionaries(st.integers(0, 4_000), st.integers(0, 10**9), max_size=40)


@given(st.integers(1, 10_000), TOKENS)
def test_every_shard_with_data_gets_a_step_and_they_sum_to_the_budget(
    steps: int, tokens: dict[int, int]
) -> None:
    given_steps = allot(steps, tokens)
    taught = [shard for shard, count in tokens.items() if count]
    assert given_steps.keys() == tokens.keys()
    assert sum(given_steps.values()) == (max(steps, len(taught)) if taught else 0)
    assert all((given_steps[shard] >= 1) == (tokens[shard] > 0) for shard in tokens)


@given(st.integers(1, 10_000), TOKENS)
def test_the_order_of_the_shards_decides_nothing(steps: int, tokens: dict[int, int]) -> None:
    assert allot(steps, tokens) == allot(steps, dict(reversed(tokens.items())))


@given(st.integers(1, 10_000), TOKENS)
def test_more_tokens_never_get_fewer_steps(steps: int, tokens: dict[int, int]) -> None:
    given_steps = allot(steps, tokens)
    ranked = sorted(tokens, key=lambda shard: (tokens[shard], -shard))
    assert [given_steps[shard] for shard in ranked] == sorted(given_steps.values())


@pytest.mark.parametrize(
    ("steps", "tokens", "expected"),
    [
        (40, {0: 100, 1: 100, 2: 100, 3: 100}, {0: 10, 1: 10, 2: 10, 3: 10}),
        (10, {0: 300, 1: 100}, {0: 7, 1: 3}),
        (2, {0: 5, 1: 5, 2: 5}, {0: 1, 1: 1, 2: 1}),
        (7, {0: 0, 1: 9}, {0: 0, 1: 7}),
    ],
)
def test_steps_follow_the_tokens(steps: int, tokens: dict[int, int], expected: dict[int, int]) -> None:
    assert allot(steps, tokens) == expected


def test_the_settings_become_a_recipe_that_survives_json() -> None:
    recipe = Recipe.from_settings(config.Training(steps=3), seed=9)
    assert (recipe.steps, recipe.seed, recipe.target_modules) == (3, 9, config.Training().target_modules)
    assert Recipe.from_json(json.loads(json.dumps(recipe.as_json()))) == recipe


@pytest.mark.parametrize("change", [{"rank": 3}, {"seed": 1}, {"threads": 2}, {"learning_rate": 0.5}])
def test_what_decides_an_adapter_changes_both_fingerprints(recipe: Recipe, change: dict[str, int]) -> None:
    other = replace(recipe, **change)
    assert other.fingerprint != recipe.fingerprint
    assert other.shard_fingerprint != recipe.shard_fingerprint


def test_the_scale_of_the_merge_is_no_business_of_a_shard(recipe: Recipe) -> None:
    other = replace(recipe, merge_scale=2.0)
    assert other.fingerprint != recipe.fingerprint
    assert other.shard_fingerprint == recipe.shard_fingerprint


def test_shards_have_seeds_of_their_own(recipe: Recipe) -> None:
    seeds = {recipe.shard_seed(shard) for shard in range(100)}
    assert len(seeds) == 100
    assert all(0 <= seed < 2**53 for seed in seeds)


def test_the_description_names_rank_steps_and_seed(recipe: Recipe) -> None:
    assert "rank 2" in recipe.describe()
    assert "12 steps" in recipe.describe()
    assert "seed 5" in recipe.describe()
