"""The day a head names: common, Buddhist and Persian calendars, Japanese eras, told apart by the year.

Covered: years of four digits and, common and Buddhist until 2029, of two. Not covered: Hijri (Umm al-Qura needs a table) and Minguo
years; they fit nothing here, and a file full of them is refused. Which number is the day: `order.py`.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

from witting.intake.whatsapp.header import Header

YEAR_MIN, YEAR_MAX = 2009, 2050  # WhatsApp began in 2009
SHORT_YEAR_MAX = 2029  # of two digits: 30 and more could be Hijri (1430 began in 2008), 88 and more Persian
DAYS_KEPT_MAX = 8_192


def to_date(header: Header, order: str) -> date | None:
    """The day a head names under an order (dmy, mdy, ymd) in the common calendar; None if there is no such day."""
    return day_of(header.fields, header.era, order)


@lru_cache(maxsize=DAYS_KEPT_MAX)
def day_of(fields: tuple[int, int, int], era: str, order: str) -> date | None:
    """As `to_date`; kept, because a chat has many messages a day."""
    a, b, c = fields
    year, month, day = {"dmy": (c, b, a), "mdy": (c, a, b), "ymd": (a, b, c)}[order]
    if era:
        year += {"R": 2018, "令和": 2018, "H": 1988, "平成": 1988}[era]
    if 1388 <= year <= 1429:
        return _persian(year, month, day)
    is_short = year < 100
    if 2552 <= year <= 2593:
        year -= 543  # Buddhist
    elif 52 <= year < 100:
        year += 2500 - 543  # Buddhist in two digits; in the common calendar these years are yet to come
    elif is_short:
        year += 2000
    if is_short and year > SHORT_YEAR_MAX:
        return None
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
