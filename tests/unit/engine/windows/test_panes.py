"""Sliding windows share their rows by panes, and are what they would be if each kept its own."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.cloudevents.kserve import Half
from nilometer_logger.engine.protocol import LATE_BOUNDS, ClosedWindow, WindowSpec
from nilometer_logger.engine.windows import CountWindower, StreamClock, Windower, windower_of
from nilometer_logger.rows import Rows
from nilometer_logger.times import SECOND
from tests.unit.engine.counting import Counting, seconds
from tests.unit.engine.watch import Watch, restarted, rows_at, unknown

HALVES: tuple[Half, ...] = ("request", "response")
UNIT = SECOND // 2


@dataclass
class Told:
    """A state that writes down all that was done to it: two are equal only if they were made in the very same way."""

    texts: dict[str, str] = field(default_factory=lambda: dict.fromkeys(HALVES, ""))
    merges: list[int] = field(default_factory=lambda: [0])

    def update(self, rows: Rows) -> None:
        """Takes rows, one after the other."""
        self.texts[rows.half] = " ".join([self.texts[rows.half], *rows.ids])

    def merge(self, other: Self) -> None:
        """Takes another state's."""
        self.merges[0] += 1
        self.texts = {half: f"({text}|{other.texts[half]})" for half, text in self.texts.items()}

    def dump(self) -> bytes:
        """Writes the state."""
        return msgspec.msgpack.encode(self.texts)

    @property
    def numbers(self) -> list[int]:
        """The numbers of all rows, ascending."""
        return sorted(int(number) for text in self.texts.values() for number in re.findall(r"\d+", text))


@dataclass(frozen=True)
class Telling(Counting):
    """A monitor whose states tell how they were made; `merges` counts them."""

    merges: list[int] = field(default_factory=lambda: [0])

    def open(self) -> Any:
        """Makes an empty state."""
        return Told(merges=self.merges)

    def load(self, blob: bytes) -> Any:
        """Reads a state."""
        return Told(msgspec.msgpack.decode(blob), self.merges)


class Seen(NamedTuple):
    """One row, an event of its own."""

    time: int
    half: Half


Log = Sequence[Sequence[Seen]]
Result = list[tuple[ClosedWindow, Any]]


@st.composite
def specs(draw: st.DrawFn) -> WindowSpec:
    """Draws sliding windows; the slide need not divide the size."""
    size = draw(st.integers(1, 24))
    slide = draw(st.integers(1, min(size, 3)) | st.integers(1, size))
    return WindowSpec(size * UNIT, slide * UNIT, draw(st.integers(0, 6)) * UNIT, draw(st.integers(-7, 7)) * UNIT)


@st.composite
def logs(draw: st.DrawFn) -> Log:
    """Draws records of rows in some disorder, with a leap now and then."""
    ahead = st.sampled_from([0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 3, 5, 40])
    back = st.sampled_from([0, 0, 0, 0, 1, 2, 3, 4, 7, 12, 25, 200, 9000])
    steps = st.tuples(st.tuples(ahead, back), st.sampled_from(HALVES))
    log, now = [], 0
    for record in draw(st.lists(st.lists(steps, min_size=1, max_size=4), max_size=25)):
        rows = []
        for (forth, late), half in record:
            now += forth
            rows.append(Seen((now - late) * UNIT, half))
        log.append(rows)
    return log


def clock_after(clock: int, record: Sequence[Seen]) -> int:
    """Returns what a clock says after a record."""
    return max([clock, *(row.time for row in record)])


