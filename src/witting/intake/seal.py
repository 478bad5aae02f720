"""From what readers yield to sealed parts: ids, subjects, times in UTC, words under their subject's key.

Covered: row ids, sealing, the per-shard parts, signals, quarantine; a late batch of an erased
person is refused here and counted. Not covered: reading (one file a source), whose data a turn is (`owners.py`), deciding what may be used (rights).

The first reading of a turn stands: a later export of the same conversation adds the turns that are new.

Memory: `part_rows` turns, and what `owners.py` remembers of the file being read.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pyarrow as pa

from witting.intake.account import UNKNOWN_ACCOUNT, names_nobody
from witting.intake.owners import SPEAKING, Entry, Place, owned
from witting.intake.source import Evidence, Feedback, FileVerdict, Record, RightsRecord, Signal, Skipped
from witting.schema import PARTIES, QUARANTINE, SIGNAL, TIMESTAMP, TURN
from witting.store.keys import KeyStore
from witting.store.vault import Vault

ERASED = "subject_erased"
Columns = dict[str, Any]  # Any: a row by column name, on its way into an Arrow table that checks the types


@dataclass(frozen=True)
class Sealed:
    """One bounded batch: three tables (schema TURN, SIGNAL, QUARANTINE) and the verdicts of files that ended in it."""

    turns: pa.Table
    signals: pa.Table
    quarantine: pa.Table
    verdicts: tuple[FileVerdict, ...]
    told: tuple[RightsRecord, ...] = ()  # to be recorded before the turns are committed


@dataclass
class _Batch:
    turns: list[Entry] = field(default_factory=list)
    quarantined: list[Skipped] = field(default_factory=list)
    verdicts: list[tuple[int, FileVerdict]] = field(default_factory=list)  # with the file's number
    feedback: list[tuple[int, Feedback]] = field(default_factory=list)  # likewise
    told: list[RightsRecord] = field(default_factory=list)

    def rows(self) -> int:
        return len(self.turns) + len(self.quarantined) + len(self.feedback) + len(self.told)


def seal(
    records: Iterable[Record | FileVerdict],
    *,
    artifact: str,
    keys: KeyStore,
    vault: Vault,
    shards: int,
    time_zone: str,
    part_rows: int,
    now: datetime,
    account: str | None = None,
) -> Iterator[Sealed]:
    """Batches of at most `part_rows` turns from one file, archive or folder whose SHA-256 is `artifact`; `account` is whose
    they are where they do not say it.

    Turns and feedback of erased people are taken out of their file's verdict, turns counted as skipped. The verdict of
    a file stands in the batch of its last turn or in the next one, so a caller that commits batch by batch knows which
    files are wholly committed.
    """
    sealer = _Sealer(artifact, keys, vault, shards, ZoneInfo(time_zone), now)
    batch = _Batch()
    for found in owned(records, account=account, waiting_max=part_rows):
        if isinstance(found, Entry):
            batch.turns.append(found)
        elif isinstance(found, Skipped):
            batch.quarantined.append(found)
        elif isinstance(found, RightsRecord):
            batch.told.append(found)
        elif isinstance(found[1], FileVerdict):
            batch.verdicts.append((found[0], found[1]))
        else:
            batch.feedback.append((found[0], found[1]))
        if batch.rows() >= part_rows:
            yield sealer.close(batch)
            batch = _Batch()
    if batch != _Batch():
        yield sealer.close(batch)


def parties(turns: Iterable[pa.Table]) -> pa.Table:
    """PARTIES as far as `turns` show them: every person who speaks in them, by conversation."""
    frames = [
        pl.DataFrame(table.select(["conversation_id", "subject_id", "role"]))
        .filter(pl.col("role").is_in(SPEAKING))
        .select("conversation_id", pl.col("subject_id").alias("parties"))
        .unique()
        for table in turns
    ]
    return _by_conversation(pl.concat(frames)) if frames else PARTIES.empty_table()


def all_parties(known: Iterable[pa.Table]) -> pa.Table:
    """PARTIES with one row a conversation, from what several batches showed of it. Memory: a row a person and
    conversation, about 100 bytes."""
    frames = [pl.DataFrame(table).explode("parties") for table in known]
    return _by_conversation(pl.concat(frames)) if frames else PARTIES.empty_table()


def _by_conversation(pairs: pl.DataFrame) -> pa.Table:
    people = pl.col("parties").drop_nulls().unique().sort()
    grouped = pairs.group_by("conversation_id").agg(people).sort("conversation_id")
    return grouped.to_arrow().cast(PARTIES)


@dataclass
class _Names:
    """Row ids of one conversation, each made once a batch: a turn is also its answers' parent."""

    conversation: str
    make: Callable[[str], str]
    made: dict[str, str] = field(default_factory=dict)

    def row(self, native: str) -> str:
        found = self.made.get(native)
        if found is None:
            found = self.made[native] = self.make(native)
        return found


