"""What holds of any stream out of intake, whatever was read: counts, places, ids, values. Asked by every law and fuzz.

Covered: the stream of `admit` (one verdict a file, counts that add up) and the records of one reader on its own. Not
covered: what the records should say (each reader's own tests).
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pyarrow.parquet as pq

from witting.intake import REFUSALS, SKIPPED, FileVerdict, Signal, Skipped, Turn
from witting.intake.refusals import CUT_OFF
from witting.intake.source import Feedback, Record, RightsRecord
from witting.schema import AUDIENCES, PRECISIONS, PURPOSES, ROLES, SIGNAL_KINDS

WORD = re.compile(r"[A-Za-z0-9]{2,16}", re.ASCII)  # survives every escaping that a format has


def by_file(stream: Iterable[Record | FileVerdict]) -> list[tuple[FileVerdict, list[Record]]]:
    """Each verdict with the records that it closes; its counts are theirs."""
    found: list[tuple[FileVerdict, list[Record]]] = []
    records: list[Record] = []
    for entry in stream:
        if isinstance(entry, FileVerdict):
            assert_counted(entry, records)
            found.append((entry, records))
            records = []
        else:
            records.append(entry)
    assert not records, "records after the last verdict"
    paths = [verdict.path for verdict, _ in found]
    assert len(paths) == len(set(paths)), "a file with two verdicts"
    return found


def assert_counted(verdict: FileVerdict, records: list[Record]) -> None:
    """records = turns + skipped by reason, and each is there."""
    turns = [record for record in records if isinstance(record, Turn)]
    others = [record for record in records if not isinstance(record, Turn)]
    assert verdict.turns == len(turns)
    assert dict(verdict.skipped) == Counter(record.reason for record in others)
    assert verdict.records == verdict.turns + sum(verdict.skipped.values()) == len(records)
    assert verdict.quarantined == sum(record.record is not None for record in others)
    late = sum(isinstance(record, Feedback) for record in others)
    assert verdict.signals == sum(len(turn.signals) for turn in turns) + late
    assert (verdict.verdict == "refused") is (verdict.reason not in ("", CUT_OFF))
    assert verdict.reason in ("", *REFUSALS)


def assert_sound(records: Iterable[Record], sizes: Mapping[str, int], *, admitted: bool = True) -> None:
    """Every record of one export lies in its file, says only what the closed lists allow, and every id is one turn's.
    `admitted`: what `admit` lets through, so that all text is Unicode."""
    told: set[tuple[str, str, str]] = set()
    for record in records:
        assert 0 <= record.bytes[0] <= record.bytes[1] <= sizes[record.member], "a place outside the file"
        if isinstance(record, Turn):
            _assert_turn(record, admitted=admitted)
            key = (record.source, record.conversation, record.turn)
            assert key not in told, "one id for two turns"
            told.add(key)
        elif isinstance(record, (Skipped, RightsRecord)):
            assert record.reason in SKIPPED, f"{record.reason} has no sentence in SKIPPED"
        else:
            _assert_signal(record.signal, admitted=admitted)


def _assert_turn(turn: Turn, *, admitted: bool) -> None:
    assert turn.bytes[0] < turn.bytes[1], "a turn that lies nowhere"
    assert turn.role in ROLES
    assert turn.audience in AUDIENCES
    assert set(turn.barred) <= set(PURPOSES)
    assert turn.time_precision in (None, *PRECISIONS)
    assert (turn.time is None) is (turn.time_precision is None)
    assert turn.text is None or turn.text or turn.deleted
    texts = (turn.text or "", turn.conversation, turn.turn, turn.parent or "", turn.speaker, turn.owner or "")
    assert all(isinstance(text, str) for text in texts)
    assert turn.conversation
    assert turn.turn
    if admitted:
        "".join(texts).encode()
    for signal in turn.signals:
        _assert_signal(signal, admitted=admitted)


def _assert_signal(signal: Signal, *, admitted: bool) -> None:
    assert signal.kind in SIGNAL_KINDS
    value = json.dumps(signal.value, ensure_ascii=False, allow_nan=False)
    if not admitted:
        return
    (value + (signal.text or "")).encode()
    if signal.kind == "preference":
        assert sorted(signal.value) == ["chosen", "rejected"]
        assert all(isinstance(id, str) for id in signal.value.values())


# Bytes


def plain_bytes(path: Path, member: str) -> bytes | None:
    """What a record's place counts in: the plain bytes of a file or of a zip's member; None for Parquet, whose places
    are row numbers."""
    data = path.read_bytes()
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            data = archive.read(member)
    if data.startswith(b"\x1f\x8b"):
        data = gzip.decompress(data)
    return None if data.startswith(b"PAR1") else data


def size_of(path: Path, member: str) -> int:
    data = plain_bytes(path, member)
    return pq.ParquetFile(path).metadata.num_rows if data is None else len(data)


def words_of(turn: Turn) -> Iterator[bytes]:
    """The words of a turn that must stand in its bytes as they are."""
    return (word.encode() for word in WORD.findall(turn.text or ""))


def silent_lines(data: bytes, records: Iterable[Record]) -> list[int]:
    """The numbers of the lines that no record lies in, blank ones aside: what a reader passed over without a word."""
    places = sorted(record.bytes for record in records)
    reached, at, silent = 0, 0, []
    pending = iter(places)
    place = next(pending, None)
    for number, line in enumerate(data.split(b"\n")):
        end = at + len(line)
        while place is not None and place[0] <= end:
            reached = max(reached, place[1])
            place = next(pending, None)
        if line.strip() and reached <= at:
            silent.append(number)
        at = end + 1
    return silent
