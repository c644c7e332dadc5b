"""The time column of a table: ISO 8601, or a number of seconds, milliseconds, microseconds or nanoseconds.

Where nobody says which, the first row decides for all: what is no number is ISO 8601, and a number has the unit that
puts it nearest to our days (seconds up to 1e11, which is the year 5138, then a thousand times more for each unit). A time
without a zone is taken for UTC, as pandas writes it, and a date alone for its midnight. Numbers are reckoned exactly, not
as floats, which cannot hold nanoseconds of our days.
"""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Literal

from nilometer_logger.times import SECOND, parse_time

Unit = Literal["auto", "iso", "s", "ms", "us", "ns"]
UNITS: tuple[Unit, ...] = ("auto", "iso", "s", "ms", "us", "ns")

_SCALES: Mapping[Unit, int] = {"s": SECOND, "ms": SECOND // 1000, "us": 1000, "ns": 1}
_SECONDS_BELOW = Decimal(10) ** 11
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_ZONED = re.compile(r"(?:[Zz]|[+-]\d\d:?\d\d| ?UTC)$", re.ASCII)
_LONGEST = 40


class Times:
    """Reads the cells of a time column.

    Args:
        unit: what they are; ``auto`` for what the first one looks like.

    Attributes:
        unit: what they are; ``auto`` until the first was read.
        assumed_utc: whether a time had no zone.
    """

    def __init__(self, unit: Unit = "auto") -> None:
        self.unit = unit
        self.assumed_utc = False

    def read(self, cell: object) -> int:
        """Reads a cell.

        Returns:
            Nanoseconds since the epoch.

        Raises:
            ValueError: saying what is wrong with it.
        """
        if cell is None or cell == "":
            raise ValueError("is empty: every row needs a time")
        if self.unit == "auto":
            self.unit = _unit_of(cell)
        return self._of_text(str(cell)) if self.unit == "iso" else self._of_number(cell)

    def _of_number(self, cell: object) -> int:
        number = _number(cell)
        if number is None:
            raise ValueError(f"is {_shown(cell)}: a number of {self.unit} is expected, as in the rows before")
        nanoseconds = int(number * _SCALES[self.unit])
        if not -(2**63) <= nanoseconds < 2**63:
            raise ValueError(f"is {_shown(cell)}, outside the years 1677 to 2262 as a number of {self.unit}")
        return nanoseconds

    def _of_text(self, text: str) -> int:
        whole = text
        if _DATE.fullmatch(whole):
            whole = f"{whole}T00:00:00"
        zone = _ZONED.search(whole, 10)
        if zone is None:
            whole, self.assumed_utc = f"{whole}Z", True
        elif zone[0].strip() == "UTC":
            whole = f"{whole[: zone.start()]}Z"
        elif zone[0][-3:-2] not in (":", ""):
            whole = f"{whole[:-2]}:{whole[-2:]}"
        try:
            return parse_time(whole)
        except ValueError:
            raise ValueError(
                f"is {_shown(text)}: expected a time such as 2026-11-23T08:52:22Z, or a number with --time-unit"
            ) from None


def _unit_of(cell: object) -> Unit:
    number = _number(cell)
    if number is None:
        return "iso"
    size = abs(number)
    units: tuple[Unit, ...] = ("s", "ms", "us")
    return next((unit for step, unit in enumerate(units) if size < _SECONDS_BELOW * 1000**step), "ns")


def _number(cell: object) -> Decimal | None:
    if isinstance(cell, bool):
        return None
    try:
        number = Decimal(repr(cell) if isinstance(cell, float) else str(cell))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < Decimal(10) ** 20 else None


def _shown(cell: object) -> str:
    text = str(cell)
    return repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
