"""Log lines about refused requests: the first of a kind at once, and a flood as one line a while.

Who sends nonsense may send a lot of it, and a line for each would fill a disk and cost more than the refusal. Metrics
count every one.
"""

import time
from collections import deque
from collections.abc import Callable

import structlog

_log = structlog.get_logger("nilometer.ingress")
_LINES = 10
_SECONDS = 10.0
_LONGEST = 300  # of what a client chose: a header may have 64 KiB


class Refusals:
    """Writes at most ten lines in ten seconds; what was left out is counted in the next line.

    Args:
        clock: seconds, never going back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: deque[float] = deque(maxlen=_LINES)  # of the last lines
        self._left_out = 0

    def log(self, status: int, reason: str, client: str, path: str) -> None:
        """Logs a refusal, or counts it."""
        now = self._clock()
        if len(self._times) == _LINES and now - self._times[0] < _SECONDS:
            self._left_out += 1
            return
        self._times.append(now)
        more = {"left_out": self._left_out} if self._left_out else {}
        self._left_out = 0
        reason, path = reason[:_LONGEST], path[:_LONGEST]
        _log.warning("event refused", status=status, reason=reason, client=client, path=path, **more)
