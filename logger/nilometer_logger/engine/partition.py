"""The state of one input partition: records go in, in the order of offsets; findings and a snapshot come out.

Pure code, so that the worker, an offline replay and a test with a simulated log run the very same. The rules of
exactness are here in small: a record is taken in once (its offset is part of the state); everything that follows from
it (changed windows, findings of closed windows, dead letters) waits in the state until `take` hands it over together
with the offset, to be written as one transaction; outlier findings leave at once.

Which monitors run is told by the log too. A partition without any state begins with all that are loaded. From then on
a monitor starts, ends or is replaced at the *configure* record that says so, with one exception: where a monitor of
the state is not loaded any more, and another declaration of its name is, nobody could go on with the old one, so the
new one takes its place where the state stands.
"""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

import numpy as np
import structlog

from nilometer_logger.cloudevents import CloudEvent, to_kafka
from nilometer_logger.cloudevents.kserve import Stream
from nilometer_logger.deadletters import POSITION, REASON, dead_letter
from nilometer_logger.decoding.inferences import Record, RecordBatch, StreamBatch, by_record
from nilometer_logger.engine import punctuation, snapshots
from nilometer_logger.engine.counters import StreamCounters, Tally
from nilometer_logger.engine.deduplication import Duplicates
from nilometer_logger.engine.dormancy import Dormant, DormantStream, DormantWindows, end_of, period
from nilometer_logger.engine.limits import PartitionLimits
from nilometer_logger.engine.outbox import Outbox
from nilometer_logger.engine.pairing import Pool
from nilometer_logger.engine.protocol import LATE_BOUNDS, Monitor
from nilometer_logger.engine.punctuation import Configure, ExpirePending, Idle, Punctuation
from nilometer_logger.engine.routing import Router, Unused
from nilometer_logger.engine.snapshots import Change, Restored, Snapshot
from nilometer_logger.engine.stream import StreamState
from nilometer_logger.engine.windows import UNBOUNDED, Budget, Pane
from nilometer_logger.errors import EventError, StateError
from nilometer_logger.times import SECOND
from nilometer_logger.topics import Message

_log = structlog.get_logger("nilometer.partition")
_UNWATCHED_REMEMBERED = 1000
# Findings on rows that wait at most, but for those of one piece of a run; and streams between two turns of others.
_MOST_OUTLIERS = 500
_STREAMS_AT_ONCE = 200
_CLOSED_AT_ONCE = 50
_MOST_RECORDS = 500
_MOST_WAITING_BYTES = 16 * 2**20
_FINDING_BYTES_A_COLUMN = 512
_MINUTE = 60 * SECOND
_MANY_ROWS = 2**32


