"""The state of one input partition: records go in, in the order of offsets; findings and a snapshot come out.

Pure code, so that the worker, an offline replay and a test with a simulated log run the very same. The rules of
exactness are here in small: a record is taken in once (its offset is part of the state); everything that follows from
it (changed windows, findings of closed windows, dead letters) waits in the state until `take` hands it over together
with the offset, to be written as one transaction; outlier findings leave at once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import structlog

from nilometer_logger import punctuation, snapshots
from nilometer_logger.deadletters import dead_letter
from nilometer_logger.errors import EventError, PayloadError
from nilometer_logger.events import BATCH_CONTENT_TYPE, CloudEvent, decode_batch, from_kafka, to_kafka
from nilometer_logger.eventtime import OpenWindow, StreamClock, Windower
from nilometer_logger.inferences import Arrivals, Record, read_inference, rows_of
from nilometer_logger.kserve import Half, Stream, stream_of
from nilometer_logger.monitoring import ClosedBy, Monitor
from nilometer_logger.snapshots import Change, Message, Restored, Snapshot

_log = structlog.get_logger("nilometer.partition")
_HALVES: tuple[Half, ...] = ("request", "response")
_UNWATCHED_REMEMBERED = 1000
_NEEDED = frozenset({"id", "source", "type"})


@dataclass
class _Watched:
    """A stream that at least one monitor watches."""

    stream: Stream
    clock: StreamClock
    windowers: list[Windower]
    last_arrival: int
    changed: bool = True


@dataclass
class Partition:
    """The windows of the streams that lie in one partition of `inferences`.

    Attributes:
        monitors: all that run.
        future_bound: how far an event's time may lie after its arrival, in nanoseconds.
        offset: the last record taken in; -1 before the first.
    """

    monitors: Sequence[Monitor]
    future_bound: int
    offset: int = -1
    _streams: dict[str, _Watched] = field(default_factory=dict)
    _unwatched: set[str] = field(default_factory=set)
    _changes: dict[bytes, bytes | None] = field(default_factory=dict)
    _findings: list[CloudEvent] = field(default_factory=list)
    _dead: list[Message] = field(default_factory=list)
    _taken: int = -1

    @property
    def has_findings(self) -> bool:
        """Whether something waits that others would like to see soon."""
        return bool(self._findings)

    @property
    def has_changed(self) -> bool:
        """Whether a snapshot would hold anything new."""
        return self.offset > self._taken

    def restore(self, changes: Iterable[Change]) -> None:
        """Takes up the state that an earlier owner left; the state of monitors that no longer run is dropped.

        Raises:
            StateError: if the state cannot be read.
        """
        restored = snapshots.read(changes)
        self.offset = self._taken = restored.offset
        running = {(monitor.name, monitor.digest): monitor for monitor in self.monitors}
        for text, (clock, arrival) in restored.clocks.items():
            stream = Stream.parse(text)
            if watching := [monitor for monitor in self.monitors if monitor.watches(stream)]:
                windowers = [Windower(monitor) for monitor in watching]
                self._streams[text] = _Watched(stream, StreamClock(clock), windowers, arrival, changed=False)
            else:
                self._changes[snapshots.key("clock", text)] = None
        self._restore_windowers(restored, running)

    def _restore_windowers(self, restored: Restored, running: dict[tuple[str, str], Monitor]) -> None:
        dropped: set[str] = set()
        for (name, digest, text), (began, late) in restored.monitors.items():
            windower = self._windower(name, digest, text)
            if windower is None:
                dropped.add(name)
                self._changes[snapshots.key("monitor", name, digest, text)] = None
            else:
                windower.began, windower.late = began, late
        for (name, digest, text, start), (first, last, blob) in restored.windows.items():
            windower = self._windower(name, digest, text)
            if windower is None:
                self._changes[snapshots.key("window", name, digest, text, start)] = None
            else:
                windower.open[start] = OpenWindow(running[name, digest].load(blob), first, last)
        for name in sorted(dropped):
            _log.warning("windows dropped", monitor=name, reason="the monitor was changed or removed; it starts anew")

    def _windower(self, name: str, digest: str, text: str) -> Windower | None:
        watched = self._streams.get(text)
        for windower in watched.windowers if watched else ():
            if (windower.monitor.name, windower.monitor.digest) == (name, digest):
                return windower
        return None

    def apply(self, record: Record) -> list[CloudEvent]:
        """Takes in the next record.

        Args:
            record: whose offset is larger than `offset`.

        Returns:
            Findings on rows, which leave at once.
        """
        self.offset = record.offset
        kind = (dict(record.headers).get("content-type") or b"").decode("latin-1")
        try:
            if kind == punctuation.CONTENT_TYPE:
                self._obey(punctuation.decode(record.value or b""))
                return []
            events = (
                decode_batch(record.value or b"")
                if kind == BATCH_CONTENT_TYPE
                else [from_kafka(record.headers, record.value)]
            )
        except EventError as error:
            self._bury(dead_letter(str(error), record.position, record.headers, record.value), str(error))
            return []
        outliers: list[CloudEvent] = []
        for arrivals in self._arrivals(events, record):
            outliers.extend(self._take_in(arrivals, record.timestamp))
        return outliers

    def _arrivals(self, events: Sequence[CloudEvent], record: Record) -> Iterable[Arrivals]:
        found: dict[str, Arrivals] = {}
        for number, event in enumerate(events):
            place = f"{record.position}[{number}]"
            if not event.attributes.keys() >= _NEEDED:
                missing = ", ".join(sorted(_NEEDED - event.attributes.keys()))
                self._bury_event(f"not a CloudEvent: {missing} missing", place, event)
                continue
            stream = stream_of(event.attributes)
            text = str(stream)
            if not self._is_watched(stream, text):
                continue
            try:
                inference = read_inference(event, stream, record, place, self.future_bound)
            except PayloadError as error:
                self._bury_event(str(error), place, event)
                continue
            if inference is not None:
                found.setdefault(text, Arrivals(stream)).inferences.append(inference)
        return found.values()

    def _is_watched(self, stream: Stream, text: str) -> bool:
        if text in self._streams:
            return True
        if text in self._unwatched:
            return False
        if any(monitor.watches(stream) for monitor in self.monitors):
            return True
        if len(self._unwatched) < _UNWATCHED_REMEMBERED:
            self._unwatched.add(text)
            _log.info("stream not watched", stream=text, reason="no monitor names it")
        return False

    def _take_in(self, arrivals: Arrivals, arrival: int) -> list[CloudEvent]:
        watched = self._watched(arrivals.stream)
        watched.last_arrival = max(watched.last_arrival, arrival)
        watched.changed = True
        clock_before = watched.clock.observe([inference.time for inference in arrivals.inferences])
        outliers: list[CloudEvent] = []
        for windower in watched.windowers:
            windower.begin(max(arrivals.inferences[0].time, int(clock_before[0])))
            for half in _HALVES:
                rows, clocks, dead = rows_of(windower.monitor, arrivals, half, clock_before)
                for message in dead:
                    self._bury(message, dict(message.headers)["nilometer-reason"].decode())
                if rows is None:
                    continue
                windower.add(rows, clocks)
                outliers.extend(windower.monitor.score(arrivals.stream, rows))
        self._close(watched, "watermark")
        return outliers

    def _watched(self, stream: Stream) -> _Watched:
        text = str(stream)
        if text not in self._streams:
            windowers = [Windower(monitor) for monitor in self.monitors if monitor.watches(stream)]
            self._streams[text] = _Watched(stream, StreamClock(), windowers, 0)
        return self._streams[text]

    def _obey(self, quiet: punctuation.Quiet) -> None:
        for text, clock in quiet.clocks.items():
            if watched := self._streams.get(text):
                watched.clock.advance(clock)
                watched.changed = True
                self._close(watched, "quiet")

    def _close(self, watched: _Watched, closed_by: ClosedBy) -> None:
        for windower in watched.windowers:
            for window, state in windower.close(watched.clock.now, closed_by):
                self._findings.extend(windower.monitor.close(watched.stream, window, state))

    def _bury_event(self, reason: str, place: str, event: CloudEvent) -> None:
        headers, body = to_kafka(event)
        self._bury(dead_letter(reason, place, headers, body), reason)

    def _bury(self, message: Message, reason: str) -> None:
        self._dead.append(message)
        position = dict(message.headers)["nilometer-position"].decode()
        _log.warning("event set aside", position=position, reason=reason)

    def quiet_streams(self, now: int) -> dict[str, int]:
        """Finds the streams that are silent while windows wait for their clock.

        Args:
            now: the time on the wall, in nanoseconds.

        Returns:
            What each such stream's clock should be moved to.
        """
        silent: dict[str, int] = {}
        for text, watched in self._streams.items():
            for windower in watched.windowers:
                due = windower.due()
                calm = now - watched.last_arrival >= windower.monitor.windows.watermark_delay
                if due is not None and due <= now and calm:
                    silent[text] = now
        return silent

    def take(self) -> Snapshot:
        """Hands over all that has happened since the last call, for one transaction."""
        changes = self._changes
        for text, watched in self._streams.items():
            if watched.changed:
                changes[snapshots.key("clock", text)] = snapshots.value(watched.clock.now, watched.last_arrival)
                watched.changed = False
            for windower in watched.windowers:
                _write_windower(changes, text, windower)
        changes[snapshots.key("partition")] = snapshots.value(snapshots.VERSION, self.offset)
        taken = Snapshot(self.offset, list(changes.items()), self._findings, self._dead)
        self._changes, self._findings, self._dead = {}, [], []
        self._taken = self.offset
        return taken


def _write_windower(changes: dict[bytes, bytes | None], text: str, windower: Windower) -> None:
    monitor = windower.monitor
    if windower.header_changed:
        name = snapshots.key("monitor", monitor.name, monitor.digest, text)
        changes[name] = snapshots.value(windower.began, windower.late)
        windower.header_changed = False
    for start in windower.changed:
        window = windower.open.get(start)
        changes[snapshots.key("window", monitor.name, monitor.digest, text, start)] = (
            snapshots.value(window.first, window.last, window.state.dump()) if window else None
        )
    windower.changed.clear()
