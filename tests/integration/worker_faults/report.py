"""What the fault tests of the worker found, a row a fault, printed at the end of the run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass
class Row:
    """One fault; all is compared with what is computed from what was sent.

    Attributes:
        fault: its name.
        times: how often it happened.
        events: that were sent, a row each.
        windows: that had to be found.
        wrong: how many of them have another value, or should not be there.
        missing: how many were never found.
        twice: how many were found more than once, by the finding's id or by stream, start and monitor.
        uncounted: rows that were sent, less those in windows and those that were told to be late.
        outliers: that had to be reported.
        silent: how many of them were not, or were and are none.
        points: at which named points, and how often at each.
    """

    fault: str
    times: int
    events: int
    windows: int
    wrong: int
    missing: int
    twice: int
    uncounted: int
    outliers: int
    silent: int
    points: Mapping[str, int] = field(default_factory=dict)

    @property
    def kept(self) -> bool:
        """Whether all was kept that is promised."""
        return (self.wrong, self.missing, self.twice, self.uncounted, self.silent) == (0,) * 5

    def cells(self) -> list[str]:
        """Returns what stands in its row."""
        counts = (self.times, self.events, self.windows, self.wrong, self.missing, self.twice, self.uncounted)
        return [self.fault, *(f"{count:,}" for count in (*counts, self.outliers, self.silent))]


TITLES = ["fault", "times", "events", "windows", "wrong", "missing", "twice", "uncounted", "outliers", "silent"]

Record = Callable[[Row], None]
