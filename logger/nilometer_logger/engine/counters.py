"""What a partition is told about its streams, and what it tells of them: bounds, and figures for metrics."""

from collections import Counter
from dataclasses import dataclass, replace

from nilometer_logger.engine.windows import StreamClock

_TOTALS = ("rows", "late", "duplicates", "untimed", "future", "empty", "overflowed")


@dataclass
class StreamCounters:
    """What metrics tell of a stream; counted since the partition was taken over.

    Attributes:
        stream: as one text.
        rows: put into windows or late, of all monitors.
        late: (row, window) pairs that came too late.
        duplicates: events passed over.
        untimed: events whose own time could not be read, so that their arrival stood in for it.
        future: events set aside because their time lies too far after their arrival.
        empty: events without rows.
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
    empty: int = 0
    clock: int = 0
    watermark_delay: int = 0
    open_windows: int = 0
    pending: int = 0
    overflowed: int = 0

    def end(self, earlier: "StreamCounters | None") -> "StreamCounters":
        """Tells what is left once nobody watches the stream: its totals, with those of an earlier time."""
        totals = {name: getattr(self, name) for name in _TOTALS}
        found = StreamCounters(self.stream, **totals, clock=StreamClock().now)
        return found.since(earlier) if earlier else found

    def since(self, earlier: "StreamCounters") -> "StreamCounters":
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
        self.ended: dict[str, StreamCounters] = {}

    def end(self, counters: StreamCounters) -> None:
        """Keeps the totals of a stream that is not in memory any more, or not yet."""
        self.ended[counters.stream] = counters.end(self.ended.get(counters.stream))
