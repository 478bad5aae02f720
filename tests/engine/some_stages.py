"""Stages for the engine's tests. In a file of their own, because worker processes import what they run."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import polars as pl
import pyarrow as pa

from witting.engine import ROW, Key, Stage, Transform

PEOPLE = pa.schema([("row_id", pa.string()), ("person", pa.string()), ("words", pa.int64())])
DOUBLED = pa.schema([("row_id", pa.string()), ("words", pa.int64())])
TOTAL = pa.schema([("person", pa.string()), ("words", pa.int64()), ("rows", pa.int64())])


def people(count: int, *, start: int = 0) -> pa.Table:
    rows = range(start, start + count)
    return pa.table(
        [[f"r{i:05}" for i in rows], [f"p{i % 7}" for i in rows], [i * i % 101 for i in rows]], schema=PEOPLE
    )


def double(*, notes: Path | None = None) -> Stage:
    """ROW. Leaves a note a part it was run on, and one each time it was opened."""
    return Stage("double", 1, PEOPLE, DOUBLED, ROW, partial(_open_double, notes))


def _open_double(notes: Path | None) -> Transform:
    _note(notes, "opened")
    return partial(_double, notes)


def _double(notes: Path | None, table: pa.Table) -> pa.Table:
    _note(notes, "ran")
    return pl.DataFrame(table).select("row_id", pl.col("words") * 2).to_arrow()


def total() -> Stage:
    """Key: one row a person."""
    return Stage("total", 1, PEOPLE, TOTAL, Key("person"), _open_total)


def _open_total() -> Transform:
    return _total


def _total(table: pa.Table) -> pa.Table:
    totals = pl.DataFrame(table).group_by("person").agg(pl.col("words").sum(), pl.len().alias("rows"))
    return totals.sort("person").to_arrow()


def dying(marker: Path, *, times: int) -> Stage:
    """Kills its own process the first `times` times it meets row r00003, as the kernel does when memory is out."""
    return Stage("double", 1, PEOPLE, DOUBLED, ROW, partial(_open_dying, marker, times))


def _open_dying(marker: Path, times: int) -> Transform:
    return partial(_die, marker, times)


def _die(marker: Path, times: int, table: pa.Table) -> pa.Table:
    if "r00003" in table["row_id"].to_pylist() and len(list(marker.glob("died-*"))) < times:
        (marker / f"died-{os.getpid()}").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return _double(None, table)


def failing() -> Stage:
    return Stage("failing", 1, PEOPLE, DOUBLED, ROW, _open_failing)


def _open_failing() -> Transform:
    return _fail


def _fail(table: pa.Table) -> pa.Table:
    raise ValueError("this stage always fails")


def threads() -> Stage:
    """How many threads Polars uses where this runs."""
    return Stage("threads", 1, PEOPLE, pa.schema([("threads", pa.int64())]), ROW, _open_threads)


def _open_threads() -> Transform:
    return _threads


def _threads(table: pa.Table) -> pa.Table:
    return pa.table({"threads": pa.array([pl.thread_pool_size()], pa.int64())})


def _note(notes: Path | None, what: str) -> None:
    if notes is not None:
        (notes / f"{what}-{os.getpid()}-{os.urandom(4).hex()}").touch()
