"""The law of the house, for every stage there is: a result does not depend on cut, order, retry, or who computed it.

Rooms hold their own stages to it with worlds of their own (tests/curation, tests/rights, tests/redaction); here all of
them are asked alike, alone and through the engine, and none can be forgotten.
"""

from __future__ import annotations

import ast
import os
import pickle
import random
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_world import asked, draw

from witting.engine import Key, Stage, apply, digest
from witting.engine.local import LocalEngine
from witting.errors import StageError
from witting.store.keys import KeyStore
from witting.store.objects import Objects
from witting.store.parts import Part, read_part, write_part

SOURCE = Path(__file__).parents[2] / "src" / "witting"
NAMES = (
    "rights.decide", "redaction.redact", "redaction.refuse_answers", "language", "implied", "fingerprints", "duplicates",
    "curation",
)  # fmt: skip
LAWS = settings(
    max_examples=int(os.environ.get("WITTING_LAW_EXAMPLES", "8")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
TURNS = st.integers(0, 24)
SEEDS = st.integers(0, 2**32)


def cut(stage: Stage, table: pa.Table, rng: random.Random) -> list[pa.Table]:
    """Up to three pieces in random order, with random order inside; equal keys of a keyed stage stay together."""
    order = rng.sample(range(table.num_rows), table.num_rows)
    mixed = table.take(pa.array(order, pa.int64()))
    together = mixed[stage.scope.column].to_pylist() if isinstance(stage.scope, Key) else order
    at = {key: rng.randrange(3) for key in sorted(set(together), key=str)}
    pieces = [mixed.filter(pa.array([at[key] == n for key in together], pa.bool_())) for n in range(3)]
    return rng.sample(pieces, 3)


def through(engine: LocalEngine, stage: Stage, parts: list[Part], *, folder: str) -> list[Part]:
    """As the walk runs it: a keyed stage after an exchange on its key."""
    if not isinstance(stage.scope, Key):
        return engine.map(stage, parts, folder=f"{folder}/out")
    key = stage.scope.column
    together = engine.exchange(parts, key, folder=f"{folder}/x", rows_per_part=7)
    return engine.map(stage, together, folder=f"{folder}/out", exchanged_on=key)


def written(objects: Objects, pieces: list[pa.Table], *, folder: str) -> list[Part]:
    return [write_part(objects, piece, folder=folder, shard=None) for piece in pieces if piece.num_rows]


def gathered(objects: Objects, parts: list[Part], stage: Stage) -> pa.Table:
    return pa.concat_tables([stage.writes.empty_table(), *(read_part(objects, part) for part in parts)])


def test_no_stage_of_the_house_is_left_out(keys: KeyStore) -> None:
    made = [
        node
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Stage"
    ]
    stages = [stage for stage, _ in asked(draw(1, keys, turns=6), keys)]
    assert tuple(stage.name for stage in stages) == NAMES
    assert len(made) == len(NAMES), "a stage is made in src/ that small_world.asked does not ask"


def test_the_world_has_something_for_every_stage(keys: KeyStore) -> None:
    """A law that holds of nothing says nothing."""
    world = draw(4, keys, turns=60)
    for stage, table in asked(world, keys):
        assert apply(stage, stage.open(), table).num_rows, stage.name
    assert {"permit", "deny"} == set(results(world, keys, "rights.decide")["decision"].to_pylist())
    assert {"keep", "refuse"} == set(world.redacted["verdict"].to_pylist())
    answers = results(world, keys, "redaction.refuse_answers")["reason"].to_pylist()
    assert "answers_refused_turn" in answers
    assert {"sft", "text"} <= set(results(world, keys, "curation")["kind"].to_pylist())


def results(world, keys: KeyStore, name: str) -> pa.Table:
    stage, table = next((stage, table) for stage, table in asked(world, keys) if stage.name == name)
    return apply(stage, stage.open(), table)


@LAWS
@given(seed=SEEDS, turns=TURNS)
def test_any_cut_that_respects_the_scope_in_any_order_gives_the_whole(
    keys: KeyStore, seed: int, turns: int
) -> None:
    rng = random.Random(seed)
    for stage, table in asked(draw(seed, keys, turns=turns), keys):
        run = stage.open()
        whole = digest(apply(stage, run, table))
        parts = [apply(stage, run, piece) for piece in cut(stage, table, rng)]
        assert digest(pa.concat_tables(parts)) == whole, stage.name


@LAWS
@given(seed=SEEDS, turns=TURNS)
def test_running_twice_opened_twice_and_sent_to_a_worker_gives_the_same(
    keys: KeyStore, seed: int, turns: int
) -> None:
    for stage, table in asked(draw(seed, keys, turns=turns), keys):
        run = stage.open()
        first = apply(stage, run, table)
        assert first.equals(apply(stage, run, table)), stage.name
        sent = pickle.loads(pickle.dumps(stage))
        assert sent.fingerprint == stage.fingerprint
        assert first.equals(apply(sent, sent.open(), table)), stage.name


@settings(LAWS, max_examples=3)
@given(seed=SEEDS)
def test_the_engine_gives_the_whole_for_every_cut(keys: KeyStore, tmp_path: Path, seed: int) -> None:
    objects, rng = Objects(str(tmp_path / "objects")), random.Random(seed)
    for stage, table in asked(draw(seed, keys, turns=24), keys):
        folder = f"s{seed}/{stage.name}"
        parts = written(objects, cut(stage, table, rng), folder=f"{folder}/in")
        with LocalEngine(objects, workers=1) as engine:
            result = gathered(objects, through(engine, stage, parts, folder=folder), stage)
        assert digest(result) == digest(apply(stage, stage.open(), table)), stage.name


def test_two_workers_give_the_whole_for_every_stage(keys: KeyStore, tmp_path: Path) -> None:
    """Takes seconds: worker processes start, and each imports what it runs."""
    objects, rng = Objects(str(tmp_path / "objects")), random.Random(3)
    with LocalEngine(objects, workers=2, inline_rows_max=0) as engine:
        for stage, table in asked(draw(11, keys, turns=60), keys):
            parts = written(objects, cut(stage, table, rng), folder=f"{stage.name}/in")
            result = gathered(objects, through(engine, stage, parts, folder=stage.name), stage)
            assert digest(result) == digest(apply(stage, stage.open(), table)), stage.name


def test_a_keyed_stage_is_refused_without_its_exchange(keys: KeyStore, tmp_path: Path) -> None:
    objects = Objects(str(tmp_path / "objects"))
    for stage, table in asked(draw(11, keys, turns=12), keys):
        if isinstance(stage.scope, Key):
            parts = written(objects, [table], folder="in")
            with LocalEngine(objects, workers=1) as engine, pytest.raises(StageError, match="exchange on"):
                engine.map(stage, parts, folder="out")
