"""The panes of one monitor over one stream that hold rows: they take rows, and windows are merged from them.

A row goes into its pane (see `_windows`), and a window that ends is merged from its panes (see `_merging`); a tumbling
window is one pane. A pane goes when the last window that contains it has ended.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence

import numpy as np

from nilometer_logger.engine.protocol import Monitor
from nilometer_logger.engine.windows._budget import Budget, Need
from nilometer_logger.engine.windows._pane import Pane
from nilometer_logger.engine.windows._pane_merger import PaneMerger
from nilometer_logger.engine.windows._windows import Grid
from nilometer_logger.rows import Rows


class Panes:
    """Panes, and how far their windows have ended.

    Args:
        monitor: makes the states.
        grid: how panes and windows lie.
        ended: the number of the last window that has ended.
        budget: in which the panes are reckoned.

    Attributes:
        open: the panes by their start.
        changed: starts of panes that have changed, or gone; whoever writes them clears it.
        ended: the number of the last window that has ended.
    """

    def __init__(self, monitor: Monitor, grid: Grid, ended: int, budget: Budget) -> None:
        self.open: dict[int, Pane] = {}
        self.changed: set[int] = set()
        self.ended = ended
        self._monitor = monitor
        self._grid = grid
        self._budget = budget
        self._copies = 2 if grid.is_shared else 1  # windows that share panes are merged from copies
        self._merging = PaneMerger(monitor, self.open)

    def put(self, rows: Rows) -> None:
        """Puts rows into their panes; none of them may be late for every window."""
        first, last = int(rows.times.min()), int(rows.times.max())
        start, end = self._grid.pane(first)
        if last < end:
            self._update(start, rows, first, last)
            return
        starts = self._grid.panes(rows.times)
        for start in np.unique(starts).tolist():
            some = rows.take(np.flatnonzero(starts == start))
            self._update(start, some, int(some.times.min()), int(some.times.max()))

    def _update(self, start: int, rows: Rows, first: int, last: int) -> None:
        pane = self.open.get(start)
        if pane is None:
            pane = self.open[start] = Pane(self._monitor.open(), first, last)
        pane.state.update(rows)
        pane.first = min(pane.first, first)
        pane.last = max(pane.last, last)
        pane.rows += len(rows)
        pane.reckon(self._monitor, self._budget, self._copies)
        self.changed.add(start)
        self._merging.changed(start)

    def end(self, number: int) -> list[tuple[int, Pane]]:
        """Ends the windows up to a number.

        Returns:
            The windows that hold rows, in the order of their ends: the start of each, and what it holds.
        """
        if number <= self.ended:
            return []
        ended: list[tuple[int, Pane]] = []
        starts = sorted(self.open)
        for start in starts:
            if (first := self._grid.ended(start) + 1) > number:
                break
            for window in range(max(first, self.ended + 1), min(self._grid.started(start), number) + 1):
                ended.append(self._window(window, starts))
                self.ended = window
        self.ended = number
        for start in starts:
            if self._grid.started(start) > number:
                break
            self.open.pop(start).release(self._monitor, self._budget)
            self.changed.add(start)
        return ended

    def end_all(self) -> list[tuple[int, Pane]]:
        """Ends all windows that hold rows, as `end` does."""
        return self.end(self._grid.started(max(self.open))) if self.open else []

    def _window(self, number: int, starts: Sequence[int]) -> tuple[int, Pane]:
        start, end = self._grid.window(number)
        inside = starts[bisect_left(starts, start) : bisect_left(starts, end)]
        first, last = self.open[inside[0]], self.open[inside[-1]]
        state = first.state
        if self._grid.is_shared:
            state = self._merging.value(inside, self._grid.seam(number), end)
        return start, Pane(state, first.first, last.last)

    def next_end(self) -> int | None:
        """Tells where the next window that holds rows ends; None where no pane does."""
        if not self.open:
            return None
        _, end = self._grid.window(max(self._grid.ended(min(self.open)), self.ended) + 1)
        return end

    def needed(self, time: int, reached: int, rows: int, more: int) -> Need | None:
        """Tells what an event needs; None where it is late for all windows.

        Args:
            time: of an event.
            reached: the number of the last window that the watermark had reached before it.
            rows: how many it has.
            more: rows that the pane will have taken before it, beside those of now.
        """
        start, _ = self._grid.pane(time)
        pane = self.open.get(start)
        if pane is None and reached >= self._grid.started(time):
            return None
        before = more + (pane.rows if pane else 0)
        added = self.new_bytes(before + rows) - (self.new_bytes(before) if before else 0)
        return Need(added, int(pane is None and not more))

    def new_bytes(self, rows: int) -> int:
        """Returns what a pane of so many rows is reckoned with."""
        return self._copies * self._monitor.state_bytes(rows)

    def between(self, first: int, last: int) -> int:
        """Returns how many panes there are between two times, at most."""
        return self._grid.panes_between(first, last)

    def release(self) -> None:
        """Reckons the panes no more, because they are dropped."""
        for pane in self.open.values():
            pane.release(self._monitor, self._budget)

    def restore(self, panes: Mapping[int, Pane], ended: int) -> None:
        """Takes up the panes that a snapshot held, and the number of the last window that had ended."""
        self.open.clear()
        self.open.update(panes)
        for pane in self.open.values():
            pane.reckon(self._monitor, self._budget, self._copies)
        self.ended = ended
        self._merging.forget()
