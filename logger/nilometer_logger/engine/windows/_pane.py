"""A piece of event time and what is kept of its rows."""

from dataclasses import dataclass

from nilometer_logger.engine.protocol import Monitor, WindowState
from nilometer_logger.engine.windows._budget import Budget


@dataclass(slots=True)
class Pane:
    """A part of event time whose rows belong to the same windows; or a window by itself.

    Attributes:
        state: what the monitor keeps of its rows.
        first: the smallest event time among them, in nanoseconds.
        last: the largest.
        rows: how many there are.
        bytes: what the state is reckoned with.
    """

    state: WindowState
    first: int
    last: int
    rows: int = 0
    bytes: int = 0

    def reckon(self, monitor: Monitor, budget: Budget, copies: int = 1) -> None:
        """Reckons the pane with its rows of now; one that was not reckoned before is new."""
        size = copies * monitor.state_bytes(self.rows)
        budget.panes[monitor.name] += not self.bytes
        budget.bytes += size - self.bytes
        self.bytes = size

    def release(self, monitor: Monitor, budget: Budget) -> None:
        """Reckons the pane no more."""
        budget.panes[monitor.name] -= 1
        budget.bytes -= self.bytes
        self.bytes = 0
