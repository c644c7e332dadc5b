"""Records that were lost, and the windows that may have lost rows with them.

Where records of the log expired unread, or Kafka lost them, nobody can know whose rows they held. What a window of time
may have lost is what a monitor misses that starts there: every window that starts before the next event after the gap,
and every window that had begun by then.
"""

from collections.abc import Sequence
from typing import Any

_MOST = 16


class Gaps:
    """The gaps that windows of one stream may still have to report.

    Each is kept as the first time at which a window may start without having lost anything, and how many records were
    lost. Where there are more than a few, the two oldest become one.
    """

    __slots__ = ("_found", "_is_open")

    def __init__(self) -> None:
        self._found: list[tuple[int, int]] = []
        self._is_open = False

    def add(self, records: int, clock: int) -> None:
        """Takes note of a gap.

        Args:
            records: how many were lost.
            clock: what the stream's clock said before it.
        """
        until = clock + 1
        if self._is_open or len(self._found) == _MOST:
            place = -1 if self._is_open else 0
            before, some = self._found.pop(place)
            if self._is_open:
                until, records = max(until, before), records + some
            else:
                first, more = self._found[0]
                self._found[0] = max(first, before), more + some
        self._found.append((until, records))
        self._is_open = True

    def end(self, time: int) -> bool:
        """Takes note of an event.

        Args:
            time: of the event, or what the clock said before it if that is later.

        Returns:
            Whether it was the first one after a gap.
        """
        if not self._is_open:
            return False
        until, records = self._found[-1]
        self._found[-1] = max(until, time), records
        self._is_open = False
        return True

    def lost(self, start: int) -> int:
        """Returns how many records were lost whose rows a window may be missing, by its start."""
        return sum(records for until, records in self._found if start < until)

    def forget(self, start: int) -> None:
        """Drops the gaps that no window reports that starts then or later."""
        if self._found:
            rest = self._found[-1:] if self._is_open else []
            ended = self._found[: len(self._found) - len(rest)]
            self._found = [(until, records) for until, records in ended if start < until] + rest

    def header(self) -> list[Any]:
        """Returns what a snapshot must hold."""
        return [self._is_open, [list(each) for each in self._found]]

    @classmethod
    def read(cls, header: Sequence[Any]) -> "Gaps":
        """Reads what `header` has returned; nothing where the state was written by a version that knew no gaps."""
        gaps = cls()
        if header:
            gaps._is_open, found = header
            gaps._found = [(until, records) for until, records in found]
        return gaps
