"""What a replay came to, in numbers: of bounded size, whatever the traffic."""

from dataclasses import dataclass, field

from nilometer_detectors.replay._reading import About, Outlier, Window


@dataclass
class Outliers:
    """What one outlier detector found.

    Attributes:
        count: rows.
        worst: the one with the highest score, the first of several.
    """

    count: int
    worst: Outlier


@dataclass
class Account:
    """Totals over everything that was found.

    Attributes:
        windows: how many closed, by monitor and stream.
        drifting: how many of them drifted, alike.
        rows: in windows, alike; a row counts for each window that it is in.
        drained: how many windows closed because the input ended.
        late: rows that came too late, for each window that they missed.
        duplicates: events that were passed over.
        unanswered: requests without a response.
        outliers: by monitor and stream and by detector.
        first, last: event times, in nanoseconds; None where nothing was found.
    """

    windows: dict[About, int] = field(default_factory=dict)
    drifting: dict[About, int] = field(default_factory=dict)
    rows: dict[About, int] = field(default_factory=dict)
    drained: int = 0
    late: int = 0
    duplicates: int = 0
    unanswered: int = 0
    outliers: dict[tuple[About, str], Outliers] = field(default_factory=dict)
    first: int | None = None
    last: int | None = None

    def take(self, about: About, found: Window | Outlier) -> None:
        """Counts a finding."""
        if isinstance(found, Outlier):
            known = self.outliers.get((about, found.detector))
            if known is None:
                self.outliers[about, found.detector] = Outliers(found.rows, found)
                return
            known.count += found.rows
            if found.rank > known.worst.rank:
                known.worst = found
            return
        self.windows[about] = self.windows.get(about, 0) + 1
        self.rows[about] = self.rows.get(about, 0) + found.rows
        self.drifting[about] = self.drifting.get(about, 0) + found.drifts
        self.drained += found.closed_by == "drained"
        self.late += found.late
        self.duplicates += found.duplicates
        self.unanswered += found.unanswered or 0
        self.first = found.start if self.first is None else min(self.first, found.start)
        self.last = found.end if self.last is None else max(self.last, found.end)

    @property
    def has_drift(self) -> bool:
        """Whether any window drifted."""
        return any(self.drifting.values())

    @property
    def has_outliers(self) -> bool:
        """Whether any row was flagged."""
        return bool(self.outliers)
