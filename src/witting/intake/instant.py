"""Points in time as assistants' exports write them: seconds or finer units since 1970, or ISO 8601.

Covered: both, normalised to ISO 8601 with an offset where the file has one. Not covered: the many ways chat apps
write local times (one table a source). A time that cannot be is no time: None, never a guess.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))  # from this size on it counts nano-, micro-, milliseconds
_SECONDS_MAX = 253_402_300_800  # the end of the year 9999
_ISO_CHARS_MAX = 40


class Instant(msgspec.Struct, frozen=True, gc=False):  # a struct: one is made for every message read
    iso: str
    seconds: float  # since 1970, UTC; a time without an offset is taken as UTC here, for comparing only


def from_epoch(value: object) -> Instant | None:
    """A number (or digits) of seconds, milliseconds, microseconds or nanoseconds, told apart by size."""
    if (
        isinstance(value, str)
        and value.strip().isascii()
        and value.strip().isdigit()
        and len(value) < _ISO_CHARS_MAX
    ):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e20:
        return None
    seconds = value
    if value >= _UNITS[-1][0]:
        seconds = next(value / unit for least, unit in _UNITS if value >= least)
    if seconds >= _SECONDS_MAX:
        return None
    moment = datetime.fromtimestamp(seconds, UTC)
    return Instant(moment.isoformat(), moment.timestamp())


def from_iso(value: object) -> Instant | None:
    """2025-10-27T10:00:00.000000Z and its like; an offset is kept as it is, and its absence too."""
    if not isinstance(value, str) or len(value) > _ISO_CHARS_MAX or "T" not in value.replace(" ", "T"):
        return None
    try:
        moment = datetime.fromisoformat(value)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return Instant(moment.isoformat(), aware.timestamp())
    except (ValueError, OverflowError):
        return None


def from_either(value: object) -> Instant | None:
    return from_iso(value) or from_epoch(value)
