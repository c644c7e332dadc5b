"""Windows of a number of rows: the next one begins when the last is full.

The rows of one half count, of requests where the monitor watches features and of responses otherwise; the rows of the
other half go into the window that is open. No row is late, and silence closes nothing. A window is partial that the end
of the input leaves unfilled, or in which records of the log were lost. Windows are numbered, from 0 on.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.cloudevents.kserve import Half
from nilometer_logger.engine.protocol import ClosedBy, ClosedWindow, Monitor, WindowState
from nilometer_logger.engine.windows._budget import ALWAYS, UNBOUNDED, Budget, Need
from nilometer_logger.engine.windows._closing import Unanswered, facts
from nilometer_logger.engine.windows._lateness import Lateness
from nilometer_logger.engine.windows._pane import Pane
from nilometer_logger.rows import Rows

_Filled = tuple[int, Pane, int]  # number, what it holds, and how many records were lost in it


class CountWindower:
    """The window that is filled, of one monitor over one stream; used as a `Windower` is.

    Args:
        monitor: opens the states.
        budget: in which the window is reckoned; one without a bound where none is given.

    Attributes:
        monitor: opens the states.
        memory: what the monitor keeps of the stream from window to window.
        written: the memory as the last snapshot has it.
        began: where the stream stood at the first event seen; None before it.
        open: the window that holds rows, if any, by its number.
        changed: numbers of windows that have changed, or closed, since the last snapshot.
        header_changed: whether what `header` returns has.
    """

    def __init__(self, monitor: Monitor, budget: Budget | None = None) -> None:
        self.monitor = monitor
        self._budget = budget or Budget(UNBOUNDED)
        self.memory = monitor.remember()
        self.written = self.memory.dump()
        self.began: int | None = None
        self.open: dict[int, Pane] = {}
        self.changed: set[int] = set()
        self.header_changed = False
        self._half: Half = "request" if len(monitor.features) else "response"
        self._number = 0  # of the window that rows go into
        self._count = 0  # rows in it, of the half that counts
        self._lost = 0  # records in it
        self._lateness = Lateness()
        self._filled: list[tuple[_Filled, int]] = []  # and the watermark that each closed at

    def begin(self, time: int) -> None:
        """Tells where the stream stands before rows are put in.

        Args:
            time: of the event, or what the clock said before it if that is later.
        """
        if self.began is None:
            self.began = time
            self.header_changed = True

    def note_gap(self, records: int, clock: int) -> None:  # noqa: ARG002 - a windower's
        """Takes note that records of the log were lost; between two windows they are missed by none.

        Args:
            records: how many, at least.
            clock: of no matter here.
        """
        if self.open:
            self._lost += records
            self.header_changed = True

    def add(self, rows: Rows, clock_before: NDArray[np.int64]) -> NDArray[np.int64]:
        """Puts rows into the window that is open, and into the next ones as it is filled.

        Args:
            rows: a block in the order of the log.
            clock_before: shape (rows,); what the stream's clock said before each row's event.

        Returns:
            Shape (rows,): zeros, since no row is late.
        """
        if rows.half != self._half:
            if len(rows):
                self._update(rows)
            return np.zeros(len(rows), dtype=np.int64)
        taken = 0
        while taken < len(rows):
            end = min(len(rows), taken + self.monitor.windows.count - self._count)
            whole = end - taken == len(rows)
            self._update(rows if whole else rows.take(np.arange(taken, end)))
            self._count += end - taken
            self.header_changed = True
            taken = end
            if self._count == self.monitor.windows.count:
                self._fill(max(int(clock_before[end - 1]), int(rows.times[end - 1])))
        return np.zeros(len(rows), dtype=np.int64)

    def _update(self, rows: Rows) -> None:
        first, last = int(rows.times.min()), int(rows.times.max())
        window = self.open.get(self._number)
        if window is None:
            window = self.open[self._number] = Pane(self.monitor.open(), first, last)
        window.state.update(rows)
        window.first = min(window.first, first)
        window.last = max(window.last, last)
        window.rows += len(rows)
        window.reckon(self.monitor, self._budget)
        self.changed.add(self._number)

    def _fill(self, clock: int) -> None:
        self._filled.append((self._take(), clock - self.monitor.windows.watermark_delay))

    def _take(self) -> _Filled:
        taken = self._number, self.open.pop(self._number), self._lost
        self.changed.add(self._number)
        self._number, self._count, self._lost, self.header_changed = self._number + 1, 0, 0, True
        return taken

    def note_duplicates(self, count: int) -> None:
        """Counts events that were passed over as duplicates."""
        if count:
            self._lateness.duplicates += count
            self.header_changed = True

    def may_close(self, clocks: NDArray[np.int64], before: int) -> NDArray[np.bool_]:  # noqa: ARG002 - a windower's
        """Tells that a window may be full after any record, shape (records,)."""
        return np.ones(len(clocks), dtype=np.bool_)

    def close(
        self,
        clock: int,  # noqa: ARG002 - a windower's
        closed_by: ClosedBy,  # noqa: ARG002 - a windower's
        unanswered: Unanswered,
    ) -> list[tuple[ClosedWindow, WindowState]]:
        """Returns the windows that `add` has filled since the last call.

        Args:
            clock: of no matter here.
            closed_by: of no matter here.
            unanswered: tells how many requests from one time until before another wait for their response.

        Returns:
            The windows in their order, each with its state.
        """
        filled, self._filled = self._filled, []
        for (_, window, _), _ in filled:
            window.release(self.monitor, self._budget)
        return [self._told(window, "count", watermark, unanswered) for window, watermark in filled]

    def drain(self, clock: int, unanswered: Unanswered) -> list[tuple[ClosedWindow, WindowState]]:
        """Closes the window that is open as well, because the input has ended."""
        closed = self.close(clock, "drained", unanswered)
        if self.open:
            watermark = clock - self.monitor.windows.watermark_delay
            taken = self._take()
            taken[1].release(self.monitor, self._budget)
            closed.append(self._told(taken, "drained", watermark, unanswered))
        return closed

    def _told(
        self, filled: _Filled, closed_by: ClosedBy, watermark: int, unanswered: Unanswered
    ) -> tuple[ClosedWindow, WindowState]:
        number, window, lost = filled
        self.header_changed |= not self._lateness.is_empty
        told = facts(
            window.first,
            window.last + 1,
            window,
            self._lateness,
            unanswered,
            closed_by=closed_by,
            watermark=watermark,
            partial=closed_by == "drained" or lost > 0,
            number=number,
            lost=lost,
        )
        return told, window.state

    @property
    def always(self) -> int:
        """How many windows of the monitor may be open in a partition in any case."""
        return ALWAYS

    def pane_of(self, time: int) -> int:  # noqa: ARG002 - a windower's
        """Returns one number for all times."""
        return 0

    def needed(self, time: int, clock_before: int, rows: int, more: int) -> Need:  # noqa: ARG002 - a windower's
        """Tells what an event needs.

        The windows that it fills stay in memory until its record ends.

        Args:
            time: of no matter here.
            clock_before: of no matter here.
            rows: how many the event has.
            more: rows of events before it that the windows have not taken yet.
        """
        before, size = self._count + more, self.monitor.windows.count
        filled = (before + rows) // size - before // size
        rest = self.monitor.state_bytes(min(rows, size))
        return Need(filled * self.monitor.state_bytes(size) + rest, filled + (not (self.open or more)))

    def most_needed(self, first: int, last: int, events: int, rows: int) -> int:  # noqa: ARG002 - a windower's
        """Tells what some events may add to the budget, at most."""
        size = self.monitor.windows.count
        return (rows // size + 2) * self.monitor.state_bytes(min(rows, size))

    def release(self) -> None:
        """Reckons its window no more, because it is dropped."""
        for window in (*self.open.values(), *(window for (_, window, _), _ in self._filled)):
            window.release(self.monitor, self._budget)

    def due(self) -> int | None:
        """Returns None: no clock closes these windows."""
        return None

    def header(self) -> list[Any]:
        """Returns what a snapshot must hold beside the open window."""
        return [self.began, *self._lateness.header(), self._number, self._count, self._lost]

    def recall(self, memory: bytes) -> None:
        """Takes up the memory that a snapshot held.

        Raises:
            StateError: if it cannot be read.
        """
        self.memory, self.written = self.monitor.remember(memory), memory

    def restore(self, header: Iterable[Any], panes: Mapping[int, Pane], clock: int) -> None:  # noqa: ARG002 - a windower's
        """Takes up what a snapshot held.

        Args:
            header: what `header` returned.
            panes: what was in `open`.
            clock: of no matter here.
        """
        self.began, by, latest, duplicates, self._number, self._count, *lost = header
        self._lateness = Lateness.read([by, latest, duplicates])
        self._lost = sum(lost)  # nothing where a version wrote it that knew no gaps
        self.open.clear()
        self.open.update(panes)
        for window in self.open.values():
            window.reckon(self.monitor, self._budget)
        self._filled.clear()