def expected(spec: WindowSpec, log: Log) -> list[tuple[ClosedWindow, list[int]]]:
    """Returns what a list of rows for each window gives: slow and obvious."""
    clock = StreamClock().now
    rows: dict[int, list[tuple[int, int]]] = defaultdict(list)
    late: list[int] = []
    found, number = [], 0
    for record in log:
        for row in record:
            for start in range(
                spec.offset + (row.time - spec.offset) // spec.slide * spec.slide, 0 - 10**15, -spec.slide
            ):
                if start + spec.size <= row.time:
                    break
                behind = clock - spec.watermark_delay - start - spec.size
                if behind >= 0:
                    late.append(behind)
                else:
                    rows[start].append((row.time, number))
            clock = max(clock, row.time)
            number += 1
        watermark = clock - spec.watermark_delay
        for start in sorted(start for start in rows if start + spec.size <= watermark):
            held = rows.pop(start)
            places = [sum(each > bound for bound in LATE_BOUNDS) for each in late]
            window = ClosedWindow(
                start=start,
                end=start + spec.size,
                closed_by="watermark",
                watermark=watermark,
                partial=start < log[0][0].time,
                late_since_last=len(late),
                late_by=tuple(places.count(place) for place in range(len(LATE_BOUNDS) + 1)),
                latest=max(late, default=0),
                duplicates_since_last=0,
                unanswered=None,
                first_event_time=min(held)[0],
                last_event_time=max(held)[0],
            )
            late.clear()
            found.append((window, sorted(name for _, name in held)))
    return found


def read(windower: Windower | CountWindower, log: Log, clock: int, first: int) -> Result:
    """Puts in records as one run, as a partition does: the rows of each half together; then closes what is due.

    Args:
        windower: takes them.
        log: the records.
        clock: what the stream's clock said before.
        first: the number of the first row.
    """
    before = StreamClock(clock).observe([row.time for record in log for row in record])
    windower.begin(max(log[0][0].time, clock))
    for half in HALVES:
        parts, clocks, place = [], [], 0
        for record in log:
            for row in record:
                if row.half == half:
                    parts.append(rows_at([row.time], first + place, half))
                    clocks.append(before[place])
                place += 1
        if parts:
            windower.add(Rows.concatenate(parts), np.array(clocks))
    now = max(clock_after(clock, record) for record in log)
    return windower.close(now, "watermark", unknown)


def record_by_record(spec: WindowSpec, log: Log, restarts: Sequence[bool]) -> Result:
    """Reads each record by itself, and goes on from a snapshot after some of them."""
    windower: Windower | CountWindower = windower_of(Telling(windows=spec))
    clock, first, found = StreamClock().now, 0, []
    for block, record in enumerate(log):
        found += read(windower, [record], clock, first)
        clock, first = clock_after(clock, record), first + len(record)
        if restarts[block % len(restarts)]:
            windower = restarted(windower, clock)
    return found


def run_by_run(spec: WindowSpec, log: Log) -> Result:
    """Reads as many records at once as the windower allows."""
    windower = windower_of(Telling(windows=spec))
    clock = before = StreamClock().now
    clocks = [clock := clock_after(clock, record) for record in log]
    ends = [number + 1 for number in np.flatnonzero(windower.may_close(np.array(clocks, dtype=np.int64), before))]
    found, begin = [], 0
    for end in [*ends, len(log)]:
        if run := log[begin:end]:
            found += read(windower, run, clocks[begin - 1] if begin else before, sum(map(len, log[:begin])))
        begin = end
    return found


@given(specs(), logs(), st.lists(st.booleans(), min_size=1, max_size=7))
def test_shared_windows_are_what_each_would_be_by_itself(spec: WindowSpec, log: Log, restarts: list[bool]) -> None:
    """Rows, facts and late rows are those of a list for each window, with snapshots in between."""
    found = record_by_record(spec, log, restarts)

    assert [(window, state.numbers) for window, state in found] == expected(spec, log)


@given(specs(), logs(), st.lists(st.booleans(), min_size=1, max_size=7))
def test_a_restart_does_not_change_a_bit(spec: WindowSpec, log: Log, restarts: list[bool]) -> None:
    """What was merged before is lost, and merged again in the same order."""
    straight, stopped = record_by_record(spec, log, [False]), record_by_record(spec, log, restarts)

    assert [state.texts for _, state in stopped] == [state.texts for _, state in straight]


@given(specs(), logs())
def test_records_read_at_once_do_not_change_a_bit(spec: WindowSpec, log: Log) -> None:
    """A run that ends where a window may close is read like its records one by one."""
    one_by_one, at_once = record_by_record(spec, log, [False]), run_by_run(spec, log)

    assert [window for window, _ in at_once] == [window for window, _ in one_by_one]
    assert [state.texts for _, state in at_once] == [state.texts for _, state in one_by_one]


