"""Until when a request is to be answered: by place, by the day of the law, by what was asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from witting.rights.clocks import Request, business_days_after, months_after, requests
from witting.rights.policy import Packs
from witting.schema import EVENT

AS_OF = datetime(2028, 1, 1, tzinfo=UTC)
ANA = "a" * 32


def day(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}T10:00:00+00:00")


def asked(
    packs: Packs, *events: tuple[str, str, str | None], as_of: datetime = AS_OF, **more: object
) -> list[Request]:
    rows = [
        {"kind": kind, "subject": ANA, "purposes": [], "occurred_at": day(on), "place": place, "entry": entry}
        | more
        for entry, (kind, on, place) in enumerate(events)
    ]
    return requests(pa.Table.from_pylist(rows, schema=EVENT), as_of=as_of, packs=packs)


@pytest.mark.parametrize(
    ("place", "kind", "on", "as_of", "due", "law", "term"),
    [
        (None, "withdrawal", "2026-03-02", "2026-03-03", "2026-03-12", "global_floor", "10 days"),
        ("KR", "withdrawal", "2026-03-02", "2026-03-03", "2026-03-12", "kr", "10 days"),
        ("BR", "erasure_request", "2026-03-02", "2026-03-03", "2026-03-17", "br", "15 days"),
        ("JP", "objection", "2026-03-02", "2026-03-03", "2026-03-16", "jp", "14 days"),
        ("FR", "erasure_request", "2026-03-02", "2026-03-03", "2026-04-01", "eu", "30 days"),
        ("FR", "erasure_request", "2027-01-31", "2027-02-01", "2027-02-28", "eu", "1 month"),
        ("GB", "withdrawal", "2027-02-10", "2027-02-11", "2027-03-10", "uk", "1 month"),
        ("US-CA", "erasure_request", "2026-06-01", "2026-06-02", "2026-07-16", "us-ca", "45 days"),
        ("US-CA", "objection", "2026-06-01", "2026-06-02", "2026-06-22", "us-ca", "15 business days"),
        ("US-CA", "withdrawal", "2026-06-06", "2026-06-07", "2026-06-26", "us-ca", "15 business days"),
        # The DPDP Act gives ninety days from 13 May 2027; what was asked before keeps its ten.
        ("IN", "withdrawal", "2027-05-12", "2027-05-12", "2027-05-22", "in", "10 days"),
        ("IN", "withdrawal", "2027-05-12", "2027-05-20", "2027-05-22", "in", "10 days"),
        ("IN", "withdrawal", "2027-05-13", "2027-05-20", "2027-08-11", "in", "90 days"),
        ("BR", "access_request", "2026-03-02", "2026-03-03", "2026-03-17", "br", "15 days"),
        ("US-CA", "access_request", "2026-06-01", "2026-06-02", "2026-07-16", "us-ca", "45 days"),
        ("KR", "complaint", "2026-03-02", "2026-03-03", "2026-03-12", "kr", "10 days"),
        # The duty to acknowledge complaints began on 19 June 2026; one of the day before is answered as any request.
        ("GB", "complaint", "2027-02-10", "2027-02-11", "2027-03-12", "uk", "30 days to acknowledge"),
        ("GB", "complaint", "2026-02-10", "2026-02-11", "2026-03-10", "uk", "1 month"),
    ],
)  # fmt: skip
def test_the_clock_of_a_place(
    packs: Packs, place: str | None, kind: str, on: str, as_of: str, due: str, law: str, term: str
) -> None:
    home = [("place", "2020-01-01", place)] if place else []
    (found,) = asked(packs, *home, (kind, on, None), as_of=day(as_of) + timedelta(hours=1))
    clock = found.clock
    assert (clock.due_at, clock.jurisdiction, clock.term) == (day(due), law, term)


def test_of_the_place_then_and_the_place_now_the_shorter_clock_counts(packs: Packs) -> None:
    moved = [("place", "2020-01-01", "FR"), ("withdrawal", "2026-03-02", None), ("place", "2026-03-05", "KR")]
    (found,) = asked(packs, *moved)
    assert (found.clock.jurisdiction, found.clock.due_at) == ("kr", day("2026-03-12"))
    back = [("place", "2020-01-01", "KR"), ("withdrawal", "2026-03-02", None), ("place", "2026-03-05", "FR")]
    (found,) = asked(packs, *back)
    assert found.clock.jurisdiction == "kr"


def test_a_move_after_the_answer_changes_nothing(packs: Packs) -> None:
    rows = [
        {
            "kind": "place",
            "subject": ANA,
            "purposes": [],
            "occurred_at": day("2020-01-01"),
            "place": "FR",
            "entry": 0,
        },
        {"kind": "withdrawal", "subject": ANA, "purposes": [], "occurred_at": day("2026-03-02"), "entry": 1},
        {
            "kind": "place",
            "subject": ANA,
            "purposes": [],
            "occurred_at": day("2026-03-25"),
            "place": "KR",
            "entry": 2,
        },
    ]
    events = pa.Table.from_pylist(rows, schema=EVENT)
    (found,) = requests(events, as_of=AS_OF, packs=packs, answered={1: day("2026-03-20")})
    assert found.clock.jurisdiction == "eu"


def test_what_asks_for_nothing_has_no_clock(packs: Packs) -> None:
    quiet = [(kind, "2026-03-02", None) for kind in ("consent", "refusal", "notice", "age")]
    assert asked(packs, *quiet) == []
    assert asked(packs, ("signal", "2026-03-02", None)) == []  # read, and refuses nothing
    (found,) = asked(packs, ("signal", "2026-03-02", None), purposes=["share_dataset"])
    assert found.kind == "signal"


def test_the_first_due_stands_first_and_what_is_still_to_come_is_left_out(packs: Packs) -> None:
    found = asked(
        packs,
        ("withdrawal", "2026-03-09", None), ("objection", "2026-03-02", None), ("withdrawal", "2026-05-01", None),
        as_of=day("2026-04-01"),
    )  # fmt: skip
    assert [request.entry for request in found] == [1, 0]


def test_months_and_business_days_at_their_edges() -> None:
    assert months_after(day("2026-12-31"), 2) == day("2027-02-28")
    assert months_after(day("2028-01-31"), 1) == day("2028-02-29")
    assert months_after(day("2026-11-15"), 1) == day("2026-12-15")
    assert business_days_after(day("2026-06-05"), 1) == day("2026-06-08")  # Friday to Monday
    assert business_days_after(day("2026-06-07"), 1) == day("2026-06-08")  # so does a Sunday


@given(start=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)), days=st.integers(1, 90))
def test_business_days_are_counted_one_by_one(start: datetime, days: int) -> None:
    moment = start.replace(tzinfo=UTC)
    counted, day = 0, moment
    while counted < days:
        day += timedelta(days=1)
        counted += day.weekday() < 5
    assert business_days_after(moment, days) == day
