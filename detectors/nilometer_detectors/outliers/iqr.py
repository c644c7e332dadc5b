"""Tukey's fences around the baseline's quartiles."""

from typing import ClassVar

import numpy as np
from pydantic import Field

from nilometer_detectors.detector import Context, InvalidDetector, Parameters, baseline_of
from nilometer_detectors.outliers.base.contract import OutlierDetector, Scores, highest
from nilometer_logger.rows import Rows


class IQRParameters(Parameters):
    """The parameters of `iqr`."""

    threshold: float = Field(
        default=3.0,
        gt=0,
        description="how many interquartile ranges beyond the quartiles are still normal; Tukey has 1.5 for values "
        "that are outside, 3 for those that are far out",
    )


class IQR(OutlierDetector[IQRParameters]):
    """Flags a row with a value beyond Tukey's fences.

        score(value) = max(Q1 - value, value - Q3, 0) / (Q3 - Q1),    score(row) = the largest of its values' scores

    with the quartiles of the baseline's sample, interpolated linearly (Tukey, "Exploratory Data Analysis", 1977, 2D).
    A value is expected in [Q1 - threshold · IQR, Q3 + threshold · IQR]. For normal data, 7 in 1,000 values lie beyond
    1.5 and 2 in 1,000,000 beyond 3. The quartiles do not mind a few outliers in the baseline, unlike its standard
    deviation.

    A feature whose middle half is one value has no such range: all that its sample holds is expected, and a value
    beyond its smallest and largest scores infinitely high; so a constant feature expects exactly its value. An infinite
    value scores infinitely high. A missing value is not judged. O(rows · features).
    """

    Parameters: ClassVar[type[Parameters]] = IQRParameters

    def __init__(self, parameters: IQRParameters, context: Context) -> None:
        """Takes the quartiles from the baseline's sample.

        Raises:
            InvalidDetector: if there is no baseline, nothing to judge, or a feature without a value in the sample.
        """
        super().__init__(parameters, context)
        self._features = self.chosen(parameters.features, context)
        baseline = baseline_of(context)
        fences = np.empty((len(self._features), 3))
        for at, place in enumerate(self._features):
            reference = baseline.reference(place)
            if not len(reference):
                raise InvalidDetector(
                    f"the baseline's sample has no usable value of {context.features.names[place]!r}: "
                    "name the features to judge without it"
                )
            low, high = np.quantile(reference, [0.25, 0.75])
            fences[at] = (low, high, high - low) if low < high else (reference[0], reference[-1], 0.0)
        self._low, self._high, self._span = fences.T
        with np.errstate(over="ignore"):
            margin = parameters.threshold * self._span
            self._expected = np.stack([self._low - margin, self._high + margin], axis=1)

    def score(self, rows: Rows) -> Scores:
        """Scores the rows of requests."""
        values = rows.values[:, self._features]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            beyond = np.maximum(self._low - values, values - self._high)
            score = np.where(beyond > 0, beyond / self._span, np.where(np.isnan(values), np.nan, 0.0))
        worst = highest(score)
        threshold = self.parameters.threshold
        return Scores(worst, worst > threshold, threshold, self._features, score, self._expected)
