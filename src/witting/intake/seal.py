"""From what readers yield to sealed parts: ids, subjects, times in UTC, words under their subject's key.

Covered: row ids, whose data each turn is, sealing, the per-shard parts, signals, quarantine; a late batch of an erased
person is refused here and counted. Not covered: reading (one file a source), deciding what may be used (rights).

Whose data a turn is. A person's turn is theirs. An assistant's or system's turn belongs to the person it answers: the
nearest person up the parent chain, else the first person who spoke in the conversation. The first reading of a turn
stands: a later export of the same conversation adds the turns that are new.

Memory: `part_rows` turns and, for the export being read, one entry a conversation and one a turn still to be answered.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pyarrow as pa

from witting.intake.source import FileVerdict, Signal, Skipped, Turn
from witting.schema import PARTIES, QUARANTINE, SIGNAL, TURN
from witting.store.keys import KeyStore
from witting.store.vault import Vault

ERASED = "subject_erased"
UNKNOWN_ACCOUNT = "unknown-account"
SPEAKING = ("user", "person")
Entry = tuple[Turn, int, str]  # a turn, its position in the export, the handle of its subject
Columns = dict[str, Any]  # Any: a row by column name, on its way into an Arrow table that checks the types


@dataclass(frozen=True)
class Sealed:
    """One bounded batch: three tables (schema TURN, SIGNAL, QUARANTINE) and the verdicts of files that ended in it."""

    turns: pa.Table
    signals: pa.Table
    quarantine: pa.Table
    verdicts: tuple[FileVerdict, ...]


@dataclass
class _Batch:
    turns: list[Entry] = field(default_factory=list)
    quarantined: list[Skipped] = field(default_factory=list)
    verdicts: list[FileVerdict] = field(default_factory=list)


@dataclass
class _Speakers:
    """Who spoke in the export being read: enough to say whom an assistant's turn answers."""

    owner: dict[tuple[str, str], str] = field(default_factory=dict)  # (source, conversation) -> handle
    of_turn: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def subject_of(self, turn: Turn) -> str:
        place = (turn.source, turn.conversation)
        if turn.role in SPEAKING:
            handle = f"{turn.source}:{turn.speaker}"
            self.owner.setdefault(place, handle)
        else:
            answered = self.of_turn.get((*place, turn.parent)) if turn.parent is not None else None
            handle = answered or self.owner.get(place) or f"{turn.source}:{UNKNOWN_ACCOUNT}"
        self.of_turn[(*place, turn.turn)] = handle
        return handle


def seal(
    records: Iterable[Turn | Skipped | FileVerdict],
    *,
    artifact: str,
    keys: KeyStore,
    vault: Vault,
    shards: int,
    time_zone: str,
    part_rows: int,
    now: datetime,
) -> Iterator[Sealed]:
    """Batches of at most `part_rows` turns from one file, archive or folder whose SHA-256 is `artifact`.

    Turns of erased people are taken out of their file's verdict and counted as skipped. The verdict of a file stands
    in the batch of its last turn, so a caller that commits batch by batch knows which files are wholly committed.
    """
    sealer = _Sealer(artifact, keys, vault, shards, ZoneInfo(time_zone), now)
    batch, speakers, position = _Batch(), _Speakers(), 0
    for record in records:
        if isinstance(record, Turn):
            batch.turns.append((record, position, speakers.subject_of(record)))
            position += 1
        elif isinstance(record, Skipped):
            if record.record is not None:
                batch.quarantined.append(record)
        else:
            batch.verdicts.append(record)
        if len(batch.turns) + len(batch.quarantined) >= part_rows:
            yield sealer.close(batch)
            batch = _Batch()
    if batch != _Batch():
        yield sealer.close(batch)


def parties(turns: Iterable[pa.Table], known: pa.Table) -> pa.Table:
    """PARTIES of all conversations: those `known` joined with the persons who speak in `turns`."""
    frames = [pl.DataFrame(known).explode("parties").rename({"parties": "subject_id"})]
    frames += [
        pl.DataFrame(table.select(["conversation_id", "subject_id", "role"]))
        .filter(pl.col("role").is_in(SPEAKING))
        .select("conversation_id", "subject_id")
        .unique()
        for table in turns
    ]
    together = pl.concat(frames).drop_nulls("subject_id").unique()
    grouped = together.group_by("conversation_id").agg(pl.col("subject_id").sort().alias("parties"))
    return grouped.sort("conversation_id").to_arrow().cast(PARTIES)


