"""Permit or deny, for each turn, for one purpose, as of one time: decided from metadata, before a word is opened.

Covers: the in-memory door (`decide`), the engine's stage, the bulk door on Parquet files. Not covered: finding the answer
(`doors.py`, `timeline.py`), explaining it (`explain.py`). Decisions never drop rows: one row in, one row out, in order.
Where the law wants every party's agreement, the parties come with the turn; `decide` and `decide_files` find those who
are missing from the conversation itself, the stage sees one row at a time and says no (`parties_unknown`).

Every fact that is missing denies. A failure raises and leaves no file: there is no half-decided table to mistake for a
permit. From: decision and rule as in XACML 3.0; deny unless permitted.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from witting.engine.stage import ROW, Stage
from witting.errors import InvalidEvent, UnreadableFile
from witting.rights.doors import NO_TIME, PERMITTED, Answer, Asked, Parties, answer, ask_others
from witting.rights.policy import Packs, load_packs
from witting.rights.reasons import CODE, NAMES, PERMITS, REASONS, RULE_OF
from witting.rights.rulebook import UNKNOWN_AUDIENCE, Rulebook, compile_packs
from witting.rights.terms import refused_by_origin, refused_by_platform, terms_digest
from witting.rights.timeline import NO_ENTRY, Ints, Standing, stand, to_micros
from witting.schema import AUDIENCES, DECISION, EVENT, PARTIES, TURN

__all__ = ["REASONS", "TURN_FACTS", "decide", "decide_files", "stage"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BATCH_ROWS = 1_000_000
CONSENT_DAYS_MAX = 365
FACTS = ("row_id", "conversation_id", "subject_id", "occurred_at", "role", "audience", "surface", "barred")
TURN_FACTS = pa.schema([*(TURN.field(name) for name in FACTS), PARTIES.field("parties"), TURN.field("shard")])
# Parquet in and out: docs/formats/rights-events.md
BULK_TURN = ("turn", "conversation", "subject", "time", "audience")  # required
BULK_OPTIONAL = ("place", "surface", "barred")
BULK_DECISION = pa.schema(
    [
        ("turn", pa.string()),
        ("decision", pa.string()),
        ("basis", pa.string()),
        ("rule", pa.string()),
        ("entry", pa.int64()),
        ("reason", pa.string()),
    ]
)


@dataclass(frozen=True)
class Bench:
    """Everything a decision rests on but the turns."""

    standing: Standing
    book: Rulebook
    place_cells: Ints

    def place_cell(self, place: str | None) -> int:
        return self.book.cell(place) if place else -1


def decide(
    turns: pa.Table,
    events: pa.Table,
    *,
    purpose: str,
    as_of: datetime,
    packs: Packs,
    consent_days_max: int = CONSENT_DAYS_MAX,
) -> pa.Table:
    """DECISION, one row a turn, in the order of the turns. Reads TURN_FACTS; a column `place` beside them wins.

    Raises UnknownPurpose, InvalidEvent.
    """
    bench = _bench(events, purpose=purpose, as_of=as_of, packs=packs, consent_days_max=consent_days_max)
    known = _with_parties(turns)
    parts = [
        _decide_rows(bench, known.slice(start, BATCH_ROWS)) for start in range(0, known.num_rows, BATCH_ROWS)
    ]
    return pa.concat_tables(parts) if parts else DECISION.empty_table()


def stage(
    events: pa.Table, *, purpose: str, as_of: datetime, packs: Packs, consent_days_max: int = CONSENT_DAYS_MAX
) -> Stage:
    """`decide` for the engine: TURN_FACTS to DECISION, each row alone."""
    return Stage(
        name="rights.decide",
        version=2,
        reads=TURN_FACTS,
        writes=DECISION,
        scope=ROW,
        open=functools.partial(
            _open, events, purpose=purpose, as_of=as_of, packs=packs, consent_days_max=consent_days_max
        ),
        settings={
            "purpose": purpose,
            "as_of": as_of.isoformat(),
            "consent_days_max": consent_days_max,
            "packs": packs.sha256s(),
            "events": events_digest(events),
            "terms": terms_digest(),
        },
    )


def events_digest(events: pa.Table) -> str:
    """SHA-256 over the sorted events: equal for the same events in any order."""
    lines = sorted(pl.DataFrame(events).write_ndjson().splitlines())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _open(
    events: pa.Table, *, purpose: str, as_of: datetime, packs: Packs, consent_days_max: int
) -> Callable[[pa.Table], pa.Table]:
    bench = _bench(events, purpose=purpose, as_of=as_of, packs=packs, consent_days_max=consent_days_max)
    return functools.partial(_decide_rows, bench)


def _bench(events: pa.Table, *, purpose: str, as_of: datetime, packs: Packs, consent_days_max: int) -> Bench:
    standing = stand(events, purpose=purpose, as_of=as_of, consent_days_max=consent_days_max)
    book = compile_packs(packs, purpose=purpose, safeguards=standing.safeguards)
    return Bench(standing, book, np.array([book.cell(name) for name in standing.place_names], dtype=np.int64))


def _with_parties(turns: pa.Table) -> pa.Table:
    """Fills parties where the turns do not say, from who speaks in the same conversation of the same table."""
    frame = pl.DataFrame(turns)
    if "parties" not in frame.columns:
        frame = frame.with_columns(parties=pl.lit(None, dtype=pl.List(pl.String)))
    if not frame["parties"].null_count():
        return turns
    seen = frame.group_by("conversation_id").agg(found=pl.col("subject_id").drop_nulls().unique().sort())
    filled = frame.join(seen, on="conversation_id", how="left", maintain_order="left")
    filled = filled.with_columns(parties=pl.coalesce("parties", "found")).drop("found")
    return filled.to_arrow()


def _decide_rows(bench: Bench, turns: pa.Table) -> pa.Table:
    frame = pl.DataFrame(turns)
    place = (
        frame["place"] if "place" in frame.columns else pl.Series("place", [None] * frame.height, pl.String)
    )
    asked = _asked(bench, frame["subject_id"], frame["occurred_at"], frame["audience"], place)
    own, reason = _answer(bench, asked, _parties(bench.standing, frame["parties"]), frame["subject_id"])
    _bar(bench, own, reason, frame)
    decided = _columns(bench, own, reason)
    shard = turns["shard"] if "shard" in turns.column_names else pa.nulls(turns.num_rows, pa.int16())
    columns = {
        "row_id": turns["row_id"],
        "subject_id": turns["subject_id"],
        "purpose": pl.repeat(bench.standing.purpose, frame.height, dtype=pl.String, eager=True).to_arrow(),
        **decided,
        "place": _places(bench, own, place).to_arrow(),
        "special": _special(bench.standing, own, reason).to_arrow(),
        "shard": shard,
    }
    return pa.table({name: columns[name] for name in DECISION.names}).cast(DECISION)


def _asked(bench: Bench, subject: pl.Series, time: pl.Series, audience: pl.Series, place: pl.Series) -> Asked:
    return Asked(
        person=bench.standing.numbers(subject),
        moment=time.dt.epoch("us").fill_null(NO_TIME).to_numpy(),
        place=_coded(place, bench.place_cell),
        audience=_coded(audience, _audience_code),
    )


def _audience_code(audience: str | None) -> int:
    return AUDIENCES.index(audience) if audience in AUDIENCES else UNKNOWN_AUDIENCE


def _coded(values: pl.Series, code: Callable[[str | None], int]) -> Ints:
    """One code a row, asked once for each distinct value."""
    distinct = values.unique()
    codes = pl.DataFrame(
        {"value": distinct, "code": [code(value) for value in distinct]}, schema_overrides={"code": pl.Int64}
    )
    joined = pl.DataFrame({"value": values}).join(
        codes, on="value", how="left", nulls_equal=True, maintain_order="left"
    )
    return joined["code"].to_numpy()


def _parties(standing: Standing, parties: pl.Series) -> Parties:
    lengths = parties.list.len().fill_null(0).cast(pl.Int64).to_numpy()
    members = parties.list.explode(empty_as_null=False, keep_nulls=False)
    return Parties(
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        members=standing.numbers(members),
        known=lengths > 0,
    )


def _answer(bench: Bench, asked: Asked, parties: Parties, subject: pl.Series) -> tuple[Answer, np.ndarray]:
    own = answer(asked, bench.standing, bench.book, bench.place_cells)
    unknown, shut = ask_others(asked, own, parties, bench.standing, bench.book, bench.place_cells)
    reason = own.reason.copy()
    reason[shut] = CODE["third_party"]
    reason[unknown] = CODE["parties_unknown"]
    reason[subject.is_null().to_numpy()] = CODE["no_subject"]
    own.entry[shut | unknown] = NO_ENTRY  # whose word shut it is nobody else's business
    return own, reason


def _bar(bench: Bench, own: Answer, reason: np.ndarray, rows: pl.DataFrame) -> None:
    """Turns an open door into a no where the platform or the place of publication refuses, in place."""
    standing, is_open = bench.standing, np.isin(reason, PERMITTED)
    day = (EPOCH + timedelta(microseconds=int(standing.as_of))).date()
    if "surface" in rows.columns:
        shut = is_open & refused_by_platform(rows["surface"], purpose=standing.purpose, day=day)
        reason[shut], own.entry[shut] = CODE["platform_terms"], NO_ENTRY
    if "barred" in rows.columns:
        shut = is_open & refused_by_origin(rows["barred"], purpose=standing.purpose)
        reason[shut], own.entry[shut] = CODE["origin_refuses"], NO_ENTRY


def _columns(bench: Bench, own: Answer, reason: np.ndarray) -> dict[str, pa.Array]:
    """decision, basis, rule, entry, reason: dictionary-encoded, to be cast where they are kept."""
    permits = [name in PERMITS for name in NAMES]
    rules = [f"{prefix}.{RULE_OF[name]}" for prefix in bench.book.prefixes for name in NAMES]
    entry = pa.array(own.entry, mask=own.entry == NO_ENTRY)
    return {
        "decision": _words(["permit" if yes else "deny" for yes in permits], reason),
        "basis": _words([name if yes else "none" for name, yes in zip(NAMES, permits, strict=True)], reason),
        "rule": _words(rules, own.cell * len(NAMES) + reason),
        "entry": entry,
        "reason": _words(list(NAMES), reason),
    }


def _words(words: list[str], codes: np.ndarray) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(words))


def _places(bench: Bench, own: Answer, said: pl.Series) -> pl.Series:
    names = pl.Series("place", [*bench.standing.place_names, None], dtype=pl.String)
    code = bench.standing.places.value("place", own.place_row, len(names) - 1)
    return pl.select(pl.coalesce(said, names.gather(pl.Series(code)))).to_series()


def _special(standing: Standing, own: Answer, reason: np.ndarray) -> pl.Series:
    """What the consent then and the consent now both name; nothing where the turn is denied."""
    size = len(standing.specials)
    both = [sorted(set(then) & set(now)) for then in standing.specials for now in standing.specials]
    code = np.where(reason == CODE["consent"], own.special_then * size + own.special_now, -1)
    code = np.where((own.special_then >= 0) & (own.special_now >= 0), code, -1)
    lists = pl.Series("special", [*both, []], dtype=pl.List(pl.String))
    return lists.gather(pl.Series(np.where(code >= 0, code, size * size)))


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
    """The bulk door: Parquet in, Parquet out, in bounded batches; `out` appears whole or not at all.

    Gives {"turns", "permit", "deny", "reasons": {reason: n}}. Raises UnknownPurpose, InvalidEvent, UnreadableFile.
    """
    bench = _bench(
        _read_events(events),
        purpose=purpose,
        as_of=as_of,
        packs=packs or load_packs(),
        consent_days_max=consent_days_max,
    )
    with _parquet(turns) as source:
        _require(turns, source.schema_arrow)
        talks = _talks(turns, bench.standing)
        partial = out.with_name(f"{out.name}.partial")
        try:
            counts = _write_batches(bench, source, turns, talks, partial)
            partial.replace(out)
        finally:
            partial.unlink(missing_ok=True)
    return _summary(counts)


def _parquet(path: Path) -> pq.ParquetFile:
    try:
        source = pq.ParquetFile(path, page_checksum_verification=True)  # where the file has checksums
        str(source.schema_arrow)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UnreadableFile(
            f"{path} cannot be read as Parquet. Write it as docs/formats/rights-events.md shows."
        ) from error
    return source


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
    if missing := [name for name in BULK_TURN if name not in found.names]:
        raise UnreadableFile(
            f"{path}: the column {missing[0]} is missing; turns need {', '.join(BULK_TURN)}."
        )
    if not pa.types.is_timestamp(found.field("time").type):
        raise UnreadableFile(
            f"{path}: the column time must be a timestamp in UTC, not {found.field('time').type}."
        )


def _talks(path: Path, standing: Standing) -> pl.DataFrame:
    """conversation, members: the persons of each conversation in which more than one speaks. Spills beyond 1 GB."""
    with duckdb.connect() as database:
        database.execute("SET memory_limit = '1GB'; SET threads = 2; SET preserve_insertion_order = false")
        database.register("people", standing.people.to_arrow())
        query = """
            SELECT conversation, list_sort(list(DISTINCT coalesce(person, -1))) AS members
            FROM read_parquet(?) AS turns LEFT JOIN people ON turns.subject = people.subject
            WHERE conversation IS NOT NULL AND turns.subject IS NOT NULL AND audience IS DISTINCT FROM 'assistant'
            GROUP BY conversation HAVING count(DISTINCT turns.subject) > 1
        """
        try:
            return pl.DataFrame(database.sql(query, params=[str(path)]).to_arrow_table())
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:  # its readers raise the bare class on broken pages
            raise _damaged(path) from error


def _write_batches(bench: Bench, source: pq.ParquetFile, path: Path, talks: pl.DataFrame, out: Path) -> Ints:
    counts = np.zeros(len(NAMES), dtype=np.int64)
    with pq.ParquetWriter(out, BULK_DECISION, compression="zstd", write_statistics=False) as writer:
        for batch in _batches(source, path):
            decided, reason = _decide_batch(bench, batch, talks)
            counts += np.bincount(reason, minlength=len(NAMES))
            writer.write_table(decided)
    return counts


def _batches(source: pq.ParquetFile, path: Path) -> Iterator[pl.DataFrame]:
    wanted = [name for name in (*BULK_TURN, *BULK_OPTIONAL) if name in source.schema_arrow.names]
    batches = source.iter_batches(batch_size=BATCH_ROWS, columns=wanted)
    while (table := _next_table(batches, path)) is not None:
        columns = {name: _utc(table[name], path) if name == "time" else table[name] for name in wanted}
        yield pl.DataFrame(pa.table(columns))  # without the file's own metadata, which may be anything


def _next_table(batches: Iterator[pa.RecordBatch], path: Path) -> pa.Table | None:
    """Reading alone is guarded: an OSError of writing must stay what it is."""
    try:
        batch = next(batches, None)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path) from error
    return None if batch is None else pa.Table.from_batches([batch])


def _utc(time: pa.ChunkedArray, path: Path) -> pa.ChunkedArray:
    """Microseconds in UTC; without a zone they are UTC already, as the format says."""
    try:
        return to_micros(time)
    except pa.ArrowInvalid as error:
        raise UnreadableFile(f"{path}: the column time holds times that no calendar reaches.") from error


def _damaged(path: Path) -> UnreadableFile:
    return UnreadableFile(f"{path}: the Parquet file is damaged; nothing was decided. Write it again.")


def _decide_batch(bench: Bench, batch: pl.DataFrame, talks: pl.DataFrame) -> tuple[pa.Table, np.ndarray]:
    place = (
        batch["place"] if "place" in batch.columns else pl.Series("place", [None] * batch.height, pl.String)
    )
    asked = _asked(bench, batch["subject"], batch["time"], batch["audience"], place)
    own, reason = _answer(bench, asked, _talk_parties(batch, asked.person, talks), batch["subject"])
    _bar(bench, own, reason, batch)
    table = pa.table({"turn": batch["turn"].to_arrow(), **_columns(bench, own, reason)})
    return table.cast(BULK_DECISION), reason


def _talk_parties(batch: pl.DataFrame, person: Ints, talks: pl.DataFrame) -> Parties:
    """A conversation that is not in `talks` has one speaker: the person asked about."""
    alone = pl.concat_list(pl.lit(pl.Series("person", person)))
    joined = batch.select("conversation").join(talks, on="conversation", how="left", maintain_order="left")
    members = joined.select(pl.coalesce("members", alone)).to_series()
    lengths = members.list.len().cast(pl.Int64).to_numpy()
    return Parties(
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        members=members.list.explode().to_numpy(),
        known=batch["conversation"].is_not_null().to_numpy(),
    )


def _summary(counts: Ints) -> dict[str, Any]:
    reasons = {name: int(count) for name, count in zip(NAMES, counts, strict=True) if count}
    permit = sum(reasons.get(name, 0) for name in PERMITS)
    return {
        "turns": int(counts.sum()),
        "permit": permit,
        "deny": int(counts.sum()) - permit,
        "reasons": reasons,
    }
