"""Rows of a table, one at a time, whatever it is written in: JSON lines, a JSON array, CSV, Parquet.

Covered: values with the place each row lies at, in bounded memory; the columns a table has, by which readers know their
own. Not covered: what the columns mean (`mapped.py`, and the readers of logs and sets). Gzip bytes of text formats are
opened on the way.

Places. JSON and CSV: bytes of the record in the plain bytes. Parquet is compressed column by column, so no bytes belong
to one row: there a row's place is its number, [n, n + 1).

CSV is RFC 4180 with a header line; the delimiter is the one of `, ; tab |` that the header holds most of. A record of
another length than the header is a fault, not a guess; so is a line with a quote that closes amid a cell or never, and the
lines after it are read as if it were not there. No line is read more than twice for it: a quote left open reaches as far as
the next that could be left open.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from witting.intake.json_stream import (
    FAULTY_BYTES_MAX,
    BadRecord,
    blocks,
    line_shapes,
    parse,
    plain_head,
    shape,
    split_lines_or_array,
)
from witting.intake.refusals import unreadable
from witting.intake.source import Member
from witting.intake.tables.parquet import PARQUET, parquet_columns, parquet_rows

CSV_RECORD_BYTES_MAX = 8 << 20
DELIMITERS = ",;\t|"
_BOM = "\ufeff"


@dataclass(frozen=True)
class Row:
    """One row; with `fault` it could not be read and `value` is empty."""

    value: Mapping[str, Any]  # Any: cells as the format has them
    start: int
    end: int
    record: bytes  # what quarantine keeps of it
    fault: str | None = None
    line: int | None = None  # the first line of the row, from 1: CSV


def rows(member: Member) -> Iterator[Row]:
    """Every row, bad ones with their fault. Raises UnreadableFile where the file as a whole cannot be read."""
    head = member.head()
    if head.startswith(PARQUET):
        return _parquet_rows(member)
    return _json_rows(member) if _is_json(head) else _csv_rows(member)


def columns(member: Member, head: bytes) -> frozenset[str]:
    """The columns and the keys inside them, dotted, lists transparent; empty where the file is no table."""
    if head.startswith(PARQUET):
        return parquet_columns(member)
    if _is_json(head):
        return shape(head).union(*line_shapes(head))
    first = plain_head(head).partition(b"\n")[0].rstrip(b"\r")
    try:
        return frozenset(_cells(first.decode("utf-8")))
    except UnicodeDecodeError:
        return frozenset()


def _is_json(head: bytes) -> bool:
    return plain_head(head).lstrip(b" \t\r\n").startswith((b"{", b"["))


# JSON


def _json_rows(member: Member) -> Iterator[Row]:
    for piece in split_lines_or_array(member):
        try:
            value = parse(piece)
            fault = None if isinstance(value, dict) else "no_row"
        except BadRecord as bad:
            value, fault = {}, bad.reason
        yield Row(value if fault is None else {}, piece.start, piece.end, piece.kept, fault)


# Parquet


def _parquet_rows(member: Member) -> Iterator[Row]:
    for number, (value, record, fault) in enumerate(parquet_rows(member)):
        yield Row(value, number, number + 1, record, fault)


# CSV


class _Lines:
    """Lines of the file as text for the CSV reader, and how far it has read. Bytes that are no UTF-8 pass as
    surrogates."""

    def __init__(self, member: Member) -> None:
        self._source = self._split(member)
        self._again: deque[bytes] = deque()  # lines to be read once more
        self._at = 0
        self._begun = 0  # of the record being read
        self._raw: list[bytes] = []
        self._lines, self._first = 0, 1  # read so far; the first of the record being read

    def _split(self, member: Member) -> Iterator[bytes]:
        rest = b""
        for block in blocks(member):
            *lines, rest = (rest + block).split(b"\n")
            yield from (line + b"\n" for line in lines)
            _refuse_beyond(len(rest))
        if rest:
            yield rest

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._source)
        is_first = self._at == 0
        self._at += len(line)
        self._lines += 1
        self._raw.append(line)
        if self._at - self._begun > CSV_RECORD_BYTES_MAX:
            _refuse_beyond(len(line))
            raise csv.Error("a quote left open")
        text = line.decode("utf-8", "surrogateescape")
        return text.removeprefix(_BOM) if is_first else text

    def take_back(self) -> None:
        """All lines of the record being read but its first are read once more."""
        first, *others = self._raw
        self._again.extendleft(reversed(others))
        self._at, self._lines, self._raw = self._begun + len(first), self._first, [first]

    def close_record(self) -> tuple[int, int, int, bytes]:
        """First line, place and bytes of what was read since the last call, without its line end."""
        raw = b"".join(self._raw)
        end = self._begun + len(raw.rstrip(b"\r\n"))
        place = (self._first, self._begun, end, raw[:FAULTY_BYTES_MAX])
        self._begun, self._raw, self._first = self._at, [], self._lines + 1
        return place


def _refuse_beyond(record_bytes: int) -> None:
    if record_bytes > CSV_RECORD_BYTES_MAX:
        raise unreadable("too_large", f"a line of more than {CSV_RECORD_BYTES_MAX >> 20} MiB")


def _csv_rows(member: Member) -> Iterator[Row]:
    csv.field_size_limit(CSV_RECORD_BYTES_MAX)
    lines = _Lines(member)
    texts = iter(lines)
    first = next(texts, "")
    delimiter, header = _delimiter(first), _cells(first.rstrip("\r\n"))
    lines.close_record()
    if len(set(header)) < len(header) or not any(header):
        raise unreadable("unreadable", "the header names a column twice, or none")
    reader = csv.reader(texts, delimiter=delimiter, strict=True)
    while True:
        try:
            cells = next(reader, None)
        except csv.Error:  # a quote that closes in the middle of a cell, or never: its line alone is bad
            lines.take_back()
            line, start, end, record = lines.close_record()
            yield Row({}, start, end, record, "broken_row", line)
            reader = csv.reader(texts, delimiter=delimiter, strict=True)
            continue
        if cells is None:
            return
        line, start, end, record = lines.close_record()
        if cells:  # an empty line is no row
            yield replace(_csv_row(header, cells, start, end, record), line=line)


def _csv_row(header: list[str], cells: list[str], start: int, end: int, record: bytes) -> Row:
    fault = None if len(cells) == len(header) else "broken_row"
    try:
        record.decode("utf-8")
    except UnicodeDecodeError:
        fault = fault or ("not_utf8" if len(record) < FAULTY_BYTES_MAX else None)
    return Row({} if fault else dict(zip(header, cells, strict=True)), start, end, record, fault)


def _delimiter(line: str) -> str:
    return max(DELIMITERS, key=line.count)


def _cells(line: str) -> list[str]:
    """The cells of a header line; none where it is no CSV."""
    try:
        found = next(csv.reader([line.removeprefix(_BOM)], delimiter=_delimiter(line)), [])
    except csv.Error:
        return []
    return [cell.strip() for cell in found]
