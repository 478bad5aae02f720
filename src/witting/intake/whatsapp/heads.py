"""Heads found fast: a chat's heads all look alike, so what one of them was understood as is kept for the others.

Covered: learning from each head that `parse_header` understood a template, in which its digits are free and all else
(marks, joiner, half-day word) stands fixed; dates and times already met are looked up by their characters. A line that
fits no template is parsed in full, so this never decides what a head is. Not covered: what a head says (`header.py`).

Why a template is safe: `parse_header` looks at a digit only as a digit, and nothing fixed in a template is one; so two
lines that fit the same template fit it in the same way. Every date and time is parsed once in full all the same, and a
line whose full reading disagrees with its template is read without it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from witting.intake.whatsapp.header import Header, Shape, match_head, parse_header

TEMPLATES_MAX = 32  # a chat has one for each half-day word, with and without a mark before it
DATES_MAX = 20_000  # texts of dates kept for one template
TIMES_MAX = 10_000  # a day has 1,440 minutes; ten scripts may write them
SECOND_MAX = 59

_MAY_BEGIN = re.compile(
    rb"(?:\xd8\x9c|\xe2\x80[\x8e\x8f\xaa-\xae]|\xe2\x81[\xa6-\xa9]|\xef\xbb\xbf){0,4}\[?(?:[RH]?[0-9]|[RH]?[\xd9-\xf4])"
)
"""What every head begins with: marks, a bracket, an era, a digit of some script. Cheap, and right for nearly all lines
that are none."""


class Template(msgspec.Struct):
    """A kind of line that begins a message, and what its dates and times were understood as."""

    pattern: re.Pattern[str]  # groups: the date, hour and minute, the second where there is one
    shape: Shape
    era: str
    dates: dict[str, tuple[int, int, int]]
    times: dict[str, tuple[int, int]]  # hour and minute


class Heads:
    """The heads of one file. Holds the templates learned so far, the one that fitted last first."""

    def __init__(self) -> None:
        self._templates: list[Template] = []

    def at(self, raw: bytes) -> Header | None:
        """The head at the start of a line, as `parse_header` reads it."""
        if _MAY_BEGIN.match(raw) is None:
            return None
        line = raw.decode("utf-8", "replace")
        for place, template in enumerate(self._templates):
            found = template.pattern.match(line)
            if found is None:
                continue
            if place:
                self._templates.insert(0, self._templates.pop(place))
            written_day, written_time, written_second = found.groups()
            day, time = template.dates.get(written_day), template.times.get(written_time)
            if day is None or time is None:
                return _remember(template, line, found)
            second = int(written_second) if written_second else None
            if second is not None and second > SECOND_MAX:
                return None
            return Header(template.shape, day, template.era, time[0], time[1], second, found.end())
        return self._learn(line)

    def _learn(self, line: str) -> Header | None:
        header = parse_header(line)
        if header is not None and len(self._templates) < TEMPLATES_MAX and line[header.end - 1].isspace():
            self._templates.append(Template(_pattern(line), header.shape, header.era, {}, {}))
        return header


def _remember(template: Template, line: str, found: re.Match[str]) -> Header | None:
    written_day, written_time, _ = found.groups()
    header = parse_header(line)
    if header is None or (header.shape, header.era, header.end) != (
        template.shape,
        template.era,
        found.end(),
    ):
        return header
    if len(template.dates) < DATES_MAX:
        template.dates[written_day] = header.fields
    if len(template.times) < TIMES_MAX:
        template.times[written_time] = (header.hour, header.minute)
    return header


def _pattern(line: str) -> re.Pattern[str]:
    """The head of a line with its digits free: one or two of them may change places, a year's length may not."""
    found = match_head(line)
    assert found is not None  # it was parsed
    part: Mapping[str, str] = found.groupdict(default="")
    days = [_digits(part["a"]), part["sep1"], _digits(part["b"]), part["sep2"], _digits(part["c"])]
    colon = re.escape(part["colon"])
    second = rf"{colon}(\d{{2}})" if part["second"] else "()"
    clock_end = found.end("second") if part["second"] else found.end("minute")
    between = line[found.end("c") : found.start("hour")]
    return re.compile(
        re.escape(line[: found.start("a")])
        + f"({days[0]}{re.escape(days[1])}{days[2]}{re.escape(days[3])}{days[4]})"
        + re.escape(between)
        + rf"(\d{{1,2}}{colon}\d{{2}}){second}"
        + re.escape(line[clock_end : found.end()])
    )


def _digits(number: str) -> str:
    return r"\d{1,2}" if len(number) <= 2 else rf"\d{{{len(number)}}}"
