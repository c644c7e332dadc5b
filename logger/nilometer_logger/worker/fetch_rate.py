"""How fast records come, and so whether Kafka is to gather them before it hands them over.

A look at the log, and beginning to take in what it found, costs as much as taking in some sixty small events, whether it
found one record or fifty. So where many come, Kafka holds them back for a moment; where few come, each is handed over
as it arrives, and an outlier is told at once.
"""

import time
from collections.abc import Callable

MANY = 200.0
"""Records a second from which on they are gathered: about what one core looks at, one by one, in a fifth of its time."""

_SPAN_SECONDS = 0.5  # over which they are counted


class FetchRate:
    """Counts records over spans of half a second.

    Args:
        clock: gives seconds that only grow.

    Attributes:
        many: whether the last span that has ended had at least `MANY` records a second.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._records = 0
        self.many = False

    def saw(self, records: int) -> None:
        """Takes note of what a look found, be it nothing."""
        self._records += records
        now = self._clock()
        if now - self._began >= _SPAN_SECONDS:
            self.many = self._records >= MANY * (now - self._began)
            self._began, self._records = now, 0
