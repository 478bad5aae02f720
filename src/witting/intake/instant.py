"""Points in time as assistants' exports write them: seconds or finer units since 1970, or ISO 8601.

Covered: both, normalised to ISO 8601 with an offset where the file has one. Not covered: dates in digits alone
(20240314), the many ways chat apps write local times (one table a source). A time that cannot be is no time: None, never a guess.

Every message has one, and `datetime.isoformat` takes two microseconds; so what it would write is put together from an
hour already written, or is what the file has.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))  # from this size on it counts nano-, micro-, milliseconds
_SECONDS_MAX = 253_402_300_800  # the end of the year 9999
_ISO_CHARS_MAX = 40
_DAYS = (19_000_101, 29_991_231)  # dates in digits
_HOURS_KEPT = 4096
_IN_HOUR = tuple(f"{second // 60:02}:{second % 60:02}" for second in range(3600))
_AS_WRITTEN = re.compile(  # by `isoformat`, but for a Z and a fraction of zeros
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:\.[0-9]{6})?(?:Z|\+[0-9]{2}:[0-9]{2})"
)


class Instant(msgspec.Struct, frozen=True, gc=False):  # a struct: one is made for every message read
    iso: str
    seconds: float  # since 1970, UTC; a time without an offset is taken as UTC here, for comparing only


def from_epoch(value: object) -> Instant | None:
    """A number (or digits) of seconds, milliseconds, microseconds or nanoseconds, told apart by size."""
    if not isinstance(value, float):
        value = _whole_number(value)
    if value is None or not 0 < value < 1e20 or _is_date(value):
        return None
    seconds = value
    if value >= _UNITS[-1][0]:
        seconds = next(value / unit for least, unit in _UNITS if value >= least)
    if seconds >= _SECONDS_MAX:
        return None
    whole = int(seconds)
    micros = round((seconds - whole) * 1e6)  # half to even, as `datetime.fromtimestamp`
    if micros == 1_000_000:
        whole, micros = whole + 1, 0
    hour, second = divmod(whole, 3600)
    fraction = f".{micros:06}" if micros else ""
    return Instant(
        f"{_hour(hour)}{_IN_HOUR[second]}{fraction}+00:00", (whole * 1_000_000 + micros) / 1_000_000
    )


def _is_date(value: float) -> bool:
    """20240314 and 20240314211105: as seconds an August of 1970, as milliseconds six centuries ahead."""
    if not (_DAYS[0] <= value <= _DAYS[1] or _DAYS[0] * 1_000_000 <= value < (_DAYS[1] + 1) * 1_000_000):
        return False
    digits = str(int(value))
    try:
        datetime.fromisoformat(f"{digits[:8]}T{digits[8:]}" if digits[8:] else digits)
    except ValueError:
        return False
    return True


def _whole_number(value: object) -> int | None:
    if isinstance(value, str) and len(value) < _ISO_CHARS_MAX:
        digits = value.strip()
        return int(digits) if digits.isascii() and digits.isdigit() else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


@lru_cache(_HOURS_KEPT)
def _hour(hours: int) -> str:
    """2026-03-02T10: of hours since 1970."""
    return datetime.fromtimestamp(hours * 3600, UTC).isoformat()[: len("2026-03-02T10:")]


def from_iso(value: object) -> Instant | None:
    """2025-10-27T10:00:00.000000Z and its like; an offset is kept as it is, and its absence too."""
    if not isinstance(value, str) or len(value) > _ISO_CHARS_MAX or ("T" not in value and " " not in value):
        return None
    try:
        moment = datetime.fromisoformat(value)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return Instant(_iso(value, moment), aware.timestamp())
    except (ValueError, OverflowError):
        return None


def _iso(value: str, moment: datetime) -> str:
    """What `isoformat` writes of the moment read from `value`."""
    if _AS_WRITTEN.fullmatch(value) and (moment.microsecond or "." not in value):
        return f"{value[:-1]}+00:00" if value[-1] == "Z" else value
    return moment.isoformat()


def from_either(value: object) -> Instant | None:
    """A time in any of these ways; Parquet has them as datetimes."""
    if isinstance(value, datetime):
        value = value.isoformat()
    return from_iso(value) or from_epoch(value)