@dataclass
class _Sealer:
    """Holds what every batch of one artifact needs, and the erased people's turns not yet told of in a verdict."""

    artifact: str
    keys: KeyStore
    vault: Vault
    shards: int
    zone: ZoneInfo
    now: datetime
    erased_turns: int = 0

    def close(self, batch: _Batch) -> Sealed:
        handles = _handles(batch)
        gone = self.vault.erased_handles(sorted(handles))
        living = sorted(handles - gone)
        subjects = dict(zip(living, self.vault.subjects_for(living), strict=True))
        kept = [entry for entry in batch.turns if entry[2] not in gone]
        self.erased_turns += len(batch.turns) - len(kept)
        return Sealed(
            turns=self._turns(kept, subjects),
            signals=self._signals(kept, subjects),
            quarantine=self._quarantine(batch.quarantined),
            verdicts=tuple(self._told(verdict) for verdict in batch.verdicts),
        )

    def _told(self, verdict: FileVerdict) -> FileVerdict:
        """The verdict with turns of erased people counted as skipped; records = turns + skipped still holds."""
        if not self.erased_turns:
            return verdict
        count, self.erased_turns = self.erased_turns, 0
        return replace(verdict, turns=verdict.turns - count, skipped={**verdict.skipped, ERASED: count})

    def _turns(self, entries: list[Entry], subjects: Mapping[str, str]) -> pa.Table:
        rows = [self._turn(turn, position, subjects[handle]) for turn, position, handle in entries]
        texts = [None if turn.deleted else turn.text for turn, _, _ in entries]
        sealed = self.keys.seal([row["subject_id"] for row in rows], [row["row_id"] for row in rows], texts)
        for row, words, text in zip(rows, sealed, texts, strict=True):
            row |= {"text_sealed": words, "text_chars": len(text) if text is not None else 0}
        return pa.Table.from_pylist(rows, schema=TURN)

    def _turn(self, turn: Turn, position: int, subject: str) -> Columns:
        return {
            "row_id": self._row_of(turn, turn.turn),
            "conversation_id": self.keys.row_id("conversation", turn.source, turn.conversation),
            "parent_id": None if turn.parent is None else self._row_of(turn, turn.parent),
            "position": position,
            "subject_id": subject,
            "speaker_id": subject if turn.role in SPEAKING else turn.role,
            "role": turn.role,
            "occurred_at": in_utc(turn.time, self.zone),
            "time_precision": turn.time_precision,
            "surface": turn.source,
            "audience": turn.audience,
            "edited": turn.edited,
            "deleted": turn.deleted,
            "on_active_path": turn.on_active_path,
            "artifact": self.artifact,
            "byte_start": turn.bytes[0],
            "byte_end": turn.bytes[1],
            "admitted_at": self.now,
            "shard": self.keys.shard(subject, self.shards),
        }

    def _signals(self, entries: list[Entry], subjects: Mapping[str, str]) -> pa.Table:
        rows, texts = [], []
        for turn, _, handle in entries:
            for number, signal in enumerate(turn.signals):
                giver = handle if signal.by is None else f"{turn.source}:{signal.by}"
                if giver in subjects:  # feedback of an erased person is not taken either
                    rows.append(self._signal(turn, signal, number, subjects[giver]))
                    texts.append(signal.text)
        sealed = self.keys.seal([r["subject_id"] for r in rows], [r["signal_id"] for r in rows], texts)
        for row, words in zip(rows, sealed, strict=True):
            row["text_sealed"] = words
        return pa.Table.from_pylist(rows, schema=SIGNAL)

    def _signal(self, turn: Turn, signal: Signal, number: int, giver: str) -> Columns:
        value = signal.value
        if signal.kind == "preference":
            value = {side: self._row_of(turn, str(native)) for side, native in value.items()}
        row_id = self._row_of(turn, turn.turn)
        return {
            "signal_id": self.keys.row_id("signal", row_id, signal.kind, str(number)),
            "row_id": row_id,
            "conversation_id": self.keys.row_id("conversation", turn.source, turn.conversation),
            "subject_id": giver,
            "kind": signal.kind,
            "value": json.dumps(value, sort_keys=True, ensure_ascii=False),
            "source_kind": signal.source_kind,
            "occurred_at": in_utc(signal.time, self.zone),
            "shard": self.keys.shard(giver, self.shards),
        }

    def _quarantine(self, skipped: list[Skipped]) -> pa.Table:
        records = [entry.record or b"" for entry in skipped]
        ids = [
            self.keys.row_id("quarantine", self.artifact, entry.member, str(entry.bytes[0]), entry.reason)
            for entry in skipped
        ]
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

    def _row_of(self, turn: Turn, native: str) -> str:
        return self.keys.row_id("turn", turn.source, turn.conversation, native)


def _handles(batch: _Batch) -> set[str]:
    handles = {handle for _, _, handle in batch.turns}
    for turn, _, _ in batch.turns:
        handles |= {f"{turn.source}:{signal.by}" for signal in turn.signals if signal.by is not None}
    return handles


def in_utc(time: str | None, zone: ZoneInfo) -> datetime | None:
    """An export's ISO 8601 time in UTC; a time without an offset is read in `zone`."""
    if time is None:
        return None
    moment = datetime.fromisoformat(time)
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).astimezone(UTC)
