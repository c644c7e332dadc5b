"""Times are int64 nanoseconds since 1970-01-01 UTC, because KServe's logger writes nanoseconds.

`datetime` keeps microseconds only, so the whole second is parsed by it (and remembered: the events of a busy stream
share their seconds) and the fraction by hand. A time in UTC with a fraction, as KServe's logger writes it, whose second
is remembered costs no more than a look-up.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

SECOND = 1_000_000_000

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(\d{1,18}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What the fraction of a time in UTC is to be multiplied with, by the length of the time: of 1 to 9 digits.
_SCALES: dict[int, int] = {len("2026-11-23T08:52:22.Z") + digits: 10 ** (9 - digits) for digits in range(1, 10)}
_MOST_REMEMBERED = 4096
_remembered: dict[str, int] = {}


@lru_cache(maxsize=4096)
def _whole_seconds(text: str, zone: str) -> int:
    moment = datetime.fromisoformat(text.upper() + ("+00:00" if zone in "Zz" else zone))
    return (moment - _EPOCH) // timedelta(seconds=1)


def parse_time(text: str) -> int:
    """Reads an RFC 3339 time.

    Args:
        text: such as ``2026-11-23T08:52:22.342390117Z``; digits beyond the ninth of the fraction are dropped.

    Returns:
        Nanoseconds since the epoch.

    Raises:
        ValueError: if the text is no such time, or lies outside the years that 64 bits can hold (1677 to 2262).
    """
    whole = _remembered.get(text[:20])
    if whole is not None and text[-1] == "Z" and text.isascii():
        digits = text[20:-1]
        if digits.isdecimal() and (scale := _SCALES.get(len(text))):
            return whole + int(digits) * scale
    return _parse(text)


def whole_second(text: str) -> int | None:
    """Reads a whole second in UTC.

    Args:
        text: such as ``2026-11-23T08:52:22.``, with the point, or anything.

    Returns:
        Nanoseconds since the epoch; None for anything else, and where a part of the second is beyond 64 bits.
    """
    whole = _remembered.get(text)
    if whole is None:
        try:
            _parse(f"{text}0Z")
        except ValueError:
            return None
        whole = _remembered.get(text)
    return whole


def _parse(text: str) -> int:
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no RFC 3339 time such as 2026-11-23T08:52:22.342Z")
    whole, fraction, zone = match.groups()
    nanoseconds = _whole_seconds(whole, zone) * SECOND
    if zone == "Z" and _LOWEST <= nanoseconds <= _HIGHEST - SECOND:
        if len(_remembered) >= _MOST_REMEMBERED:
            _remembered.clear()
        _remembered[f"{whole}."] = nanoseconds
    if fraction:
        nanoseconds += int(fraction[:9].ljust(9, "0"))
    if not _LOWEST <= nanoseconds <= _HIGHEST:
        raise ValueError(f"{text!r} is outside the years 1677 to 2262")
    return nanoseconds


def format_time(nanoseconds: int) -> str:
    """Writes a time as RFC 3339 in UTC, with as many of nine digits of fraction as it needs.

    Args:
        nanoseconds: since the epoch.

    Returns:
        Such as ``2026-11-23T08:52:22.342390117Z`` or, on a whole second, ``2026-11-23T08:52:22Z``.
    """
    seconds, fraction = divmod(nanoseconds, SECOND)
    text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    # strftime does not pad years before 1000; the range of int64 nanoseconds starts in 1677.
    return f"{text}.{fraction:09d}".rstrip("0") + "Z" if fraction else f"{text}Z"
