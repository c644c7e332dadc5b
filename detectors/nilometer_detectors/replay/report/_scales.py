"""Scales: from values to places in a drawing, and where an axis has its marks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from nilometer_logger.times import SECOND

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_LEAST_P = 1e-12
_DAY = 24 * 3600 * SECOND
_TIMES = tuple(
    seconds * SECOND
    for seconds in (
        *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800),
        *(3600 * hours for hours in (1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 672, 1344, 2688, 5376)),
        *(86_400 * 365 * years for years in (1, 2, 5, 10, 20, 50, 100, 200)),
    )
)


@dataclass(frozen=True)
class Scale:
    """A linear scale.

    Attributes:
        low, high: of the values; different from each other.
        begin, end: of the places.
    """

    low: float
    high: float
    begin: float
    end: float

    def __call__(self, value: float) -> float:
        """Gives the place of a value; one that lies outside is put at the edge."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)

    @classmethod
    def over(cls, values: Sequence[float], begin: float, end: float, *, zero: bool = False) -> "Scale":
        """Makes a scale that holds some values, with a little room, and 0 where that is asked for."""
        finite = [value for value in values if math.isfinite(value)] or [0.0]
        low, high = min(finite), max(finite)
        if zero:
            low, high = min(low, 0.0), max(high, 0.0)
        room = (high - low) * 0.06 or max(abs(high) * 0.1, 0.5)
        return cls(low if zero and low == 0 else low - room, high + room, begin, end)

    def ticks(self, most: int = 4) -> list[float]:
        """Gives round values, at most so many and one more."""
        rough = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * each for each in _STEPS if power * each >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        count = math.floor(self.high / step + 1e-9) - first + 1
        return [round((first + place) * step, 12) for place in range(count)]


def evidence(p_value: float) -> float:
    """Gives the height of a p-value in a drawing: ``-log10(p)``, so that what is improbable stands high."""
    return -math.log10(max(p_value, _LEAST_P))


def time_ticks(low: int, high: int) -> list[tuple[int, str]]:
    """Gives round times in nanoseconds, and how to write them, in UTC."""
    step, form = next(
        (step, form)
        for step in _TIMES
        for form, most in [_form(step, high - low)]
        if (high - low) / step <= most or step == _TIMES[-1]
    )
    return [
        (number * step, _moment(number * step).strftime(form)) for number in range(-(-low // step), high // step + 1)
    ]


def _form(step: int, span: int) -> tuple[str, int]:
    """Tells how times are written that are so far apart, and how many of them fit beside each other."""
    if step >= 28 * _DAY:
        return "%b %Y", 4
    if step % _DAY == 0:
        return "%d %b", 5
    if span > _DAY:
        return "%d %b %H:%M", 2
    return ("%H:%M", 5) if step >= 60 * SECOND else ("%H:%M:%S", 4)


def _moment(nanoseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=nanoseconds // SECOND)


def label(value: float) -> str:
    """Writes a value beside an axis."""
    if value and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")
    return f"{value:.4g}"
