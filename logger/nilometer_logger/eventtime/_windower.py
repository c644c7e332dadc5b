"""The windows of one monitor over one stream: rows go in, closed windows come out, late rows are counted.

A row is late for a window that had closed before the row's event in the log; with sliding windows it may be late for
one and in time for the next. A window closes once, when the watermark reaches its end, and never fires again.

The first event that a monitor sees is somewhere inside a window. Every window that starts before that event holds only
a part of its rows, so it is marked partial. A monitor that joins a stream with a clock has missed rows up to that clock.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.eventtime._windows import containing
from nilometer_logger.monitoring import ClosedBy, ClosedWindow, Monitor, WindowState
from nilometer_logger.rows import Rows


@dataclass(slots=True)
class OpenWindow:
    """A window that still takes rows.

    Attributes:
        state: what the monitor keeps of its rows.
        first: the smallest event time among them, in nanoseconds.
        last: the largest.
    """

    state: WindowState
    first: int
    last: int


@dataclass
class Windower:
    """The open windows of one monitor over one stream.

    Attributes:
        monitor: opens and closes the states.
        began: where the stream stood at the first event seen; None before it.
        late: rows that came too late for a window, since the last window that closed.
        open: open windows by their start.
        changed: starts of windows that have changed, or closed, since the last snapshot.
        header_changed: whether `began` or `late` have.
    """

    monitor: Monitor
    began: int | None = None
    late: int = 0
    open: dict[int, OpenWindow] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)
    header_changed: bool = False

    def begin(self, time: int) -> None:
        """Tells where the stream stands before rows are put in; the first call says where the monitor began.

        Args:
            time: of the event, or what the clock said before it if that is later.
        """
        if self.began is None:
            self.began = time
            self.header_changed = True

    def add(self, rows: Rows, clock_before: NDArray[np.int64]) -> int:
        """Puts rows into their windows.

        Args:
            rows: a block in the order of the log.
            clock_before: shape (rows,); what the stream's clock said before each row's event.

        Returns:
            How many (row, window) pairs were late.
        """
        spec = self.monitor.windows
        starts, inside = containing(spec, rows.times)
        in_time = starts + spec.size > (clock_before - spec.watermark_delay)[:, None]
        late = int(np.count_nonzero(inside & ~in_time))
        if late:
            self.late += late
            self.header_changed = True
        wanted = inside & in_time
        for start in np.unique(starts[wanted]).tolist():
            chosen = np.flatnonzero((wanted & (starts == start)).any(axis=1))
            self._update(start, rows if len(chosen) == len(rows) else rows.take(chosen))
        return late

    def _update(self, start: int, rows: Rows) -> None:
        first, last = int(rows.times.min()), int(rows.times.max())
        window = self.open.get(start)
        if window is None:
            window = self.open[start] = OpenWindow(self.monitor.open(), first, last)
        window.state.update(rows)
        window.first = min(window.first, first)
        window.last = max(window.last, last)
        self.changed.add(start)

    def close(self, clock: int, closed_by: ClosedBy) -> list[tuple[ClosedWindow, WindowState]]:
        """Closes the windows whose end the watermark has reached.

        Args:
            clock: what the stream's clock says now.
            closed_by: what has moved it.

        Returns:
            The closed windows in the order of their ends, each with its state.
        """
        spec = self.monitor.windows
        watermark = clock - spec.watermark_delay
        closed: list[tuple[ClosedWindow, WindowState]] = []
        for start in sorted(start for start in self.open if start + spec.size <= watermark):
            window = self.open.pop(start)
            self.changed.add(start)
            facts = ClosedWindow(
                start=start,
                end=start + spec.size,
                closed_by=closed_by,
                watermark=watermark,
                partial=self.began is None or start < self.began,
                late_since_last=self.late,
                first_event_time=window.first,
                last_event_time=window.last,
            )
            if self.late:
                self.late = 0
                self.header_changed = True
            closed.append((facts, window.state))
        return closed

    def due(self) -> int | None:
        """Tells what the clock must reach for the next window to close; None where none is open."""
        if not self.open:
            return None
        return min(self.open) + self.monitor.windows.size + self.monitor.windows.watermark_delay
