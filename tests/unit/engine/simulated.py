"""Workers that crash, on a log that does not: the real `PartitionState`, and as much of Kafka as matters to it.

Kafka keeps what a transaction commits (state, findings, messages) all together or not at all. Whatever a crashed worker
held in memory is gone, and with it findings on rows that Kafka had not acknowledged; the next worker restores the state
and reads from the offset in it. A worker that was only thought to be dead (a *zombie*) goes on reading and finding, but
its transactions are refused.
"""

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from structlog.testing import capture_logs

from nilometer_logger import topics
from nilometer_logger.cloudevents import CloudEvent, from_kafka, to_kafka
from nilometer_logger.cloudevents.kserve import Half, Stream, half_of
from nilometer_logger.decoding import inferences
from nilometer_logger.decoding.payload import Limits
from nilometer_logger.engine import punctuation
from nilometer_logger.engine.late import MONITOR
from nilometer_logger.engine.limits import PartitionLimits
from nilometer_logger.engine.partition import PartitionState
from nilometer_logger.engine.protocol import ClosedWindow, WindowSpec
from nilometer_logger.engine.snapshots import Change, Snapshot
from nilometer_logger.times import SECOND, parse_time
from nilometer_logger.topics import Message
from tests.unit import logged
from tests.unit.engine.counting import NO_COLUMNS, ONE_COLUMN, Counting, Listed, Remembered, seconds
from tests.unit.engine.reference import (
    FUTURE_BOUND,
    Configure,
    Event,
    ExpirePending,
    Idle,
    Lost,
    Record,
    Reference,
    Watcher,
    Window,
)

Kind = Literal[
    "go on", "snapshot", "snapshot and crash", "crash", "crash in the transaction", "zombie", "change", "expire"
]
_PENDING = 1000
_PADDED_BYTES = 2048
_BODY = Limits(rows=100, cells=100)


class Step(NamedTuple):
    """What a worker does: it takes in some records at once, and then this happens.

    Attributes:
        kind: *zombie* lets another worker begin while this one goes on; with *change* the next worker has another
            declaration of a monitor; *expire* deletes the next records before the next worker begins.
        records: how many it takes in at once.
        number: how many findings on rows are not lost; for how many more steps a zombie goes on; which monitor changes;
            how many records of the log behind the state are deleted.
    """

    kind: Kind
    records: int
    number: int = 0


@dataclass(frozen=True)
class Telling(Counting):
    """A monitor whose findings tell its digest."""

    def close(self, stream: Stream, window: ClosedWindow, state: Listed, memory: Remembered) -> Sequence[CloudEvent]:
        """Tells the window's facts and its rows."""
        found = super().close(stream, window, state, memory)
        return [CloudEvent({**each.attributes, "digest": self.digest}, each.data) for each in found]


def stream_named(name: str) -> Stream:
    """Returns the stream that the reference knows by a name."""
    return Stream("demo", name, "predictor", "")


def real_monitor(watcher: Watcher) -> Counting:
    """Returns the monitor that a declaration of the reference means."""
    of_rows = WindowSpec(0, 0, watcher.delay * SECOND, count=watcher.count)
    return Telling(
        name=watcher.name,
        digest=watcher.digest,
        windows=of_rows if watcher.count else seconds(watcher.size, watcher.slide, watcher.delay, watcher.offset),
        features=ONE_COLUMN if "request" in watcher.halves else NO_COLUMNS,
        predictions=ONE_COLUMN if "response" in watcher.halves else NO_COLUMNS,
        services=watcher.streams,
        wants_late=watcher.wants_late,
    )


def real_event(event: Event, *, by_parts: bool = False) -> CloudEvent:
    """Returns the event that one of the reference means; with `by_parts` some are as much work as is done at a time."""
    half: Half = "request" if event.half == "request" else "response"
    key = "instances" if half == "request" else "predictions"
    document = {key: [[value] * event.width for value in event.values]}
    body = b"{" if event.broken else json.dumps(document).encode()
    if by_parts and sum(event.values) % 3 == 0:
        body = gzip.compress(body.ljust(_PADDED_BYTES))
    return logged.event(event.time, half=half, id=event.id, stream=stream_named(event.stream), body=body)


def real_record(offset: int, record: Record, *, by_parts: bool = False) -> inferences.Record:
    """Returns the record that one of the reference means; every third event that is alone stands in binary mode."""
    arrival = record.arrival * SECOND
    order: punctuation.Punctuation | None = None
    match record.holds:
        case Idle(stream, time):
            order = punctuation.Idle({str(stream_named(stream)): time * SECOND})
        case ExpirePending(stream, time):
            order = punctuation.ExpirePending({str(stream_named(stream)): time * SECOND})
        case Configure(monitors):
            order = punctuation.Configure(dict(monitors))
    if order is not None:
        return logged.punctuated(offset, order, arrival)
    events = [real_event(event, by_parts=by_parts) for event in record.events]
    if len(events) == 1 and offset % 3 == 0:
        headers, body = to_kafka(events[0])
        return logged.record(offset, body, headers=headers, arrival=arrival)
    return logged.batch(offset, *events, arrival=arrival)


