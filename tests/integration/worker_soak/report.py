"""What a soak found, a row a kind of traffic, printed at the end of the run."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

MIB = 2**20


@dataclass
class Row:
    """One kind of traffic, or all of a run.

    Attributes:
        kind: its name.
        events: that were sent, those of a batch one by one, and as often as each was.
        bytes: of the bodies.
        rows: that were taken in, late ones among them.
        refused: events that the logger did not take.
        ignored: events of nobody's model.
        duplicates: events that had come before.
        late: events of which a row came too late, as far as topic `late` tells.
        findings: outliers; of a whole run all findings.
        points: dead letters by reason.
        peak_bytes: the most that the worker took; 0 where a kind was one of many.
        most_bytes: that it may take.
        seconds: from the first request until everything was accounted for.
    """

    kind: str
    events: int = 0
    bytes: int = 0
    rows: int = 0
    refused: int = 0
    ignored: int = 0
    duplicates: int = 0
    late: int = 0
    findings: int = 0
    points: Counter[str] = field(default_factory=Counter)
    peak_bytes: int = 0
    most_bytes: int = 0
    seconds: float = 0.0

    @property
    def dead(self) -> int:
        """How many dead letters there are."""
        return self.points.total()

    def add(self, other: "Row") -> None:
        """Takes what another has counted of events."""
        for name in ("events", "bytes", "rows", "refused", "ignored", "duplicates", "late", "findings"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def cells(self) -> list[str]:
        """Returns what stands in its row."""
        counts = (self.events, self.bytes, self.rows, self.dead, self.refused, self.ignored, self.duplicates, self.late)
        return [
            self.kind,
            *(f"{count:,}" for count in (*counts, self.findings)),
            f"{self.peak_bytes / MIB:.0f} of {self.most_bytes / MIB:.0f}" if self.most_bytes else "",
            f"{self.seconds:.0f}" if self.most_bytes else "",
        ]


TITLES = [
    *("traffic", "events", "bytes", "rows", "dead", "refused", "ignored", "duplicates", "late", "findings"),
    *("peak MiB", "s"),
]

Record = Callable[[Row], None]
