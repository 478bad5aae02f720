"""The stage contract: what a stage gets and gives, its fingerprint, and the one step that acts on verdicts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from witting.engine import ROW, Key, Stage, apply, digest, materialise
from witting.errors import StageError

TEXT = pa.schema([("row_id", pa.string()), ("text", pa.string())])
COUNT = pa.schema([("row_id", pa.string()), ("chars", pa.int32())])


def open_count() -> Any:
    return lambda table: table


STAGE = Stage("count", 1, TEXT, COUNT, ROW, open_count, {"limit": 5})
ROWS = pa.Table.from_pylist([{"row_id": f"r{i}", "text": "x" * i} for i in range(5)], schema=TEXT)


def verdicts(**said: str) -> pa.Table:
    return pa.table({"row_id": pa.array(list(said), pa.string()), "verdict": list(said.values())})


def test_a_stage_sees_its_declared_columns_and_types_and_no_others() -> None:
    wide = ROWS.append_column("subject_id", pa.array(["s"] * 5)).cast(
        pa.schema([("row_id", pa.large_string()), ("text", pa.large_string()), ("subject_id", pa.string())])
    )
    seen: list[pa.Schema] = []

    def transform(table: pa.Table) -> pa.Table:
        seen.append(table.schema)
        return pa.table({"row_id": table["row_id"], "chars": pa.array(range(5), pa.int64())})

    assert apply(STAGE, transform, wide).schema == COUNT
    assert seen == [TEXT]


def test_a_missing_or_unfitting_input_is_refused_without_its_words() -> None:
    with pytest.raises(StageError, match="lacks the columns"):
        apply(STAGE, lambda table: table, ROWS.select(["row_id"]))
    counted = replace(STAGE, reads=COUNT)
    secret = pa.table({"row_id": ["r"], "chars": ["my own words"]})
    with pytest.raises(StageError, match="chars is string, declared int32") as caught:
        apply(counted, lambda table: table, secret)
    assert "my own words" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_result_with_other_columns_or_types_is_refused() -> None:
    with pytest.raises(StageError, match="wrote columns"):
        apply(STAGE, lambda table: table, ROWS)
    with pytest.raises(StageError, match="result does not fit"):
        apply(STAGE, lambda table: pa.table({"row_id": table["row_id"], "chars": table["text"]}), ROWS)


@pytest.mark.parametrize(
    "other",
    [
        replace(STAGE, name="recount"),
        replace(STAGE, version=2),
        replace(STAGE, reads=COUNT),
        replace(STAGE, writes=TEXT),
        replace(STAGE, scope=Key("row_id")),
        replace(STAGE, settings={"limit": 6}),
    ],
)
def test_everything_that_changes_the_meaning_changes_the_fingerprint(other: Stage) -> None:
    assert other.fingerprint != STAGE.fingerprint
    assert replace(STAGE, settings={"limit": 5}).fingerprint == STAGE.fingerprint


def test_the_order_of_settings_and_where_a_stage_is_opened_do_not_change_the_fingerprint() -> None:
    one = replace(STAGE, settings={"a": 1, "b": [2]})
    other = replace(STAGE, settings={"b": [2], "a": 1}, open=lambda: lambda table: table)
    assert one.fingerprint == other.fingerprint


def test_materialise_keeps_what_every_verdict_keeps_in_order() -> None:
    said = pa.concat_tables(
        [
            verdicts(r4="keep", r3="drop", r2="keep", r1="refuse", r0="keep"),
            verdicts(r2="keep", r4="quarantine"),
        ]
    )
    kept = materialise(ROWS, said)
    assert kept["row_id"].to_pylist() == ["r0", "r2"]
    assert kept.schema == ROWS.schema


def test_materialise_refuses_rows_that_nobody_judged() -> None:
    with pytest.raises(StageError, match="2 of 5 rows carry no verdict"):
        materialise(ROWS, verdicts(r0="keep", r1="keep", r2="drop"))
    nameless = pa.Table.from_pylist([{"row_id": None, "text": "x"}], schema=TEXT)
    with pytest.raises(StageError, match="1 of 1"):
        materialise(nameless, pa.table({"row_id": pa.array([None], pa.string()), "verdict": ["keep"]}))
    assert materialise(ROWS.slice(0, 0), verdicts()).num_rows == 0


@given(st.permutations(range(5)), st.integers(0, 5))
def test_a_digest_does_not_see_order_or_cut_but_every_value(order: list[int], at: int) -> None:
    mixed = pa.concat_tables([ROWS.take(order).slice(0, at), ROWS.take(order).slice(at)])
    assert digest(mixed) == digest(ROWS)
    assert digest(ROWS.slice(0, 4)) != digest(ROWS)
    twice = pa.concat_tables([ROWS, ROWS.slice(0, 1)])
    assert digest(twice) != digest(ROWS)