def compacted(changes: Sequence[Change]) -> list[Change]:
    """Returns what is left of a topic once it has been compacted and its tombstones have expired."""
    latest = dict(changes)
    return [(name, value) for name, value in latest.items() if value is not None]


@dataclass
class Kafka:
    """What is committed, and what left at once.

    Attributes:
        offset: the last record that a transaction holds.
        state: all that was ever written to it.
        findings: of windows.
        messages: for other topics.
        outliers: findings on rows that were acknowledged; each may have been found more than once.
        changed: monitors that were replaced where the state stands, after which record.
        lost: records that nobody can read any more.
    """

    offset: int = -1
    state: list[Change] = field(default_factory=list)
    findings: list[CloudEvent] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    outliers: list[CloudEvent] = field(default_factory=list)
    changed: dict[int, Configure] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)

    def commit(self, snapshot: Snapshot) -> None:
        """Ends a transaction."""
        assert snapshot.offset >= self.offset
        self.offset = snapshot.offset
        self.state += snapshot.changes
        self.findings += snapshot.findings
        self.messages += snapshot.dead

    def told(self, watcher: Watcher, stream: str) -> list[bytes]:
        """Returns what was found of one monitor's windows over one stream, to the bit, in the order of finding."""
        about = watcher.name, watcher.digest, str(stream_named(stream))
        return [
            finding.data
            for finding in self.findings
            if (finding["monitor"], finding["digest"], finding["stream"]) == about
        ]

    def windows(self, watcher: Watcher, stream: str) -> list[Window]:
        """Returns the same as the reference would say it."""
        return [_window(**body) for body in map(json.loads, self.told(watcher, stream))]

    def rows_found(self) -> set[tuple[str, str, str]]:
        """Returns monitor, stream and row of the findings on rows."""
        return {
            (found["monitor"], Stream.parse(found["stream"]).inference_service, found["row"]) for found in self.outliers
        }

    def dead_places(self) -> list[tuple[int, int]]:
        """Returns record and place of every dead letter; -1 where the record is one as a whole."""
        dead = [dict(message.headers) for message in self.messages if message.topic == topics.DEAD]
        positions = [headers["nilometer-position"].decode() for headers in dead]
        parts = [position.partition("@")[2].rstrip("]").partition("[") for position in positions]
        return [(int(offset), int(place or -1)) for offset, _, place in parts]

    def late(self) -> Iterator[tuple[str, str, str, str, int | None]]:
        """Yields monitor, stream, half, id and time of every event that came late for a monitor that asks for them."""
        for message in self.messages:
            if message.topic == topics.LATE:
                event = from_kafka(message.headers, message.value)
                about = event.attributes
                time = parse_time(about["time"]) // SECOND if "time" in about else None
                name = dict(message.headers)[MONITOR].decode()
                yield name, about["inferenceservicename"], str(half_of(about)), about["id"], time


