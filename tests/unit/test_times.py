"""Times are int64 nanoseconds, read from RFC 3339 and written as it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger import times
from nilometer_logger.times import SECOND, format_time, parse_time

LOWEST, HIGHEST = -(2**63), 2**63 - 1


@given(st.integers(LOWEST, HIGHEST))
def test_every_time_of_64_bits_survives_a_round_trip(nanoseconds: int) -> None:
    """What is written is read again to the nanosecond, from 1677 to 2262."""
    assert parse_time(format_time(nanoseconds)) == nanoseconds


@given(st.datetimes(datetime(1678, 1, 1), datetime(2262, 1, 1), timezones=st.timezones()))  # noqa: DTZ001
def test_any_zone_means_the_same_moment_as_to_datetime(moment: datetime) -> None:
    """A time with an offset is the moment that Python's datetime takes it for."""
    offset = moment.utcoffset()
    if offset is None or offset.total_seconds() % 60:
        return  # local mean times of the 19th century; RFC 3339 has no seconds in an offset
    elapsed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    microseconds = (elapsed.days * 86400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds

    assert parse_time(moment.isoformat()) == microseconds * 1000


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("2026-11-23T08:52:22.342390117Z", 1795423942_342390117),
        ("2026-11-23T08:52:22Z", 1795423942 * SECOND),
        ("2026-11-23t08:52:22z", 1795423942 * SECOND),
        ("2026-11-23 08:52:22Z", 1795423942 * SECOND),
        ("2026-11-23T09:52:22.5+01:00", 1795423942_500000000),
        ("2026-11-23T03:22:22-05:30", 1795423942 * SECOND),
        ("1969-12-31T23:59:59.9Z", -100_000_000),
    ],
)
def test_times_as_producers_write_them(text: str, nanoseconds: int) -> None:
    """Go's nanoseconds, whole seconds, small letters, a blank for the T, other zones, and times before 1970."""
    assert parse_time(text) == nanoseconds


def test_digits_beyond_the_nanosecond_are_dropped() -> None:
    """A finer fraction is cut, not rounded: the time never moves into the next window."""
    assert parse_time("1970-01-01T00:00:00.999999999999Z") == 999_999_999


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-11-23",
        "2026-11-23T08:52:22",  # no zone
        "2026-11-23T08:52Z",
        "2026-11-23T08:52:22.Z",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:00+99:99",
        "2026-11-23T08:52:22Z\n",
        "٢٠٢٦-11-23T08:52:22Z",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    """Anything but an RFC 3339 time with a zone is a ValueError, never a guess."""
    with pytest.raises(ValueError):
        parse_time(text)


@pytest.mark.parametrize(
    "text",
    [
        "1677-09-21T00:12:43.145224191Z",
        "2262-04-11T23:47:16.854775808Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-23:59",
    ],
)
def test_years_that_64_bits_cannot_hold_are_refused(text: str) -> None:
    """A time outside int64 nanoseconds is refused by its range, not wrapped round."""
    with pytest.raises(ValueError, match="outside the years 1677 to 2262"):
        parse_time(text)


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (1_500_000_000, "1970-01-01T00:00:01.5Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
    ],
)
def test_a_fraction_is_as_long_as_it_needs(nanoseconds: int, text: str) -> None:
    """Times are written in UTC, without zeros at the end of the fraction."""
    assert format_time(nanoseconds) == text


ENDS = st.text("0123456789.Zz+-_ \u0661", max_size=12) | st.from_regex(r"\.[0-9]{1,10}Z", fullmatch=True)


@given(ENDS)
def test_a_second_that_is_remembered_makes_no_text_a_time(end: str) -> None:
    """What follows the second is read, and refused, as if the second had come for the first time."""
    text = f"2026-11-23T08:52:22{end}"

    def read() -> int | str:
        try:
            return parse_time(text)
        except ValueError as error:
            return str(error)

    times._remembered.clear()
    first = read()
    parse_time("2026-11-23T08:52:22.5Z")

    assert read() == first


def test_the_seconds_that_are_remembered_are_bounded() -> None:
    """Whoever sends chooses its times."""
    for second in range(5000):
        assert parse_time(format_time(second * SECOND + 1)) == second * SECOND + 1
    assert len(times._remembered) <= 4096
