"""Exact dates and ages.

Covers: ISO 8601, numeric dates with a year, day and month by name in en de fr es pt it nl pl tr hi id, in numerals
with the East Asian and Hungarian order; ages said as such. Not covered: relative dates ("last Tuesday"), bare years,
day and month in numerals without a year (too often a fraction or a score).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from witting.redaction.lexicon import read_words
from witting.redaction.normalise import View
from witting.redaction.span import Span

MONTHS = read_words("months")
_MONTH = "|".join(sorted({re.escape(month) for month in MONTHS}, key=lambda m: (-len(m), m)))
TRIGGERS = frozenset(MONTHS)
_YEAR = r"(?:1[89]|20)\d\d"
_NUMERIC = re.compile(
    rf"(?<![\w.\-/])(?:(?P<y>{_YEAR})(?P<s>[\-./])(?P<m>\d{{1,2}})(?P=s)(?P<d>\d{{1,2}})(?:T\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z|[+\-]\d\d:?\d\d)?)?"
    rf"|(?P<a>\d{{1,2}})(?P<t>[\-./])(?P<b>\d{{1,2}})(?P=t)(?:{_YEAR}|(?P<yy>\d\d)))(?![0-9A-Za-z_]|[.\-/]\d)",
    re.I,
)
_EAST = re.compile(
    rf"(?<!\d){_YEAR} ?[년年] ?\d{{1,2}} ?[월月] ?\d{{1,2}} ?[일日]|(?<!\d)\d{{1,2}} ?[월月] ?\d{{1,2}} ?[일日]"
)
_NAMED = re.compile(
    rf"(?<![\w/])(?:(?:\d{{1,2}})(?:st|nd|rd|th|er|º|°|ª|\.|e)? ?(?:de |of |do )?(?:{_MONTH})\b\.?(?:,? ?(?:de |del |do )?{_YEAR})?"
    rf"|(?:{_MONTH})\b\.? (?:the )?\d{{1,2}}(?:st|nd|rd|th)?(?!\d|[:.]\d| ?(?:%|am\b|pm\b|people|times|years|months|weeks|days|hours|min))(?:,? {_YEAR})?"
    rf"|{_YEAR}\. (?:{_MONTH}) \d{{1,2}}\.?|(?:{_MONTH})\b\.?,? (?:de |of |del )?{_YEAR})(?!\w)"
)
_AGE = re.compile(
    r"(?<![\w.,])(?:(\d{1,3})[ \-]?(?:years?|yrs?)[ \-]olds?|(\d{1,3}) ?(?:y/o|yo)(?!\w)"
    r"|(?:aged?|age is|alter|edad|idade|eta|age de|ans|leeftijd|wiek|yas|उम्र|나이)[:=]? (\d{1,3})(?!\w|[.,:/\-]\d|%)"
    r"|(?:tengo|tiene|tenho|tem|j'ai|il a|elle a|ho|ha|mam|ma) (\d{1,3}) (?:anos|ans|anni|lat)(?! (?:de |d'|di )?(?:experien|esperien|doswiad))"
    r"|(\d{1,3}) (?:jahre|jaar) (?:alt|oud)|(\d{1,3}) yasinda\w*|(\d{1,3}) ?(?:살|세)(?![^\W\d_]{4})|(\d{1,3}) साल (?:का|की|के))"
)


def find_dates(view: View, *, has_month: bool) -> Iterator[Span]:
    """Dates, in a text that holds a digit; `has_month` says that a month's name is among the words."""
    for match in _NUMERIC.finditer(view.folded):
        if _is_date(match):
            yield Span(match.start(), match.end(), "DATE", 0.9, "date.numeric")
    for match in _EAST.finditer(view.folded):
        yield Span(match.start(), match.end(), "DATE", 0.9, "date.east")
    if has_month:
        for match in _NAMED.finditer(view.plain):
            if _day_fits(match.group()):
                yield Span(match.start(), match.end(), "DATE", 0.9, "date.named")


def find_ages(view: View) -> Iterator[Span]:
    """An age in years, with the words that make it one."""
    for match in _AGE.finditer(view.plain):
        years = next(int(group) for group in match.groups() if group is not None)
        if 0 < years < 120:
            yield Span(match.start(), match.end(), "AGE", 0.85, "age")


def _is_date(match: re.Match[str]) -> bool:
    if match["y"]:
        return 1 <= int(match["m"]) <= 12 and 1 <= int(match["d"]) <= 31
    a, b = int(match["a"]), int(match["b"])
    if match["yy"] and match["t"] == ".":  # 1.2.34 is as often a version
        return 1 <= a <= 31 and 1 <= b <= 12 and len(match["a"]) == len(match["b"]) == 2
    return (1 <= a <= 31 and 1 <= b <= 12) or (1 <= a <= 12 and 1 <= b <= 31)


def _day_fits(written: str) -> bool:
    return all(1 <= int(number) <= 31 for number in re.findall(r"(?<!\d)\d{1,2}(?!\d)", written))
