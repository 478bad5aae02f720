"""The head of a WhatsApp message, "14.03.24, 21:12 - " or "[3/14/24, 9:11:40 PM] ", in every locale we know of.

Covered: both platforms' forms; day, month and year in any order; `/ . -` and 年月日; the joiners of pt-BR, fi, ar and
others; `:` or `.` in the time; half-day words before or after it; digits of any script; direction marks anywhere;
the common, Buddhist and Persian calendars and Japanese eras. Which of day and month comes first is decided for the
whole file by evidence, and refused where evidence fails (`decide_order`).
Not covered: Hijri dates (Umm al-Qura needs a table; refused), heads without a year (text copied from the app).

Evidence, strictest first: a number that can be no month; separators (CLDR has month-first dates with slashes only);
chronology (a file is nearly sorted, so the right order steps back less often); the app's language where all its
regions agree. The table behind it is docs/intake.md, "WhatsApp".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from witting.intake.refusals import unreadable
from witting.intake.whatsapp.words import MARK, half_day, unmarked, words

YEAR_MIN, YEAR_MAX = 2009, 2050  # WhatsApp began in 2009
INVALID_PERCENT_MAX = 1  # dates of look-alikes inside texts that may be impossible under the right order
SPAN_RATIO = 20  # a chat read with day and year exchanged seems that much longer

_M = f"{MARK}{{0,4}}"  # bounded everywhere: a line of nothing but marks must not cost its square
_S = "[ \u00a0\u202f\u2009\t]"
_DATE_SEPARATOR = rf"{_M}{_S}?{_M}[./\-年년月월]{_M}{_S}?{_M}"
_JOINER_WORDS = r"(?:klo|kl\.?|um|à|às|alle|ore|om|at|в|о)"
_HALF_DAY_BEFORE = r"[^\W\d_][^\d\s\[\]():,<>/\-–—]{0,15}"
_HALF_DAY_AFTER = r"[^\d\s\[\]:<>\-–—][^\d\[\]:<>\-–—\n]{0,15}?"
_MOMENT = (
    rf"(?P<era>[RH]|令和|平成)?(?P<a>\d{{1,4}})(?P<sep1>{_DATE_SEPARATOR})(?P<b>\d{{1,2}})(?P<sep2>{_DATE_SEPARATOR})"
    rf"(?P<c>\d{{1,4}}){_M}(?P<tail>[.日일]?)"
    rf"(?P<joiner>{_M}{_S}?[,،、]?{_M}{_S}{{1,4}}{_M}(?:{_JOINER_WORDS}{_S}{{1,4}})?)"
    rf"(?:(?P<before>{_HALF_DAY_BEFORE}){_S}{{0,4}})?"
    rf"{_M}(?P<hour>\d{{1,2}})(?P<colon>[:.])(?P<minute>\d{{2}})(?:(?P=colon)(?P<second>\d{{2}}))?"
    rf"(?:{_S}{{0,4}}{_M}(?P<after>{_HALF_DAY_AFTER}))?{_M}{_S}{{0,4}}{_M}"
)
_BLANK = re.compile(rf"{MARK}|{_S}")
_BRACKET = re.compile(rf"{_M}\[{_MOMENT}\]{_M}{_S}?")
_DASH = re.compile(rf"{_M}{_MOMENT}(?<=[ \u00a0\u202f\u2009\t\u200e\u200f])[-–—]{_M}{_S}")


@dataclass(frozen=True)
class Shape:
    """What all heads of one export have in common; a line of another shape is part of somebody's text."""

    bracket: bool
    separator: str
    trailing_mark: bool  # 2024. 3. 14.
    year: str  # first | last | short (two digits, position open) | era
    joiner: str
    colon: str
    seconds: bool
    half_day: str  # none | known | unknown


@dataclass(frozen=True)
class Header:
    """A head found at the start of a line. `end` counts characters; what follows is the speaker or a system line."""

    shape: Shape
    fields: tuple[int, int, int]
    era: str
    hour: int  # 0 to 23
    minute: int
    second: int | None
    end: int


