from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from witting import schema
from witting.errors import ObjectDamaged, StoreError
from witting.store.objects import Objects
from witting.store.parts import ROW_GROUP_ROWS, Part, Snapshot, read_part, write_part, write_parts

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "row_id": st.text(max_size=4),
            "text": st.none() | st.text(max_size=20),
            "kinds": st.none() | st.lists(st.text(max_size=3), max_size=3),
            "shard": st.integers(0, 5),
        }
    ),
    max_size=40,
)
COLUMNS = pa.schema(
    [("row_id", pa.string()), ("text", pa.string()), ("kinds", pa.list_(pa.string())), ("shard", pa.int16())]
)


def table_of(rows: list[dict]) -> pa.Table:
    return pa.Table.from_pylist(rows, COLUMNS)


def cut(table: pa.Table, places: Sequence[int]) -> list[pa.Table]:
    borders = [0, *sorted(min(place, table.num_rows) for place in places), table.num_rows]
    return [table.slice(start, end - start) for start, end in pairwise(borders)]


def many_rows(count: int, shards: int = 4) -> pa.Table:
    return table_of(
        [{"row_id": f"{n}", "text": "x" * 20, "kinds": [], "shard": n % shards} for n in range(count)]
    )


@given(ROWS, st.lists(st.integers(0, 40), max_size=5))
def test_equal_rows_give_equal_bytes_however_they_were_chunked(rows: list[dict], places: list[int]) -> None:
    objects = Objects("memory://")
    table = table_of(rows)
    chunked = pa.concat_tables([*cut(table, places), table.slice(0, 0)])
    part = write_part(objects, table, folder="parts", shard=3)
    assert write_part(objects, chunked, folder="parts", shard=3) == part
    assert read_part(objects, part).equals(table)
    assert part.key == f"parts/{part.sha256[:32]}.parquet"
    assert (part.rows, part.shard) == (len(rows), 3)


@pytest.mark.parametrize(
    "name", ["TURN", "SIGNAL", "QUARANTINE", "EVENT", "DECISION", "REDACTED", "VERDICT", "EXAMPLE"]
)
def test_every_table_of_the_house_comes_back_with_its_schema(name: str, objects: Objects) -> None:
    columns = getattr(schema, name)
    table = pa.Table.from_pylist([{}, {}], columns)
    assert read_part(objects, write_part(objects, table, folder=name, shard=None)).equals(table)
    assert (
        read_part(objects, write_part(objects, columns.empty_table(), folder=name, shard=None)).schema
        == columns
    )


def test_a_part_holds_no_statistics_and_bounded_row_groups(objects: Objects) -> None:
    part = write_part(objects, many_rows(ROW_GROUP_ROWS * 2 + 1), folder="parts", shard=0)
    meta = pq.ParquetFile(pa.BufferReader(objects.read(part.key))).metadata
    assert [meta.row_group(n).num_rows for n in range(meta.num_row_groups)] == [
        ROW_GROUP_ROWS,
        ROW_GROUP_ROWS,
        1,
    ]
    columns = [meta.row_group(0).column(n) for n in range(meta.num_columns)]
    assert not any(c.is_stats_set or c.has_column_index or c.has_offset_index for c in columns)
    assert {c.compression for c in columns} == {"ZSTD"}


def test_metadata_that_other_libraries_hang_on_a_table_is_not_kept(objects: Objects) -> None:
    table = many_rows(3)
    dressed = table.replace_schema_metadata({"pandas": "made by somebody, at some time"})
    assert write_part(objects, dressed, folder="p", shard=0) == write_part(
        objects, table, folder="p", shard=0
    )


def test_every_flipped_byte_is_found_before_anything_parses(tmp_path: Path, objects: Objects) -> None:
    part = write_part(objects, many_rows(50), folder="parts", shard=0)
    path = tmp_path / "objects" / part.key
    whole = path.read_bytes()
    for place in random.Random(1).sample(range(len(whole)), 60):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(ObjectDamaged, match="SHA-256"):
            read_part(objects, part)
    path.write_bytes(whole)
    assert read_part(objects, part).num_rows == 50


