"""Where one person stands: for each purpose, is a door open today, since when, until when, and why.

Covers: the rows of `witting rights standing`. Not covered: other people in the same talk; a row speaks of what the
person alone opens, which is their turns with the assistant. Method: the bulk decision, asked of a turn made at `as_of`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pyarrow as pa

from witting.rights.decide import CONSENT_DAYS_MAX, TURN_FACTS, decide
from witting.rights.policy import Packs
from witting.rights.reasons import REASONS
from witting.rights.timeline import NO_ENTRY, stand
from witting.schema import PURPOSES

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def standing(
    events: pa.Table,
    subject: str,
    *,
    as_of: datetime,
    packs: Packs,
    consent_days_max: int = CONSENT_DAYS_MAX,
    nameless: Collection[str] = (),
) -> list[dict[str, Any]]:
    """One row a purpose of which the person ever spoke, or was told: purpose, basis, open, since, until, reason, rule,
    entry, place, because. Times are ISO 8601; `until` is null where nothing known ends it. `nameless` is as in `decide`."""
    mine = of_subjects(events, [subject])
    rows = []
    for purpose in PURPOSES:
        row = _row(mine, subject, purpose, as_of, packs, consent_days_max, nameless)
        if row["since"] is not None or row["open"]:
            rows.append(row)
    return rows


def of_subjects(events: pa.Table, subjects: list[str]) -> pa.Table:
    """What events say of these people, and of everybody."""
    about = pl.col("subject").is_in(subjects) | pl.col("subject").is_null()
    return pl.DataFrame(events).filter(about).to_arrow()


def _row(
    events: pa.Table,
    subject: str,
    purpose: str,
    as_of: datetime,
    packs: Packs,
    consent_days_max: int,
    nameless: Collection[str],
) -> dict[str, Any]:
    turn = {
        "subject_id": subject,
        "occurred_at": as_of,
        "role": "user",
        "audience": "assistant",
        "parties": [subject],
    }
    turns = pa.Table.from_pylist([turn], schema=TURN_FACTS)
    decided = decide(
        turns,
        events,
        purpose=purpose,
        as_of=as_of,
        packs=packs,
        consent_days_max=consent_days_max,
        nameless=nameless,
    ).to_pylist()[0]
    since, until = _span(events, subject, purpose, as_of, consent_days_max)
    return {
        "purpose": purpose,
        "basis": decided["basis"],
        "open": decided["decision"] == "permit",
        "since": since,
        "until": until,
        "reason": decided["reason"],
        "rule": decided["rule"],
        "entry": decided["entry"],
        "place": decided["place"],
        "because": REASONS[decided["reason"]],
    }


def _span(
    events: pa.Table, subject: str, purpose: str, as_of: datetime, consent_days_max: int
) -> tuple[str | None, str | None]:
    """Since when what stands now stands, and until when if it is an open consent."""
    stands = stand(events, purpose=purpose, as_of=as_of, consent_days_max=consent_days_max)
    person = stands.numbers(pl.Series([subject]))[0]
    if person < 0:
        return None, None
    row = stands.consent_now[person]
    if row < 0:
        told = int(stands.noticed[person])
        return (_iso(told), None) if told <= stands.as_of else (None, None)
    until = int(stands.consent.columns["until"][row])
    return _iso(int(stands.consent.starts[row])), None if until == NO_ENTRY else _iso(until)


def _iso(micros: int) -> str:
    return (EPOCH + timedelta(microseconds=micros)).isoformat()
