"""Drift detectors that test each feature by itself and correct for the number of features.

Everything but the test is here: which values are tested, when there are too few, the corrections, the verdict. A test
gives a distance and a p-value for each feature.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Literal, Self, TypeVar

import numpy as np
from nilometer_logger.rows import Floats
from pydantic import Field, model_validator

from nilometer_detectors.detector import Context, Parameters, Refused, baseline_of, names_of, numeric_features
from nilometer_detectors.drift.contract import DriftDetector, Judgement, Needs, Window
from nilometer_detectors.statistics.contract import plain

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
        default=1000, ge=1, le=100_000, description="how many rows of a window are tested at most"
    )

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.sample_size < self.min_rows:
            raise ValueError(f"sampleSize ({self.sample_size}) must not be smaller than minRows ({self.min_rows})")
        return self


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
        values = window.features.sample(self.parameters.sample_size)[:, self._places]
        finite = np.isfinite(values)
        counts = finite.sum(axis=0).tolist()
        judged = [place for place, count in enumerate(counts) if count >= self.parameters.min_rows]
        reason = self._too_few(window.features.rows, counts)
        features = {name: self._said(count, len(values)) for name, count in zip(self._names, counts, strict=True)}
        if not judged:
            return Judgement("nodata", reason, features=features)
        samples = [values[finite[:, place], place] for place in judged]
        distances, p_values = self.test(judged, samples)
        threshold = corrected(p_values, self.parameters.p_value, self.parameters.correction)
        drifting = p_values < threshold
        for place, distance, p_value, drift in zip(judged, distances, p_values, drifting, strict=True):
            features[self._names[place]] |= {
                "drift": bool(drift),
                "distance": plain(distance),
                "pValue": plain(p_value),
                "threshold": threshold,
            }
        worst = np.lexsort((-distances, p_values))[0]
        return Judgement(
            verdict="drift" if drifting.any() else "ok",
            reason=reason,
            distance=plain(distances[worst]),
            p_value=plain(p_values[worst]),
            threshold=threshold,
            features=features,
        )

    def _said(self, count: int, rows: int) -> dict[str, object]:
        """What is said of every feature: how many of the tested rows had a value."""
        said: dict[str, object] = {"drift": None, "count": count, "missing": rows - count}
        return said if count >= self.parameters.min_rows else said | {"reason": self._fewer(count)}

    def _fewer(self, count: int) -> str:
        return f"{count} usable values, fewer than minRows ({self.parameters.min_rows})"

    def _too_few(self, rows: int, counts: Sequence[int]) -> str:
        """The reason of what is not judged; empty where all is."""
        if rows < self.parameters.min_rows:
            return f"{rows} rows, fewer than minRows ({self.parameters.min_rows})"
        few = [
            f"{name} has {self._fewer(count)}"
            for name, count in zip(self._names, counts, strict=True)
            if count < self.parameters.min_rows
        ]
        return "; ".join(few)


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