@given(specs(), logs())
def test_what_is_drained_is_all_that_was_in_time(spec: WindowSpec, log: Log) -> None:
    """The end of the input closes what a far future would, and the same rows are in it."""
    windower = windower_of(Telling(windows=spec))
    clock = before = StreamClock().now
    for record in log:
        clock = clock_after(clock, record)
    if not log:
        return
    drained = read_and_drain(windower, log, before, clock)
    far = [*log, [Seen(clock + 10**6 * UNIT, "request")]]
    closed = expected(spec, far)

    assert [(window.start, state.numbers) for window, state in drained] == [
        (window.start, rows) for window, rows in closed
    ]
    assert windower.open == {}


def read_and_drain(windower: Windower | CountWindower, log: Log, clock: int, now: int) -> Result:
    """Reads each record by itself, and then the input has ended."""
    found, first = [], 0
    for record in log:
        found += read(windower, [record], clock, first)
        clock, first = clock_after(clock, record), first + len(record)
    return found + windower.drain(now, unknown)


def test_a_window_costs_at_most_four_merges() -> None:
    """However many panes it has: an hour that moves on by the minute is not merged from sixty panes every minute."""
    monitor = Telling(windows=seconds(60, slide=1))
    windower = windower_of(monitor)
    log = [[Seen(second * SECOND, "request")] for second in range(600)]
    closed: Result = []
    for second, record in enumerate(log):
        closed += read(windower, [record], (second - 1) * SECOND, second)

    assert len(closed) == 599
    assert monitor.merges[0] <= 4 * len(closed)


def test_disorder_within_the_delay_costs_no_merges() -> None:
    """Rows that are in time everywhere are behind all that was merged."""
    monitor = Telling(windows=seconds(60, slide=1, delay=5))
    windower = windower_of(monitor)
    closed: Result = []
    for second in range(600):
        rows = [Seen(second * SECOND, "request"), Seen((second - 4) * SECOND, "request")]
        closed += read(windower, [rows], (second - 1) * SECOND, 2 * second)

    assert monitor.merges[0] <= 4 * len(closed)


def test_a_late_row_is_in_the_windows_that_are_still_open() -> None:
    """What was merged of its pane before it came is merged again, wherever in a window the pane lies."""
    for late in range(11, 40):
        watch = Watch(seconds(30, slide=10))
        watch.see(5, 15, 25, 35, 40)
        watch.closed()
        watch.see(late, 70)

        found = watch.closed_rows()

        assert {start for start, rows in found.items() if 5 in rows} == {20, 30, 40} & set(
            range(late // 10 * 10 - 20, late + 1, 10)
        )


def test_a_tumbling_window_is_one_pane_and_costs_no_merge() -> None:
    """Its state is told as it is."""
    monitor = Telling(windows=seconds(10))
    watch = Watch(monitor.windows, monitor)
    watch.see(1, 2, 11)

    [(_, state)] = watch.windower.close(watch.clock.now, "watermark", unknown)

    assert (monitor.merges[0], state.numbers) == (0, [0, 1])


def test_a_closed_window_leaves_its_panes_as_they_are() -> None:
    """The next one needs them, and so does the next snapshot."""
    watch = Watch(seconds(30, slide=10))
    watch.see(5, 15, 25, 30)
    before = {start: pane.state.dump() for start, pane in watch.windower.open.items()}
    assert watch.closed_rows() == {-20: [0], -10: [0, 1], 0: [0, 1, 2]}

    after = {start: pane.state.dump() for start, pane in watch.windower.open.items()}

    assert after == {start: dump for start, dump in before.items() if start > 0}


def test_a_row_goes_into_one_pane_only() -> None:
    """However many windows it lies in: an hour that moves on by the minute writes one state, not sixty."""
    watch = Watch(seconds(3600, slide=60))
    watch.see(100)

    assert list(watch.windower.open) == [60 * SECOND]
