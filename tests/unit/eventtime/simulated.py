"""A worker that crashes, on a log that does not: the real `Partition`, and as much of Kafka as matters to it.

Kafka keeps what a transaction commits (state, findings, dead letters) all together or not at all. Whatever a crashed
worker held in memory is gone; the next one restores the state and reads from the offset in it.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from structlog.testing import capture_logs

from nilometer_logger import inferences, punctuation
from nilometer_logger.events import CloudEvent, to_kafka
from nilometer_logger.kserve import Stream
from nilometer_logger.partition import Partition
from nilometer_logger.snapshots import Change, Message, Snapshot
from nilometer_logger.times import SECOND
from tests.unit import logged
from tests.unit.eventtime.counting import NO_COLUMNS, ONE_COLUMN, Counting, seconds
from tests.unit.eventtime.reference import FUTURE_BOUND, Event, Quiet, Record, Watcher, Window

Step = Literal["go on", "snapshot", "snapshot and crash", "crash", "crash in the transaction"]


def stream_named(name: str) -> Stream:
    """Returns the stream that the reference knows by a name."""
    return Stream("demo", name, "predictor", "")


def real_monitor(watcher: Watcher) -> Counting:
    """Returns the monitor that a declaration of the reference means."""
    return Counting(
        name=watcher.name,
        windows=seconds(watcher.size, watcher.slide, watcher.delay, watcher.offset),
        features=ONE_COLUMN if "request" in watcher.halves else NO_COLUMNS,
        predictions=ONE_COLUMN if "response" in watcher.halves else NO_COLUMNS,
        services=watcher.streams,
    )


def real_event(event: Event) -> CloudEvent:
    """Returns the event that one of the reference means."""
    key = "instances" if event.half == "request" else "predictions"
    document = {key: [[value] * event.width for value in event.values]}
    body = b"{" if event.broken else json.dumps(document).encode()
    return logged.event(event.time, half=event.half, id=event.id, stream=stream_named(event.stream), body=body)


def real_record(offset: int, record: Record) -> inferences.Record:
    """Returns the record that one of the reference means; every third event that is alone stands in binary mode."""
    arrival = record.arrival * SECOND
    if isinstance(record.holds, Quiet):
        clocks = {str(stream_named(record.holds.stream)): record.holds.time * SECOND}
        value = punctuation.encode(punctuation.Quiet(clocks))
        return logged.record(offset, value, punctuation.CONTENT_TYPE, arrival=arrival)
    events = [real_event(event) for event in record.holds]
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
    """What is committed, and what left at once."""

    state: list[Change] = field(default_factory=list)
    findings: list[CloudEvent] = field(default_factory=list)
    dead: list[Message] = field(default_factory=list)
    outliers: list[CloudEvent] = field(default_factory=list)

    def commit(self, snapshot: Snapshot) -> None:
        """Ends a transaction."""
        self.state += snapshot.changes
        self.findings += snapshot.findings
        self.dead += snapshot.dead

    def windows(self, watcher: Watcher, stream: str) -> list[Window]:
        """Returns what was found of one monitor's windows over one stream, in the order of finding."""
        return list(_windows(self.findings, watcher.name, str(stream_named(stream))))

    def rows_found(self) -> set[tuple[str, str, str]]:
        """Returns monitor, stream and row of the findings on rows; each may have been found more than once."""
        return {
            (found["monitor"], Stream.parse(found["stream"]).inference_service, found["row"]) for found in self.outliers
        }

    def dead_places(self) -> list[tuple[int, int]]:
        """Returns record and place of every dead letter."""
        positions = [dict(message.headers)["nilometer-position"].decode() for message in self.dead]
        parts = [position.partition("@")[2].rstrip("]").split("[") for position in positions]
        return [(int(offset), int(place)) for offset, place in parts]


def _windows(findings: Iterable[CloudEvent], monitor: str, stream: str) -> Iterator[Window]:
    for finding in findings:
        if (finding["monitor"], finding["stream"]) != (monitor, stream):
            continue
        body = json.loads(finding.data)
        facts = body["window"]
        yield Window(
            start=facts["start"] // SECOND,
            end=facts["end"] // SECOND,
            closed_by=facts["closed_by"],
            watermark=facts["watermark"] // SECOND,
            partial=facts["partial"],
            late_since_last=facts["late_since_last"],
            first=facts["first_event_time"] // SECOND,
            last=facts["last_event_time"] // SECOND,
            rows=tuple(sorted((half, id_, number, int(value)) for half, id_, number, value, _ in body["rows"])),
        )


def work(watchers: Sequence[Watcher], log: Sequence[Record], steps: Iterable[Step], *, compact: bool) -> Kafka:
    """Lets workers read a log to its end, one after another crashing as the steps say.

    Args:
        watchers: the monitors.
        log: all of it.
        steps: what happens after each record that is read, as often as it is read; nothing once they are used up.
        compact: whether the state is compacted before it is restored.
    """
    kafka, monitors, todo = Kafka(), [real_monitor(watcher) for watcher in watchers], iter(steps)
    records = [real_record(offset, record) for offset, record in enumerate(log)]

    def started() -> Partition:
        partition = Partition(monitors, FUTURE_BOUND * SECOND)
        partition.restore(compacted(kafka.state) if compact else kafka.state)
        return partition

    with capture_logs():
        worker = started()
        while worker.offset < len(records) - 1:
            kafka.outliers += worker.apply(records[worker.offset + 1])
            step = next(todo, "go on")
            if step.startswith("snapshot"):
                kafka.commit(worker.take())
            elif step == "crash in the transaction":
                worker.take()
            if "crash" in step:
                worker = started()
        kafka.commit(worker.take())
    return kafka