@dataclass
class _Sealer:
    """Holds what every batch of one artifact needs, and what was refused of files whose verdict is still to come."""

    artifact: str
    keys: KeyStore
    vault: Vault
    shards: int
    zone: ZoneInfo
    now: datetime
    refused_turns: Counter[int] = field(default_factory=Counter)  # of erased people, by file
    refused_signals: Counter[int] = field(default_factory=Counter)
    refused_unnamed: Counter[int] = field(default_factory=Counter)
    names: dict[Place, _Names] = field(default_factory=dict)  # of the batch at hand

    def close(self, batch: _Batch) -> Sealed:
        handles = _handles(batch)
        gone = self.vault.erased_handles(sorted(handles))
        living = sorted(handles - gone)
        subjects = dict(zip(living, self.vault.subjects_for(living), strict=True))
        for entry in batch.turns:
            self._count_refused(entry, gone)
        for file, late in batch.feedback:
            self.refused_signals[file] += _late_giver(late) in gone
        kept = [entry for entry in batch.turns if entry.handle not in gone]
        self.names.clear()
        return Sealed(
            turns=self._turns(kept, subjects),
            signals=pa.concat_tables([self._signals(kept, subjects), self._late(batch.feedback, subjects)]),
            quarantine=self._quarantine(batch.quarantined),
            verdicts=tuple(self._told(file, verdict) for file, verdict in batch.verdicts),
            told=tuple(batch.told),
        )

    def _count_refused(self, entry: Entry, gone: set[str]) -> None:
        if entry.handle in gone:
            self.refused_turns[entry.file] += 1
            self.refused_unnamed[entry.file] += names_nobody(entry.handle)
            self.refused_signals[entry.file] += len(entry.turn.signals)
        else:
            self.refused_signals[entry.file] += sum(_giver(entry, s) in gone for s in entry.turn.signals)

    def _told(self, file: int, verdict: FileVerdict) -> FileVerdict:
        """The verdict without what erased people said, which is counted as skipped; records = turns + skipped."""
        turns, signals = self.refused_turns.pop(file, 0), self.refused_signals.pop(file, 0)
        skipped = {**verdict.skipped, ERASED: turns} if turns else verdict.skipped
        return replace(
            verdict,
            turns=verdict.turns - turns,
            signals=verdict.signals - signals,
            skipped=skipped,
            unnamed=verdict.unnamed - self.refused_unnamed.pop(file, 0),
        )

    def _turns(self, entries: list[Entry], subjects: Mapping[str, str]) -> pa.Table:
        turns = [entry.turn for entry in entries]
        names = [self._names_of((turn.source, turn.conversation)) for turn in turns]
        owners = [subjects[entry.handle] for entry in entries]
        shards = {owner: self.keys.shard(owner, self.shards) for owner in set(owners)}
        ids = [name.row(turn.turn) for name, turn in zip(names, turns, strict=True)]
        moments = [in_utc(turn.time, self.zone) for turn in turns]
        texts = [None if turn.deleted else turn.text for turn in turns]
        columns: Columns = {
            "row_id": ids,
            "conversation_id": [name.conversation for name in names],
            "parent_id": [
                None if t.parent is None else n.row(t.parent) for n, t in zip(names, turns, strict=True)
            ],
            "position": [entry.position for entry in entries],
            "subject_id": owners,
            "speaker_id": [o if t.role in SPEAKING else t.role for o, t in zip(owners, turns, strict=True)],
            "role": [turn.role for turn in turns],
            "occurred_at": moments,
            "time_precision": [
                None if m is None else t.time_precision for m, t in zip(moments, turns, strict=True)
            ],
            "surface": [turn.source for turn in turns],
            "audience": [turn.audience for turn in turns],
            "edited": [turn.edited for turn in turns],
            "deleted": [turn.deleted for turn in turns],
            "on_active_path": [turn.on_active_path for turn in turns],
            "barred": [turn.barred for turn in turns],
            "artifact": pa.repeat(self.artifact, len(turns)),
            "byte_start": [turn.bytes[0] for turn in turns],
            "byte_end": [turn.bytes[1] for turn in turns],
            "text_chars": [0 if text is None else len(text) for text in texts],
            "text_sealed": self.keys.seal(owners, ids, texts),
            "admitted_at": pa.repeat(pa.scalar(self.now, TIMESTAMP), len(turns)),
            "shard": [shards[owner] for owner in owners],
        }
        return pa.table(columns, schema=TURN)

    def _names_of(self, place: Place) -> _Names:
        found = self.names.get(place)
        if found is None:
            conversation = self.keys.row_id("conversation", *place)
            found = self.names[place] = _Names(conversation, self.keys.row_ids("turn", *place))
        return found

    def _signals(self, entries: list[Entry], subjects: Mapping[str, str]) -> pa.Table:
        rows, texts = [], []
        for entry in entries:
            for number, signal in enumerate(entry.turn.signals):
                giver = _giver(entry, signal)
                if giver in subjects:  # feedback of an erased person is not taken either
                    place = (entry.turn.source, entry.turn.conversation)
                    rows.append(self._signal(place, entry.turn.turn, signal, str(number), subjects[giver]))
                    # what others say of a person's answer nobody opens, and the person's key would not erase it
                    texts.append(signal.text if giver == entry.handle else None)
        return self._sealed_signals(rows, texts)

    def _late(self, feedback: list[tuple[int, Feedback]], subjects: Mapping[str, str]) -> pa.Table:
        """Feedback whose turn may come later, or be known already."""
        told = [late for _, late in feedback if _late_giver(late) in subjects]
        rows = [
            self._signal(
                (late.source, late.conversation), late.turn, late.signal, late.id, subjects[_late_giver(late)]
            )
            for late in told
        ]
        return self._sealed_signals(rows, [late.signal.text for late in told])

    def _sealed_signals(self, rows: list[Columns], texts: list[str | None]) -> pa.Table:
        sealed = self.keys.seal([r["subject_id"] for r in rows], [r["signal_id"] for r in rows], texts)
        for row, words in zip(rows, sealed, strict=True):
            row["text_sealed"] = words
        return pa.Table.from_pylist(rows, schema=SIGNAL)

    def _signal(self, place: Place, turn: str, signal: Signal, id: str, giver: str) -> Columns:
        value, names = signal.value, self._names_of(place)
        if signal.kind == "preference":
            value = {side: names.row(str(native)) for side, native in value.items()}
        row_id = names.row(turn)
        return {
            "signal_id": self.keys.row_id("signal", row_id, signal.kind, id),
            "row_id": row_id,
            "conversation_id": names.conversation,
            "subject_id": giver,
            "kind": signal.kind,
            "value": json.dumps(value, sort_keys=True, ensure_ascii=False),
            "source_kind": signal.source_kind,
            "rule": signal.rule,
            "confidence": signal.confidence,
            **_evidence(names, signal.evidence),
            "occurred_at": in_utc(signal.time, self.zone),
            "shard": self.keys.shard(giver, self.shards),
        }

    def _quarantine(self, skipped: list[Skipped]) -> pa.Table:
        records = [entry.record or b"" for entry in skipped]
        ids = [self._quarantine_id(entry, record) for entry, record in zip(skipped, records, strict=True)]
        sealed = self.keys.seal_quarantined(ids, records)
        rows: list[Columns] = [
            {
                "quarantine_id": identifier,
                "artifact": self.artifact,
                "reason": entry.reason,
                "byte_start": entry.bytes[0],
                "byte_end": entry.bytes[1],
                "admitted_at": self.now,
                "sealed": words,
            }
            for identifier, entry, words in zip(ids, skipped, sealed, strict=True)
        ]
        return pa.Table.from_pylist(rows, schema=QUARANTINE)

    def _quarantine_id(self, entry: Skipped, record: bytes) -> str:
        """Two bad records at one place stay two: not every reader knows where each of them lay."""
        start, end = map(str, entry.bytes)
        content = hashlib.sha256(record).hexdigest()
        return self.keys.row_id("quarantine", self.artifact, entry.member, start, end, entry.reason, content)


