"""The windows of one monitor over one stream: rows go in, closed windows come out, late rows are counted.

A row is late for a window that the watermark had reached before the row's event in the log; with sliding windows it may
be late for one and in time for the next. A window closes once, and never fires again. Where a row is late for a window
that waits to be closed (the events of one record may be far apart), it is held back until that window is closed, so that
it cannot get into it by a pane that both share.

The first event that a monitor sees is somewhere inside a window. Every window that starts before that event holds only
a part of its rows, so it is marked partial. A monitor that joins a stream with a clock has missed rows up to that clock.
Where records of the log were lost, windows are partial likewise (see `_gaps`).
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.engine.protocol import ClosedBy, ClosedWindow, Monitor, WindowState
from nilometer_logger.engine.windows._budget import ALWAYS, UNBOUNDED, Budget, Need
from nilometer_logger.engine.windows._clock import StreamClock
from nilometer_logger.engine.windows._closing import Unanswered, facts
from nilometer_logger.engine.windows._gaps import Gaps
from nilometer_logger.engine.windows._lateness import Lateness
from nilometer_logger.engine.windows._pane import Pane
from nilometer_logger.engine.windows._panes import Panes
from nilometer_logger.engine.windows._windows import Grid
from nilometer_logger.rows import Rows

_EARLIEST = -(2**62) - 2**61  # late whatever the declaration, and far enough from the end of int64 to reckon with


class Windower:
    """The panes of one monitor over one stream, for windows of time.

    Args:
        monitor: opens the states.
        clock: what the stream's clock says already: windows up to its watermark are closed. None for a new stream.
        budget: in which the panes are reckoned; one without a bound where none is given.

    Attributes:
        monitor: opens the states.
        memory: what the monitor keeps of the stream from window to window.
        written: the memory as the last snapshot has it.
        began: where the stream stood at the first event seen; None before it.
        open: the panes that hold rows, by their start.
        changed: starts of panes that have changed, or gone, since the last snapshot.
        header_changed: whether what `header` returns has.
    """

    def __init__(self, monitor: Monitor, clock: int | None = None, budget: Budget | None = None) -> None:
        self.monitor = monitor
        self.memory = monitor.remember()
        self.written = self.memory.dump()
        self.began: int | None = None
        self.header_changed = False
        self._delay = monitor.windows.watermark_delay
        self._grid = Grid(monitor.windows)
        self._lateness = Lateness()
        self._gaps = Gaps()
        self._held: dict[int, list[Rows]] = {}  # by the last window that each row must not get into
        self._panes = Panes(monitor, self._grid, self._reached(StreamClock(clock).now), budget or Budget(UNBOUNDED))
        self.open = self._panes.open
        self.changed = self._panes.changed

    def _reached(self, clock: int) -> int:
        return self._grid.ended(clock - self._delay)

    def begin(self, time: int) -> None:
        """Tells where the stream stands before rows are put in; the first call says where the monitor began.

        Args:
            time: of the event, or what the clock said before it if that is later.
        """
        if self.began is None:
            self.began = time
            self.header_changed = True
        if self._gaps.end(time):
            self.header_changed = True

    def note_gap(self, records: int, clock: int) -> None:
        """Takes note that records of the log were lost.

        Args:
            records: how many, at least.
            clock: what the stream's clock says.
        """
        self._forget_gaps()
        self._gaps.add(records, clock)
        self.header_changed = True

    def _forget_gaps(self) -> None:
        start, _ = self._grid.window(self._panes.ended + 1)
        self._gaps.forget(start)

    def add(self, rows: Rows, clock_before: NDArray[np.int64]) -> NDArray[np.int64]:
        """Puts rows into their panes.

        Args:
            rows: a block in the order of the log.
            clock_before: shape (rows,); what the stream's clock said before each row's event; never falling.

        Returns:
            Shape (rows,): for how many windows each row was late; 0 where it was in time for all.
        """
        if not len(rows):
            return np.zeros(0, dtype=np.int64)
        if self._reached(int(clock_before[-1])) > self._grid.ended(int(rows.times.min())):
            return self._sort_out(rows, clock_before)
        self._panes.put(rows)
        return np.zeros(len(rows), dtype=np.int64)

    def _sort_out(self, rows: Rows, clock_before: NDArray[np.int64]) -> NDArray[np.int64]:
        watermarks = clock_before - self._delay
        times = np.maximum(rows.times, _EARLIEST)
        reached = self._grid.ended(watermarks)
        before, newest = self._grid.ended(times), self._grid.started(times)
        late: NDArray[np.int64] = np.maximum(np.minimum(reached, newest) - before, 0)
        missed = np.flatnonzero(late)
        if len(missed):
            first = before[missed] + 1
            self._lateness.count(self._grid, watermarks[missed], first, first + late[missed] - 1)
            self.header_changed = True
        in_time = reached < newest
        held = in_time & (late > 0) & (reached > self._panes.ended)
        direct = np.flatnonzero(in_time & ~held)
        if len(direct):
            self._panes.put(rows if len(direct) == len(rows) else rows.take(direct))
        for number in np.unique(reached[held]).tolist():
            chosen = np.flatnonzero(held & (reached == number))
            self._held.setdefault(number, []).append(rows.take(chosen))
        return late

    def note_duplicates(self, count: int) -> None:
        """Counts events that were passed over as duplicates."""
        if count:
            self._lateness.duplicates += count
            self.header_changed = True

    def may_close(self, clocks: NDArray[np.int64], before: int) -> NDArray[np.bool_]:
        """Tells where a window may close, from the declaration alone; elsewhere `close` would find nothing.

        Args:
            clocks: shape (records,); what the stream's clock says after each of some records; never falling.
            before: what it said before the first.

        Returns:
            Shape (records,): whether the watermark has come past an end with that record.
        """
        reached = self._grid.ended(np.concatenate(([before], clocks)) - self._delay)
        passed: NDArray[np.bool_] = reached[1:] != reached[:-1]
        return passed

    def close(self, clock: int, closed_by: ClosedBy, unanswered: Unanswered) -> list[tuple[ClosedWindow, WindowState]]:
        """Closes the windows whose end the watermark has reached.

        Args:
            clock: what the stream's clock says now.
            closed_by: what has moved it.
            unanswered: tells how many requests from one time until before another wait for their response.

        Returns:
            The closed windows that hold rows, in the order of their ends, each with its state.
        """
        ended = self._end(self._reached(clock))
        return [self._told(*window, clock, closed_by, unanswered) for window in ended]

    def drain(self, clock: int, unanswered: Unanswered) -> list[tuple[ClosedWindow, WindowState]]:
        """Closes all windows, because the input has ended; those that the watermark has not reached are partial."""
        ended = self._end(self._reached(clock)) + self._panes.end_all()
        return [self._told(*window, clock, "drained", unanswered) for window in ended]

    def _end(self, number: int) -> list[tuple[int, Pane]]:
        ended: list[tuple[int, Pane]] = []
        for missed in sorted(self._held):
            ended += self._panes.end(missed)
            for rows in self._held.pop(missed):
                self._panes.put(rows)
        return ended + self._panes.end(number)

    def _told(
        self, start: int, window: Pane, clock: int, closed_by: ClosedBy, unanswered: Unanswered
    ) -> tuple[ClosedWindow, WindowState]:
        end, watermark = start + self.monitor.windows.size, clock - self._delay
        self.header_changed |= not self._lateness.is_empty
        lost = self._gaps.lost(start)
        told = facts(
            start,
            end,
            window,
            self._lateness,
            unanswered,
            closed_by=closed_by,
            watermark=watermark,
            partial=self.began is None or start < self.began or end > watermark or lost > 0,
            lost=lost,
        )
        return told, window.state

    @property
    def always(self) -> int:
        """How many panes of the monitor may be open in a partition in any case."""
        return self._grid.panes_a_window + ALWAYS - 1

    def pane_of(self, time: int) -> int:
        """Returns the start of the pane that a time lies in."""
        return self._grid.pane(time)[0]

    def needed(self, time: int, clock_before: int, rows: int, more: int) -> Need | None:
        """Tells what an event needs; None where it is late for all windows.

        Args:
            time: of the event.
            clock_before: what the stream's clock said before it.
            rows: how many it has.
            more: rows of events before it that the pane has not taken yet.
        """
        return self._panes.needed(time, self._reached(clock_before), rows, more)

    def most_needed(self, first: int, last: int, events: int, rows: int) -> int:
        """Tells what some events may add to the budget, at most.

        Args:
            first: the smallest of their times.
            last: the largest.
            events: how many there are.
            rows: how many rows they have.
        """
        return min(events, self._panes.between(first, last)) * self._panes.new_bytes(rows)

    def release(self) -> None:
        """Reckons its panes no more, because it is dropped."""
        self._panes.release()

    def due(self) -> int | None:
        """Tells what the clock must reach for the next window to close; None where none is open."""
        end = self._panes.next_end()
        return None if end is None else end + self._delay

    def header(self) -> list[Any]:
        """Returns what a snapshot must hold beside the panes."""
        self._forget_gaps()
        return [self.began, *self._lateness.header(), *self._gaps.header()]

    def recall(self, memory: bytes) -> None:
        """Takes up the memory that a snapshot held.

        Raises:
            StateError: if it cannot be read.
        """
        self.memory, self.written = self.monitor.remember(memory), memory

    def restore(self, header: Iterable[Any], panes: Mapping[int, Pane], clock: int) -> None:
        """Takes up what a snapshot held.

        Args:
            header: what `header` returned.
            panes: what was in `open`.
            clock: what the stream's clock said.
        """
        self.began, by, latest, duplicates, *gaps = header
        self._lateness = Lateness.read([by, latest, duplicates])
        self._gaps = Gaps.read(gaps)
        self._held.clear()
        self._panes.restore(panes, self._reached(clock))
