"""The bulk door: turns and events as Parquet in, one decision a turn as Parquet out. docs/formats/rights-events.md

Covers: files of any length in bounded memory, read, decided and written at the same time. Not covered: the decision itself
(`decide.py`). Strings stay dictionaries from file to file, so what is asked of a word is asked once and not once a turn.

A failure raises and leaves no file: there is no half-decided table to mistake for a permit.
"""

from __future__ import annotations

import functools
import os
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from witting.errors import InvalidEvent, UnreadableFile
from witting.rights.decide import CONSENT_DAYS_MAX, Bench, answers, ask, bar, make_bench, per_value, said
from witting.rights.doors import ALONE, UNKNOWN_TALK, Parties
from witting.rights.event_table import to_micros
from witting.rights.intervals import Ints
from witting.rights.policy import Packs, load_packs
from witting.rights.reasons import NAMES, PERMITS
from witting.rights.timeline import Standing
from witting.schema import EVENT

BATCH_ROWS = 1_000_000
THREADS = min(os.cpu_count() or 1, 4)
AHEAD_MAX = THREADS + 1  # batches in memory
REQUIRED = ("turn", "conversation", "subject", "time", "audience")
OPTIONAL = ("place", "surface", "barred")
WORDS = ("conversation", "subject", "audience", "place", "surface")  # few distinct values beside the rows
SAID = ("decision", "basis", "rule", "reason")
DECIDED = pa.schema(
    [
        ("turn", pa.string()),
        *((name, pa.dictionary(pa.int32(), pa.string())) for name in SAID[:3]),
        ("entry", pa.int64()),
        ("reason", pa.dictionary(pa.int32(), pa.string())),
    ]
)


@dataclass(frozen=True)
class Talks:
    """Conversations in which more than one person speaks, and who."""

    numbers: pl.DataFrame  # conversation, talk
    offsets: Ints
    members: Ints

    def of(self, conversations: pl.Series) -> Ints:
        frame = pl.DataFrame({"conversation": conversations.cast(pl.String)})
        found = frame.join(self.numbers, on="conversation", how="left", maintain_order="left")
        return found["talk"].fill_null(ALONE).to_numpy()


def decide_files(
    turns: Path,
    events: Path,
    *,
    purpose: str,
    as_of: datetime,
    out: Path,
    packs: Packs | None = None,
    consent_days_max: int = CONSENT_DAYS_MAX,
) -> dict[str, Any]:
    """Decide every turn of a file; `out` appears whole or not at all.

    Gives {"turns", "permit", "deny", "reasons": {reason: n}}. Raises UnknownPurpose, InvalidEvent, UnreadableFile.
    """
    bench = make_bench(
        _read_events(events),
        purpose=purpose,
        as_of=as_of,
        packs=packs or load_packs(),
        consent_days_max=consent_days_max,
    )
    with _parquet(turns, words=WORDS) as source:
        _require(turns, source.schema_arrow)
        talks = _talks(turns, bench.standing)
        partial = out.with_name(f"{out.name}.partial")
        try:
            counts = _write(bench, source, turns, talks, partial)
            partial.replace(out)
        finally:
            partial.unlink(missing_ok=True)
    return _summary(counts)


# Reading


def _parquet(path: Path, *, words: Sequence[str] = ()) -> pq.ParquetFile:
    """`words`: columns to be read as dictionaries, where the file has them."""
    checked = functools.partial(
        pq.ParquetFile, path, page_checksum_verification=True
    )  # where there are checksums
    try:
        source = checked()
        named = [name for name in words if name in source.schema_arrow.names]
        str(source.schema_arrow)
        return checked(read_dictionary=named) if named else source
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UnreadableFile(
            f"{path} cannot be read as Parquet. Write it as docs/formats/rights-events.md shows."
        ) from error


def _read_events(path: Path) -> pa.Table:
    with _parquet(path) as source:
        wanted = [name for name in EVENT.names if name in source.schema_arrow.names]
        try:
            return source.read(columns=wanted)
        except (pa.ArrowException, OSError) as error:
            raise InvalidEvent(
                f"{path}: the Parquet file is damaged; nothing was decided. Write it again."
            ) from error


def _require(path: Path, found: pa.Schema) -> None:
    if missing := [name for name in REQUIRED if name not in found.names]:
        raise UnreadableFile(f"{path}: the column {missing[0]} is missing; turns need {', '.join(REQUIRED)}.")
    if not pa.types.is_timestamp(found.field("time").type):
        raise UnreadableFile(
            f"{path}: the column time must be a timestamp in UTC, not {found.field('time').type}."
        )
    for name in ("turn", *WORDS):
        if name in found.names and not _is_words(found.field(name).type):
            raise UnreadableFile(f"{path}: the column {name} must be strings, not {found.field(name).type}.")


def _is_words(kind: pa.DataType) -> bool:
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_string(value) or pa.types.is_large_string(value) or pa.types.is_null(value)


