from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from peft import PeftModel
from tiny_llama import SAYINGS, clock, corpus, example, pair, table

from witting.training import Base, Evaluation, Recipe, evaluate, load_adapted, train
from witting.training.evaluate import bootstrap_interval


@pytest.fixture
def adapted(base: Base, recipe: Recipe, tmp_path: Path) -> PeftModel:
    rows = corpus()
    train(
        rows.__getitem__,
        list(rows),
        replace(recipe, steps=80, learning_rate=0.02),
        base,
        corpus_id="c0",
        out=tmp_path,
        progress=lambda line: None,
        now=clock(),
    )
    return load_adapted(base, tmp_path)


def held(*people: str, each: int = 3) -> pa.Table:
    return table(
        *(example(f"{p}-{i}", person=p, shard=0, split="heldout") for p in people for i in range(each)),
        *(pair(f"{p}-pair", person=p, shard=0, split="heldout") for p in people),
    )


def ask(base: Base, adapted: PeftModel, *rows: pa.Table, seed: int = 1) -> Evaluation:
    return evaluate(base, adapted, rows, seed=seed, sequence_tokens=48)


def test_what_was_taught_helps_people_who_were_not(base: Base, adapted: PeftModel) -> None:
    found = ask(base, adapted, held("q1", "q2", "q3"))
    assert (found.people, found.examples, found.pairs) == (3, 9, 3)
    assert found.difference is not None
    assert found.difference < -0.3
    assert found.improved
    assert found.interval is not None
    assert found.interval[0] <= found.difference <= found.interval[1] < 0
    assert found.adapted_preference_accuracy == 1.0


def test_the_base_is_measured_with_the_adapter_off(base: Base, adapted: PeftModel) -> None:
    found = ask(base, adapted, held("q1"))
    with adapted.disable_adapter():
        again = ask(base, adapted, held("q1"))
    assert again.base_loss_nats == found.base_loss_nats


def test_nobody_held_out_is_said_and_no_number_invented(base: Base, adapted: PeftModel) -> None:
    found = ask(base, adapted, corpus()[0])
    assert (found.people, found.examples, found.tokens, found.pairs) == (0, 0, 0, 0)
    assert found.base_loss_nats is found.adapted_loss_nats is found.difference is found.interval is None
    assert found.improved is found.adapted_preference_accuracy is None
    assert "not known" in found.note


def test_one_person_gives_no_interval(base: Base, adapted: PeftModel) -> None:
    found = ask(base, adapted, held("q1"))
    assert found.people == 1
    assert found.difference is not None
    assert found.interval is found.improved is None


def test_canaries_and_taught_people_are_left_out(base: Base, adapted: PeftModel) -> None:
    canary = table(example("k", person="k", shard=0, split="heldout", canary=True))
    assert ask(base, adapted, canary, corpus()[0], held("q1", "q2")) == ask(base, adapted, held("q1", "q2"))


def test_a_person_who_wrote_more_does_not_count_for_more(base: Base, adapted: PeftModel) -> None:
    found = ask(base, adapted, held("q1", each=2), held("q2", each=8))
    assert [person.examples for person in found.per_person] == [2, 8]
    assert found.adapted_loss_nats == pytest.approx(np.mean([p.adapted_loss_nats for p in found.per_person]))


def test_at_most_so_many_examples_of_one_person_are_read(base: Base, adapted: PeftModel) -> None:
    found = evaluate(
        base, adapted, [held("q1", each=9)], seed=1, sequence_tokens=48, examples_per_person_max=4
    )
    assert found.per_person[0].examples == 4


def test_the_cut_of_the_rows_decides_nothing(base: Base, adapted: PeftModel) -> None:
    rows = held("q1", "q2", each=12)
    parts = [rows.slice(start, 5) for start in range(0, rows.num_rows, 5)]
    assert ask(base, adapted, *reversed(parts)) == ask(base, adapted, rows)


def test_the_result_is_json_without_words(base: Base, adapted: PeftModel) -> None:
    said = json.dumps(ask(base, adapted, held("q1", "q2")).as_json())
    assert SAYINGS[0] not in said
    assert '"q1"' in said


def test_the_interval_narrows_with_more_people_and_repeats_with_the_seed() -> None:
    values = np.random.default_rng(0).normal(-0.1, 0.2, 400)
    few, many = bootstrap_interval(values[:20], seed=1), bootstrap_interval(values, seed=1)
    assert few is not None
    assert many is not None
    assert many[1] - many[0] < (few[1] - few[0]) / 2
    assert many == bootstrap_interval(values, seed=1)
