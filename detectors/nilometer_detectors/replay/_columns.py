"""The statistics of a column in a window, as a finding tells them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass
class Histogram:
    """How often values were in each bin, or of each category.

    Attributes:
        bins: edges of bins, or the names of categories.
        counts: of each bin or category.
        below: values below the first edge.
        above: values above the last edge, or categories that the schema does not name.
    """

    bins: tuple[float, ...] | tuple[str, ...]
    counts: list[int]
    below: int = 0
    above: int = 0

    @property
    def is_categorical(self) -> bool:
        """Whether it counts categories."""
        return len(self.bins) == len(self.counts)

    def add(self, other: "Histogram | None") -> None:
        """Adds another one's counts, where it has the same bins."""
        if other is not None and other.bins == self.bins:
            self.counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
            self.below += other.below
            self.above += other.above

    @classmethod
    def read(cls, said: Mapping[str, Any] | None) -> "Histogram | None":
        """Reads what a finding of statistics says."""
        if not said:
            return None
        if "categories" in said:
            return cls(tuple(said["categories"]), list(said["counts"]), 0, said.get("unseen", 0))
        return cls(tuple(said["edges"]), list(said["counts"]), said["below"], said["above"])


@dataclass
class Column:
    """The statistics of a column in a window; None where the monitor does not report them."""

    count: int
    missing: int
    mean: float | None = None
    stddev: float | None = None
    least: float | None = None
    most: float | None = None
    histogram: Histogram | None = None

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> "Column":
        """Reads what a finding of statistics says."""
        mean, stddev, least, most = (said.get(name) for name in ("mean", "stddev", "min", "max"))
        histogram = Histogram.read(said.get("histogram"))
        return cls(said.get("count", 0), said.get("missing", 0), mean, stddev, least, most, histogram)
