"""What a partition is told about its streams, and what it tells of them: bounds, and figures for metrics."""

from collections import Counter
from dataclasses import dataclass, replace

from nilometer_logger.eventtime import StreamClock
from nilometer_logger.payload import DEFAULT_LIMITS, Limits
from nilometer_logger.settings import ReplaySettings, WorkerSettings
from nilometer_logger.times import SECOND

_UNBOUNDED = 2**62
_TOTALS = ("rows", "late", "duplicates", "untimed", "future", "overflowed")


@dataclass(frozen=True)
class Bounds:
    """How far, how long and how many.

    Attributes:
        future: how far an event's time may lie after its arrival, in nanoseconds.
        pairing: how long a half waits for the other, in nanoseconds.
        pending: how many halves of a stream wait, at most.
        all_pending: how many halves of all streams of a partition wait, or are given up and may count in a window.
        duplicates: among how many events of a partition a repeated one is recognised.
        body: what one event's body may hold.
        idle: after how long without an event a stream of which nothing is open becomes dormant, in nanoseconds.
        streams: how many streams of a partition each monitor watches at a time, at most.
        window_bytes: how much memory the open windows of a partition may take, about.
        dormant_bytes: how much is kept of the dormant streams of a partition, at most.
    """

    future: int
    pairing: int
    pending: int
    duplicates: int
    body: Limits = DEFAULT_LIMITS
    all_pending: int = 50_000
    idle: int = _UNBOUNDED
    streams: int = _UNBOUNDED
    window_bytes: int = _UNBOUNDED
    dormant_bytes: int = _UNBOUNDED


def bounds_of(settings: WorkerSettings | ReplaySettings) -> Bounds:
    """Returns the bounds of a partition that the settings tell."""
    return Bounds(
        future=int(settings.future_seconds * SECOND),
        pairing=int(settings.pairing_seconds * SECOND),
        pending=settings.max_pending,
        all_pending=settings.max_pending_in_partition,
        duplicates=settings.max_duplicates,
        body=Limits(rows=settings.max_event_rows, cells=settings.max_event_cells),
        idle=int(settings.idle_stream_seconds * SECOND),
        streams=settings.max_streams,
        window_bytes=settings.max_window_bytes,
        dormant_bytes=settings.max_dormant_bytes,
    )


@dataclass
class StreamFigures:
    """What metrics tell of a stream; counted since the partition was taken over.

    Attributes:
        stream: as one text.
        rows: put into windows or late, of all monitors.
        late: (row, window) pairs that came too late.
        duplicates: events passed over.
        untimed: events whose own time could not be read, so that their arrival stood in for it.
        future: events set aside because their time lies too far after their arrival.
        clock: the largest event time, in nanoseconds.
        watermark_delay: the largest of its monitors', in nanoseconds.
        open_windows: of all its monitors.
        pending: halves that wait for the other.
        overflowed: halves that were given up because too many waited.
    """

    stream: str
    rows: int = 0
    late: int = 0
    duplicates: int = 0
    untimed: int = 0
    future: int = 0
    clock: int = 0
    watermark_delay: int = 0
    open_windows: int = 0
    pending: int = 0
    overflowed: int = 0

    def end(self, earlier: "StreamFigures | None") -> "StreamFigures":
        """Tells what is left once nobody watches the stream: its totals, with those of an earlier time."""
        totals = {name: getattr(self, name) for name in _TOTALS}
        found = StreamFigures(self.stream, **totals, clock=StreamClock().now)
        return found.since(earlier) if earlier else found

    def since(self, earlier: "StreamFigures") -> "StreamFigures":
        """Tells the same with the totals of an earlier time."""
        return replace(self, **{name: getattr(self, name) + getattr(earlier, name) for name in _TOTALS})


class Tally:
    """What a partition counts beyond the time that it has a stream in memory; whoever wants totals in all keeps it.

    Attributes:
        stream_overflow: events set aside because their monitor watches as many streams as it may, by monitor.
        window_overflow: events set aside because open windows take as much memory as they may, by monitor.
        ended: totals of streams that are not in memory any more, by stream.
    """

    def __init__(self) -> None:
        self.stream_overflow: Counter[str] = Counter()
        self.window_overflow: Counter[str] = Counter()
        self.ended: dict[str, StreamFigures] = {}

    def end(self, figures: StreamFigures) -> None:
        """Keeps the totals of a stream that is not in memory any more, or not yet."""
        self.ended[figures.stream] = figures.end(self.ended.get(figures.stream))
