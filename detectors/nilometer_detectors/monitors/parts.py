"""What a monitor is made of, while it is put together and afterwards."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from nilometer_detectors.baselines.baseline import Baseline
from nilometer_detectors.detector import Detector, Kind
from nilometer_detectors.problems import Location, Problem, first_of, path_of
from nilometer_logger.rows import Floats, Schema

Failures = Counter[tuple[str, str]]
"""How often each detector failed, by the names of its monitor and its own."""


@dataclass
class Parts:
    """What a monitor is made of; whole only where there are no problems.

    Attributes:
        baseline: what is normal.
        features: the columns of a request.
        predictions: the columns of a response.
        feature_edges: of the features' histograms.
        prediction_edges: of the predictions' histograms.
        statistics: what to report, by name.
        windows_per_day: how many windows start in a day; None for windows of rows.
        broken: the detectors that could not be built, alike.
        detectors: in the order of the declaration, outlier detectors first.
        problems: all that is wrong.
    """

    baseline: Baseline | None = None
    features: Schema = field(default_factory=lambda: Schema(()))
    predictions: Schema = field(default_factory=lambda: Schema(()))
    feature_edges: list[Floats | None] = field(default_factory=list)
    prediction_edges: list[Floats | None] = field(default_factory=list)
    statistics: frozenset[str] = frozenset()
    windows_per_day: float | None = None
    detectors: list[Detector[Any]] = field(default_factory=list)
    broken: list["FailedDetector"] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def report(self, location: Location, message: str) -> None:
        """Adds a problem."""
        self.problems.append(Problem(path_of(location), message))

    def all_problems(self) -> list[Problem]:
        """Gives the problems of the monitor and of its detectors."""
        return [*self.problems, *(problem for broken in self.broken for problem in broken.problems)]


@dataclass(frozen=True)
class FailedDetector:
    """A detector that could not be built.

    Attributes:
        kind: whether it was to judge rows or windows.
        name: in the monitor.
        type: as the monitor says it.
        problems: at least one.
        of: what its findings are about.
    """

    kind: Kind
    name: str
    type: str
    problems: tuple[Problem, ...]
    of: Literal["features"] = "features"

    @property
    def reason(self) -> str:
        """Says in a sentence what is wrong."""
        return "the detector could not be built: " + "; ".join(first_of(self.problems))
