"""The bulk door: turns and events as Parquet in, one decision a turn as Parquet out. docs/formats/rights-events.md

Covers: files of any length in bounded memory, read, decided and written at the same time. Not covered: the decision itself
(`decide.py`). Strings stay dictionaries from file to file, so what is asked of a word is asked once and not once a turn.

A failure raises and leaves no file: there is no half-decided table to mistake for a permit.
"""

from __future__ import annotations

import functools
import os
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from witting.errors import InvalidEvent, UnreadableFile
from witting.rights.decide import (
    CONSENT_DAYS_MAX,
    Bench,
    answers,
    ask,
    bar,
    bench_of,
    said,
    without_nameless,
)
from witting.rights.doors import UNKNOWN_TALK, Parties
from witting.rights.event_table import to_micros
from witting.rights.intervals import Ints
from witting.rights.numbering import Numbering
from witting.rights.policy import Packs, load_packs
from witting.rights.reasons import NAMES, PERMITS
from witting.rights.talks import COLUMNS, Talks, talks_among
from witting.rights.timeline import hear, refuse_unknown
from witting.schema import EVENT

BATCH_ROWS = 120_000  # decided at once: what a processor's cache holds, and few enough rounds
ROWS_MAX = 250_000  # in a batch
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
    refuse_unknown(purpose)
    heard = hear(without_nameless(_read_events(events)), as_of=as_of)
    with _parquet(turns, words=WORDS) as source, ThreadPoolExecutor(THREADS + 1) as threads:
        _require(turns, source.schema_arrow)
        talks = threads.submit(_talks, turns, heard.people)
        known = packs or load_packs()
        bench = bench_of(heard, purpose=purpose, packs=known, consent_days_max=consent_days_max)
        partial = out.with_name(f"{out.name}.partial")
        try:
            counts = _write(_decided(bench, _batches(source, turns), talks.result(), threads), partial)
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
    with _parquet(path, words=("kind", "verdict", "place")) as source:
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


def _talks(path: Path, people: Numbering) -> Talks:
    with _parquet(path, words=COLUMNS) as source:
        return talks_among(_read(source, path, list(COLUMNS)), people)


def _batches(source: pq.ParquetFile, path: Path) -> Iterator[pa.Table]:
    """As many of the file's batches, which end with its row groups, as make BATCH_ROWS."""
    wanted = [name for name in (*REQUIRED, *OPTIONAL) if name in source.schema_arrow.names]
    together: list[pa.RecordBatch] = []
    for batch in _read(source, path, wanted):
        together.append(batch)
        if sum(map(len, together)) >= BATCH_ROWS:
            yield _table(together, path)
            together = []
    if together:
        yield _table(together, path)


def _read(source: pq.ParquetFile, path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Row group by row group: a batch across two would be cut at a place that fits neither."""
    for group in range(source.metadata.num_row_groups):
        batches = source.iter_batches(batch_size=ROWS_MAX, row_groups=[group], columns=columns)
        yield from iter(functools.partial(_next_batch, batches, path), None)


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


def _write(decided: Iterable[tuple[pa.Table, np.ndarray]], out: Path) -> Ints:
    counts = np.zeros(len(NAMES), dtype=np.int64)
    # Readers see strings: the dictionaries are Parquet's own, and the file says nothing of Arrow's types.
    with pq.ParquetWriter(
        out,
        DECIDED,
        compression={name: "none" if name == "turn" else "zstd" for name in DECIDED.names},
        use_dictionary=list(SAID),
        write_statistics=False,
        store_schema=False,
    ) as writer:
        for table, reason in decided:
            counts += np.bincount(reason, minlength=len(NAMES))
            writer.write_table(table)
    return counts


def _decided(
    bench: Bench, batches: Iterator[pa.Table], talks: Talks, threads: ThreadPoolExecutor
) -> Iterator[tuple[pa.Table, np.ndarray]]:
    """In order, while the next batches are read: numpy, Polars and Arrow all let go of the interpreter."""
    ahead: deque[Future[tuple[pa.Table, np.ndarray]]] = deque()
    for batch in _fetched(batches, threads):
        ahead.append(threads.submit(_decide, bench, batch, talks))
        if len(ahead) == AHEAD_MAX:
            yield ahead.popleft().result()
    while ahead:
        yield ahead.popleft().result()


def _fetched(batches: Iterator[pa.Table], threads: ThreadPoolExecutor) -> Iterator[pa.Table]:
    """Each batch, while the next is read."""
    coming = threads.submit(next, batches, None)
    while (batch := coming.result()) is not None:
        coming = threads.submit(next, batches, None)
        yield batch


def _decide(bench: Bench, batch: pa.Table, talks: Talks) -> tuple[pa.Table, np.ndarray]:
    asked = ask(bench, batch, subject="subject", time="time")
    parties = Parties(functools.partial(_talk, talks, batch["conversation"]), talks.offsets, talks.members)
    own, reason = answers(bench, asked, parties, batch["subject"])
    bar(bench, own, reason, batch)
    columns = {"turn": batch["turn"].cast(pa.string()), **said(bench, own, reason)}
    return pa.table({name: columns[name] for name in DECIDED.names}, schema=DECIDED), reason


def _talk(talks: Talks, conversation: pa.ChunkedArray, rows: Ints) -> Ints:
    asked = pl.Series(conversation.take(pa.array(rows)).cast(pa.string()), dtype=pl.String)
    return np.where(asked.is_null().to_numpy(), UNKNOWN_TALK, talks.of(asked))


def _summary(counts: Ints) -> dict[str, Any]:
    reasons = Counter({name: int(count) for name, count in zip(NAMES, counts, strict=True) if count})
    permit = sum(reasons[name] for name in PERMITS)
    return {
        "turns": reasons.total(),
        "permit": permit,
        "deny": reasons.total() - permit,
        "reasons": dict(reasons),
    }