class PartitionState:
    """The windows of the streams that lie in one partition of `inferences`.

    Args:
        monitors: all that are loaded.
        limits: of times and memory.
        tally: takes what is counted of streams that are not in memory; one of its own where none is given.

    Attributes:
        offset: the last record taken in; -1 before the first.
        topic: id and number of partitions of the topic that the records came from; None where it is not known.
        is_settled: whether the state stands between two records, where a snapshot of it may be taken.
    """

    def __init__(self, monitors: Sequence[Monitor], limits: PartitionLimits, tally: Tally | None = None) -> None:
        self.offset = -1
        self.topic: tuple[str, int] | None = None
        self.is_settled = True
        self._limits = limits
        self._loaded = {monitor.name: monitor for monitor in monitors}
        self._running = dict(self._loaded)
        self._active = {monitor.name: monitor.digest for monitor in monitors}
        self._announced: dict[str, str] | None = None
        self._monitors_changed = True
        self._streams: dict[str, StreamState] = {}
        self._touched: dict[str, StreamState] = {}
        self._budget = Budget(limits.window_bytes)
        self._dormant = Dormant(limits.dormant_bytes)
        self._watching: Counter[str] = Counter()  # streams in memory by monitor
        self._arrival = 0  # the largest of a record
        self._overflow_said = self._window_overflow_said = -_MINUTE
        self._tally = tally or Tally()
        self._unwatched: set[str] = set()
        self._seen = Duplicates(limits.duplicates)
        self._router = Router(self, self._seen, self._write_dead_letter, limits)
        self._changes: dict[bytes, bytes | None] = {}
        self._outbox = Outbox()
        self._pool = Pool(limits.all_pending)
        self._taken = -1
        self._has_gap = False  # since the last snapshot

    @property
    def has_findings(self) -> bool:
        """Whether something waits that others would like to see soon."""
        return bool(self._outbox.findings)

    @property
    def has_changed(self) -> bool:
        """Whether a snapshot would hold anything new, and may be taken now."""
        return self.is_settled and (self._has_gap or self.offset > self._taken)

    @property
    def waiting_bytes(self) -> int:
        """Bytes of the findings and other events that wait for the next snapshot."""
        findings = sum(len(finding.data) for finding in self._outbox.findings)
        return findings + sum(len(message.value) for message in self._outbox.messages)

    @property
    def records_at_once(self) -> int:
        """How many records may be taken in before it is looked at what waits: each may close a window.

        A finding has some hundred bytes a column, and a monitor of ten thousand columns makes findings of megabytes.
        """
        columns = max((len(each.features) + len(each.predictions) for each in self._running.values()), default=0)
        return max(1, min(_MOST_RECORDS, _MOST_WAITING_BYTES // (_FINDING_BYTES_A_COLUMN * max(columns, 1))))

    @property
    def has_gap(self) -> bool:
        """Whether records were lost since the last snapshot."""
        return self._has_gap

    @property
    def unwatched(self) -> frozenset[str]:
        """Streams that have shown and that no monitor watches: the first of them."""
        return frozenset(self._unwatched)

    def restore(self, changes: Iterable[Change]) -> None:
        """Takes up the state that an earlier owner left.

        Raises:
            StateError: if the state cannot be read.
        """
        restored = snapshots.read(changes)
        if restored.offset < 0:
            return
        self.offset = self._taken = restored.offset
        self.topic, self._announced = restored.topic, restored.announced
        self._arrival = restored.arrival
        self._take_up_monitors(restored.active)
        self._restore_dormant(restored)
        pending: dict[str, list[tuple[int, bytes]]] = {}
        for (text, chunk), blob in sorted(restored.pending.items()):
            pending.setdefault(text, []).append((chunk, blob))
        for text, (clock, arrival, answers) in restored.clocks.items():
            if watched := self._watch(Stream.parse(text), clock, arrival):
                watched.pairing.has_response = answers
                for chunk, blob in pending.get(text, ()):
                    watched.pairing.load(chunk, blob)
            else:
                self._changes[snapshots.key("clock", text)] = None
        for text, chunk in restored.pending:
            if text not in self._streams:
                self._changes[snapshots.key("pending", text, chunk)] = None
        for chunk, blob in sorted(restored.seen.items()):
            self._seen.load(chunk, blob)
        self._restore_windows(restored)

    def _restore_dormant(self, restored: Restored) -> None:
        """Takes up the streams that are dormant, without making anything of them."""
        windows: dict[str, list[DormantWindows]] = {text: [] for text in restored.dormant}
        for about in [about for about in restored.headers if about[2] in windows]:
            name, digest, text = about
            header, memory = restored.headers.pop(about), restored.memories.pop(about, b"")
            if self._active.get(name) == digest:
                windows[text].append(DormantWindows(name, digest, header, memory))
            else:
                self._changes[snapshots.key("monitor", *about)] = None
                self._changes[snapshots.key("memory", *about)] = None
        pending: dict[str, list[tuple[int, bytes]]] = {text: [] for text in restored.dormant}
        for text, chunk in sorted(key for key in restored.pending if key[0] in windows):
            pending[text].append((chunk, restored.pending.pop((text, chunk))))
        for text in restored.dormant:
            clock, arrival, answers = restored.clocks.pop(text)
            left = DormantStream(arrival, clock, answers, windows[text], pending[text])
            if self._expects(Stream.parse(text)):
                self._dormant.put(text, left)
            else:
                self._changes.update(end_of(text, left))

    def _expects(self, stream: Stream) -> bool:
        """Tells whether a stream is watched, or will be once the log says so."""
        return any(monitor.watches(stream) for monitor in (*self._running.values(), *self._loaded.values()))

    def _take_up_monitors(self, active: dict[str, str]) -> None:
        self._running, self._active = {}, {}
        for name, digest in active.items():
            monitor = self._loaded.get(name)
            if monitor is None:
                _log.warning("monitor ended", monitor=name, reason="it is not loaded any more; its windows are dropped")
                continue
            if monitor.digest != digest:
                _log.warning("monitor starts anew", monitor=name, reason="it was changed; its windows are dropped")
            self._running[name], self._active[name] = monitor, monitor.digest
        self._monitors_changed = self._active != active

    def _restore_windows(self, restored: Restored) -> None:
        panes: dict[tuple[str, str, str], dict[int, Pane]] = {}
        kept = {
            (windower.monitor.name, windower.monitor.digest, text): (windower, watched)
            for text, watched in self._streams.items()
            for windower in watched.windowers
        }
        for (name, digest, text, number), (first, last, blob, rows) in restored.panes.items():
            old = snapshots.key("window" if restored.version == 1 else "pane", name, digest, text, number)
            found = kept.get((name, digest, text))
            if found is None or restored.version == 1:
                self._changes[old] = None
            if found is not None:
                pane = Pane(found[0].monitor.load(blob), first, last, rows)
                panes.setdefault((name, digest, text), {})[number] = pane
        for about, memory in restored.memories.items():
            if about in kept:
                kept[about][0].recall(memory)
            else:
                self._changes[snapshots.key("memory", *about)] = None
        for about, written in restored.headers.items():
            if about not in kept:
                self._changes[snapshots.key("monitor", *about)] = None
                continue
            windower, watched = kept[about]
            try:
                header = _header_of_version_1(*written) if restored.version == 1 else written
                windower.restore(header, panes.get(about, {}), watched.clock.now)
            except (ValueError, TypeError, IndexError) as error:
                raise StateError(f"the state of monitor {about[0]} over {about[2]} cannot be read: {error}") from None
            if restored.version == 1:
                windower.changed.update(windower.open)
                windower.header_changed = True
                self._touched[watched.text] = watched

    def apply(self, records: Iterable[Record]) -> list[CloudEvent]:
        """Takes in the next records; the result does not depend on how many come at once.

        Args:
            records: in the order of offsets, the first larger than `offset`.

        Returns:
            Findings on rows, which leave at once.
        """
        return list(chain.from_iterable(self.steps(records)))

    def steps(self, records: Iterable[Record]) -> Iterator[list[CloudEvent]]:
        """Takes in the next records in steps of bounded work and memory, as `apply` does.

        Between two steps the state stands in the middle of a record: no snapshot may be taken of it (`is_settled`), and
        whoever does not go to the end must not use it any more.

        Yields:
            Findings on rows, which leave at once; after each step, and last when all records are in the state.
        """
        self.is_settled = False
        runs: dict[str, StreamBatch] = {}
        for record in records:
            if record.timestamp > self._arrival:
                if period(record.timestamp, self._limits.idle) != period(self._arrival, self._limits.idle):
                    yield from self._take_in(runs)
                    runs.clear()
                    self._lay_down_idle(record.timestamp - self._limits.idle)
                self._arrival = record.timestamp
            try:
                if record.kind == "punctuation":
                    order = punctuation.decode(record.value or b"")
                    punctuation.check_clocks(order, record.timestamp, self._limits.future)
                    yield from self._take_in(runs)
                    runs.clear()
                    yield from self._apply_punctuation(order)
                else:
                    parts: set[str] = set()
                    for _ in self._router.route(record, runs):
                        parts.update(runs)
                        yield from self._take_in(runs, goes_on=record.offset)
                        runs.clear()
                    if parts:
                        yield from self._end_parts(runs, record.offset, parts)
                        runs.clear()
            except EventError as error:
                self._write_dead_letter(dead_letter(str(error), record.position, record.headers, record.value))
            self.offset = record.offset
            if self._router.is_full:
                yield from self._take_in(runs)
                runs.clear()
        yield from self._take_in(runs)
        self.is_settled = True
        yield self._outbox.take_outliers()

    def _end_parts(self, runs: dict[str, StreamBatch], offset: int, parts: set[str]) -> Iterator[list[CloudEvent]]:
        """Takes in the last part of a record that was decoded by parts, and closes what is due at its end."""
        parts.update(runs)
        yield from self._take_in(runs, goes_on=offset)
        for text in sorted(parts):
            self._streams[text].settle()

    def _take_in(self, runs: dict[str, StreamBatch], goes_on: int = -1) -> Iterator[list[CloudEvent]]:
        """Takes in runs, and yields what was found on their rows where it is much, or where it took long.

        Args:
            runs: by the texts of their streams.
            goes_on: the offset of a record of which more follows.
        """
        self._router.work = 0
        has_room = self._has_room(runs)
        for number, (text, run) in enumerate(runs.items() if has_room else by_record(runs), 1):
            if not has_room:
                self._without_refused(text, run)
            yield from self._take_in_one(text, run, goes_on)
            if number % _STREAMS_AT_ONCE == 0:
                yield self._outbox.take_outliers()
        if goes_on >= 0:
            yield self._outbox.take_outliers()

    def is_watched(self, text: str) -> bool:
        """Tells whether a monitor watches a stream."""
        if text in self._streams:
            return True
        if text in self._unwatched:
            return False
        stream = Stream.parse(text)
        if any(monitor.watches(stream) for monitor in self._running.values()):
            return True
        if text in self._dormant:  # a monitor waits for the log to say so
            return True
        if len(self._unwatched) < _UNWATCHED_REMEMBERED:
            self._unwatched.add(text)
            _log.info("stream not watched", stream=text, reason="no monitor names it")
        return False

    def admit(self, text: str) -> str:
        """Takes a stream into memory, of which there is a row.

        Returns:
            Why there is no room for it; empty where there is.
        """
        if text in self._streams:
            return ""
        stream = Stream.parse(text)
        for monitor in self._running.values():
            if self._watching[monitor.name] >= self._limits.streams and monitor.watches(stream):
                return (
                    f"monitor {monitor.name} watches {self._limits.streams} streams of this partition, as many as it may "
                    "(--max-streams); redrive it once others have been idle for --idle-stream-seconds"
                )
        if text in self._dormant:
            self._wake(text, self._running)
        else:
            self._watch(stream)
        return ""

    def refuse(self, text: str, reason: str, letters: Sequence[Message]) -> None:
        """Sets events of a stream aside for which there is no room; says so once a minute of the log."""
        self._outbox.messages += letters
        stream = Stream.parse(text)
        for monitor in self._running.values():
            if monitor.watches(stream):
                self._tally.stream_overflow[monitor.name] += len(letters)
        if self._arrival - self._overflow_said >= _MINUTE:
            self._overflow_said = self._arrival
            _log.warning("streams set aside", stream=text, reason=reason)

    def count_unused(self, text: str, why: Unused) -> None:
        """Counts an event of a stream that gives no rows."""
        if watched := self._streams.get(text):
            setattr(watched.counters, why, getattr(watched.counters, why) + 1)
        else:
            self._tally.end(StreamCounters(text, **{why: 1}))

    def _watch(self, stream: Stream, clock: int | None = None, arrival: int = 0) -> StreamState | None:
        watching = [monitor for monitor in self._running.values() if monitor.watches(stream)]
        # A clock that is known is kept for a monitor that is loaded and only waits for the log to say so.
        if not watching and not (clock is not None and self._expects(stream)):
            return None
        watched = self._made(stream, clock, arrival)
        for monitor in watching:
            watched.watch(monitor)
        self._streams[watched.text] = watched
        self._watching.update(monitor.name for monitor in watching)
        return watched

    def _made(self, stream: Stream, clock: int | None, arrival: int) -> StreamState:
        return StreamState(
            stream, self._limits, self._outbox, self._pool, self._budget, clock=clock, last_arrival=arrival
        )

    def _lay_down_idle(self, arrived_before: int) -> None:
        """Lets the streams become dormant that are idle."""
        for text in [text for text, watched in self._streams.items() if watched.is_idle(arrived_before)]:
            self._lay_down(text)
        self._changes.update(self._dormant.forget())

    def _lay_down(self, text: str) -> None:
        watched = self._streams.pop(text)
        self._touched.pop(text, None)
        left, changes = watched.lie_down()
        watched.pairing.release()
        self._changes.update(changes)
        self._dormant.put(text, left)
        self._watching.subtract(windower.monitor.name for windower in watched.windowers)
        self._tally.end(watched.read_counters())

    def _wake(self, text: str, running: Mapping[str, Monitor]) -> StreamState:
        """Takes a dormant stream into memory, with the monitors that run, or that ran until now."""
        left, stream = self._dormant.pop(text), Stream.parse(text)
        watched = self._streams[text] = self._made(stream, left.clock, left.arrival)
        for monitor in running.values():
            if monitor.watches(stream):
                watched.watch(monitor)
                self._watching[monitor.name] += 1
        watched.take_up(left)
        self._touched[text] = watched
        return watched

    @contextmanager
    def _awake(self, text: str, running: Mapping[str, Monitor]) -> Iterator[StreamState | None]:
        """Gives a stream, which is dormant again afterwards if it was before and is there still; None for none."""
        is_dormant = text in self._dormant
        yield self._wake(text, running) if is_dormant else self._streams.get(text)
        if is_dormant and text in self._streams:
            self._lay_down(text)

    def _has_room(self, runs: dict[str, StreamBatch]) -> bool:
        """Tells whether all windows may be opened that runs may need, in whatever order they come."""
        events = sum(len(block.inferences) for run in runs.values() for block in run.blocks)
        if self._budget.has_room(events * self._largest):
            return True
        return self._budget.has_room(sum(self._streams[text].most_needed(run) for text, run in runs.items()))

    def _take_in_one(self, text: str, run: StreamBatch, goes_on: int) -> Iterator[list[CloudEvent]]:
        """Takes in the events of one stream, and yields what was found on their rows where it is much."""
        watched = self._streams[text]
        self._touched[text] = watched
        is_open = bool(run.blocks) and run.blocks[-1].record.offset == goes_on
        for _ in watched.take_in(run, self._write_dead_letter, is_open=is_open):
            if len(self._outbox.outliers) >= _MOST_OUTLIERS:
                yield self._outbox.take_outliers()

    def _without_refused(self, text: str, run: StreamBatch) -> None:
        """Sets aside the events of one stream in one record whose windows must not be opened."""
        watched = self._streams[text]
        for number, block in enumerate(run.blocks):
            refused = watched.refused(block.inferences)
            if not refused:
                continue
            for place, name in refused.items():
                self._refuse_window(block, place, name)
            kept = np.array([place not in refused for place in range(len(block.inferences))])
            run.blocks[number] = RecordBatch(block.record, block.inferences.chosen(kept))
        run.blocks = [block for block in run.blocks if len(block.inferences)]

    def _refuse_window(self, block: RecordBatch, place: int, name: str) -> None:
        self._tally.window_overflow[name] += 1
        reason = (
            f"monitor {name} has no room to open a window or let one grow: open windows may take {self._budget.most_bytes} "
            "bytes (--max-window-bytes); redrive it once some have closed"
        )
        number = block.inferences.numbers[place]
        headers, body = to_kafka(block.record.events[number])
        self._outbox.messages.append(dead_letter(reason, block.record.place(number), headers, body))
        if self._arrival - self._window_overflow_said >= _MINUTE:
            self._window_overflow_said = self._arrival
            _log.warning("no room for windows", monitor=name, reason=reason)

    def _apply_punctuation(self, order: Punctuation) -> Iterator[list[CloudEvent]]:
        """Does what the log says, and yields now and then where that takes long."""
        match order:
            case Idle(clocks):
                for number, (text, clock) in enumerate(clocks.items(), 1):
                    if number % _CLOSED_AT_ONCE == 0:
                        yield self._outbox.take_outliers()
                    with self._awake(text, self._running) as watched:
                        if watched and watched.has_begun:
                            watched.advance_idle(clock)
                            self._touched[text] = watched
            case ExpirePending(streams):
                for text, arrived_before in streams.items():
                    if (watched := self._streams.get(text)) and watched.has_begun:
                        watched.pairing.expire(arrived_before)
                        self._touched[text] = watched
            case Configure(monitors):
                self._reconfigure(monitors)

    def _reconfigure(self, monitors: dict[str, str]) -> None:
        """Lets exactly these monitors run; those that run already with their digest go on undisturbed."""
        keep = {name: each for name, each in self._running.items() if monitors.get(name) == each.digest}
        start = {
            name: each
            for name, digest in monitors.items()
            if name not in keep and (each := self._loaded.get(name)) is not None and each.digest == digest
        }
        for name in self._running.keys() - keep.keys():
            dropped = [
                len(windower.open)
                for watched in self._streams.values()
                for windower in watched.windowers
                if windower.monitor.name == name
            ]
            _log.warning(
                "monitor ended",
                monitor=name,
                reason="it was changed or removed; its windows are dropped",
                streams=len(dropped),
                open_windows=sum(dropped),
            )
        for name, monitor in start.items():
            _log.info("monitor starts", monitor=name, digest=monitor.digest[:12], offset=self.offset + 1)
        before, self._running = self._running, {**keep, **start}
        self._active = self._announced = dict(monitors)
        self._monitors_changed = True
        self._unwatched.clear()
        for text in [*self._streams, *self._dormant]:
            with self._awake(text, before) as watched:
                assert watched is not None  # noqa: S101 - for the type: it is one of both
                self._watch_only(watched, keep, start.values())

    def _watch_only(self, watched: StreamState, keep: Container[str], start: Iterable[Monitor]) -> None:
        self._watching.subtract(windower.monitor.name for windower in watched.windowers)
        self._touched[watched.text] = watched
        self._changes.update(watched.watch_only(keep))
        for monitor in start:
            if monitor.watches(watched.stream):
                watched.watch(monitor)
        self._watching.update(windower.monitor.name for windower in watched.windowers)
        if not watched.windowers:
            self._changes.update(watched.end())
            watched.pairing.release()
            self._tally.end(watched.read_counters())
            del self._streams[watched.text], self._touched[watched.text]

    @property
    def _largest(self) -> int:
        """What one event may add to the budget, at most."""
        if any(monitor.windows.count for monitor in self._running.values()):
            return UNBOUNDED
        return sum(2 * monitor.state_bytes(_MANY_ROWS) for monitor in self._running.values())

    def configure(self, monitors: Sequence[Monitor]) -> None:
        """Takes what is loaded from now on; it runs once the log says so."""
        self._loaded = {monitor.name: monitor for monitor in monitors}

    def note_gap(self, records: int, offset: int) -> None:
        """Takes note that records were lost, and goes on behind them: windows that may have lost rows are partial.

        Args:
            records: how many, at least; 1 or more.
            offset: of the last of them, or of the last record of a log that lost its end.
        """
        for text in [*self._streams, *self._dormant]:
            with self._awake(text, self._running) as watched:
                if watched and watched.has_begun:
                    watched.note_gap(records)
                    self._touched[text] = watched
        self.offset, self._has_gap = offset, True

    def drain(self) -> None:
        """Closes all windows, because the input has ended."""
        for text, watched in self._streams.items():
            watched.drain()
            self._touched[text] = watched

    def _write_dead_letter(self, message: Message) -> None:
        self._outbox.messages.append(message)
        facts = dict(message.headers)
        _log.warning("event set aside", position=facts[POSITION].decode(), reason=facts[REASON].decode())

    def punctuations(self, now: int) -> list[Punctuation]:
        """Tells what should be written into the log.

        Args:
            now: the time on the wall, in nanoseconds.

        Returns:
            What a clock or a file says and the log does not yet. Silence, and halves that have waited, mean something
            only if the log has just been read to its end.
        """
        wanted: list[Punctuation] = []
        loaded = {name: monitor.digest for name, monitor in self._loaded.items()}
        if loaded != self._announced or loaded != {name: each.digest for name, each in self._running.items()}:
            wanted.append(Configure(loaded))
        silent = {text: now for text, watched in self._streams.items() if watched.idle_at <= now}
        if silent:
            wanted.append(Idle(silent))
        given_up = now - self._limits.pairing
        waiting = {
            text: given_up
            for text, watched in self._streams.items()
            if (oldest := watched.pairing.oldest_arrival()) is not None and oldest <= given_up
        }
        if waiting:
            wanted.append(ExpirePending(waiting))
        return wanted

    def counters(self) -> list[StreamCounters]:
        """Tells how the streams stand, for metrics; what nobody watches any more keeps its totals."""
        ended, found = self._tally.ended, []
        for text, watched in self._streams.items():
            counters = watched.read_counters()
            found.append(counters.since(ended[text]) if text in ended else counters)
        return [*found, *(counters for text, counters in ended.items() if text not in self._streams)]

    @property
    def streams(self) -> int:
        """How many streams are in memory."""
        return len(self._streams)

    @property
    def dormant(self) -> int:
        """How many streams have left it, all but their clocks."""
        return len(self._dormant)

    @property
    def state_bytes(self) -> int:
        """What open windows and dormant streams take of memory, at most."""
        return self._dormant.bytes + self._budget.bytes

    def take(self) -> Snapshot:
        """Hands over all that has happened since the last call, for one transaction."""
        changes, self._changes = self._changes, {}
        for watched in self._touched.values():
            changes.update(watched.changes())
        self._touched.clear()
        for chunk, blob in self._seen.changes():
            changes[snapshots.key("seen", chunk)] = None if blob is None else snapshots.value(blob)
        if self._monitors_changed:
            changes[snapshots.key("monitors")] = snapshots.value(self._active, self._announced)
            self._monitors_changed = False
        changes[snapshots.key("partition")] = snapshots.value(
            snapshots.VERSION, self.offset, *(self.topic or ("", 0)), self._arrival
        )
        taken = Snapshot(self.offset, list(changes.items()), self._outbox.findings, self._outbox.messages)
        self._outbox.findings, self._outbox.messages = [], []
        self._taken, self._has_gap = self.offset, False
        return taken


def _header_of_version_1(began: int | None, late: int) -> list[Any]:
    """Makes the header of a windower; how late its late rows were, nobody wrote down."""
    return [began, [late, *[0] * len(LATE_BOUNDS)], 0, 0]