def _talks(path: Path, standing: Standing) -> Talks:
    """Spills to disk beyond 1 GB."""
    query = """
        SELECT conversation, list_sort(list(person)) AS members
        FROM (
            SELECT DISTINCT conversation, turns.subject, coalesce(person, -1) AS person
            FROM read_parquet(?) AS turns LEFT JOIN people ON turns.subject = people.subject
            WHERE conversation IS NOT NULL AND turns.subject IS NOT NULL AND audience IS DISTINCT FROM 'assistant'
        ) GROUP BY conversation HAVING count(*) > 1
    """
    with duckdb.connect() as database:
        database.execute("SET memory_limit = '1GB'; SET preserve_insertion_order = false")
        database.execute(f"SET threads = {THREADS}")
        database.register("people", standing.people.to_arrow())
        try:
            found = pl.DataFrame(database.sql(query, params=[str(path)]).to_arrow_table())
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:  # its readers raise the bare class on broken pages
            raise _damaged(path) from error
    lengths = found["members"].list.len().cast(pl.Int64).to_numpy()
    return Talks(
        numbers=found.select("conversation", talk=pl.int_range(pl.len(), dtype=pl.Int64)),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        members=found["members"].list.explode(empty_as_null=False, keep_nulls=False).to_numpy(),
    )


def _batches(source: pq.ParquetFile, path: Path) -> Iterator[pa.Table]:
    """As many of the file's batches, which end with its row groups, as make BATCH_ROWS."""
    wanted = [name for name in (*REQUIRED, *OPTIONAL) if name in source.schema_arrow.names]
    batches = source.iter_batches(batch_size=BATCH_ROWS, columns=wanted)
    together: list[pa.RecordBatch] = []
    while (batch := _next_batch(batches, path)) is not None:
        together.append(batch)
        if sum(map(len, together)) >= BATCH_ROWS:
            yield _table(together, path)
            together = []
    if together:
        yield _table(together, path)


def _table(batches: list[pa.RecordBatch], path: Path) -> pa.Table:
    table = pa.Table.from_batches(batches)
    columns = {
        name: _utc(table[name], path) if name == "time" else table[name] for name in table.column_names
    }
    return pa.table(columns)  # without the file's own metadata, which may be anything


def _next_batch(batches: Iterator[pa.RecordBatch], path: Path) -> pa.RecordBatch | None:
    """Reading alone is guarded: an OSError of writing must stay what it is."""
    try:
        return next(batches, None)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path) from error


def _utc(time: pa.ChunkedArray, path: Path) -> pa.ChunkedArray:
    """Microseconds in UTC; without a zone they are UTC already, as the format says."""
    try:
        return to_micros(time)
    except pa.ArrowInvalid as error:
        raise UnreadableFile(f"{path}: the column time holds times that no calendar reaches.") from error


def _damaged(path: Path) -> UnreadableFile:
    return UnreadableFile(f"{path}: the Parquet file is damaged; nothing was decided. Write it again.")


# Deciding and writing


def _write(bench: Bench, source: pq.ParquetFile, path: Path, talks: Talks, out: Path) -> Ints:
    counts = np.zeros(len(NAMES), dtype=np.int64)
    # Readers see strings: the dictionaries are Parquet's own, and the file says nothing of Arrow's types.
    with pq.ParquetWriter(
        out,
        DECIDED,
        compression="zstd",
        use_dictionary=list(SAID),
        write_statistics=False,
        store_schema=False,
    ) as writer:
        for decided, reason in _decided(bench, _batches(source, path), talks):
            counts += np.bincount(reason, minlength=len(NAMES))
            writer.write_table(decided)
    return counts


def _decided(
    bench: Bench, batches: Iterator[pa.Table], talks: Talks
) -> Iterator[tuple[pa.Table, np.ndarray]]:
    """In order, while the next batches are read: numpy, Polars and Arrow all let go of the interpreter."""
    ahead: deque[Future[tuple[pa.Table, np.ndarray]]] = deque()
    with ThreadPoolExecutor(THREADS) as threads:
        for batch in batches:
            ahead.append(threads.submit(_decide, bench, batch, talks))
            if len(ahead) == AHEAD_MAX:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _decide(bench: Bench, batch: pa.Table, talks: Talks) -> tuple[pa.Table, np.ndarray]:
    asked = ask(bench, batch, subject="subject", time="time")
    talk = per_value(batch["conversation"], talks.of, missing=UNKNOWN_TALK)
    own, reason = answers(bench, asked, Parties(talk, talks.offsets, talks.members), batch["subject"])
    bar(bench, own, reason, batch)
    columns = {"turn": batch["turn"].cast(pa.string()), **said(bench, own, reason)}
    return pa.table({name: columns[name] for name in DECIDED.names}, schema=DECIDED), reason


def _summary(counts: Ints) -> dict[str, Any]:
    reasons = Counter({name: int(count) for name, count in zip(NAMES, counts, strict=True) if count})
    permit = sum(reasons[name] for name in PERMITS)
    return {
        "turns": reasons.total(),
        "permit": permit,
        "deny": reasons.total() - permit,
        "reasons": dict(reasons),
    }
