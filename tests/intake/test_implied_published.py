"""The published figures are the computed ones, and the labelled set is what its page says."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from pathlib import Path

from witting.intake.implied import measured
from witting.intake.implied.measured import confidence

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("implied_signals", ROOT / "bench" / "implied_signals.py")
assert SPEC is not None
assert SPEC.loader is not None
bench = importlib.util.module_from_spec(SPEC)

sys.modules["implied_signals"] = bench
SPEC.loader.exec_module(bench)


def test_the_published_table_is_what_is_computed():
    page = bench.PAGE.read_text("utf-8")
    assert bench.with_tables(page) == page, "run python bench/implied_signals.py --write"
    assert bench.MEASURED.read_text("utf-8") == bench.counts()


def test_confidence_is_the_measured_precision_of_the_sets_that_were_not_tuned_on():
    for rule, sets in measured().items():
        assert set(sets) == {"held_out", "real"}
        right, said = (sum(getattr(one, name) for one in sets.values()) for name in ("right", "said"))
        assert confidence(rule) == right / said
    assert confidence("abandoned/1") == 0.25


def test_a_person_is_in_one_set_only_and_ids_are_unique():
    sets = {name: bench.labelled(name) for name in bench.SETS}
    people = [{row["person"] for row in rows} for rows in sets.values()]
    assert sum(map(len, people)) == len(set().union(*people))
    ids = [row["id"] for rows in sets.values() for row in rows]
    assert len(ids) == len(set(ids))
    assert {row["split"] for name, rows in sets.items() for row in rows if name == row["split"]} == set(
        bench.SETS
    )


def test_the_set_is_large_enough_and_most_of_it_is_no_objection():
    invented = [*bench.labelled("tune"), *bench.labelled("held_out")]
    languages = Counter(row["language"] for row in invented)
    assert len(invented) >= 600
    assert len(languages) >= 10
    assert min(languages.values()) >= 30
    assert all(set(row["labels"]) <= set(bench.KINDS) for row in invented)
    assert sum("objected" in row["labels"] for row in invented) < len(invented) / 2
