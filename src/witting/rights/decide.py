"""Permit or deny, for each turn, for one purpose, as of one time: decided from metadata, before a word is opened.

Covers: the in-memory door (`decide`), the engine's stage. Not covered: the bulk door on files (`bulk.py`), finding the answer
(`doors.py`, `timeline.py`), explaining it (`explain.py`). Decisions never drop rows: one row in, one row out, in order.
Where the law wants every party's agreement, the parties come with the turn; `decide` and `decide_files` find those who
are missing from the conversation itself, the stage sees one row at a time and says no (`parties_unknown`).

Every fact that is missing denies. A failure raises and leaves no file: there is no half-decided table to mistake for a
permit. From: decision and rule as in XACML 3.0; deny unless permitted.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from witting.engine.stage import ROW, Stage
from witting.intake.account import UNKNOWN_ACCOUNT, names_nobody
from witting.rights.doors import (
    IS_PERMIT,
    NO_TIME,
    UNKNOWN_TALK,
    Answer,
    Asked,
    Parties,
    answer,
    ask_others,
    specials,
)
from witting.rights.intervals import UNKNOWN, Bools, Ints
from witting.rights.numbering import encoded, word_places
from witting.rights.policy import Packs
from witting.rights.reasons import CODE, NAMES, PERMITS, REASONS, RULE_OF
from witting.rights.rulebook import UNKNOWN_AUDIENCE, Rulebook, compile_packs
from witting.rights.terms import refused_by_origin, refused_by_platform, terms_digest
from witting.rights.timeline import NO_ENTRY, Heard, Standing, hear, refuse_unknown, standing_of
from witting.schema import AUDIENCES, DECISION, PARTIES, TURN

__all__ = ["REASONS", "TURN_FACTS", "decide", "stage"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BATCH_ROWS = 1_000_000
CONSENT_DAYS_MAX = 365
FACTS = ("row_id", "conversation_id", "subject_id", "occurred_at", "role", "audience", "surface", "barred")
TURN_FACTS = pa.schema([*(TURN.field(name) for name in FACTS), PARTIES.field("parties"), TURN.field("shard")])


@dataclass(frozen=True)
class Bench:
    """Everything a decision rests on but the turns."""

    standing: Standing
    book: Rulebook
    place_cells: Ints
    nameless: frozenset[str]

    def cells(self, places: pl.Series) -> Ints:
        return np.array([self.book.cell(place) if place else -1 for place in places], dtype=np.int64)


def decide(
    turns: pa.Table,
    events: pa.Table,
    *,
    purpose: str,
    as_of: datetime,
    packs: Packs,
    consent_days_max: int = CONSENT_DAYS_MAX,
    nameless: Collection[str] = (),
) -> pa.Table:
    """DECISION, one row a turn, in the order of the turns. Reads TURN_FACTS; a column `place` beside them wins.

    `nameless`: the ids of subjects whose export does not name them (a handle as subject says it itself): nothing that was
    said for them opens a door, theirs or another's. Raises UnknownPurpose, InvalidEvent.
    """
    bench = make_bench(
        events,
        purpose=purpose,
        as_of=as_of,
        packs=packs,
        consent_days_max=consent_days_max,
        nameless=nameless,
    )
    known = _with_parties(turns)
    parts = [
        _decide_rows(bench, known.slice(start, BATCH_ROWS)) for start in range(0, known.num_rows, BATCH_ROWS)
    ]
    return pa.concat_tables(parts) if parts else DECISION.empty_table()


def stage(
    events: pa.Table,
    *,
    purpose: str,
    as_of: datetime,
    packs: Packs,
    consent_days_max: int = CONSENT_DAYS_MAX,
    nameless: Collection[str] = (),
) -> Stage:
    """`decide` for the engine: TURN_FACTS to DECISION, each row alone."""
    return Stage(
        name="rights.decide",
        version=3,
        reads=TURN_FACTS,
        writes=DECISION,
        scope=ROW,
        open=functools.partial(
            _open,
            events,
            purpose=purpose,
            as_of=as_of,
            packs=packs,
            consent_days_max=consent_days_max,
            nameless=frozenset(nameless),
        ),
        settings={
            "purpose": purpose,
            "as_of": as_of.isoformat(),
            "consent_days_max": consent_days_max,
            "packs": packs.sha256s(),
            "events": events_digest(events),
            "nameless": hashlib.sha256("\n".join(sorted(nameless)).encode()).hexdigest(),
            "terms": terms_digest(),
        },
    )


def events_digest(events: pa.Table) -> str:
    """SHA-256 over the sorted events: equal for the same events in any order."""
    lines = sorted(pl.DataFrame(events).write_ndjson().splitlines())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _open(events: pa.Table, **how: Any) -> Callable[[pa.Table], pa.Table]:  # Any: as make_bench
    return functools.partial(_decide_rows, make_bench(events, **how))


def make_bench(
    events: pa.Table,
    *,
    purpose: str,
    as_of: datetime,
    packs: Packs,
    consent_days_max: int,
    nameless: Collection[str] = (),
) -> Bench:
    refuse_unknown(purpose)
    nobody = frozenset(nameless)
    heard = hear(without_nameless(events, nobody), as_of=as_of)
    return bench_of(heard, purpose=purpose, packs=packs, consent_days_max=consent_days_max, nameless=nobody)


def bench_of(
    heard: Heard, *, purpose: str, packs: Packs, consent_days_max: int, nameless: frozenset[str] = frozenset()
) -> Bench:
    """For a purpose that is known."""
    standing = standing_of(heard, purpose=purpose, consent_days_max=consent_days_max)
    book = compile_packs(packs, purpose=purpose, safeguards=standing.safeguards)
    cells = np.array([book.cell(name) for name in standing.place_names], dtype=np.int64)
    return Bench(standing, book, cells, nameless)


def without_nameless(events: pa.Table, nameless: frozenset[str] = frozenset()) -> pa.Table:
    """Without what was said for people nobody can speak for."""
    if "subject" not in events.column_names:
        return events  # refused where it is read
    spoken = _is_nameless(pl.Series(events["subject"]).cast(pl.String, strict=False), nameless)
    return events.filter(pa.array(~spoken)) if spoken.any() else events


def _is_nameless(subjects: pl.Series, nameless: frozenset[str]) -> Bools:
    """Whom nobody can consent for: by id, or by a handle that names nobody."""
    unnamed = set(nameless)
    handles = subjects.str.ends_with(UNKNOWN_ACCOUNT)
    if handles.any():
        unnamed |= {one for one in subjects.filter(handles).unique() if names_nobody(one)}
    if not unnamed:
        return np.zeros(len(subjects), dtype=np.bool_)
    return subjects.is_in(list(unnamed)).fill_null(False).to_numpy()


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
    asked = ask(bench, turns, subject="subject_id", time="occurred_at")
    parties = _parties(bench.standing, pl.Series(turns["parties"]))
    own, reason = answers(bench, asked, parties, turns["subject_id"])
    bar(bench, own, reason, turns)
    shard = turns["shard"] if "shard" in turns.column_names else pa.nulls(turns.num_rows, pa.int16())
    columns = {
        "row_id": turns["row_id"],
        "subject_id": turns["subject_id"],
        "purpose": pl.repeat(bench.standing.purpose, turns.num_rows, dtype=pl.String, eager=True).to_arrow(),
        **said(bench, own, reason),
        "place": _places(bench, own, turns).to_arrow(),
        "special": _special(bench, asked, own, reason).to_arrow(),
        "shard": shard,
    }
    return pa.table({name: columns[name] for name in DECISION.names}).cast(DECISION)


def ask(bench: Bench, turns: pa.Table, *, subject: str, time: str) -> Asked:
    person = per_value(turns[subject], bench.standing.numbers, missing=UNKNOWN)
    moment = turns[time].cast(pa.int64()).fill_null(NO_TIME).to_numpy()
    audience = per_value(turns["audience"], _audience_codes, missing=UNKNOWN_AUDIENCE)
    place = per_value(turns["place"], bench.cells, missing=-1) if "place" in turns.column_names else None
    return Asked(person=person, moment=moment, place=place, audience=audience)


def _audience_codes(words: pl.Series) -> Ints:
    return np.array(
        [AUDIENCES.index(word) if word in AUDIENCES else UNKNOWN_AUDIENCE for word in words], dtype=np.int64
    )


def per_value(column: pa.ChunkedArray, answers: Callable[[pl.Series], Ints | Bools], *, missing: int) -> Ints:
    """One answer a row, asked once for each word of a chunk's dictionary; `missing` where there is none."""
    chunks = [encoded(chunk) for chunk in column.chunks]
    words = [chunk.dictionary.cast(pa.string()) for chunk in chunks]
    given = answers(pl.Series(pa.chunked_array(words, type=pa.string()))).astype(np.int64)
    found, start = [np.empty(0, dtype=np.int64)], 0
    for chunk, some in zip(chunks, words, strict=True):
        found.append(np.append(given[start : start + len(some)], missing)[word_places(chunk)])
        start += len(some)
    return found[1] if len(found) == 2 else np.concatenate(found)


