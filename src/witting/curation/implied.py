"""What people imply about an answer, read in redacted words of permitted turns.

Covers: the findings of `intake/implied` as rows of SIGNAL, with keyed ids, the rule's version, and where in the redacted
words the evidence lies. Not covered: what they may be used for (`guards.py`). Nobody's turn is read for another's: one
person's rows of one conversation at a time, and what rights or redaction refused is not there. Of those it counts only that
they went on: a conversation does not end where its next words may not be read.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

import polars as pl
import pyarrow as pa

from witting.curation.keyed import check_key, keyed_id
from witting.engine.stage import Key, Stage, Transform
from witting.intake.implied import RULE_OF, Finding, Said, find
from witting.schema import REDACTED, SIGNAL

VERSION = 2
Row = dict[str, Any]  # Any: a REDACTED row


def stage(*, key: bytes) -> Stage:
    """REDACTED → SIGNAL."""
    return Stage(
        name="implied",
        version=VERSION,
        reads=REDACTED,
        writes=SIGNAL,
        scope=Key("subject_id"),
        open=partial(_open, key=key),
        settings={"rules": sorted(RULE_OF.values())},
    )


def implied_signals(redacted: pa.Table, *, key: bytes, followed: Collection[str] = ()) -> pa.Table:
    """SIGNAL, by signal_id: everything that kept turns imply. Whole subjects at a time. `followed`: the row ids of turns that
    the same person went on from in turns that are not among `redacted`."""
    check_key(key)
    columns = [
        "row_id",
        "conversation_id",
        "parent_id",
        "subject_id",
        "role",
        "occurred_at",
        "on_active_path",
    ]
    rows = pl.DataFrame(redacted).select(*columns, "text", "shard", "verdict")
    went_on: dict[str, set[str]] = {}
    for subject, parent in (
        rows.filter(pl.col("verdict") != "keep").select("subject_id", "parent_id").drop_nulls().iter_rows()
    ):
        went_on.setdefault(subject, set()).add(parent)
    talks: dict[tuple[str, str], list[Row]] = {}
    for row in rows.filter(pl.col("verdict") == "keep").iter_rows(named=True):
        talks.setdefault((row["conversation_id"], row["subject_id"]), []).append(row)
    made = [
        signal
        for (_, subject), talk in talks.items()
        for signal in _of_talk(talk, followed=_of(talk, followed) | went_on.get(subject, set()), key=key)
    ]
    return pa.Table.from_pylist(sorted(made, key=lambda row: row["signal_id"]), schema=SIGNAL)


def _open(*, key: bytes) -> Transform:
    return partial(implied_signals, key=key)


def _of(talk: list[Row], followed: Collection[str]) -> set[str]:
    return {row["row_id"] for row in talk if row["row_id"] in followed}


def _of_talk(rows: list[Row], *, followed: set[str], key: bytes) -> list[Row]:
    by_id = {row["row_id"]: row for row in rows}
    found = find((_said(row) for row in rows), followed=followed)
    return [_signal(finding, by_id[finding.evidence], key=key) for finding in found]


def _said(row: Row) -> Said:
    return Said(
        row["row_id"], row["parent_id"], row["subject_id"], row["role"], row["text"], row["on_active_path"]
    )


def _signal(finding: Finding, evidence: Row, *, key: bytes) -> Row:
    return {
        "signal_id": keyed_id(
            f"{finding.rule}\n{finding.about}\n{finding.evidence}", key=key, use=b"implied"
        ),
        "row_id": finding.about,
        "conversation_id": evidence["conversation_id"],
        "subject_id": evidence["subject_id"],
        "kind": finding.kind,
        "value": "null",
        "rule": finding.rule,
        "confidence": finding.confidence,
        "evidence_row": finding.evidence,
        "evidence_start": finding.start,
        "evidence_end": finding.end,
        "occurred_at": evidence["occurred_at"],
        "shard": evidence["shard"],
    }
