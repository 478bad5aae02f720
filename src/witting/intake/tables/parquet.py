"""Rows of a Parquet file in memory that what it unfolds to does not change.

Covered: a batch at a time, made into cells only as many rows at once as fit in BATCH_BYTES; refusal of files that unpack to
far more than their size; nanoseconds, which Python's datetimes do not have, cut to microseconds. Not covered: what the
columns mean. No bytes of a Parquet file belong to one row, so a row's place is its number, [n, n + 1).

A value that repeats stands once in the file. So strings are read as numbers into a dictionary, the size of each row is
summed from those before a cell is made, and what was made is held against the size of the file.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from witting.errors import HostileArchive, InputError
from witting.intake.json_stream import (
    FAULTY_BYTES_MAX,
    GZIP_RATIO_MAX,
    GZIP_SLACK_BYTES,
    RECORD_BYTES_MAX,
)
from witting.intake.refusals import unreadable
from witting.intake.source import Member

PARQUET = b"PAR1"
PARQUET_BYTES_MAX = 4 << 30  # of a packed Parquet file, which must be unpacked to be read
BATCH_ROWS = 1_000
BATCH_BYTES = 8 << 20  # of cells made at once, one row at least
REPEATED_RATIO_MAX = 1_000  # of all cells to the file: one system prompt may stand beside every answer
_UNFOLDING = {"DELTA_BYTE_ARRAY", "RLE_DICTIONARY", "PLAIN_DICTIONARY"}
_CELL_BYTES = 8  # of what is no text
_UNMAKEABLE = (ValueError, OverflowError, LookupError, pa.ArrowException)  # no such year, zone or character

Cells = Mapping[str, Any]  # Any: cells as the format has them


def parquet_columns(member: Member) -> frozenset[str]:
    """Columns and the keys inside them, dotted, lists transparent; empty where the file is damaged."""
    try:
        with _opened(member) as (file, _):
            return frozenset(path for field in file.schema_arrow for path in _paths(field.name, field.type))
    except InputError:
        return frozenset()


def parquet_rows(member: Member) -> Iterator[tuple[Cells, bytes, str | None]]:
    """Cells, what quarantine keeps of them, and the fault: record_too_large, broken_record.

    Raises UnreadableFile; HostileArchive where what it unfolds to is out of proportion to its size.
    """
    with _opened(member) as (file, size_bytes):
        repeating = _repeating(file)
        made_max = size_bytes * REPEATED_RATIO_MAX + GZIP_SLACK_BYTES
        for group in range(file.num_row_groups):
            rows_max = _rows_at_once(file, group, repeating, size_bytes, member.path)
            # In this thread alone: the file is Python's, which Arrow's threads must not need when the interpreter ends.
            for batch in file.iter_batches(batch_size=rows_max, row_groups=[group], use_threads=False):
                sizes = _row_bytes(batch.to_struct_array())
                made_max -= int(sizes.sum())
                if made_max < 0:
                    raise HostileArchive(
                        f"{member.path}: its rows are more than {REPEATED_RATIO_MAX} times its size; refused."
                    )
                yield from _rows(batch, sizes)


def _rows_at_once(file: pq.ParquetFile, group: int, repeating: set[str], size_bytes: int, path: str) -> int:
    """How many rows of the group may be decoded at once. Raises HostileArchive where its pages unpack to too much."""
    known = file.metadata.row_group(group)
    columns = [known.column(number) for number in range(known.num_columns)]
    packed = min(size_bytes, sum(column.total_compressed_size for column in columns))
    plain = sum(column.total_uncompressed_size for column in columns)
    if plain > packed * GZIP_RATIO_MAX + GZIP_SLACK_BYTES:
        raise HostileArchive(f"{path}: unpacks to more than {GZIP_RATIO_MAX} times its size; refused.")
    # where a value says only which it repeats, or how it goes on from the one before, each may be as long as the column
    unfolding = (c for c in columns if c.path_in_schema not in repeating and _UNFOLDING & set(c.encodings))
    longest = sum(column.total_uncompressed_size for column in unfolding)
    return max(1, min(BATCH_ROWS, RECORD_BYTES_MAX // longest if longest else BATCH_ROWS))


def _rows(batch: pa.RecordBatch, sizes: NDArray[np.int64]) -> Iterator[tuple[Cells, bytes, str | None]]:
    begin, ends = 0, np.cumsum(sizes)
    # a dictionary takes twice as long to make cells of, and a slice of nested lists would be unfolded whole
    batch = _typed(batch, unfold=bool(sizes.sum() <= BATCH_BYTES))
    while begin < len(sizes):
        if sizes[begin] > RECORD_BYTES_MAX:
            yield {}, b"", "record_too_large"
            begin += 1
            continue
        before = int(ends[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, before + BATCH_BYTES, "right")))
        yield from _made(batch.slice(begin, end - begin))
        begin = end


def _made(batch: pa.RecordBatch) -> Iterator[tuple[Cells, bytes, str | None]]:
    try:
        made = batch.to_pylist()
    except _UNMAKEABLE:
        if batch.num_rows == 1:
            yield {}, b"", "broken_record"
            return
        for number in range(batch.num_rows):
            yield from _made(batch.slice(number, 1))
        return
    for value in made:
        yield value, _as_record(value), None


def _as_record(value: Cells) -> bytes:
    """A stable writing of a row: what its conversation is keyed by where it names none, and what quarantine keeps."""
    return json.dumps(value, sort_keys=True, default=str).encode()[:FAULTY_BYTES_MAX]


# Files


@contextmanager
def _opened(member: Member) -> Iterator[tuple[pq.ParquetFile, int]]:
    """With its size in bytes. Raises UnreadableFile. Parquet is read from its end, so a packed file is unpacked to disk first."""
    with member.open() as stream, tempfile.TemporaryFile() as copy:
        try:
            plain = stream if _is_plain(stream) else _unpacked(stream, copy, member.size_bytes)
            texts = _repeating(pq.ParquetFile(plain))
            yield pq.ParquetFile(plain, read_dictionary=sorted(texts)), plain.seek(0, 2)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise unreadable("unreadable", "the Parquet file is damaged") from error


def _repeating(file: pq.ParquetFile) -> set[str]:
    """Columns of strings to be read as a dictionary: Arrow has no such reading of those that are written as deltas."""
    groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
    chunks = [group.column(number) for group in groups for number in range(group.num_columns)]
    deltas = {chunk.path_in_schema for chunk in chunks if any("DELTA" in name for name in chunk.encodings)}
    columns = [file.schema.column(number) for number in range(len(file.schema))]
    return {column.path for column in columns if column.physical_type == "BYTE_ARRAY"} - deltas


def _is_plain(stream: BinaryIO) -> bool:
    try:
        return stream.seekable() and stream.fileno() >= 0
    except (OSError, AttributeError, ValueError):
        return False


def _unpacked(
    stream: BinaryIO, copy: Any, size_bytes: int
) -> Any:  # Any: a temporary file, typed by platform
    if size_bytes > PARQUET_BYTES_MAX:
        raise unreadable("too_large", f"more than {PARQUET_BYTES_MAX >> 30} GiB")
    shutil.copyfileobj(stream, copy)
    copy.seek(0)
    return copy


def _paths(name: str, kind: pa.DataType) -> Iterator[str]:
    yield name
    while pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind = kind.value_type
    if pa.types.is_struct(kind):
        for position in range(kind.num_fields):
            yield from _paths(f"{name}.{kind.field(position).name}", kind.field(position).type)


# Sizes and types of columns


def _row_bytes(column: Any) -> NDArray[np.int64]:  # Any: an Arrow array
    """About how many bytes each entry of an array is as text, what lies inside it included."""
    kind = column.type
    if pa.types.is_struct(kind):
        inner = [_row_bytes(column.field(number)) for number in range(kind.num_fields)]
        return np.sum(inner, axis=0) if inner else np.zeros(len(column), dtype=np.int64)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
        values = pa.StructArray.from_arrays([column.keys, column.items], ["k", "v"]) if pa.types.is_map(kind) else column.values  # fmt: skip
        ends = np.concatenate(([0], np.cumsum(_row_bytes(values))))
        offsets = column.offsets.to_numpy(zero_copy_only=False)
        return ends[offsets[1:]] - ends[offsets[:-1]] + _CELL_BYTES
    if pa.types.is_dictionary(kind):
        known = np.append(_row_bytes(column.dictionary), 0)
        return known[pc.fill_null(column.indices, len(known) - 1).to_numpy(zero_copy_only=False)]
    if pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_large_string(kind) or pa.types.is_large_binary(kind):  # fmt: skip
        return (
            pc.fill_null(pc.call_function("binary_length", [column]), 0)
            .to_numpy(zero_copy_only=False)
            .astype(np.int64)
        )
    return np.full(len(column), _CELL_BYTES, dtype=np.int64)


def _typed(batch: pa.RecordBatch, *, unfold: bool) -> pa.RecordBatch:
    """In microseconds where it is in nanoseconds; with plain strings for those in a dictionary, if they are to be unfolded."""
    wanted = pa.schema([field.with_type(_type(field.type, unfold)) for field in batch.schema])
    return batch if wanted.equals(batch.schema) else batch.cast(wanted, safe=False)


def _type(kind: pa.DataType, unfold: bool) -> pa.DataType:
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", kind.tz)
    if pa.types.is_dictionary(kind) and unfold:
        return kind.value_type
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_type(kind.value_type, unfold)))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_type(field.type, unfold)) for field in kind])
    return kind
