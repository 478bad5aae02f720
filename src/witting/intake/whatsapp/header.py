"""The head of a WhatsApp message, "14.03.24, 21:12 - " or "[3/14/24, 9:11:40 PM] ", in every locale we know of.

Covered: both platforms' forms; day, month and year in any order; `/ . -` and 年月日; the joiners of pt-BR, fi, ar and
others; `:` or `.` in the time; half-day words before or after it; digits of any script; direction marks anywhere.
Not covered: which of its numbers is the day (`order.py`), what day that is (`calendars.py`), heads without a year (text
copied from the app).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from witting.intake.whatsapp.words import MARK, half_day, unmarked, words

_M = f"{MARK}{{0,4}}"  # bounded everywhere: a line of nothing but marks must not cost its square
_S = "[ \u00a0\u202f\u2009\t]"
_DATE_SEPARATOR = rf"{_M}{_S}?{_M}[./\-年년月월]{_M}{_S}?{_M}"
_JOINER_WORDS = r"(?:klo|kl\.?|um|à|às|alle|ore|om|at|в|о)"
_HALF_DAY_BEFORE = r"[^\W\d_][^\d\s\[\]():,<>/\-–—]{0,15}"
_HALF_DAY_AFTER = r"[^\d\s\[\]:<>\-–—][^\d\[\]:<>\-–—\n]{0,15}?"
_MOMENT = (
    rf"(?P<era>[RH]|令和|平成)?(?P<a>\d{{1,4}})(?P<sep1>{_DATE_SEPARATOR})(?P<b>\d{{1,2}})(?P<sep2>{_DATE_SEPARATOR})"
    rf"(?P<c>\d{{1,4}}){_M}(?P<tail>[.日일]|{_S}?г\.)?"
    rf"(?P<joiner>{_M}{_S}?[,،、]?{_M}{_S}{{1,4}}{_M}(?:{_JOINER_WORDS}{_S}{{1,4}})?)"
    rf"(?:(?P<before>{_HALF_DAY_BEFORE}){_S}{{0,4}})?"
    rf"{_M}(?P<hour>\d{{1,2}})(?P<colon>[:.])(?P<minute>\d{{2}})(?:(?P=colon)(?P<second>\d{{2}}))?"
    rf"(?:{_S}{{0,4}}{_M}(?P<after>{_HALF_DAY_AFTER}))?{_M}{_S}{{0,4}}{_M}"
)
_BLANK = re.compile(rf"{MARK}|{_S}")
_BRACKET = re.compile(rf"{_M}\[{_MOMENT}\]{_M}{_S}?")
_DASH = re.compile(rf"{_M}{_MOMENT}(?<=[ \u00a0\u202f\u2009\t\u200e\u200f])[-–—]{_M}{_S}")


class Shape(msgspec.Struct, frozen=True):
    """What all heads of one export have in common; a line of another shape is part of somebody's text."""

    bracket: bool
    separator: str
    trailing_mark: bool  # 2024. 3. 14.
    year: str  # first | last | short (two digits, position open) | era
    joiner: str
    colon: str
    seconds: bool
    half_day: str  # none | known | unknown


class Header(msgspec.Struct, frozen=True):
    """A head found at the start of a line. `end` counts characters; what follows is the speaker or a system line."""

    shape: Shape
    fields: tuple[int, int, int]
    era: str
    hour: int  # 0 to 23
    minute: int
    second: int | None
    end: int


def match_head(line: str) -> re.Match[str] | None:
    """What looks like a head at the start of a line, with its parts by name."""
    return _BRACKET.match(line) or _DASH.match(line)


def parse_header(line: str) -> Header | None:
    """The head at the start of a line, or None. No order is chosen yet, so the date may still prove impossible."""
    found = match_head(line)
    if found is None:
        return None
    part = found.groupdict()
    word = half_day(part["before"] or part["after"] or "")
    kind = words().meridiem.get(word, "unknown") if word else "none"
    hour, minute, second = int(part["hour"]), int(part["minute"]), int(part["second"] or 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    shape = Shape(
        bracket=found.re is _BRACKET,
        separator=_separator(part["sep1"], part["sep2"]),
        trailing_mark=(part["tail"] or "") in (".", "日", "일"),
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
