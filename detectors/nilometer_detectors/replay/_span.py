"""Which part of the log: from when to when records arrived, or from which offsets to which."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from nilometer_detectors.monitors.window_spec import parse_duration
from nilometer_logger.errors import SettingError
from nilometer_logger.times import SECOND, parse_time

_DAYS = re.compile(r"(?:([0-9]{1,5})d)?((?:[0-9]+(?:ms|s|m|h))*)", re.ASCII)
_OFFSETS = re.compile(r"[0-9]{1,9}:[0-9]{1,18}(,[0-9]{1,9}:[0-9]{1,18})*", re.ASCII)
_DAY = 24 * 3600 * SECOND
_EXPECTED = (
    "expected a time such as 2026-11-23T08:00:00Z, how long ago such as 7d or 90m, "
    "or offsets by partition such as 0:1200,1:90"
)


@dataclass(frozen=True)
class Bound:
    """Where a span begins or ends.

    Attributes:
        time: the first record that arrived then or later, in nanoseconds; None where offsets are given, or nothing.
        offsets: by partition; one that is not named is read from its beginning, or to its end.
    """

    time: int | None = None
    offsets: dict[int, int] | None = None


def parse_bound(flag: str, text: str, now: Callable[[], int]) -> Bound:
    """Reads what a user gives for a bound.

    Args:
        flag: for messages.
        text: see the message; empty for none.
        now: the time on the wall, in nanoseconds.

    Raises:
        SettingError: if it is none.
    """
    if not text:
        return Bound()
    if _OFFSETS.fullmatch(text):
        pairs = [part.split(":") for part in text.split(",")]
        return Bound(offsets={int(number): int(offset) for number, offset in pairs})
    if match := _DAYS.fullmatch(text):
        days, rest = match.groups()
        try:
            return Bound(time=now() - int(days or 0) * _DAY - (parse_duration(rest) if rest else 0))
        except ValueError as error:
            raise SettingError(f"{flag} is {text!r}: {error}") from None
    try:
        return Bound(time=parse_time(text))
    except ValueError:
        raise SettingError(f"{flag} is {text!r}: {_EXPECTED}") from None
