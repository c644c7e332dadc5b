"""What every drift detector is: a function of a closed window's summaries, without memory."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from nilometer_detectors.detector import Detector, P
from nilometer_detectors.statistics.summary import Summary

Verdict = Literal["ok", "drift", "nodata"]


@dataclass(frozen=True)
class Needs:
    """What a detector reads of a window; the monitor keeps just that.

    Attributes:
        statistics: by the names that monitors use.
        sample: how many rows of features; 0 for none.
    """

    statistics: frozenset[str] = frozenset()
    sample: int = 0


@dataclass(frozen=True)
class Window:
    """What a monitor knows of a closed window.

    Attributes:
        features: the summary of the rows of requests.
        predictions: the summary of the rows of responses.
    """

    features: Summary
    predictions: Summary


@dataclass(frozen=True)
class Judgement:
    """What a detector says about a window.

    Attributes:
        verdict: drift, ok, or nodata where nothing could be judged.
        reason: why there is no verdict, or none on some feature; empty where all was judged.
        distance: how far the window lies from the baseline.
        p_value: how probable such a distance is without drift; None for detectors that know no probability.
        threshold: of the p-value, or else of the distance, after all corrections.
        features: what it says about each feature, as JSON values; every judged feature has `drift`: true, false, or
            null with a `reason`.
    """

    verdict: Verdict
    reason: str = ""
    distance: float | None = None
    p_value: float | None = None
    threshold: float | None = None
    features: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


class DriftDetector(Detector[P]):
    """Judges windows.

    Stated answers: missing and infinite values are left out and counted; a feature with too few others is not judged
    and says so, and the rest is; a window in which nothing can be judged gets the verdict nodata with the reason.
    """

    kind: ClassVar[Literal["drift"]] = "drift"

    @abstractmethod
    def needs(self) -> Needs:
        """Tells what the detector reads of a window."""

    @abstractmethod
    def judge(self, window: Window) -> Judgement:
        """Judges a closed window."""