def _where(column: pa.ChunkedArray, test: Callable[[pl.Series], Bools]) -> Ints:
    """The rows whose word passes. Where no word of a chunk does, none of its rows is looked at."""
    found, start = [np.empty(0, dtype=np.int64)], 0
    for chunk in map(encoded, column.chunks):
        passes = test(pl.Series(chunk.dictionary.cast(pa.string()), dtype=pl.String))
        if passes.any():
            found.append(start + np.flatnonzero(np.append(passes, False)[word_places(chunk)]))
        start += len(chunk)
    return np.concatenate(found)


def _parties(standing: Standing, parties: pl.Series) -> Parties:
    lengths = parties.list.len().fill_null(0).cast(pl.Int64).to_numpy()
    members = parties.list.explode(empty_as_null=False, keep_nulls=False)
    return Parties(
        talk=np.where(lengths > 0, np.arange(lengths.size), UNKNOWN_TALK).take,
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        members=standing.numbers(members),
    )


def answers(
    bench: Bench, asked: Asked, parties: Parties, subject: pa.ChunkedArray
) -> tuple[Answer, np.ndarray]:
    own = answer(asked, bench.standing, bench.book, bench.place_cells)
    unknown, shut = ask_others(asked, own, parties, bench.standing, bench.book, bench.place_cells)
    reason = own.reason.copy()
    reason[shut] = CODE["third_party"]
    reason[unknown] = CODE["parties_unknown"]
    own.entry[shut] = own.entry[unknown] = NO_ENTRY  # whose word shut it is nobody else's business
    if subject.null_count:
        reason[subject.is_null().to_numpy()] = CODE["no_subject"]
    nameless = _where(subject, functools.partial(_is_nameless, nameless=bench.nameless))
    reason[nameless], own.entry[nameless] = CODE["account_unknown"], NO_ENTRY
    return own, reason


