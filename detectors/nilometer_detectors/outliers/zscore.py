"""The z-score of each value against the baseline."""

from typing import ClassVar

import numpy as np
from pydantic import Field

from nilometer_detectors.detector import Context, InvalidDetector, Parameters, baseline_of
from nilometer_detectors.outliers.base.contract import OutlierDetector, Scores, highest
from nilometer_logger.rows import Rows


class ZScoreParameters(Parameters):
    """The parameters of `zscore`."""

    threshold: float = Field(
        default=4.0, gt=0, description="how many standard deviations from the baseline's mean are still normal"
    )


class ZScore(OutlierDetector[ZScoreParameters]):
    """Flags a row with a value that lies too many standard deviations away from the baseline's mean.

        score(value) = |value - mean| / stddev,    score(row) = the largest of its values' scores

    (Grubbs, "Procedures for detecting outlying observations in samples", Technometrics 11, 1969, with the baseline's
    moments, so that a block of outliers cannot hide itself.) A value is expected in mean ± threshold · stddev. For
    normal data, 6 in 100,000 values lie beyond 4 standard deviations.

    A feature that is constant in the baseline (stddev 0) expects exactly its value: another scores infinitely high. An
    infinite value scores infinitely high. A missing value is not judged. O(rows · features), no state.
    """

    Parameters: ClassVar[type[Parameters]] = ZScoreParameters

    def __init__(self, parameters: ZScoreParameters, context: Context) -> None:
        """Takes the features' moments from the baseline.

        Raises:
            InvalidDetector: if there is no baseline, nothing to judge, or a feature without a standard deviation.
        """
        super().__init__(parameters, context)
        self._features = self.chosen(parameters.features, context)
        columns = [baseline_of(context).features[place] for place in self._features]
        for column in columns:
            if column.mean is None or column.stddev is None:
                raise InvalidDetector(
                    f"the baseline has no standard deviation of {column.name!r}, with fewer than two usable values or too large ones: "
                    "name the features to judge without it"
                )
        self._mean = np.array([column.mean for column in columns], dtype=np.float64)
        self._stddev = np.array([column.stddev for column in columns], dtype=np.float64)
        self._all = self._features == tuple(range(len(context.features)))
        self._constant = bool((self._stddev == 0).any())
        with np.errstate(over="ignore"):
            margin = parameters.threshold * self._stddev
            self._expected = np.stack([self._mean - margin, self._mean + margin], axis=1)

    def score(self, rows: Rows) -> Scores:
        """Scores the rows of requests."""
        values = rows.values if self._all else rows.values[:, self._features]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            # A constant feature gives 0/0 where it is as expected, and otherwise an infinite score.
            score = np.abs(values - self._mean) / self._stddev
        if self._constant:
            score[(values == self._mean) & (self._stddev == 0)] = 0.0
        worst = highest(score)
        return Scores(
            score=worst,
            flagged=worst > self.parameters.threshold,
            threshold=self.parameters.threshold,
            features=self._features,
            feature_score=score,
            expected=self._expected,
        )
