"""What leaves a worker fits into its topic, whatever Kafka's limits are.

Kafka refuses a record that is larger than the topic's `max.message.bytes`, for good: a worker that sends it again stops
for all. So the limits are read before anything is sent, and what is too large is made to fit: findings are shortened (by
whoever knows what is in them), dead letters and late events are cut, and values of the state are cut into parts.

Where Kafka does not tell a limit, its default of 1 MiB is assumed. A limit may be lowered while the worker runs: the
record that Kafka refuses then is noted, the worker starts again from what Kafka has, and reads the limits anew; where
Kafka tells the same as before, half as much is sent to that topic from then on, until it tells something else. One
object lives as long as the process, so that what was noted survives the new start.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from nilometer_logger import topics
from nilometer_logger.cloudevents import CloudEvent, to_kafka
from nilometer_logger.deadletters import cut
from nilometer_logger.engine.multipart import Parts
from nilometer_logger.engine.snapshots import Snapshot
from nilometer_logger.settings import WorkerSettings
from nilometer_logger.topics import Message
from nilometer_logger.worker.counters import WorkerCounters

_log = structlog.get_logger("nilometer.worker")

DEFAULT_BYTES = 2**20
"""Kafka's default of max.message.bytes."""

LEAST_BYTES = 16_384
"""The shortest form of a finding is smaller, and so is all else that cannot be cut."""

Shorten = Callable[[CloudEvent, int], CloudEvent]
"""Makes a finding fit into so many bytes of data, names and values of attributes; the same where it fits already."""


class RecordLimits:
    """Makes what leaves fit.

    Args:
        shorten: knows what is in findings.
        counters: count what was shortened.
        max_finding_bytes: the largest finding, whatever Kafka takes.
    """

    def __init__(
        self,
        shorten: Shorten = lambda event, _: event,
        counters: WorkerCounters | None = None,
        max_finding_bytes: int = WorkerSettings.max_finding_bytes,
    ) -> None:
        self._shorten = shorten
        self._counters = counters or WorkerCounters()
        self._max_finding_bytes = max_finding_bytes
        self._told: dict[str, int | None] = {}
        self._bounds: dict[str, int] = {}
        self._refused: set[str] = set()  # since the limits were told last

    def tell(self, limits: Mapping[str, int | None]) -> None:
        """Takes the limits that Kafka tells, by topic without prefix; None where it does not tell."""
        unknown = sorted(topic for topic, limit in limits.items() if limit is None and topic not in self._told)
        if unknown:
            _log.warning(
                "limits of topics not known",
                topics=unknown,
                reason="our user may not describe their configuration",
                assumed_bytes=DEFAULT_BYTES,
            )
        self._refused.clear()
        for topic, limit in limits.items():
            if topic in self._told and self._told[topic] != limit:
                self._bounds.pop(topic, None)
            self._told[topic] = limit

    def limit(self, topic: str) -> int:
        """Gives the most bytes of a record, all of it, in a topic without prefix."""
        told = self._told.get(topic) or DEFAULT_BYTES
        return min(told, self._bounds.get(topic, told))

    @property
    def largest(self) -> int:
        """The largest limit of all topics."""
        return max(map(self.limit, self._told), default=DEFAULT_BYTES)

    def refused(self, topic: str, size: int) -> None:
        """Takes note that Kafka refused a record of so many bytes in a topic without prefix."""
        if topic in self._refused:
            return  # records that were sent together are refused together
        self._refused.add(topic)
        bound = max(LEAST_BYTES, min(self.limit(topic), size) // 2)
        self._bounds[topic] = bound
        _log.warning("record too large for Kafka", topic=topic, bytes=size, bound_bytes=bound)

    def finding(self, topic: str, event: CloudEvent) -> CloudEvent:
        """Gives a finding that fits into its topic: the same, or a shorter one, which is counted and said once."""
        room = min(self.limit(topic), self._max_finding_bytes) - _overhead_bytes(event)
        if _size(event) <= room:
            return event
        shorter = self._shorten(event, room)
        if shorter is not event:
            self._say_shortened(event, shorter)
        return shorter

    def _say_shortened(self, event: CloudEvent, shorter: CloudEvent) -> None:
        about = event.attributes.get("monitor", ""), event.attributes.get("detector", "")
        self._counters.shortened[about] += 1
        if self._counters.shortened[about] == 1:
            _log.warning(
                "finding shortened",
                monitor=about[0],
                detector=about[1] or None,
                bytes=len(event.data),
                shortened_bytes=len(shorter.data),
                remedy="raise max.message.bytes of the topic or --max-finding-bytes; later ones are counted only",
            )

    def snapshot(self, taken: Snapshot, parts: Parts) -> Snapshot:
        """Gives a snapshot of which every record fits.

        Args:
            taken: as the partition gave it.
            parts: of that partition's state.
        """
        room = self.limit(topics.STATE) - record_bytes(b"", b"", [])
        return replace(
            taken,
            changes=list(parts.split(taken.changes, room)),
            findings=[self.finding(topics.FINDINGS, event) for event in taken.findings],
            dead=[self._cut(message) for message in taken.dead],
        )

    def _cut(self, message: Message) -> Message:
        excess = record_bytes(message.key, message.value, message.headers) - self.limit(message.topic)
        return cut(message, excess) if excess > 0 else message


def record_bytes(key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]) -> int:
    """Bounds the bytes of a record from above, with those of a batch that holds no other."""
    return int(DefaultRecordBatchBuilder.estimate_size_in_bytes(key, value, headers))


def _size(event: CloudEvent) -> int:
    """Counts what may be cut: the data and the attributes."""
    return len(event.data) + sum(len(name) + len(value.encode()) for name, value in event.attributes.items())


def _overhead_bytes(event: CloudEvent) -> int:
    """Bounds what a record of a finding holds beside its attributes and data."""
    headers, _ = to_kafka(event)
    extra = sum(len(name) + 10 for name, _ in headers) - sum(map(len, event.attributes))
    return record_bytes(b"", b"", []) + extra + len(event.attributes.get("partitionkey", "").encode())
