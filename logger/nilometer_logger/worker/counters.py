"""What a worker counts: plain numbers, written where things happen and read when somebody asks.

One object lives as long as the process, while brokers and partitions come and go beneath it: a partition counts since it
was opened, so what it has counted is kept when it is let go, and a total never falls. The numbers by stream are kept
under labels of which there are only so many, because clients choose the names of streams: the first streams seen have
labels of their own, and all others share one, as do those with a name of more than 128 characters.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields

from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.cloudevents.kserve import Stream
from nilometer_logger.engine.counters import StreamCounters, Tally
from nilometer_logger.metrics import OTHER, Histogram

_LONGEST_LABEL = 128
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_BEFORE_ANY_EVENT = -(2**62)

Reading = Callable[[], Sequence[StreamCounters]]


class _Ended(Tally):
    """What partitions count beyond the time that they have a stream in memory, kept by label."""

    def __init__(self, end: Callable[[StreamCounters], None]) -> None:
        super().__init__()
        self._end = end

    def end(self, counters: StreamCounters) -> None:
        """Keeps a stream's totals."""
        self._end(counters)


@dataclass
class PartitionFigures:
    """What is so at this moment with a partition.

    Attributes:
        streams: in memory.
        dormant_streams: those that have left it, all but their clocks.
        state_bytes: what open windows and dormant streams may take of it, at most.
    """

    streams: int = 0
    dormant_streams: int = 0
    state_bytes: int = 0


@dataclass
class Totals:
    """What is counted of the streams of one label, and never falls."""

    rows: int = 0
    late: int = 0
    duplicates: int = 0
    untimed: int = 0
    future: int = 0
    empty: int = 0
    overflowed: int = 0

    def add(self, other: "Totals | StreamCounters") -> None:
        """Takes what another has counted."""
        for item in fields(Totals):
            setattr(self, item.name, getattr(self, item.name) + getattr(other, item.name))


@dataclass
class Now:
    """What is so at this moment with the streams of one label.

    Attributes:
        open_windows: windows that have rows and have not closed.
        pending: requests and responses that wait for the other.
        watermark: the one that is furthest behind, in nanoseconds; None before any event.
    """

    open_windows: int = 0
    pending: int = 0
    watermark: int | None = None

    def add(self, found: StreamCounters) -> None:
        """Takes what is so with one more stream."""
        self.open_windows += found.open_windows
        self.pending += found.pending
        if found.clock > _BEFORE_ANY_EVENT:
            watermark = found.clock - found.watermark_delay
            self.watermark = watermark if self.watermark is None else min(watermark, self.watermark)


@dataclass
class WorkerCounters:
    """The numbers of one worker.

    Attributes:
        max_streams: how many streams have labels of their own.
        kafka: why Kafka does not answer; empty where it does.
        assigned: the partitions that the group has given us; None before it has given any.
        lag: records of a partition that were not read yet, by its number.
        lost: records of a partition that expired unread or that Kafka lost, by its number.
        snapshots: transactions that succeeded.
        snapshot_bytes: bytes of state that they wrote.
        snapshot_seconds: how long each took.
        fenced: partitions that another worker had taken when we wrote.
        restored: partitions whose state was read.
        restore_seconds: how long each took.
        findings: findings that Kafka has, by type and verdict.
        monitors: monitors that run.
        invalid_files: monitor files that do not validate now.
        broken_detectors: detectors of monitors that run which could not be built.
        detector_failures: how often each detector failed, by the names of its monitor and its own.
        shortened: findings that were too large for Kafka, by monitor and detector; no detector for statistics.
        loads: what is so with each open partition, by its number.
        tally: what partitions count of streams that are not in memory.
    """

    max_streams: int = 200
    kafka: str = "Kafka has not answered yet"
    assigned: frozenset[int] | None = None
    lag: dict[int, int] = field(default_factory=dict)
    lost: Counter[int] = field(default_factory=Counter)
    snapshots: int = 0
    snapshot_bytes: int = 0
    snapshot_seconds: Histogram = field(default_factory=lambda: Histogram(_SECONDS))
    fenced: int = 0
    restored: int = 0
    restore_seconds: Histogram = field(default_factory=lambda: Histogram(_SECONDS))
    findings: Counter[tuple[str, str]] = field(default_factory=Counter)
    monitors: int = 0
    invalid_files: int = 0
    broken_detectors: int = 0
    detector_failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    shortened: Counter[tuple[str, str]] = field(default_factory=Counter)
    loads: dict[int, Callable[[], PartitionFigures]] = field(default_factory=dict)
    tally: Tally = field(init=False)
    _open: dict[int, Reading] = field(default_factory=dict)
    _gone: dict[Stream, Totals] = field(default_factory=dict)
    _labels: dict[str, Stream] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Lets partitions count."""
        self.tally = _Ended(self._keep)

    def opened(self, number: int, reading: Reading) -> None:
        """Begins to read a partition, whose state is there now.

        Args:
            number: of the partition.
            reading: what it has counted since it was made, by stream.
        """
        self.let_go(number)
        self._open[number] = reading

    def let_go(self, number: int) -> None:
        """Keeps what a partition has counted, and reads it no more; one that was never opened is none."""
        reading = self._open.pop(number, None)
        self.lag.pop(number, None)
        self.loads.pop(number, None)
        for found in reading() if reading else ():
            self._keep(found)

    def _keep(self, found: StreamCounters) -> None:
        self._gone.setdefault(self._label(found.stream), Totals()).add(found)

    def found(self, event: CloudEvent) -> None:
        """Counts a finding that Kafka has; types and verdicts are words of ours, never a client's."""
        self.findings[event.attributes["type"], event.attributes.get("verdict", "")] += 1

    @property
    def partitions(self) -> int:
        """How many are open."""
        return len(self._open)

    def streams(self) -> Iterator[tuple[Stream, Totals, Now | None]]:
        """Yields of each label what was counted, and what is so now where one of its streams is ours."""
        totals: dict[Stream, Totals] = {}
        for label, gone in self._gone.items():
            totals.setdefault(label, Totals()).add(gone)
        now: dict[Stream, Now] = {}
        for reading in self._open.values():
            for found in reading():
                label = self._label(found.stream)
                totals.setdefault(label, Totals()).add(found)
                now.setdefault(label, Now()).add(found)
        for label, total in totals.items():
            yield label, total, now.get(label)

    def unready(self) -> str:
        """Returns what is missing until every partition of ours is read; empty where nothing is."""
        if self.kafka:
            return self.kafka
        if self.assigned is None:
            return "the consumer group has not assigned partitions yet"
        missing = sorted(self.assigned - self._open.keys())
        if missing:
            return f"the state of partitions {', '.join(map(str, missing))} is not restored yet"
        return ""

    def _label(self, text: str) -> Stream:
        label = self._labels.get(text)
        if label is not None:
            return label
        stream = Stream.parse(text)
        if len(self._labels) >= self.max_streams or max(map(len, stream)) > _LONGEST_LABEL:
            return OTHER
        self._labels[text] = stream
        return stream