def _evidence(names: _Names, evidence: Evidence | None) -> Columns:
    if evidence is None:
        return {"evidence_row": None, "evidence_start": None, "evidence_end": None}
    return {
        "evidence_row": names.row(evidence.turn),
        "evidence_start": evidence.start,
        "evidence_end": evidence.end,
    }


def _late_giver(late: Feedback) -> str:
    return f"{late.source}:{late.signal.by or UNKNOWN_ACCOUNT}"


def _giver(entry: Entry, signal: Signal) -> str:
    """Handle of who gave this feedback: the person the turn answers, where the export names nobody."""
    return entry.handle if signal.by is None else f"{entry.turn.source}:{signal.by}"


def _handles(batch: _Batch) -> set[str]:
    signals = {_giver(entry, signal) for entry in batch.turns for signal in entry.turn.signals}
    return (
        {entry.handle for entry in batch.turns} | signals | {_late_giver(late) for _, late in batch.feedback}
    )


def in_utc(time: str | None, zone: ZoneInfo) -> datetime | None:
    """An export's ISO 8601 time in UTC; a time without an offset is read in `zone`. None for a moment that no calendar
    of ours has (year 0, an hour after the last): rights takes a turn without a time as nobody's permission."""
    if time is None:
        return None
    try:
        moment = datetime.fromisoformat(time)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
