"""Rights events as a table, typed and refused as a whole where one of them cannot be read.

Covers: tables of any column types that mean schema.EVENT, times as microseconds. Not covered: events as JSON lines
(`event.py`), what they say (`timeline.py`). An event we cannot read might be a no: nothing is decided until it can be.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pyarrow as pa

from witting.errors import InvalidEvent
from witting.schema import CONSENT_VERDICTS, EVENT, EVENT_KINDS, PURPOSES, TIMESTAMP

REQUIRED = ("kind", "subject", "purposes", "occurred_at")


def micros(moment: datetime) -> int:
    """Microseconds since 1970 UTC. Raises ValueError without an offset."""
    if moment.tzinfo is None:
        raise ValueError("a time without an offset; give one, such as 2026-03-02T09:30:00Z")
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def conform(events: pa.Table) -> pl.DataFrame:
    """EVENT's columns, absent ones as nulls, times as microseconds; empty strings and lists of places stay as they are."""
    if missing := [name for name in REQUIRED if name not in events.column_names]:
        raise InvalidEvent(f"events: the column {missing[0]} is missing; events need {', '.join(REQUIRED)}.")
    columns = []
    for field in EVENT:
        if field.name in events.column_names:
            columns.append(_column(events, field))
        else:
            columns.append(pa.chunked_array([pa.nulls(events.num_rows, field.type)]))
    frame = pl.DataFrame(pa.table(columns, names=EVENT.names))
    words = pl.selectors.by_dtype(pl.Categorical).cast(pl.String)
    times = ("occurred_at", "valid_from", "expires_at")
    return frame.with_columns(words, *(pl.col(name).dt.epoch("us") for name in times))


def to_micros(times: pa.ChunkedArray) -> pa.ChunkedArray:
    """Timestamps of any unit as microseconds in UTC; nanoseconds are cut, too large ones raise ArrowInvalid."""
    finer = times.type.unit == "ns"
    return times.cast(pa.timestamp("us", tz=times.type.tz), safe=not finer).cast(TIMESTAMP)


def _column(events: pa.Table, field: pa.Field) -> pa.ChunkedArray:
    column = events[field.name]
    if pa.types.is_dictionary(column.type) and column.type.value_type == field.type:
        return column  # Polars makes words of it, each once
    try:
        return (
            to_micros(column)
            if field.type == TIMESTAMP and pa.types.is_timestamp(column.type)
            else column.cast(field.type)
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InvalidEvent(
            f"events: the column {field.name} has the type {events[field.name].type}, which does not turn into {field.type}."
        ) from error


def refuse_unreadable(events: pl.DataFrame) -> None:
    """An event we cannot read might be a no: nothing is decided until it can be."""
    known_purpose = (
        pl.col("purposes").list.eval(pl.element().is_in(PURPOSES) & pl.element().is_not_null()).list.all()
    )
    unreadable = {
        f"kind is none of {', '.join(EVENT_KINDS)}": ~pl.col("kind").is_in(EVENT_KINDS)
        | pl.col("kind").is_null(),
        "occurred_at is empty": pl.col("occurred_at").is_null(),
        "subject is empty": pl.col("subject").is_null() & (pl.col("kind") != "assessment"),
        f"purposes holds one that is none of {', '.join(PURPOSES)}": ~known_purpose,
        f"verdict is none of {', '.join(CONSENT_VERDICTS)}": ~pl.col("verdict").is_in(CONSENT_VERDICTS),
        "age is below 0": pl.col("age") < 0,
    }
    found = events.select(**{problem: test.fill_null(False).sum() for problem, test in unreadable.items()})
    for problem, count in found.row(0, named=True).items():
        if count:
            raise InvalidEvent(
                f"events: in {count} of {events.height} rows {problem}. Nothing was decided; repair them."
            )
