"""The times of many events, for a fraction of what they cost one by one.

Almost all are UTC as KServe's logger writes it, ``2026-11-23T08:52:22.342390117Z`` with at most nine digits of fraction, and
share a few whole seconds. Those are looked up, and the digits of all fractions become numbers in one numpy call.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.times import parse_time, whole_second

_DIGITS = 9
_SHORTEST = len("2026-11-23T08:52:22Z")
_WHOLE = len("2026-11-23T08:52:22.")
_LONGEST = _WHOLE + _DIGITS
_PLACES = 10 ** np.arange(_DIGITS - 1, -1, -1, dtype=np.int64)

Times = NDArray[np.int64]


def parse_times(texts: Sequence[str], otherwise: int) -> tuple[Times, NDArray[np.bool_]]:
    """Reads the times of events.

    Args:
        texts: as `nilometer_logger.times.parse_time` reads them, or anything; one at least.
        otherwise: stands in for a text that is no time.

    Returns:
        Nanoseconds since the epoch, and where `otherwise` stands; twice shape (texts,).
    """
    usual = _usual(texts)
    if usual is not None:
        return usual, np.zeros(len(texts), dtype=np.bool_)
    times = list(map(_parsed, texts))
    none = np.array([time is None for time in times])
    return np.array([otherwise if time is None else time for time in times], dtype=np.int64), none


def _usual(texts: Sequence[str]) -> Times | None:
    """Reads times that are all as usual; None where one is not."""
    lengths = set(map(len, texts))
    if min(lengths - {_SHORTEST}, default=_LONGEST) <= _WHOLE + 1:
        return None
    if _SHORTEST in lengths:
        texts = [f"{text[:-1]}.0Z" if len(text) == _SHORTEST and text[-1] == "Z" else text for text in texts]
    padded = "".join([text[:-1].ljust(_LONGEST, "0") for text in texts])
    if len(padded) != _LONGEST * len(texts) or not padded.isascii():
        return None
    characters = np.frombuffer(padded.encode(), np.uint8).reshape(-1, _LONGEST)
    digits = characters[:, _WHOLE:] - np.uint8(ord("0"))
    seconds = _seconds(texts, characters[:, :_WHOLE])
    # Neither a whole second nor a fraction has a Z in it: every text has one, or one of them ends with something else.
    if seconds is None or digits.max() > 9 or "".join(texts).count("Z") != len(texts):
        return None
    return seconds + digits @ _PLACES


def _seconds(texts: Sequence[str], characters: NDArray[np.uint8]) -> Times | int | None:
    """Reads the whole seconds, which are mostly one."""
    if (characters == characters[0]).all():
        return whole_second(texts[0][:_WHOLE])
    heads = [text[:_WHOLE] for text in texts]
    seconds = {head: whole_second(head) for head in set(heads)}
    return None if None in seconds.values() else np.array([seconds[head] for head in heads], dtype=np.int64)


def _parsed(text: str) -> int | None:
    try:
        return parse_time(text)
    except ValueError:
        return None
