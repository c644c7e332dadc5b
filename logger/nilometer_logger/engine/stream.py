"""A stream that at least one monitor watches: its clock, what waits for its other half, and the windows over it.

Events come in *runs*: those of consecutive records that were read at once. A run is cut after every record at which a
window may close, and each piece is put into the windows as one block, so that the work is done for hundreds of events
in a few numpy calls and yet every window, every count of late rows and every pair is what it would be, had the records
come one by one. How many records a run holds is an accident of reading; no result may depend on it.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.cloudevents.kserve import Half, Stream
from nilometer_logger.decoding.inferences import Inferences, RecordBatch, StreamBatch
from nilometer_logger.engine import snapshots
from nilometer_logger.engine.binding import Batch, rows_of
from nilometer_logger.engine.counters import StreamCounters
from nilometer_logger.engine.dormancy import DormantStream, DormantWindows
from nilometer_logger.engine.late import late_messages
from nilometer_logger.engine.limits import PartitionLimits
from nilometer_logger.engine.outbox import Outbox
from nilometer_logger.engine.pairing import PairingTable, Pool
from nilometer_logger.engine.protocol import ClosedBy, Monitor
from nilometer_logger.engine.windows import Budget, CountWindower, StreamClock, Windower, windower_of
from nilometer_logger.topics import Message

_HALVES: tuple[Half, ...] = ("request", "response")
_NEVER = 2**63 - 1
WriteDeadLetter = Callable[[Message], None]


class StreamState:
    """One watched stream.

    Args:
        stream: whose events these are.
        limits: of the partition.
        outbox: takes what is found.
        pool: the room for halves that the streams of a partition share.
        budget: of the partition's open windows.
        clock: where the stream stood when a snapshot was taken; None for one never seen.
        last_arrival: of its last event in Kafka, in nanoseconds.

    Attributes:
        windowers: one a monitor.
        pairing: halves that wait.
        counters: for metrics.
    """

    def __init__(
        self,
        stream: Stream,
        limits: PartitionLimits,
        outbox: Outbox,
        pool: Pool,
        budget: Budget,
        *,
        clock: int | None = None,
        last_arrival: int = 0,
    ) -> None:
        self.stream = stream
        self.text = str(stream)
        self.windowers: list[Windower | CountWindower] = []
        self.pairing = PairingTable(limits.pending, pool)
        self.counters = StreamCounters(self.text)
        self.last_arrival = last_arrival
        self.clock = StreamClock(clock)
        self._limits = limits
        self._outbox = outbox
        self._budget = budget
        self._idle_at: int | None = None
        self._settled = self.clock.now  # at the last record after which windows were closed

    def watch(self, monitor: Monitor) -> Windower | CountWindower:
        """Begins the windows of a monitor where the stream stands."""
        windower = windower_of(monitor, self.clock.now, self._budget)
        self.windowers.append(windower)
        return windower

    def watch_only(self, names: Container[str]) -> Iterator[snapshots.Change]:
        """Drops the windows of all other monitors; gives what deletes them from the state."""
        dropped = [windower for windower in self.windowers if windower.monitor.name not in names]
        self.windowers = [windower for windower in self.windowers if windower.monitor.name in names]
        self._idle_at = None
        for windower in dropped:
            windower.release()
            yield from _end_of(windower, self.text)

    def most_needed(self, run: StreamBatch) -> int:
        """Tells what a run may add to the budget, at most."""
        if not run.blocks:
            return 0
        times = np.concatenate([block.inferences.times for block in run.blocks])
        rows = sum(payload.rows for block in run.blocks for payload in block.inferences.payloads)
        first, last = int(times.min()), int(times.max())
        return sum(windower.most_needed(first, last, len(times), rows) for windower in self.windowers)

    def refused(self, inferences: Inferences) -> dict[int, str]:
        """Finds the events of a record whose windows have no room.

        Each is looked at as if those before it had been taken in. An event has one time, so a monitor needs one pane
        for all of its rows. A window that is open grows with its rows, and is not let to grow beyond the room either.

        Returns:
            The name of the monitor that has no room, by the event's place.
        """
        found: dict[int, str] = {}
        added, clock = 0, self.clock.now
        more: Counter[tuple[int, int]] = Counter()  # rows by windower and pane
        panes = Counter(self._budget.panes)
        events = zip(inferences.times.tolist(), inferences.are_requests.tolist(), inferences.payloads, strict=True)
        for place, (time, is_request, payload) in enumerate(events):
            wanted: list[tuple[int, int]] = []
            opened: Counter[str] = Counter()
            size = 0
            for number, windower in enumerate(self.windowers):
                monitor = windower.monitor
                if not len(monitor.features if is_request else monitor.predictions):
                    continue
                pane = windower.pane_of(time)
                need = windower.needed(time, clock, payload.rows, more[number, pane])
                if need is None:
                    continue
                size += need.added_bytes
                wanted.append((number, pane))
                opened[monitor.name] += need.opened
                in_any_case = panes[monitor.name] + need.opened <= windower.always
                if not in_any_case and not self._budget.has_room(added + size):
                    found[place] = monitor.name
                    break
            else:
                added += size
                more.update(dict.fromkeys(wanted, payload.rows))
                panes.update(opened)
                clock = max(clock, time)
        return found

    def take_in(self, run: StreamBatch, write_dead_letter: WriteDeadLetter, *, is_open: bool = False) -> Iterator[None]:
        """Takes in the stream's events of some records.

        Args:
            run: of this stream, not empty.
            write_dead_letter: sets aside the events that do not fit a monitor.
            is_open: whether the last record goes on: its windows close when `settle` says that it has ended.

        Yields:
            Between its pieces: what was found so far may leave.
        """
        self._idle_at = None
        if run.blocks:
            before = self.clock.observe(np.concatenate([block.inferences.times for block in run.blocks]))
            after = np.append(before[1:], self.clock.now)
            begin = 0
            for blocks, may_close in self._pieces(run.blocks, after, is_open=is_open):
                piece = Batch(self.stream, blocks)
                end = begin + len(piece.inferences)
                self._pair(blocks)
                self._put(piece, before[begin:end], int(after[begin]), write_dead_letter)
                if may_close:
                    self._note_duplicates(run, blocks[-1].record.offset)
                    self._close(int(after[end - 1]), "watermark")
                begin = end
                yield
        self._note_duplicates(run, _NEVER)

    def _pieces(
        self, blocks: Sequence[RecordBatch], after: NDArray[np.int64], *, is_open: bool
    ) -> Iterator[tuple[Sequence[RecordBatch], bool]]:
        """Cuts a run after each record at which a window may close; the last piece may end elsewhere."""
        ended = blocks[:-1] if is_open else blocks
        first = 0
        if ended:
            clocks = after[np.cumsum([len(block.inferences) for block in ended]) - 1]
            for end in (np.flatnonzero(self._may_close(clocks)) + 1).tolist():
                yield blocks[first:end], True
                first = end
            self._settled = int(clocks[-1])
        if first < len(blocks):
            yield blocks[first:], False

    def _may_close(self, clocks: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tells after which records a window may close, by what the clock says after each."""
        closing = np.zeros(len(clocks), dtype=np.bool_)
        for windower in self.windowers:
            closing |= windower.may_close(clocks, self._settled)
        return closing

    def settle(self) -> None:
        """Closes what is due at the end of a record that was taken in by parts."""
        clock = self.clock.now
        if self._may_close(np.array([clock])).any():
            self._close(clock, "watermark")
        self._settled = clock

    def _put(self, piece: Batch, before: NDArray[np.int64], begun: int, write_dead_letter: WriteDeadLetter) -> None:
        for windower in self.windowers:
            windower.begin(begun)
            for half in _HALVES:
                rows, clocks, dead = rows_of(windower.monitor, piece, half, before)
                for message in dead:
                    write_dead_letter(message)
                if rows is None:
                    continue
                self.counters.rows += len(rows)
                late = windower.add(rows, clocks)
                if late.any():
                    self.counters.late += int(late.sum())
                    if windower.monitor.wants_late:
                        self._outbox.messages += late_messages(windower.monitor, piece, half, rows, late)
                windower.memory.update(rows)
                self._outbox.outliers += windower.monitor.score(self.stream, rows, windower.memory)

    def _pair(self, blocks: Sequence[RecordBatch]) -> None:
        """Lets halves meet; what has waited its time, by the arrivals in Kafka, pairs no more."""
        for record, found in blocks:
            self.last_arrival = max(self.last_arrival, record.timestamp)
            self.pairing.expire(self.last_arrival - self._limits.pairing)
            self.pairing.put_all(found.ids, found.are_requests, found.times, record.timestamp)
            self.counters.untimed += int(found.untimed.sum())

    def _note_duplicates(self, run: StreamBatch, block: int) -> None:
        """Counts the duplicates up to a record, before the windows that close there are told of them."""
        count = sum(number <= block for number in run.duplicates)
        if count:
            run.duplicates = [number for number in run.duplicates if number > block]
            self.counters.duplicates += count
            for windower in self.windowers:
                windower.note_duplicates(count)

    def advance_idle(self, clock: int) -> None:
        """Moves the clock on without an event."""
        self.clock.advance(clock)
        self._idle_at = None
        self._settled = self.clock.now
        self._close(self.clock.now, "quiet")

    def note_gap(self, records: int) -> None:
        """Takes note that records of the log were lost, some of which may have been of this stream."""
        for windower in self.windowers:
            windower.note_gap(records, self.clock.now)

    def drain(self) -> None:
        """Closes everything, because the input has ended."""
        for windower in self.windowers:
            for window, state in windower.drain(self.clock.now, self.pairing.unanswered):
                self._outbox.findings += windower.monitor.close(self.stream, window, state, windower.memory)

    def _close(self, clock: int, closed_by: ClosedBy) -> None:
        needed = clock
        for windower in self.windowers:
            for window, state in windower.close(clock, closed_by, self.pairing.unanswered):
                self._outbox.findings += windower.monitor.close(self.stream, window, state, windower.memory)
            spec = windower.monitor.windows
            needed = min(needed, clock - spec.watermark_delay - spec.size)
            needed = min([needed, *(pane.first for pane in windower.open.values())]) if spec.count else needed
        self.pairing.forget(needed)

    @property
    def has_begun(self) -> bool:
        """Whether an event was ever taken in; what could not be used leaves no trace in the state."""
        return self.clock.now > StreamClock().now

    @property
    def idle_at(self) -> int:
        """The time on the wall at which silence closes the next window; far in the future where none is open."""
        if self._idle_at is None:
            self._idle_at = min(
                (
                    max(due, self.last_arrival + windower.monitor.windows.watermark_delay)
                    for windower in self.windowers
                    if (due := windower.due()) is not None
                ),
                default=_NEVER,
            )
        return self._idle_at

    def read_counters(self) -> StreamCounters:
        """Tells how the stream stands."""
        counters = self.counters
        counters.clock = self.clock.now
        counters.watermark_delay = max((each.monitor.windows.watermark_delay for each in self.windowers), default=0)
        counters.open_windows = sum(len(each.open) for each in self.windowers)
        counters.pending, counters.overflowed = len(self.pairing), self.pairing.overflowed
        return counters

    def is_idle(self, arrived_before: int) -> bool:
        """Tells whether the stream may become dormant.

        Args:
            arrived_before: its last event must have arrived then or before.
        """
        if self.last_arrival > arrived_before or len(self.pairing):
            return False
        return not any(windower.open for windower in self.windowers)

    def changes(self) -> Iterator[snapshots.Change]:
        """Gives what has changed since the last call, for a snapshot."""
        yield (
            snapshots.key("clock", self.text),
            snapshots.value(self.clock.now, self.last_arrival, self.pairing.has_response),
        )
        for chunk, blob in self.pairing.changes():
            yield snapshots.key("pending", self.text, chunk), None if blob is None else snapshots.value(blob)
        for windower in self.windowers:
            yield from _changes_of(windower, self.text)

    def lie_down(self) -> tuple[DormantStream, list[snapshots.Change]]:
        """Returns what is left of an idle stream, and what has changed since the last call of `changes`."""
        for windower in self.windowers:
            windower.header_changed = True  # so that the state holds all that is left
        changes = dict(self.changes())
        changes[snapshots.key("clock", self.text)] = snapshots.value(
            self.clock.now, self.last_arrival, self.pairing.has_response, True
        )
        windows = [_left_of(windower) for windower in self.windowers]
        left = DormantStream(self.last_arrival, self.clock.now, self.pairing.has_response, windows, self.pairing.dump())
        return left, list(changes.items())

    def take_up(self, left: DormantStream) -> None:
        """Takes up what is left of the stream, whose clock and windowers are there already.

        Raises:
            StateError: if it cannot be read.
        """
        self.pairing.has_response = left.has_response
        for chunk, blob in left.pending:
            self.pairing.load(chunk, blob)
        found = {(windows.name, windows.digest): windows for windows in left.windows}
        for windower in self.windowers:
            if windows := found.get((windower.monitor.name, windower.monitor.digest)):
                windower.restore(windows.header, {}, self.clock.now)
                if windows.memory:
                    windower.recall(windows.memory)

    def end(self) -> Iterator[snapshots.Change]:
        """Gives what deletes the stream from the state, once nobody watches it any more."""
        for name, _ in self.changes():  # a chunk that is gone since the last snapshot is in the state as well
            yield name, None
        for chunk in self.pairing.chunks():
            yield snapshots.key("pending", self.text, chunk), None
        for windower in self.windowers:
            windower.release()
            yield from _end_of(windower, self.text)


