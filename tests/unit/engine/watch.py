"""A windower and its clock, as a partition drives them: record by record, in seconds."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nilometer_logger.cloudevents.kserve import Half
from nilometer_logger.engine.protocol import ClosedWindow, Monitor, WindowSpec
from nilometer_logger.engine.windows import CountWindower, Pane, StreamClock, Windower, windower_of
from nilometer_logger.rows import Rows
from nilometer_logger.times import SECOND
from tests.unit.engine.counting import ONE_COLUMN, Counting


def rows_at(times: Sequence[int], first: int = 0, half: Half = "request") -> Rows:
    """Makes rows of one record, each an event of its own whose id and value are its number.

    Args:
        times: nanoseconds, one a row.
        first: the number of the first row.
        half: which half they are of.
    """
    numbers = np.arange(first, first + len(times))
    return Rows(
        half=half,
        schema=ONE_COLUMN,
        values=numbers[:, None].astype(np.float64),
        times=np.array(times, dtype=np.int64),
        ids=[str(number) for number in numbers],
        numbers=np.zeros(len(times), dtype=np.int64),
        hashes=numbers.astype(np.uint64),
    )


def restarted(windower: Windower | CountWindower, clock: int) -> Windower | CountWindower:
    """Writes a windower down as a snapshot does, and reads it again."""
    monitor: Any = windower.monitor
    panes = {key: Pane(monitor.load(pane.state.dump()), pane.first, pane.last) for key, pane in windower.open.items()}
    again = windower_of(windower.monitor)
    again.restore(windower.header(), panes, clock)
    return again


class Watch:
    """A windower and its clock; each row is an event of its own, and is known by its number."""

    def __init__(self, spec: WindowSpec, monitor: Monitor | None = None) -> None:
        self.windower = windower_of(monitor or replace(Counting(), windows=spec))
        self.clock = StreamClock()
        self._count = 0

    def see(self, *times: float, half: Half = "request") -> int:
        """Puts in one record of events and returns how many (row, window) pairs were late."""
        nanoseconds = [round(time * SECOND) for time in times]
        rows = rows_at(nanoseconds, self._count, half)
        self._count += len(times)
        self.windower.begin(max(nanoseconds[0], self.clock.now))
        return int(self.windower.add(rows, self.clock.observe(nanoseconds)).sum())

    def gap(self, records: int) -> None:
        """Loses records."""
        self.windower.note_gap(records, self.clock.now)

    def closed(self) -> list[tuple[ClosedWindow, list[int]]]:
        """Closes what is due; returns each window's facts and the numbers of its rows."""
        found = self.windower.close(self.clock.now, "watermark", unknown)
        return [(window, [int(row[1]) for row in state.rows]) for window, state in found]

    def drained(self) -> list[tuple[ClosedWindow, list[int]]]:
        """Closes all; returns each window's facts and the numbers of its rows."""
        found = self.windower.drain(self.clock.now, unknown)
        return [(window, [int(row[1]) for row in state.rows]) for window, state in found]

    def closed_rows(self) -> dict[float, list[int]]:
        """Closes what is due; returns the numbers of each window's rows by its start."""
        return {window.start / SECOND: sorted(rows) for window, rows in self.closed()}

    def restart(self) -> None:
        """Goes on from a snapshot."""
        self.windower = restarted(self.windower, self.clock.now)


def unknown(start: int, end: int) -> None:
    """Tells nothing of the requests between two times."""
