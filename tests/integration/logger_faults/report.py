"""What the fault tests found, a row a fault, printed at the end of the run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.integration.logger_faults.memory import MIB


@dataclass
class Row:
    """One fault.

    Attributes:
        fault: its name.
        times: how often it happened.
        points: at which named points, and how often at each.
        acknowledged: events that were answered 200.
        missing: how many of those are not in Kafka as they were sent.
        duplicates: how many events are in Kafka more than once.
        peak: the most bytes that the logger had resident.
        bound: the most that it may have.
        recovery: seconds from the moment in which what was away was started again until the first acknowledgement, the
            longest; its own start is part of that. None where nothing was away.
    """

    fault: str
    times: int
    points: Mapping[str, int] = field(default_factory=dict)
    acknowledged: int = 0
    missing: int = 0
    duplicates: int = 0
    peak: int = 0
    bound: int = 0
    recovery: float | None = None

    @property
    def kept(self) -> bool:
        """Whether all was kept that is promised: every event once, and the bound of memory."""
        return self.missing == self.duplicates == 0 and self.peak <= self.bound

    def cells(self) -> list[str]:
        """Returns what stands in its row."""
        return [
            self.fault,
            f"{self.times:,}",
            f"{self.acknowledged:,}",
            str(self.missing),
            str(self.duplicates),
            f"{self.peak / MIB:.0f} of {self.bound / MIB:.0f}",
            "" if self.recovery is None else f"{self.recovery:.1f}",
        ]


TITLES = ["fault", "times", "acknowledged", "missing", "duplicates", "peak MiB", "recovery s"]

Record = Callable[[Row], None]
