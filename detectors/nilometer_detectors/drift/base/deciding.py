"""How measured distances become verdicts: by a p-value, or by a threshold of the distance itself.

A detector measures; its parameters decide. So every detector that knows a p-value takes the same corrections, and the
others the same threshold.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from nilometer_detectors.detector import Context, InvalidDetector
from nilometer_detectors.drift.base.contract import DriftParameters
from nilometer_detectors.drift.base.corrections import Correction, corrected, level_for
from nilometer_logger.rows import Floats


@dataclass(frozen=True)
class Decision:
    """What is decided about some columns.

    Attributes:
        drift: shape (columns,).
        thresholds: shape (columns,); of the p-values, or else of the distances.
        order: the columns' places, the one that speaks most for drift first.
        applied: the corrections, as JSON values.
    """

    drift: NDArray[np.bool_]
    thresholds: Floats
    order: NDArray[np.intp]
    applied: Mapping[str, object] = field(default_factory=dict)


class LevelParameters(DriftParameters):
    """The parameters of every test that gives a p-value, named as in alibi-detect where it has them."""

    p_value: float = Field(
        default=0.05, gt=0, lt=1, description="the probability of a false alarm in a window without drift"
    )
    false_alarms_per_day: float | None = Field(
        default=None,
        gt=0,
        description="how many false alarms a day are acceptable; then pValue follows from it, from how many windows a "
        "day has, and from persistence",
    )

    @model_validator(mode="after")
    def _either(self) -> Self:
        if self.false_alarms_per_day is not None and "p_value" in self.model_fields_set:
            raise ValueError("gives both pValue and falseAlarmsPerDay, and one follows from the other: leave one out")
        return self

    def level(self, context: Context) -> float:
        """Gives the level of the test in one window, over all of its columns.

        Raises:
            InvalidDetector: if alarms a day are asked for of windows that have no fixed length, or more than there are windows.
        """
        if self.false_alarms_per_day is None:
            return self.p_value
        if context.windows_per_day is None:
            raise InvalidDetector(
                f"is {self.false_alarms_per_day}: a day has no fixed number of windows of rows; give pValue instead",
                "falseAlarmsPerDay",
            )
        rate = self.false_alarms_per_day / context.windows_per_day
        if rate >= 1:
            raise InvalidDetector(
                f"is {self.false_alarms_per_day}: a day has only {context.windows_per_day:g} windows",
                "falseAlarmsPerDay",
            )
        kept = self.persistence
        return level_for(rate, kept.at_least, kept.of) if kept else rate

    def applied(self, level: float) -> dict[str, object]:
        """Says what went into the level of a test, as JSON values."""
        said: dict[str, object] = {"level": level}
        if self.false_alarms_per_day is not None:
            said["falseAlarmsPerDay"] = self.false_alarms_per_day
        if self.min_distance:
            said["minDistance"] = self.min_distance
        return said


class PValueParameters(LevelParameters):
    """The parameters of tests of one column each."""

    correction: Correction = Field(
        default="bonferroni",
        description="for several columns: bonferroni bounds the probability of any false alarm, fdr "
        "(Benjamini-Hochberg) the expected share of false ones among the columns said to drift",
    )

    def decide(self, level: float, distances: Floats, p_values: Floats) -> Decision:
        """Decides by p-values.

        Args:
            level: of the family of columns.
            distances: shape (columns,).
            p_values: shape (columns,).
        """
        threshold = corrected(p_values, level, self.correction)
        return Decision(
            (p_values < threshold) & (distances >= self.min_distance),
            np.full(len(p_values), threshold),
            np.lexsort((-distances, p_values)),
            {"correction": self.correction, "columns": len(p_values), **self.applied(level)},
        )


class ColumnTestParameters(PValueParameters):
    """The parameters of the tests that judge a column by itself."""

    autocorrelation: Literal["ignore", "correct"] = Field(
        default="ignore",
        description="correct: rows that follow each other and are alike count as fewer, by the correlation of each value "
        "with the one before it",
    )

    @model_validator(mode="after")
    def _knows(self) -> Self:
        if self.autocorrelation == "correct" and getattr(self, "compatibility", None):
            raise ValueError(
                "gives both compatibility and autocorrelation, and alibi-detect corrects none: leave one of them out"
            )
        return self

    def decide(self, level: float, distances: Floats, p_values: Floats) -> Decision:
        """Decides by p-values, in which the autocorrelation is corrected or not; see `PValueParameters`."""
        decision = super().decide(level, distances, p_values)
        if self.autocorrelation == "ignore":
            return decision
        return replace(decision, applied={**decision.applied, "autocorrelation": self.autocorrelation})


class DistanceParameters(DriftParameters):
    """The parameters of every detector that knows a distance and no probability."""

    threshold: float = Field(default=0.1, ge=0, description="a column with a larger distance drifts")

    def decide(self, thresholds: Floats, distances: Floats) -> Decision:
        """Decides by distances.

        Args:
            thresholds: shape (columns,).
            distances: shape (columns,).
        """
        thresholds = np.maximum(thresholds, self.min_distance)
        applied = {"minDistance": self.min_distance} if self.min_distance else {}
        return Decision(
            distances > thresholds, thresholds, np.argsort(-(distances - thresholds), kind="stable"), applied
        )