def test_a_truncated_or_missing_part_is_named(tmp_path: Path, objects: Objects) -> None:
    part = write_part(objects, many_rows(50), folder="parts", shard=0)
    path = tmp_path / "objects" / part.key
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ObjectDamaged, match=part.key):
        read_part(objects, part)
    objects.delete(part.key)
    with pytest.raises(ObjectDamaged, match=f"{part.key} is missing"):
        read_part(objects, part)


@given(ROWS, st.lists(st.integers(0, 40), max_size=5), st.integers(1, 7))
def test_the_cut_of_a_stream_does_not_show_in_its_parts(
    rows: list[dict], places: list[int], rows_max: int
) -> None:
    objects = Objects("memory://")
    table = table_of(rows)
    parts = write_parts(objects, [table], folder="parts", rows_max=rows_max)
    assert write_parts(objects, cut(table, places), folder="parts", rows_max=rows_max) == parts
    assert all(0 < part.rows <= rows_max for part in parts)
    read = {part.key: read_part(objects, part).to_pylist() for part in parts}
    assert all({row["shard"] for row in read[part.key]} == {part.shard} for part in parts)
    assert sum(part.rows for part in parts) == len(rows)
    assert sorted(map(str, table.to_pylist())) == sorted(str(row) for part in parts for row in read[part.key])


def test_rows_of_a_shard_keep_the_order_of_the_stream(objects: Objects) -> None:
    parts = write_parts(objects, cut(many_rows(100), [13, 50]), folder="parts", rows_max=1_000)
    assert [part.shard for part in parts] == [0, 1, 2, 3]
    for part in parts:
        numbers = [int(n) for n in read_part(objects, part)["row_id"].to_pylist()]
        assert numbers == list(range(part.shard or 0, 100, 4))


def test_a_small_buffer_gives_more_parts_and_loses_nothing(objects: Objects) -> None:
    tables = cut(many_rows(1_000), range(0, 1_000, 50))
    parts = write_parts(objects, tables, folder="parts", rows_max=1_000, buffer_bytes_max=10_000)
    assert len(parts) > 4
    numbers = [int(n) for part in parts for n in read_part(objects, part)["row_id"].to_pylist()]
    assert sorted(numbers) == list(range(1_000))


def test_no_rows_give_no_parts(objects: Objects) -> None:
    assert write_parts(objects, [], folder="parts", rows_max=10) == []
    assert write_parts(objects, [COLUMNS.empty_table()], folder="parts", rows_max=10) == []


def test_a_row_without_a_shard_is_refused(objects: Objects) -> None:
    table = table_of([{"row_id": "a", "text": "b", "kinds": [], "shard": None}])
    with pytest.raises(StoreError, match="1 rows have no shard"):
        write_parts(objects, [table], folder="parts", rows_max=10)


PARTS = st.lists(
    st.builds(
        Part,
        key=st.text(max_size=5),
        sha256=st.text(max_size=5),
        rows=st.integers(0, 2**40),
        size_bytes=st.integers(0, 2**40),
        shard=st.none() | st.integers(0, 4_095),
    ),
    max_size=3,
).map(tuple)
DETAILS = st.dictionaries(
    st.text(max_size=5),
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=5),
)


@given(PARTS, DETAILS)
def test_a_snapshot_reads_back_from_its_json_with_the_same_id(parts: tuple[Part, ...], detail: dict) -> None:
    snapshot = Snapshot(name="turns", made_by="intake/1", parts=parts, detail=detail)
    assert Snapshot.from_json(snapshot.canonical) == snapshot
    assert Snapshot.from_json(snapshot.canonical).id == snapshot.id
    assert len(snapshot.id) == 32
    reordered = Snapshot(name="turns", made_by="intake/1", parts=parts, detail=dict(reversed(detail.items())))
    assert reordered.id == snapshot.id
    assert Snapshot(name="turns", made_by="intake/2", parts=parts, detail=detail).id != snapshot.id
