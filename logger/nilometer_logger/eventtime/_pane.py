"""A piece of event time and what is kept of its rows."""

from dataclasses import dataclass

from nilometer_logger.eventtime._room import Share
from nilometer_logger.monitoring import WindowState


@dataclass(slots=True)
class Pane:
    """A part of event time whose rows belong to the same windows; or a window by itself.

    Attributes:
        state: what the monitor keeps of its rows.
        first: the smallest event time among them, in nanoseconds.
        last: the largest.
        counted_bytes: what it is counted with in the room that windows share.
    """

    state: WindowState
    first: int
    last: int
    counted_bytes: int = 0

    def count(self, share: Share, copies: int = 1) -> None:
        """Counts what the state takes now.

        Args:
            share: of the partition.
            copies: how many states there may be of its rows: those of sliding windows are merged beside the panes.
        """
        now = self.state.memory_bytes * copies
        if now != self.counted_bytes:
            share.add(now - self.counted_bytes)
            self.counted_bytes = now

    def uncount(self, share: Share) -> None:
        """Gives back what it was counted with."""
        share.add(-self.counted_bytes)
        self.counted_bytes = 0
