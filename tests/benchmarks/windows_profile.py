"""Where the time of a partition goes: the CPU of each stage, by inference.

The stages are functions that are called once for a record or a block of rows, hundreds of events; each is replaced by one
that reads the clock before and after. What a stage called within another takes counts for the inner one alone. A
profiler that looks at every call would say that small functions cost what looking at them costs.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from nilometer_detectors.statistics.extremes import Extremes
from nilometer_detectors.statistics.histogram import Histogram
from nilometer_detectors.statistics.moments import Moments
from nilometer_detectors.statistics.summary import Summary
from nilometer_logger.decoding.inferences import _halves, _reading
from nilometer_logger.engine import binding, routing, stream
from nilometer_logger.engine.deduplication import Duplicates
from nilometer_logger.engine.pairing import PairingTable
from nilometer_logger.engine.partition import PartitionState
from nilometer_logger.engine.protocol import Monitor
from nilometer_logger.engine.windows import StreamClock, Windower
from tests.benchmarks import windows_pure
from tests.benchmarks.windows_traffic import Traffic

_OUTSIDE = "making records"
_REST = "the rest: putting columns together, cutting runs"
STAGES: dict[str, Sequence[tuple[Any, str]]] = {
    "a record's bytes become attributes and bodies": [(_halves, "logged_events")],
    "whose inference, and which half": [(routing, "halves_of")],
    "times": [(_reading, "parse_times")],
    "bodies: JSON becomes numbers": [(_reading, "_payloads")],
    "identities (BLAKE2b)": [(_reading, "_identities")],
    "seen before?": [(Duplicates, "add_all")],
    "a request meets its response": [(PairingTable, "put_all"), (PairingTable, "expire")],
    "the stream's clock": [(StreamClock, "observe")],
    "numbers become arrays": [(binding, "_side_of")],
    "the monitor's schema": [(stream, "rows_of")],
    "windows": [(Windower, "add"), (Windower, "may_close"), (Windower, "close")],
    "count, and whether all is finite": [(Summary, "take")],
    "mean and stddev": [(Moments, "update")],
    "min and max": [(Extremes, "update")],
    "histogram": [(Histogram, "update")],
    "snapshots": [(PartitionState, "take"), (windows_pure, "_written")],
    _REST: [(windows_pure, "_turn")],
}


class Clock:
    """Adds up the CPU seconds of stages.

    Attributes:
        seconds: by stage.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._stage = _OUTSIDE
        self._since = time.thread_time()

    def turn(self, stage: str) -> str:
        """Begins a stage, and returns the one that it interrupts or follows."""
        at = time.thread_time()
        before, self._stage = self._stage, stage
        self.seconds[before] = self.seconds.get(before, 0.0) + at - self._since
        self._since = at
        return before

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Makes a function that counts for a stage."""

        def call(*given: Any, **named: Any) -> Any:
            before = self.turn(stage)
            try:
                return function(*given, **named)
            finally:
                self.turn(before)

        return call


@contextmanager
def _clocked() -> Iterator[Clock]:
    clock = Clock()
    with ExitStack() as stack:
        for stage, functions in STAGES.items():
            for owner, name in functions:
                stack.enter_context(patch.object(owner, name, clock.timed(stage, getattr(owner, name))))
        yield clock


def profile(monitors: Sequence[Monitor], traffic: Traffic, turns: int) -> list[str]:
    """Makes the table, as lines; of all turns the one with the least in all stands.

    Raises:
        ValueError: if a stage was never entered: then its name is that of something else.
    """
    best: dict[str, float] = {}
    for _ in range(turns):
        with _clocked() as clock:
            windows_pure.cost(monitors, traffic, 1)
        if lacking := STAGES.keys() - clock.seconds.keys():
            raise ValueError(f"stages that nothing enters: {', '.join(sorted(lacking))}")
        found = {stage: clock.seconds[stage] for stage in STAGES}
        if not best or sum(found.values()) < sum(best.values()):
            best = found
    micros = {stage: 1e6 * seconds / traffic.inferences for stage, seconds in best.items()}
    total = sum(micros.values())
    lines = [f"{stage:<52}{took:>9.2f}{took / total:>8.0%}" for stage, took in micros.items()]
    return [f"{'':<52}{'CPU µs':>9}{'share':>8}", *lines, f"{'in all':<52}{total:>9.2f}"]