def bar(bench: Bench, own: Answer, reason: np.ndarray, turns: pa.Table) -> None:
    """Turns an open door into a no where the platform or the place of publication refuses, in place."""
    standing, is_open = bench.standing, np.flatnonzero(IS_PERMIT[reason])
    day = (EPOCH + timedelta(microseconds=int(standing.as_of))).date()
    if "surface" in turns.column_names:
        refused = functools.partial(refused_by_platform, purpose=standing.purpose, day=day)
        unsaid = int(refused(pl.Series([None], dtype=pl.String))[0])
        shut = is_open[per_value(turns["surface"].take(pa.array(is_open)), refused, missing=unsaid) != 0]
        reason[shut], own.entry[shut] = CODE["platform_terms"], NO_ENTRY
    if "barred" in turns.column_names:
        barred = pl.Series(turns["barred"].take(pa.array(is_open)))
        shut = is_open[refused_by_origin(barred, purpose=standing.purpose)]
        reason[shut], own.entry[shut] = CODE["origin_refuses"], NO_ENTRY


def said(bench: Bench, own: Answer, reason: np.ndarray) -> dict[str, pa.Array]:
    """decision, basis, rule, entry, reason: dictionary-encoded, to be cast where they are kept."""
    permits = [name in PERMITS for name in NAMES]
    rules = [f"{prefix}.{RULE_OF[name]}" for prefix in bench.book.prefixes for name in NAMES]
    return {
        "decision": _words(["permit" if yes else "deny" for yes in permits], reason),
        "basis": _words([name if yes else "none" for name, yes in zip(NAMES, permits, strict=True)], reason),
        "rule": _words(rules, own.cell * len(NAMES) + reason),
        "entry": pa.array(own.entry, mask=own.entry == NO_ENTRY),
        "reason": _words(list(NAMES), reason),
    }


def _words(words: list[str], codes: np.ndarray) -> pa.Array:
    """words[codes]. Each word is once in the dictionary: with repetitions Parquet would write no dictionary at all."""
    numbers = {word: number for number, word in enumerate(dict.fromkeys(words))}
    of_code = np.array([numbers[word] for word in words], dtype=np.int32)
    return pa.DictionaryArray.from_arrays(of_code[codes], pa.array(list(numbers)))


def _places(bench: Bench, own: Answer, turns: pa.Table) -> pl.Series:
    names = pl.Series("place", [*bench.standing.place_names, None], dtype=pl.String)
    code = bench.standing.places.value("place", own.place_row, len(names) - 1)
    known = names.gather(pl.Series(code))
    if "place" not in turns.column_names:
        return known
    return pl.select(pl.coalesce(pl.Series(turns["place"].cast(pa.string())), known)).to_series()


def _special(bench: Bench, asked: Asked, own: Answer, reason: np.ndarray) -> pl.Series:
    """What the consent then and the consent now both name, less what a law then or now never opens; nothing where the
    turn is denied."""
    named, closed = bench.standing.specials, bench.book.closed
    places, then_named, now_named = specials(own, asked, bench.standing, bench.book)
    rows, laws, never = own.full.rows[places], own.full.laws.take(places), bench.book.never
    opened = reason[rows] == CODE["consent"]
    shape = (len(named), len(named), len(closed), len(closed))
    shut_then, shut_now = never[laws.era, laws.cell], never[laws.era_now, laws.cell_now]
    parts = (then_named, now_named, shut_then, shut_now)
    found, code = np.unique(
        np.ravel_multi_index([part[opened] for part in parts], shape), return_inverse=True
    )
    lists = [
        sorted(set(named[then]) & set(named[now]) - closed[no_then] - closed[no_now])
        for then, now, no_then, no_now in zip(*np.unravel_index(found, shape), strict=True)
    ]
    index = np.full(reason.size, len(lists), dtype=np.int64)
    index[rows[opened]] = code
    return pl.Series("special", [*lists, []], dtype=pl.List(pl.String)).gather(pl.Series(index))
