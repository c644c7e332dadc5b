"""Drift detectors that test each feature by itself and correct for the number of features.

Everything but the test is here: which values are tested, when there are too few, the corrections, the verdict. A test
gives a distance and a p-value for each feature.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from pydantic import Field, ValidationInfo, field_validator

from nilometer_detectors.detector import Context, Parameters, Refused, baseline_of, names_of, numeric_features
from nilometer_detectors.drift.contract import DriftDetector, Judgement, Needs, Window
from nilometer_detectors.statistics.contract import plain
from nilometer_logger.rows import Floats

Correction = Literal["bonferroni", "fdr"]


class UnivariateParameters(Parameters):
    """The parameters of every test by feature, named as in alibi-detect where it has them."""

    p_value: float = Field(
        default=0.05, gt=0, lt=1, description="the probability of a false alarm in a window without drift"
    )
    correction: Correction = Field(
        default="bonferroni",
        description="for several features: bonferroni bounds the probability of any false alarm, fdr "
        "(Benjamini-Hochberg) the expected share of false ones among the features said to drift",
    )
    min_rows: int = Field(default=30, ge=1, description="a feature with fewer values in a window is not judged")
    sample_size: int = Field(
        default=1000,
        ge=1,
        le=100_000,
        validate_default=True,
        description="how many rows of a window are tested at most; not fewer than minRows",
    )

    @field_validator("sample_size")
    @classmethod
    def _enough(cls, sample_size: int, info: ValidationInfo) -> int:
        if sample_size < info.data.get("min_rows", 0):
            raise ValueError(f"smaller than minRows ({info.data['min_rows']}), so nothing would ever be judged")
        return sample_size


U = TypeVar("U", bound=UnivariateParameters)


class UnivariateDrift(DriftDetector[U]):
    """A test by feature.

    The overall distance and p-value are those of the feature with the smallest p-value (of several, the largest
    distance); the window drifts where any feature's p-value lies below the corrected threshold.
    """

    def __init__(self, parameters: U, context: Context) -> None:
        """Takes the features' values, sorted and without missing ones, from the baseline.

        Raises:
            Refused: if there is no baseline, nothing to judge, or a feature with fewer than two values in it.
        """
        super().__init__(parameters, context)
        self._places = numeric_features(parameters, context)
        self._names = names_of(context.features, self._places)
        self._references = [baseline_of(context).reference(place) for place in self._places]
        for name, reference in zip(self._names, self._references, strict=True):
            if len(reference) < 2:
                raise Refused(
                    f"the baseline has fewer than two usable values of {name!r}: name the features to judge without it"
                )

    def needs(self) -> Needs:
        """Asks for a sample of rows."""
        return Needs(sample=self.parameters.sample_size)

    @abstractmethod
    def test(self, features: Sequence[int], samples: Sequence[Floats]) -> tuple[Floats, Floats]:
        """Tests features against their references.

        Args:
            features: their places among the judged features.
            samples: of each, its values in the window: finite, at least `minRows`, in the order of the rows' hashes.

        Returns:
            Distances and p-values, shape (features,) each.
        """

    def judge(self, window: Window) -> Judgement:
        """Judges a closed window."""
        outcomes = self._outcomes(window)
        judged = [outcome for outcome in outcomes if not outcome.reason]
        reason = "; ".join(f"{outcome.name}: {outcome.reason}" for outcome in outcomes if outcome.reason)
        if not judged:
            rows = window.features.rows
            if rows < self.parameters.min_rows:
                reason = f"{rows} rows, fewer than minRows ({self.parameters.min_rows})"
            return Judgement("nodata", reason, features={outcome.name: outcome.said(None) for outcome in outcomes})
        p_values = np.array([outcome.p_value for outcome in judged])
        threshold = corrected(p_values, self.parameters.p_value, self.parameters.correction)
        worst = min(judged, key=lambda outcome: (outcome.p_value, -outcome.distance))
        return Judgement(
            verdict="drift" if worst.p_value < threshold else "ok",
            reason=reason,
            distance=plain(worst.distance),
            p_value=worst.p_value,
            threshold=threshold,
            features={outcome.name: outcome.said(threshold) for outcome in outcomes},
        )

    def _outcomes(self, window: Window) -> list["_Outcome"]:
        """Tests the features that have enough values, and tells of the others why not."""
        values = window.features.sample(self.parameters.sample_size)[:, self._places]
        finite = np.isfinite(values)
        counts = np.add.reduce(finite, axis=0, dtype=np.int64)
        tested = np.flatnonzero(counts >= self.parameters.min_rows)
        distances, p_values = np.full(len(counts), np.nan), np.full(len(counts), np.nan)
        if len(tested):
            samples = [values[finite[:, place], place] for place in tested]
            distances[tested], p_values[tested] = self.test(tested.tolist(), samples)
        outcomes = []
        columns = zip(self._names, counts.tolist(), distances.tolist(), p_values.tolist(), strict=True)
        for name, count, distance, p_value in columns:
            reason = "the test gave no p-value" if math.isnan(p_value) else ""
            if count < self.parameters.min_rows:
                reason = f"{count} usable values, fewer than minRows ({self.parameters.min_rows})"
            outcomes.append(_Outcome(name, count, len(values) - count, distance, p_value, reason))
        return outcomes


@dataclass(frozen=True)
class _Outcome:
    """What became of one feature: a test, or the reason why there was none."""

    name: str
    count: int
    missing: int
    distance: float
    p_value: float
    reason: str

    def said(self, threshold: float | None) -> dict[str, object]:
        """Gives the feature's part of the finding."""
        counted = {"count": self.count, "missing": self.missing}
        if self.reason or threshold is None:
            return {"drift": None, "reason": self.reason, **counted}
        drift = self.p_value < threshold
        tested = {"distance": plain(self.distance), "pValue": self.p_value, "threshold": threshold}
        return {"drift": drift, **tested, **counted}


def corrected(p_values: Floats, level: float, correction: Correction) -> float:
    """Corrects the level of a test for the number of tests.

    Args:
        p_values: of all tests, shape (tests,).
        level: of the whole family.
        correction: `bonferroni` gives level / tests (Dunn, "Multiple comparisons among means", 1961). `fdr` gives the
            largest level · i / tests that the i-th smallest p-value lies below, or level / tests where there is none
            (Benjamini and Hochberg, "Controlling the false discovery rate", 1995).

    Returns:
        The threshold: a test is significant where its p-value is smaller.
    """
    tests = len(p_values)
    if correction == "fdr":
        thresholds = level * np.arange(1, tests + 1) / tests
        below = np.flatnonzero(np.sort(p_values) < thresholds)
        if len(below):
            return float(thresholds[below[-1]])
    return level / tests
