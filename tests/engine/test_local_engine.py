"""The local engine: the same rows here and in workers, killed or not, cut this way or that."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from some_stages import PEOPLE, double, dying, failing, people, threads, total

from witting.engine import Stage, digest
from witting.engine.local import LocalEngine
from witting.errors import StageError
from witting.store.objects import Objects
from witting.store.parts import Part, read_part, write_part

LAWS = settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])


def cut(objects: Objects, table: pa.Table, *sizes: int) -> list[Part]:
    """Consecutive parts of these sizes, and the rest."""
    parts, start = [], 0
    for size in (*sizes, table.num_rows):
        piece = table.slice(start, size)
        start += piece.num_rows
        if piece.num_rows:
            parts.append(write_part(objects, piece, folder="in", shard=None))
    return parts


def whole(objects: Objects, parts: list[Part]) -> pa.Table:
    return pa.concat_tables([read_part(objects, part) for part in parts])


def run_whole(stage: Stage, table: pa.Table) -> str:
    return digest(stage.open()(table))


@LAWS
@given(sizes=st.lists(st.integers(1, 30), max_size=6), count=st.integers(0, 80))
def test_a_map_gives_the_same_for_every_cut(objects: Objects, sizes: list[int], count: int) -> None:
    table = people(count)
    with LocalEngine(objects, workers=1) as engine:
        result = engine.map(double(), cut(objects, table, *sizes), folder=f"out/{count}")
    rows = whole(objects, result) if result else double().writes.empty_table()
    assert digest(rows) == run_whole(double(), table)
    assert rows["row_id"].to_pylist() == table["row_id"].to_pylist()


def test_workers_give_what_this_process_gives(objects: Objects) -> None:
    parts = cut(objects, people(60), 20, 20)
    seen: list[tuple[int, int]] = []
    with LocalEngine(objects, workers=1) as engine:
        inline = engine.map(double(), parts, folder="inline")
    with LocalEngine(objects, workers=2, inline_rows_max=0) as engine:
        pooled = engine.map(
            double(), parts, folder="pooled", progress=lambda done, of: seen.append((done, of))
        )
        asked = engine.map(threads(), parts, folder="threads")
    assert [part.sha256 for part in pooled] == [part.sha256 for part in inline]
    assert seen[-1] == (60, 60)
    assert whole(objects, asked)["threads"].to_pylist() == [1, 1, 1]  # the workers are the parallelism


def test_a_killed_worker_is_replaced_and_the_result_has_the_same_bytes(objects: Objects, notes: Path) -> None:
    parts = cut(objects, people(40), 10, 10, 10)
    with LocalEngine(objects, workers=1) as engine:
        undisturbed = engine.map(double(), parts, folder="undisturbed")
    with LocalEngine(objects, workers=2, inline_rows_max=0) as engine:
        disturbed = engine.map(dying(notes, times=1), parts, folder="disturbed")
    assert len(list(notes.iterdir())) == 1
    assert [part.sha256 for part in disturbed] == [part.sha256 for part in undisturbed]


def test_a_part_that_always_kills_its_worker_is_given_up_and_the_others_are_kept(
    objects: Objects, notes: Path
) -> None:
    parts = cut(objects, people(20), 10)
    with (
        LocalEngine(objects, workers=2, inline_rows_max=0) as engine,
        pytest.raises(StageError, match="finished parts are kept"),
    ):
        engine.map(dying(notes, times=99), parts, folder="out")
    with LocalEngine(objects, workers=1) as engine:
        assert len(engine.map(dying(notes, times=0), parts, folder="out")) == 2


def test_a_finished_part_is_not_run_again(objects: Objects, notes: Path) -> None:
    parts = cut(objects, people(30), 10, 10)
    with LocalEngine(objects, workers=1) as engine:
        first = engine.map(double(notes=notes), parts[:2], folder="out")
        again = engine.map(double(notes=notes), parts, folder="out")
    assert again[:2] == first
    assert len(list(notes.glob("ran-*"))) == 3
    assert len(list(notes.glob("opened-*"))) == 2  # once a map, not once a part
    with LocalEngine(objects, workers=1) as engine:
        assert engine.map(double(notes=notes), parts, folder="out") == again
    assert len(list(notes.glob("opened-*"))) == 2  # nothing was left to run, so nothing was opened


def test_a_part_whose_result_is_gone_is_run_again(objects: Objects, notes: Path) -> None:
    parts = cut(objects, people(20), 10)
    with LocalEngine(objects, workers=1) as engine:
        first = engine.map(double(notes=notes), parts, folder="out")
        objects.delete(first[1].key)
        assert engine.map(double(notes=notes), parts, folder="out") == first
    assert read_part(objects, first[1]).num_rows == 10
    assert len(list(notes.glob("ran-*"))) == 3


def test_parts_of_equal_rows_in_two_shards_stay_in_their_shards(objects: Objects) -> None:
    parts = [write_part(objects, people(5), folder="in", shard=shard) for shard in (3, 4)]
    with LocalEngine(objects, workers=1) as engine:
        assert [part.shard for part in engine.map(double(), parts, folder="out")] == [3, 4]


def test_what_a_stage_raises_reaches_the_caller_and_the_engine_goes_on(objects: Objects) -> None:
    parts = cut(objects, people(20), 5, 5, 5)
    with LocalEngine(objects, workers=2, inline_rows_max=0) as engine:
        with pytest.raises(ValueError, match="always fails"):
            engine.map(failing(), parts, folder="failed")
        assert len(engine.map(double(), parts, folder="out")) == 4


def test_a_keyed_stage_without_its_exchange_is_refused(objects: Objects) -> None:
    parts = cut(objects, people(20), 10)
    with LocalEngine(objects, workers=1) as engine:
        for key in (None, "row_id"):
            with pytest.raises(StageError, match="exchange on person first"):
                engine.map(total(), parts, folder="out", exchanged_on=key)


@LAWS
@given(
    sizes=st.lists(st.integers(1, 30), max_size=6),
    count=st.integers(0, 80),
    rows_per_part=st.integers(1, 100),
)
def test_an_exchange_keeps_every_row_and_puts_equal_keys_together(
    objects: Objects, sizes: list[int], count: int, rows_per_part: int
) -> None:
    table = people(count)
    parts = cut(objects, table, *sizes)
    with LocalEngine(objects, workers=1) as engine:
        together = engine.exchange(parts, "person", folder="x", rows_per_part=rows_per_part)
        totals = engine.map(total(), together, folder="t", exchanged_on="person")
    rows = [read_part(objects, part) for part in together]
    assert digest(pa.concat_tables([PEOPLE.empty_table(), *rows])) == digest(table)
    assert all(part.rows for part in together)
    homes = [set(piece["person"].to_pylist()) for piece in rows]
    assert sum(map(len, homes)) == len(set().union(*homes))
    expected = run_whole(total(), table) if count else digest(total().writes.empty_table())
    assert (
        digest(pa.concat_tables([total().writes.empty_table(), whole_or_none(objects, totals)])) == expected
    )
    assert not list(objects.keys("x/pieces"))


def whole_or_none(objects: Objects, parts: list[Part]) -> pa.Table:
    return whole(objects, parts) if parts else total().writes.empty_table()


def test_rows_without_a_key_lie_together_and_types_survive_an_exchange(objects: Objects) -> None:
    schema = pa.schema(
        [("key", pa.string()), ("sealed", pa.binary()), ("kinds", pa.list_(pa.string())),
         ("at", pa.timestamp("us", tz="UTC")), ("said", pa.list_(pa.struct([("role", pa.string())])))]
    )  # fmt: skip
    rows = [
        {
            "key": None if i % 3 else f"k{i}",
            "sealed": bytes([i]),
            "kinds": ["A"] * (i % 2),
            "at": i,
            "said": None,
        }
        for i in range(12)
    ]
    table = pa.Table.from_pylist(rows, schema=schema)
    with LocalEngine(objects, workers=1) as engine:
        together = engine.exchange(cut(objects, table, 5), "key", folder="x", rows_per_part=4)
    tables = [read_part(objects, part) for part in together]
    assert [piece.schema for piece in tables] == [schema] * len(tables)
    assert digest(pa.concat_tables(tables)) == digest(table)
    assert sum(None in piece["key"].to_pylist() for piece in tables) == 1


def test_an_exchange_on_an_unknown_column_or_of_no_size_is_refused(objects: Objects) -> None:
    parts = cut(objects, people(6), 3)
    with LocalEngine(objects, workers=1) as engine:
        for rows_per_part in (2, 100):
            with pytest.raises(StageError, match="no column subject_id"):
                engine.exchange(parts, "subject_id", folder="x", rows_per_part=rows_per_part)
        with pytest.raises(ValueError, match="at least 1"):
            engine.exchange(parts, "person", folder="x", rows_per_part=0)
    with pytest.raises(ValueError, match="at least 1"):
        LocalEngine(objects, workers=0)


def test_an_exchange_of_a_large_key_gives_one_larger_part(objects: Objects) -> None:
    table = pl.DataFrame(people(50)).with_columns(pl.lit("one").alias("person")).to_arrow().cast(PEOPLE)
    with LocalEngine(objects, workers=1) as engine:
        together = engine.exchange(cut(objects, table, 20), "person", folder="x", rows_per_part=10)
    assert [part.rows for part in together] == [50]
