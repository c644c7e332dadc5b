"""How a monitor cuts its stream into windows, as it is declared: by event time, or by the number of rows."""

import re
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from nilometer_detectors.detector import Strict
from nilometer_logger.times import SECOND

MOST_OVERLAPPING = 100
MOST_ROWS = 1_000_000
_UNITS = {"ms": SECOND // 1000, "s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND}
_LONGEST = 366 * 24 * 3600 * SECOND
_DURATION = r"([0-9]+(ms|s|m|h))+"
_EITHER: dict[str, Any] = {"oneOf": [{"required": ["size"]}, {"required": ["count"]}]}


def parse_duration(value: object) -> int:
    """Reads a duration such as ``15s``, ``500ms`` or ``1h30m``; gives nanoseconds.

    Raises:
        ValueError: if it is no such text, or longer than a year.
    """
    if not isinstance(value, str) or not re.fullmatch(_DURATION, value, re.ASCII):
        raise ValueError("expected a duration such as 15s, 500ms, 5m or 1h30m")
    parts = re.findall(r"([0-9]+)(ms|s|m|h)", value)
    nanoseconds = sum(int(number[:20]) * _UNITS[unit] for number, unit in parts)
    if nanoseconds > _LONGEST:
        raise ValueError("expected a duration of at most a year (8784h)")
    return nanoseconds


def format_duration(nanoseconds: int) -> str:
    """Writes a duration as `parse_duration` reads it, in the largest units that hold it."""
    for unit, size in reversed(_UNITS.items()):
        if nanoseconds and nanoseconds % size == 0:
            return f"{nanoseconds // size}{unit}"
    return "0s"


def _not_zero(nanoseconds: int) -> int:
    if not nanoseconds:
        raise ValueError("expected more than no time")
    return nanoseconds


Duration = Annotated[
    int, BeforeValidator(parse_duration), WithJsonSchema({"type": "string", "pattern": f"^{_DURATION}$"})
]
Length = Annotated[Duration, AfterValidator(_not_zero)]


class WindowsSpec(Strict):
    """How the stream is cut: by event time (`size`) or by the number of rows (`count`)."""

    model_config = ConfigDict(json_schema_extra=_EITHER)

    size: Length | None = Field(default=None, description="how long a window is; give this or count")
    slide: Length | None = Field(
        default=None, description="from one window's start to the next one's; by default the size"
    )
    offset: Duration = Field(
        default=0,
        description="where windows start, from whole slides since 1970-01-01T00:00Z",
        json_schema_extra={"default": "0s"},
    )
    watermark_delay: Duration = Field(
        default=5 * SECOND, description="how long rows may come out of order", json_schema_extra={"default": "5s"}
    )
    count: int | None = Field(
        default=None, ge=1, le=MOST_ROWS, description="how many rows of requests make a window; give this or size"
    )
    min_rows: int = Field(
        default=0,
        ge=0,
        le=MOST_ROWS,
        description="a window with fewer rows of requests is reported as too small, and not judged",
    )
    late: bool = Field(default=False, description="whether events that come too late are written to the topic late")

    @field_validator("slide")
    @classmethod
    def _slides(cls, slide: int | None, info: ValidationInfo) -> int | None:
        size = info.data.get("size")
        if size is None or slide is None:
            return slide
        if slide > size:
            raise ValueError(f"larger than size ({format_duration(size)}), so rows between windows would be in none")
        if size > MOST_OVERLAPPING * slide:
            raise ValueError(
                f"too small for size ({format_duration(size)}): at most {MOST_OVERLAPPING} windows overlap"
            )
        return slide

    @field_validator("offset")
    @classmethod
    def _starts(cls, offset: int, info: ValidationInfo) -> int:
        if "slide" not in info.data or not (slide := info.data["slide"] or info.data.get("size")):
            return offset  # which is told already, or is a matter of count
        if offset >= slide:
            what = "slide" if info.data["slide"] else "size"
            same = format_duration(offset % slide)
            raise ValueError(f"not smaller than {what} ({format_duration(slide)}): {same} gives the same windows")
        return offset

    @field_validator("count")
    @classmethod
    def _counts(cls, count: int | None, info: ValidationInfo) -> int | None:
        given = [name for name in ("size", "slide", "offset") if info.data.get(name)]
        if count is not None and given:
            raise ValueError(
                f"a window ends after a time or after a number of rows: leave out {' and '.join(given)}, or count"
            )
        return count

    @field_validator("min_rows")
    @classmethod
    def _fills(cls, rows: int, info: ValidationInfo) -> int:
        if (count := info.data.get("count")) and rows > count:
            raise ValueError(f"more rows than a window has (count is {count}), so every window would be too small")
        return rows

    @model_validator(mode="after")
    def _either(self) -> Self:
        if self.size is None and self.count is None:
            raise ValueError("gives neither size nor count: give size, such as 15s, or count, such as 1000 rows")
        return self
