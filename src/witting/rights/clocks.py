"""Until when a request must be answered: one clock each, by the shortest law that applies to its person.

Covers: which events are requests, and the moment each is due. Not covered: what was done about them
(`walk/answered.py`); extensions (GDPR Art. 12(3) knows two more months), which nobody should plan with.

The law of the place where the person was when they asked, and of the place where they are now (or were when the request
was answered), each as it stood then: the earlier deadline counts. An unknown place has the floor's. A clock runs from when the
person spoke, not from when it was recorded, and ends at the same time of day. Business days are Monday to Friday in UTC:
public holidays are not left out, so that a deadline is rather a day early than a day late. A complaint has the clock of its
acknowledgement where the law gives it one, else that of an answer.
From: GDPR Art. 12(3), 11 CCR 7026(f), the Data (Use and Access) Act 2025 for complaints, and their like in `packs/`; months as in Regulation 1182/71 Art. 3(2)(c).
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pyarrow as pa

from witting.rights.event_table import micros
from witting.rights.intervals import Ints
from witting.rights.pack import Parameters
from witting.rights.policy import Packs
from witting.rights.timeline import Standing, stand
from witting.schema import PURPOSES

OPT_OUTS = ("withdrawal", "objection", "signal")  # honoured by using the person's words no more
REQUESTS = (*OPT_OUTS, "erasure_request", "access_request", "complaint")


@dataclass(frozen=True)
class Clock:
    """When an answer is due, and whose law says so."""

    due_at: datetime
    jurisdiction: str  # of the pack
    term: str  # in words, such as "10 days"
    acknowledged: bool = False  # whether an acknowledgement meets it


@dataclass(frozen=True)
class Request:
    """Something a person asked for, by the ledger entry that holds it."""

    entry: int
    kind: str  # REQUESTS
    subject: str
    made_at: datetime
    clock: Clock


def requests(
    events: pa.Table, *, as_of: datetime, packs: Packs, answered: Mapping[int, datetime] | None = None
) -> list[Request]:
    """Every request made up to `as_of`, the one due first at the head. `events` are the ledger's (schema.EVENT, with
    entries); `answered` gives by entry when a request was answered: where its person moved since does not count.

    A signal that refuses nothing is none. Raises InvalidEvent.
    """
    made = pl.DataFrame(events).filter(pl.col("kind").is_in(REQUESTS) & (pl.col("occurred_at") <= as_of))
    made = made.filter((pl.col("kind") != "signal") | (pl.col("purposes").list.len() > 0))
    if made.is_empty():
        return []
    rows = made.select("entry", "kind", "subject", "occurred_at").rows()
    closed = answered or {}
    until = [max(at, closed.get(entry, as_of)) for entry, _, _, at in rows]
    # Places are the same for every purpose.
    stands = stand(events, purpose=PURPOSES[0], as_of=as_of, consent_days_max=1)
    then = _places(stands, made["subject"], [at for *_, at in rows])
    later = _places(stands, made["subject"], until)
    found = []
    for (entry, kind, subject, at), place, moved_to, end in zip(rows, then, later, until, strict=True):
        laws = [packs.for_place(place, at), packs.for_place(moved_to, end)]
        clocks = [clock for law in laws for clock in _clocks(at, kind, law.jurisdiction, law.parameters)]
        found.append(Request(entry, kind, subject, at, min(clocks, key=_first)))
    return sorted(found, key=lambda request: (request.clock.due_at, request.entry))


def _first(clock: Clock) -> tuple[datetime, bool]:
    """Of two that end at one moment the one that asks for more."""
    return clock.due_at, clock.acknowledged


def _places(stands: Standing, subjects: pl.Series, moments: list[datetime]) -> list[str | None]:
    """Where each person was known to be at that moment."""
    at: Ints = np.array([micros(moment.astimezone(UTC)) for moment in moments], dtype=np.int64)
    row = stands.places.at(stands.numbers(subjects), at)
    names = [*stands.place_names, None]
    return [names[code] for code in stands.places.value("place", row, len(names) - 1)]


def _clocks(made_at: datetime, kind: str, jurisdiction: str, law: Parameters) -> Iterator[Clock]:
    if kind == "complaint" and law.complaint_days is not None:
        term = f"{law.complaint_days} days to acknowledge"
        yield Clock(made_at + timedelta(days=law.complaint_days), jurisdiction, term, acknowledged=True)
        return
    yield Clock(made_at + timedelta(days=law.answer_days), jurisdiction, f"{law.answer_days} days")
    if law.answer_months is not None:
        months = law.answer_months
        yield Clock(months_after(made_at, months), jurisdiction, f"{months} month{'s' if months > 1 else ''}")
    if kind in OPT_OUTS and law.opt_out_business_days is not None:
        days = law.opt_out_business_days
        yield Clock(business_days_after(made_at, days), jurisdiction, f"{days} business days")


def months_after(moment: datetime, months: int) -> datetime:
    """The same day of a later month, or that month's last where it has none such."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def business_days_after(moment: datetime, days: int) -> datetime:
    """The same time of day, `days` Mondays to Fridays after the day of `moment` in UTC."""
    utc = moment.astimezone(UTC)
    start = np.datetime64(utc.date())
    return utc + timedelta(days=int((np.busday_offset(start, days, roll="backward") - start).astype(int)))