def parse_header(line: str) -> Header | None:
    """The head at the start of a line, or None. No order is chosen yet, so the date may still prove impossible."""
    found = _BRACKET.match(line)
    bracket = found is not None
    found = found or _DASH.match(line)
    if found is None:
        return None
    part = found.groupdict()
    word = half_day(part["before"] or part["after"] or "")
    kind = words().meridiem.get(word, "unknown") if word else "none"
    hour, minute, second = int(part["hour"]), int(part["minute"]), int(part["second"] or 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    shape = Shape(
        bracket=bracket,
        separator=_separator(part["sep1"], part["sep2"]),
        trailing_mark=bool(part["tail"]),
        year=_year_place(part),
        joiner=_BLANK.sub("", part["joiner"]),
        colon=part["colon"],
        seconds=part["second"] is not None,
        half_day=kind if kind in ("none", "unknown") else "known",
    )
    if _is_other_product(shape):
        return None
    return Header(
        shape=shape,
        fields=(int(part["a"]), int(part["b"]), int(part["c"])),
        era=part["era"] or "",
        hour=_hour_of_day(hour, kind),
        minute=minute,
        second=second if part["second"] else None,
        end=found.end(),
    )


def _separator(first: str, second: str) -> str:
    return unmarked(first).strip() + unmarked(second).strip()


def _year_place(part: Mapping[str, str | None]) -> str:
    first, last = part["a"] or "", part["c"] or ""
    if part["era"]:
        return "era"
    if len(first) > 2:
        return "first"
    return "last" if len(last) > 2 else "short"


def _is_other_product(shape: Shape) -> bool:
    """Signal's "[2019-12-24, 12:23] Name: " and log lines "2024-03-14 21:10:05 - INFO: " look alike, and are not ours."""
    iso = shape.year == "first" and shape.separator == "--"
    return iso and (shape.bracket != shape.seconds)


def _hour_of_day(hour: int, kind: str) -> int:
    if kind == "am":
        return 0 if hour == 12 else hour
    if kind == "pm":
        return hour if hour >= 12 else hour + 12
    if kind == "noon":  # 中午: 11:00 to 12:59
        return hour if hour >= 11 else hour + 12
    return hour


# Dates


def to_date(header: Header, order: str) -> date | None:
    """The day a head names under an order (dmy, mdy, ymd) in the common calendar; None if there is no such day."""
    a, b, c = header.fields
    year, month, day = {"dmy": (c, b, a), "mdy": (c, a, b), "ymd": (a, b, c)}[order]
    if header.era:
        year += {"R": 2018, "令和": 2018, "H": 1988, "平成": 1988}[header.era]
    if 1388 <= year <= 1429:
        return _persian(year, month, day)
    if 2552 <= year <= 2593:
        year -= 543  # Buddhist
    elif 52 <= year <= 93:
        year += 2500 - 543  # Buddhist in two digits; in the common calendar these years are yet to come
    elif year < 100:
        year += 2000
    if not YEAR_MIN <= year <= YEAR_MAX:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _persian(year: int, month: int, day: int) -> date | None:
    """Solar Hijri to the common calendar. The 33-year rule agrees with the astronomical one from 1206 to 1498."""
    length = 31 if month <= 6 else 30 if month <= 11 or _is_persian_leap(year) else 29
    if not (1 <= month <= 12 and 1 <= day <= length):
        return None
    days = sum(366 if _is_persian_leap(y) else 365 for y in range(1388, year))
    days += (month - 1) * 31 - max(0, month - 7) + day - 1
    return date(2009, 3, 21) + timedelta(days=days)  # 1 Farvardin 1388


def _is_persian_leap(year: int) -> bool:
    return (25 * year + 11) % 33 < 8


# Order


@dataclass
class Track:
    """One order tried on a whole file: what it makes of the dates, seen in file order."""

    order: str
    invalid: int = 0
    backward: int = 0
    first: date | None = None
    last: date | None = None
    previous: date | None = None
    total: int = 0

    def see(self, header: Header) -> None:
        self.total += 1
        day = to_date(header, self.order)
        if day is None:
            self.invalid += 1
            return
        if self.previous is not None and day < self.previous:
            self.backward += 1
        self.previous = day
        self.first = day if self.first is None else min(self.first, day)
        self.last = day if self.last is None else max(self.last, day)

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

    def __post_init__(self) -> None:
        orders = {"first": ("ymd",), "era": ("ymd",), "last": ("dmy", "mdy"), "short": ("dmy", "mdy", "ymd")}
        self.tracks = [Track(order) for order in orders[self.shape.year]]

    def see(self, header: Header) -> None:
        for track in self.tracks:
            track.see(header)
        self.same_days = self.same_days and header.fields[0] == header.fields[1]


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
