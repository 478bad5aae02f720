"""Which number of a date is the day: decided for a whole file by evidence, and refused where evidence fails.

Evidence, strictest first: a number that can be no month; separators (CLDR has month-first dates with slashes only);
chronology (a file is nearly sorted, so the right order steps back less often); the app's language where all its
regions agree. The table behind it is docs/intake.md, "WhatsApp". Not covered: other files of the same phone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from witting.intake.refusals import unreadable
from witting.intake.whatsapp.calendars import to_date
from witting.intake.whatsapp.header import Header, Shape

INVALID_PERCENT_MAX = 1  # dates of look-alikes inside texts that may be impossible under the right order
SPAN_RATIO = 20  # a chat read with day and year exchanged seems that much longer


@dataclass
class Track:
    """One order tried on a whole file: what it makes of the dates, seen in file order."""

    order: str
    invalid: int = 0
    backward: int = 0
    first: date | None = None
    last: date | None = None
    previous: date | None = None
    here: date | None = None  # what it made of the date seen last
    total: int = 0

    def see(self, header: Header) -> None:
        self.total += 1
        day = self.here = to_date(header, self.order)
        if day is None:
            self.invalid += 1
            return
        if self.previous is not None and day < self.previous:
            self.backward += 1
        self.previous = day
        self.first = day if self.first is None else min(self.first, day)
        self.last = day if self.last is None else max(self.last, day)

    def see_again(self) -> None:
        """The same date once more, which most messages have: only the counts change."""
        self.total += 1
        self.invalid += self.here is None

    @property
    def span_days(self) -> int:
        return (self.last - self.first).days if self.first and self.last else 0

    @property
    def is_possible(self) -> bool:
        return self.first is not None and self.invalid * 100 <= self.total * INVALID_PERCENT_MAX


@dataclass(frozen=True)
class DateOrder:
    order: str
    evidence: str  # year_first | only_possible | same_days | separator | chronology | span | language | said


@dataclass
class Dates:
    """All heads of one file under every order its shape allows."""

    shape: Shape
    tracks: Sequence[Track] = field(init=False)
    same_days: bool = True
    seen_last: tuple[tuple[int, int, int], str] | None = None

    def __post_init__(self) -> None:
        orders = {"first": ("ymd",), "era": ("ymd",), "last": ("dmy", "mdy"), "short": ("dmy", "mdy", "ymd")}
        self.tracks = [Track(order) for order in orders[self.shape.year]]

    def see(self, header: Header) -> None:
        written = (header.fields, header.era)
        if written == self.seen_last:
            for track in self.tracks:
                track.see_again()
            return
        self.seen_last = written
        for track in self.tracks:
            track.see(header)
        self.same_days = self.same_days and header.fields[0] == header.fields[1]

    def impossible(self, order: str) -> int:
        """How many dates are none under this order."""
        return next(track.invalid for track in self.tracks if track.order == order)


def decide_order(dates: Dates, languages: frozenset[str], said: str | None = None) -> DateOrder:
    """The one order the evidence leaves; `languages` are the orders of the app languages met (dmy, ymd, either). What a
    person `said` decides only what the file leaves open.

    Raises UnreadableFile: ambiguous_date_order, unknown_calendar or no_messages.
    """
    possible = [track for track in dates.tracks if track.is_possible]
    if not possible:
        raise unreadable(_no_order(dates))
    if dates.shape.year in ("first", "era"):
        return DateOrder("ymd", "year_first")
    possible, evidence = _place_year(possible, dates.shape, languages)
    if len(possible) == 1:
        return DateOrder(possible[0].order, evidence)
    if any(track.order == "ymd" for track in possible):
        return _as_said(possible, said)
    if dates.same_days:
        return DateOrder("dmy", "same_days")
    if dates.shape.separator != "//":
        return DateOrder("dmy", "separator")
    if sure := _fewer_steps_back(possible):
        return DateOrder(sure.order, "chronology")
    if languages == {"dmy"}:
        return DateOrder("dmy", "language")
    return _as_said(possible, said)


def _as_said(possible: Sequence[Track], said: str | None) -> DateOrder:
    if any(track.order == said for track in possible):
        return DateOrder(str(said), "said")
    raise unreadable("ambiguous_date_order")


def _no_order(dates: Dates) -> str:
    return "unknown_calendar" if any(track.total for track in dates.tracks) else "no_messages"


def _place_year(
    possible: Sequence[Track], shape: Shape, languages: frozenset[str]
) -> tuple[Sequence[Track], str]:
    """Where two digits leave open whether the year stands first or last: the tracks that remain."""
    first = [track for track in possible if track.order == "ymd"]
    last = [track for track in possible if track.order != "ymd"]
    if not first or not last:
        return possible, "only_possible"
    if languages == {"ymd"}:
        return first, "language"
    calmest = min(last, key=lambda track: (track.backward, track.span_days))
    if _is_clearly_calmer(first[0], calmest):
        return first, "chronology"
    if _is_clearly_calmer(calmest, first[0]):
        return last, "chronology"
    if first[0].span_days * SPAN_RATIO < calmest.span_days:
        return first, "span"
    if shape.trailing_mark and calmest.span_days * SPAN_RATIO >= first[0].span_days:
        return possible, ""  # 24. 3. 14. is Korean or Croatian; nothing here tells which
    return last, "only_possible"


def _is_clearly_calmer(track: Track, other: Track) -> bool:
    return track.backward * 2 < other.backward or (track.backward == 0 and other.backward > 0)


def _fewer_steps_back(tracks: Sequence[Track]) -> Track | None:
    one, two = tracks
    if _is_clearly_calmer(one, two):
        return one
    return two if _is_clearly_calmer(two, one) else None
