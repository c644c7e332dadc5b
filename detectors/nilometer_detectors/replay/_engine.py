"""Records through the worker's own partitions, without a worker: what is found, and an account of what was not used.

The windows, the clocks, the pairing and the detectors are those of the worker (`nilometer_logger.engine.partition`), so the
same records give the same findings, byte for byte. Three things differ, because nobody waits here for more:

* A record that *configures* (the worker writes one where monitors change) is passed over, so that a monitor under trial
  runs over the whole span, whatever ran when it was logged. Where the log named just these monitors all along, this
  changes nothing. Asked for, the records are obeyed: then a monitor runs where the log says that it did.
* A span of Kafka ends where it is cut: windows that are open there stay open and give no finding, as in the worker.
* A file ends for good: its open windows are closed (*drained*), and those that the watermark has not reached are
  partial.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from nilometer_logger import topics
from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.deadletters import POSITION, REASON
from nilometer_logger.decoding.inferences import Record
from nilometer_logger.engine import punctuation
from nilometer_logger.engine.counters import StreamCounters
from nilometer_logger.engine.limits import PartitionLimits
from nilometer_logger.engine.partition import PartitionState
from nilometer_logger.engine.protocol import Monitor
from nilometer_logger.errors import EventError
from nilometer_logger.topics import Message

MOST_REASONS = 20
_OTHERS = "other reasons"
# A partition keeps what it would write into a snapshot until it is taken.
_TAKEN_EVERY = 20


@dataclass
class Unused:
    """What could not be used, by reason; of bounded size.

    Attributes:
        reasons: how often each occurred.
        places: where the first of each was.
    """

    reasons: Counter[str] = field(default_factory=Counter)
    places: dict[str, str] = field(default_factory=dict)

    def add(self, reason: str, place: str) -> None:
        """Counts one."""
        if reason not in self.reasons and len(self.reasons) >= MOST_REASONS:
            reason = _OTHERS
        self.reasons[reason] += 1
        self.places.setdefault(reason, place)

    @property
    def count(self) -> int:
        """How many there were."""
        return self.reasons.total()

    def lines(self) -> list[str]:
        """Tells them for people, the most frequent first."""
        return [
            f"{count} of them: {reason} (first at {self.places[reason]})"
            for reason, count in self.reasons.most_common()
        ]


class Replay:
    """Runs monitors over records.

    Args:
        monitors: of different names.
        limits: the worker's.
        configured: whether records that configure are obeyed.
        place: what the offset of a record counts, where it is not one of Kafka's, such as ``line``.

    Attributes:
        records: how many were taken.
        unused: events that were set aside, as the worker would have.
        reconfigured: how many records were passed over that would have ended or changed one of the monitors.
    """

    def __init__(
        self, monitors: Sequence[Monitor], limits: PartitionLimits, *, configured: bool = False, place: str = ""
    ) -> None:
        self.records = 0
        self.unused = Unused()
        self.reconfigured = 0
        self._monitors = {monitor.name: monitor for monitor in monitors}
        self._limits = limits
        self._configured = configured
        self._place = place
        self._partitions: dict[int, PartitionState] = {}
        self._waiting = 0

    def take(self, number: int, records: Sequence[Record]) -> list[CloudEvent]:
        """Takes the next records of a partition.

        Args:
            number: of the partition.
            records: in the order of offsets.

        Returns:
            Findings on rows, then those on the windows that closed.
        """
        self.records += len(records)
        partition = self._partitions.get(number)
        if partition is None:
            partition = self._partitions[number] = PartitionState(list(self._monitors.values()), self._limits)
        found = partition.apply([record for record in records if not self._is_passed_over(record)])
        self._waiting += 1
        if partition.has_findings or self._waiting >= _TAKEN_EVERY:
            found += self._taken(partition)
        return found

    def end(self, *, drain: bool) -> list[CloudEvent]:
        """Ends the input, of all partitions.

        Args:
            drain: whether it has ended for good, so that the windows that are open close.
        """
        found = []
        for partition in self._partitions.values():
            if drain:
                partition.drain()
            found += self._taken(partition)
        return found

    def counters(self) -> list[StreamCounters]:
        """Tells how the streams that are watched stand, by their names."""
        return sorted(
            (each for partition in self._partitions.values() for each in partition.counters()),
            key=lambda each: each.stream,
        )

    def unwatched(self) -> list[str]:
        """Tells which streams have shown that no monitor watches: the first of them."""
        return sorted(stream for partition in self._partitions.values() for stream in partition.unwatched)

    def _taken(self, partition: PartitionState) -> list[CloudEvent]:
        self._waiting = 0
        snapshot = partition.take()
        for message in snapshot.dead:
            self._set_aside(message)
        return snapshot.findings

    def _set_aside(self, message: Message) -> None:
        if message.topic == topics.DEAD:
            facts = dict(message.headers)
            position = facts[POSITION].decode()
            if self._place:
                position = f"{self._place} {position.rpartition('@')[2].partition('[')[0]}"
            self.unused.add(facts[REASON].decode(), position)

    def _is_passed_over(self, record: Record) -> bool:
        if self._configured:
            return False
        try:
            if record.kind != "punctuation":
                return False
            order = punctuation.decode(record.value or b"")
        except EventError:
            return False  # a dead letter, for the worker and for us
        if not isinstance(order, punctuation.Configure):
            return False
        self.reconfigured += any(order.monitors.get(name) != each.digest for name, each in self._monitors.items())
        return True