def _window(window: dict[str, int], rows: list[tuple[str, str, int, float, int]], memory: dict[str, int]) -> Window:
    facts = window
    late_by: tuple[int, ...] = tuple(facts["late_by"])  # type: ignore[arg-type]
    assert facts["late_since_last"] == sum(late_by)
    unanswered = facts["unanswered"]
    return Window(
        start=facts["start"] // SECOND,
        end=-(-facts["end"] // SECOND),  # that of a window of rows is a nanosecond after its last
        closed_by=str(facts["closed_by"]),
        watermark=facts["watermark"] // SECOND,
        partial=bool(facts["partial"]),
        late_by=late_by,
        latest=facts["latest"] // SECOND,
        duplicates=facts["duplicates_since_last"],
        unanswered=None if unanswered is None else (unanswered, unanswered),
        first=facts["first_event_time"] // SECOND,
        last=facts["last_event_time"] // SECOND,
        rows=tuple(sorted((half, id_, number, int(value)) for half, id_, number, value, _ in rows)),
        remembered=(memory["rows"], memory["windows"], memory["order"]),
        lost=facts["lost_records"],
    )


class Cluster:
    """Some workers and their Kafka.

    Args:
        reference: what the log is, and under which bounds it is read.
        compact: whether the state is compacted before it is restored.
        limits: others of the partition, by name.
    """

    def __init__(self, reference: Reference, *, compact: bool, limits: Mapping[str, int]) -> None:
        self._bounds = limits
        self.kafka = Kafka(lost={n for n, record in enumerate(reference.log) if isinstance(record.holds, Lost)})
        self._reference = reference
        self._compact = compact
        # Windows of rows take the halves of a record in turn, and the reference knows no parts of a record.
        by_parts = not any(watcher.count for watcher in reference.watchers)
        self._records = [real_record(number, each, by_parts=by_parts) for number, each in enumerate(reference.log)]
        self._zombies: list[tuple[PartitionState, int]] = []
        self._unacknowledged: list[CloudEvent] = []
        self._worker = self._started()

    def run(self, steps: Iterable[Step]) -> Kafka:
        """Reads the log to its end, and closes what is open if it ends there."""
        todo = iter(steps)
        while self._worker.offset < len(self._records) - 1:
            self._do(next(todo, Step("go on", 3)))
        if self._reference.is_drained:
            self._worker.drain()
        self._commit()
        return self.kafka

    def _do(self, step: Step) -> None:
        self._unacknowledged += self._read(self._worker, step.records)
        self._zombies = [(zombie, left - 1) for zombie, left in self._zombies if left]
        for zombie, _ in self._zombies:
            self.kafka.outliers += self._read(zombie, step.records)
            zombie.take()  # refused
        if step.kind.startswith("snapshot"):
            self._commit()
        elif step.kind == "crash in the transaction":
            self._worker.take()
        elif step.kind == "zombie":
            self._zombies.append((self._worker, step.number))
        elif step.kind == "change":
            self._change(step.number)
        elif step.kind == "expire":
            gone = range(self.kafka.offset + 1, min(self.kafka.offset + 1 + step.number, len(self._records)))
            self.kafka.lost.update(gone)
        if step.kind not in ("go on", "snapshot"):
            self.kafka.outliers += self._unacknowledged[: step.number]
            self._unacknowledged = []
            self._worker = self._started()

    def _commit(self) -> None:
        self.kafka.outliers += self._unacknowledged  # a snapshot waits for them
        self._unacknowledged = []
        self.kafka.commit(self._worker.take())

    def _started(self) -> PartitionState:
        second = SECOND
        limits = PartitionLimits(
            future=FUTURE_BOUND * second,
            pairing=self._reference.pairing * second,
            pending=_PENDING,
            duplicates=self._reference.remembered,
            body=_BODY,
            **self._bounds,
        )
        partition = PartitionState(self._loaded(self.kafka.offset), limits)
        partition.restore(compacted(self.kafka.state) if self._compact else self.kafka.state)
        assert partition.offset == self.kafka.offset
        return partition

    def _read(self, worker: PartitionState, most: int) -> list[CloudEvent]:
        """Takes in some records; at most one that configures, for which its monitors are loaded just before."""
        begin = worker.offset + 1
        end = min(begin + most, len(self._records))
        lost = [n for n in range(begin, end) if n in self.kafka.lost]
        if begin in lost:
            behind = next(n for n in range(begin, len(self._records) + 1) if n not in self.kafka.lost)
            worker.note_gap(behind - begin, behind - 1)
            return []
        end = min([end, *lost])
        orders = [n for n in range(begin, end) if isinstance(self._reference.log[n].holds, Configure)]
        if orders:
            end = min([end, *orders[1:2]])
            worker.configure(self._loaded(orders[0]))
        return worker.apply(self._records[begin:end])

    def _loaded(self, offset: int) -> list[Counting]:
        """Returns the monitors that run once a record has been read."""
        reference = self._reference.without(self.kafka.lost).with_changes(self.kafka.changed)
        return [real_monitor(watcher) for watcher in reference.running(offset + 1)]

    def _change(self, number: int) -> None:
        """Lets the next worker have another declaration of a monitor than the state does."""
        running = (
            self._reference.without(self.kafka.lost).with_changes(self.kafka.changed).running(self.kafka.offset + 1)
        )
        for old in running[number : number + 1]:
            for new in self._reference.watchers:
                if new.name == old.name and new.digest != old.digest:
                    digests = {**{each.name: each.digest for each in running}, new.name: new.digest}
                    self.kafka.changed[self.kafka.offset] = Configure(tuple(digests.items()))


def work(reference: Reference, steps: Iterable[Step], *, compact: bool = False, **limits: int) -> Kafka:
    """Lets workers read a log to its end, one after another crashing as the steps say.

    Args:
        reference: what the log is, and under which bounds it is read.
        steps: what happens; once they are used up, one worker reads the rest.
        compact: whether the state is compacted before it is restored.
        limits: others of the partition, by name.
    """
    with capture_logs():
        return Cluster(reference, compact=compact, limits=limits).run(steps)
