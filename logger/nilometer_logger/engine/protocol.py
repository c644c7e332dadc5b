"""What the broker asks of those who judge: a small protocol, so that it needs to know nothing of statistics.

A monitor opens a state for each window, the state takes blocks of rows, two states merge, and a state closes into
findings; rows that have just arrived are scored into findings as well. What a monitor must know of a stream from one
window to the next (an online detector's sums, how the last windows were judged) is its *memory*, which rows and closings
change. States and memories are bounded, whatever the traffic, and write themselves as bytes for the snapshot.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, Self

from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.cloudevents.kserve import Stream
from nilometer_logger.rows import Rows, Schema
from nilometer_logger.times import SECOND

ClosedBy = Literal["watermark", "quiet", "count", "drained"]

LATE_BOUNDS = tuple(seconds * SECOND for seconds in (1, 10, 60, 600, 3600))
"""Late rows are counted by how far the watermark was past the end of their window: up to each of these, or beyond."""


@dataclass(frozen=True)
class WindowSpec:
    """How a monitor cuts a stream into windows; all in nanoseconds.

    Attributes:
        size: how long a window is; 0 for windows of `count` rows.
        slide: how far the next one starts after it; equal to `size` for tumbling windows, never larger.
        watermark_delay: how far the watermark stays behind the largest event time.
        offset: where the first window after the epoch starts.
        count: how many rows make a window, of requests where the monitor watches features and of responses
            otherwise; 0 for windows of time.
    """

    size: int
    slide: int
    watermark_delay: int
    offset: int = 0
    count: int = 0


@dataclass(frozen=True)
class ClosedWindow:
    """What the broker knows of a window that has closed; times in nanoseconds.

    Attributes:
        start: the first event time that belongs to it; of a window of rows, the smallest event time among them.
        end: the first event time after it that does not; of a window of rows, the one after the largest.
        closed_by: whether events moved the watermark past the end, or a stream's silence did; or it has its number of
            rows; or the input has ended (*drained*).
        watermark: the watermark when it closed.
        partial: whether the monitor started inside it, the input ended inside it, or records of the log were lost, so
            that it holds only a part of its rows.
        late_since_last: rows of this stream that came after their window had closed, since its last finding; a row that
            is late for several windows counts for each.
        late_by: those, by how late they were, as `LATE_BOUNDS` has it; one count more than there are bounds.
        latest: how late the latest of them was, in nanoseconds.
        duplicates_since_last: events of this stream that were passed over as duplicates, since its last finding.
        unanswered: requests of the window to which no response has come; None where the stream has shown no response, or
            where records were lost that may have held some.
        first_event_time: the smallest event time among its rows.
        last_event_time: the largest event time among its rows.
        number: of a window of rows, how many there were before it; 0 for a window of time.
        lost_records: how many records of the log expired unread or were lost by Kafka that may have held rows of it, at
            least.
    """

    start: int
    end: int
    closed_by: ClosedBy
    watermark: int
    partial: bool
    late_since_last: int
    late_by: tuple[int, ...]
    latest: int
    duplicates_since_last: int
    unanswered: int | None
    first_event_time: int
    last_event_time: int
    number: int = 0
    lost_records: int = 0


class WindowState(Protocol):
    """What a monitor keeps of the rows of one window: bounded and mergeable."""

    def update(self, rows: Rows) -> None:
        """Takes a block of rows of either half."""

    def merge(self, other: Self) -> None:
        """Takes all that another state of the same monitor has taken; the other is left as it is."""

    def dump(self) -> bytes:
        """Writes the state; `Monitor.load` reads it."""


class Memory(Protocol):
    """What a monitor keeps of one stream from window to window: bounded."""

    def update(self, rows: Rows) -> None:
        """Takes rows of either half in the order of the log, late ones as well, before windows close with them."""

    def dump(self) -> bytes:
        """Writes the memory; `Monitor.remember` reads it. Nothing where there is nothing to remember."""


class Monitor(Protocol):
    """The declaration of what to watch on a stream, ready to judge."""

    @property
    def name(self) -> str:
        """Namespace and name, such as ``demo/iris``."""

    @property
    def digest(self) -> str:
        """Of the declaration and the baseline: another digest is another monitor, whose state starts anew."""

    @property
    def windows(self) -> WindowSpec:
        """How event time is cut."""

    @property
    def wants_late(self) -> bool:
        """Whether events that come too late are written to topic `late`."""

    @property
    def features(self) -> Schema:
        """The columns of a request."""

    @property
    def predictions(self) -> Schema:
        """The columns of a response; empty where the monitor does not watch them."""

    def state_bytes(self, rows: int) -> int:
        """Tells what the state of a window of so many rows takes of memory, from above and not by much.

        It never falls where there are more rows, and has a bound; two states of some rows each take no less together
        than one of all of them.
        """

    def watches(self, stream: Stream) -> bool:
        """Tells whether a stream is this monitor's to watch."""

    def open(self) -> WindowState:
        """Makes the state of an empty window."""

    def load(self, blob: bytes) -> WindowState:
        """Reads what `WindowState.dump` wrote."""

    def remember(self, blob: bytes = b"") -> Memory:
        """Makes the memory of a stream: what `Memory.dump` wrote, or that of a stream never seen."""

    def close(self, stream: Stream, window: ClosedWindow, state: WindowState, memory: Memory) -> Sequence[CloudEvent]:
        """Judges a closed window, and lets the memory know."""

    def score(self, stream: Stream, rows: Rows, memory: Memory) -> Sequence[CloudEvent]:
        """Judges rows that have just arrived; the memory bounds how many findings come of them until a window closes."""