def _left_of(windower: Windower | CountWindower) -> DormantWindows:
    monitor = windower.monitor
    return DormantWindows(monitor.name, monitor.digest, windower.header(), windower.written)


def _changes_of(windower: Windower | CountWindower, text: str) -> Iterator[snapshots.Change]:
    monitor = windower.monitor
    about = monitor.name, monitor.digest, text
    if windower.header_changed:
        yield snapshots.key("monitor", *about), snapshots.value(*windower.header())
        windower.header_changed = False
    for number in windower.changed:
        pane = windower.open.get(number)
        yield (
            snapshots.key("pane", *about, number),
            snapshots.value(pane.first, pane.last, pane.state.dump(), pane.rows) if pane else None,
        )
    windower.changed.clear()
    memory = windower.memory.dump()
    if memory != windower.written:
        yield snapshots.key("memory", *about), snapshots.value(memory)
        windower.written = memory


def _end_of(windower: Windower | CountWindower, text: str) -> Iterator[snapshots.Change]:
    """Gives what deletes the windows of one monitor over one stream from the state."""
    about = windower.monitor.name, windower.monitor.digest, text
    yield snapshots.key("monitor", *about), None
    if windower.written or windower.memory.dump():
        yield snapshots.key("memory", *about), None
    for number in windower.changed | windower.open.keys():
        yield snapshots.key("pane", *about, number), None
