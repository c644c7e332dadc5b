"""Bounds of a span as a user writes them."""

import pytest

from nilometer_detectors.replay._span import Bound, parse_bound
from nilometer_logger.errors import SettingError
from nilometer_logger.times import SECOND, parse_time

NOW = parse_time("2026-11-23T08:00:00Z")


def parsed(text: str) -> Bound:
    """Reads a bound."""
    return parse_bound("--from", text, lambda: NOW)


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("", Bound()),
        ("2026-11-22T08:00:00Z", Bound(time=NOW - 86_400 * SECOND)),
        ("2026-11-22T09:00:00+01:00", Bound(time=NOW - 86_400 * SECOND)),
        ("1d", Bound(time=NOW - 86_400 * SECOND)),
        ("1d12h", Bound(time=NOW - 129_600 * SECOND)),
        ("90m", Bound(time=NOW - 5400 * SECOND)),
        ("0:1200,1:90", Bound(offsets={0: 1200, 1: 90})),
    ],
)
def test_times_ages_and_offsets(text: str, bound: Bound) -> None:
    """A time, how long ago, offsets by partition, or nothing."""
    assert parsed(text) == bound


@pytest.mark.parametrize("text", ["yesterday", "7", "7w", "0:1,1", "2026-11-22", "-1d", "0:-1"])
def test_anything_else_is_told_with_what_was_expected(text: str) -> None:
    """The flag, the value, and an example of each form."""
    with pytest.raises(SettingError, match=r"--from is '.*': expected a time such as .*7d.*0:1200"):
        parsed(text)


def test_an_age_beyond_what_durations_hold_is_told() -> None:
    """The part of hours is read like any duration of a monitor."""
    with pytest.raises(SettingError, match="at most a year"):
        parsed("999999999h")
