"""The clock of a stream: the largest event time seen, from which every watermark of the stream follows.

A watermark says "no more events before this are expected"; it stays `watermark_delay` behind the clock, and because the
clock never goes back, neither does it. One stream's clock never moves another's.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_NEVER = -(2**62)  # before every event time, and far enough from the end of int64 to subtract a delay from


class StreamClock:
    """The largest event time of one stream.

    Args:
        now: what a snapshot held; None for a stream that was never seen.
    """

    def __init__(self, now: int | None = None) -> None:
        self._now = _NEVER if now is None else now

    @property
    def now(self) -> int:
        """The largest event time seen, in nanoseconds; far in the past before the first event."""
        return self._now

    def observe(self, times: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        """Takes the times of events in the order of the log.

        Args:
            times: nanoseconds, one an event.

        Returns:
            Shape (events,): what the clock said just before each event, by which its lateness is told.
        """
        before = np.maximum.accumulate(np.concatenate(([self._now], np.asarray(times, dtype=np.int64))))
        self._now = int(before[-1])
        return before[:-1]

    def advance(self, time: int) -> None:
        """Moves the clock on without an event, because the stream has been quiet."""
        self._now = max(self._now, time)
