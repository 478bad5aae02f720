"""Times as pages write them for people: "Aug 18, 2026, 10:05:00 AM UTC", "18.08.2026, 10:05:00 MESZ", "19 Oct 2019, 14:37".

Covered: numeric dates day first with dots, ISO order, and month names of twelve languages, in either order; 12 and 24
hours. Not covered: other wordings; the record keeps its words and has no time, for rights to refuse, never a guess. An
offset is kept only where the page says UTC or GMT (with a shift): "CET" and its like name several things.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from witting.intake.instant import Instant

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar janv janvier ene enero janeiro gen gennaio januari oca ocak styczeń sty янв января",
            "feb february februar févr février febrero fev fevereiro febbraio februari şub şubat lut lutego фев февраля",
            "mar march mär märz mars marzo março mrt maart mart marca марта мар",
            "apr april avr avril abr abril aprile nis nisan kwi kwietnia апр апреля",
            "may mai mayo maio mag maggio mei mayıs maja мая",
            "jun june juni juin junio junho giu giugno haz haziran cze czerwca июн июня",
            "jul july juli juil juillet julio julho lug luglio tem temmuz lip lipca июл июля",
            "aug august août ago agosto augustus ağu ağustos sie sierpnia авг августа",
            "sep sept september septembre septiembre set setembro settembre eyl eylül wrz września сент сен сентября",
            "oct october okt oktober octobre octubre out outubro ott ottobre eki ekim paź października окт октября",
            "nov november novembre noviembre novembro kas kasım lis listopada ноя нояб ноября",
            "dec december dez dezember déc décembre dic diciembre dezembro dicembre ara aralık gru grudnia дек декабря",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_CLOCK = re.compile(
    r"(\d{1,2}):(\d\d)(?::(\d\d))?(?:[\s\u202f\u00a0]*([AaPp])\.?[\s\u00a0]?[Mm]\.?(?![^\W\d_]))?"
)
_NUMERIC = re.compile(r"(?<!\d)(?:(\d{1,2})\.(\d{1,2})\.(20\d\d)|(20\d\d)[-/](\d{1,2})[-/](\d{1,2}))(?!\d)")
_NUMBER = re.compile(r"\d+")
_WORD = re.compile(r"[^\W\d_]+")
_ZONE = re.compile(r"\b(?:UTC|GMT)(?:([+-])(\d{1,2})(?::?(\d\d))?)?(?![\w])")
LINE_CHARS_MAX = 80


def looks_like_a_time(line: str) -> bool:
    """A short line with a clock and a year: where the words end and the product's own begin."""
    return (
        len(line) <= LINE_CHARS_MAX
        and _CLOCK.search(line) is not None
        and re.search(r"20\d\d", line) is not None
    )


def precision(line: str) -> str:
    """What a time that `read_time` reads is exact to."""
    found = _CLOCK.search(line)
    return "s" if found and found[3] else "min"


def read_time(line: str) -> Instant | None:
    """None for what cannot be read exactly."""
    clock = _CLOCK.search(line)
    if clock is None:
        return None
    hour, minute, second = (int(clock[n] or 0) for n in (1, 2, 3))
    if clock[4]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if clock[4] in "Pp" else 0)
    day = _day(line[: clock.start()])
    zone = _ZONE.search(line, clock.end())
    try:
        moment = datetime(*day, hour, minute, second, tzinfo=_shift(zone)) if day else None
    except ValueError:
        return None
    if moment is None:
        return None
    return Instant(moment.isoformat(), moment.replace(tzinfo=moment.tzinfo or timezone.utc).timestamp())  # noqa: UP017


def _day(text: str) -> tuple[int, int, int] | None:
    """Year, month, day."""
    if found := _NUMERIC.search(text):
        first, second = found.group(3, 2, 1), found.group(4, 5, 6)
        year, month, day = map(int, first if first[0] else second)
        return year, month, day
    months = [_MONTHS[word] for word in map(str.casefold, _WORD.findall(text)) if word in _MONTHS]
    numbers = [int(number) for number in _NUMBER.findall(text)]
    years, days = [n for n in numbers if 2000 <= n <= 2099], [n for n in numbers if 1 <= n <= 31]
    if len(months) == 1 and len(years) == 1 and len(days) == 1:
        return years[0], months[0], days[0]
    return None


def _shift(zone: re.Match[str] | None) -> timezone | None:
    if zone is None:
        return None
    if zone[1] is None:
        return timezone.utc  # noqa: UP017
    minutes = int(zone[2]) * 60 + int(zone[3] or 0)
    return timezone(timedelta(minutes=minutes if zone[1] == "+" else -minutes)) if minutes < 24 * 60 else None
