"""Points in time: what is written of them is what the standard library writes, whichever way it was put together."""

from datetime import UTC, datetime

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from witting.intake.instant import from_either, from_epoch, from_iso

PROFILE = settings(max_examples=500, deadline=None)
SHAPES = ("%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f%z", "%Y%m%dT%H%M%S.%fZ", "%G-W%V-%uT%H:%M:%SZ")  # fmt: skip


@PROFILE
@given(
    st.floats(1e-7, 253_402_300_799)
    | st.integers(1, 253_402_300_799)
    | st.integers(1, 10**15).map(lambda micros: (micros + 0.5) / 1e6)
    | st.integers(1, 10**9).map(lambda whole: whole - 2**-24)
)
def test_seconds_are_written_as_the_standard_library_writes_them(seconds: float) -> None:
    assume(not 19_000_101 <= seconds <= 29_991_231)  # a calendar date
    found, moment = from_epoch(seconds), datetime.fromtimestamp(min(seconds, 9e10), UTC)
    assert found is not None
    if seconds < 9e10:  # beyond, it counts milliseconds
        assert (found.iso, found.seconds) == (moment.isoformat(), moment.timestamp())


@PROFILE
@given(
    st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.none() | st.timezones() | st.just(UTC)),
    st.sampled_from([0, 1, 100_000, 123_456, None]),
    st.sampled_from([None, *SHAPES]),
)
def test_iso_times_are_written_as_the_standard_library_writes_them(
    moment: datetime, micros: int | None, shape: str | None
) -> None:
    moment = moment if micros is None else moment.replace(microsecond=micros)
    value = moment.isoformat() if shape is None else moment.strftime(shape)
    try:
        read = datetime.fromisoformat(value)
    except ValueError:  # an offset of seconds, say
        assert from_iso(value) is None
        return
    found = from_iso(value)
    assert found is None if len(value) > 40 else found is not None
    if found is not None:
        aware = read if read.tzinfo else read.replace(tzinfo=UTC)
        assert (found.iso, found.seconds) == (read.isoformat(), aware.timestamp())


def test_written_oddly_it_is_still_one_time() -> None:
    for value in ("2026-03-02T10:00:00-00:00", "2026-03-02T10:00:00.000000Z", "2026-03-02T10:00:00Z", "2026-03-02 10:00Z"):  # fmt: skip
        assert (found := from_iso(value)) is not None
        assert found.iso == "2026-03-02T10:00:00+00:00"
    for value in ("2026-03-02T25:00:00Z", "2026-02-30T10:00:00Z", "2026-03-02", "T", None, 5):
        assert from_iso(value) is None


@pytest.mark.parametrize("digits", [20240314, 19991231, 20240314211105, 20240229000000])
def test_a_calendar_date_in_digits_counts_no_seconds(digits: int) -> None:
    assert [from_either(value) for value in (digits, float(digits), str(digits), f" {digits} ")] == [None] * 4


@pytest.mark.parametrize("seconds", [20241314, 20230229, 18991231, 30000101])
def test_other_numbers_of_eight_digits_are_seconds(seconds: int) -> None:
    assert from_epoch(seconds) is not None


def test_a_datetime_of_a_cell_is_a_time() -> None:
    assert (found := from_either(datetime(2026, 3, 2, 10, tzinfo=UTC))) is not None
    assert found.iso == "2026-03-02T10:00:00+00:00"
