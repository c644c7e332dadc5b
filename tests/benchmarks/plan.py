"""What a load is told and what it tells: JSON between the benchmark's process and the load's."""

import math
from collections.abc import Sequence

import msgspec

from tests.benchmarks.wire import event_id


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to send.

    Attributes:
        port: of the server on the loopback interface.
        run: a number that is in the ids of all events of this load and of no other.
        connections: each with one request under way at most.
        streams: among which the connections are divided.
        rate: events a second in all; 0 means that each connection sends as soon as it was answered.
        warm_seconds: before anything is measured.
        seconds: the span that is measured.
        pids: processes whose CPU time is wanted, by name.
    """

    port: int
    run: int
    connections: int
    streams: int = 1
    rate: float = 0.0
    warm_seconds: float = 0.5
    seconds: float = 1.5
    pids: dict[str, int] = {}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it.

    Attributes:
        seconds: the measured span.
        acknowledged: events answered 200 in it.
        p50_ms: of the latencies of those.
        p99_ms: likewise.
        cpu_seconds: used in the span, by process; "load" is the load's own, "machine" everybody's, neighbours' too.
        sent: events of the whole run, numbered from 0.
        refused: the numbers of those that were not answered 200.
        statuses: of the refused ones.
    """

    seconds: float
    acknowledged: int
    p50_ms: float
    p99_ms: float
    cpu_seconds: dict[str, float]
    sent: int
    refused: list[int]
    statuses: dict[str, int]

    @property
    def rate(self) -> float:
        """Events acknowledged a second."""
        return self.acknowledged / self.seconds

    def cpu_us(self, process: str = "server") -> float:
        """Tells a process's CPU µs an acknowledged event; NaN where there was no such process or no event."""
        return 1e6 * self.cpu_seconds.get(process, math.nan) / (self.acknowledged or math.nan)

    def neighbours(self) -> float:
        """Tells how many cores were busy with something else, on average."""
        ours = sum(used for process, used in self.cpu_seconds.items() if process != "machine")
        return max(0.0, self.cpu_seconds["machine"] - ours) / self.seconds

    def acknowledged_ids(self, run: int) -> set[str]:
        """Returns the ids of all events that were answered 200."""
        refused = set(self.refused)
        return {event_id(run, number) for number in range(self.sent) if number not in refused}


def percentile(values: Sequence[float], part: float) -> float:
    """Returns the smallest of the values that at least a part of them do not exceed; NaN of none."""
    return sorted(values)[max(0, math.ceil(part * len(values)) - 1)] if values else math.nan
