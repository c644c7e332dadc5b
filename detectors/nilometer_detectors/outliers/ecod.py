"""How improbable each value of a row is in the tails of the baseline, all together."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from nilometer_detectors.detector import Context, InvalidDetector, Parameters, baseline_of
from nilometer_detectors.outliers.base.contract import OutlierDetector, PercentileParameters, Scores, tell, total
from nilometer_logger.rows import ColumnType, Floats, Rows


class ECOD(OutlierDetector[PercentileParameters]):
    """Flags a row whose values, each by itself, lie too far in the tails of the baseline.

        score(value) = max(-ln F(value), -ln (1 - F(value-))),    score(row) = the sum of its values' scores

    with F the empirical distribution function of the baseline's sample and the value itself, and F(value-) the limit from
    below (Li, Zhao, Hu, Botta, Ionescu and Chen, "ECOD: unsupervised outlier detection using empirical cumulative
    distribution functions", IEEE TKDE 35, 2023). It is what pyod's `ECOD.decision_function` gives for one row by itself;
    pyod's scores of several rows depend on each other, and where a skewness is exactly 0 it adds up both tails. Nothing is
    fitted: the sorted sample is the baseline's. The default threshold is a percentile of the sample's own scores.

    A value beyond all n of the sample scores ln(n + 1) and no more, however far it is: one feature alone may not make
    an outlier, which is the business of `zscore`, `iqr` or `bounds`; this one adds up what is a little strange in many.
    A finding names the features that score more than an equal share of the threshold, and expects the values that do not:
    a row of such values is normal.

    An infinite value scores infinitely high. A missing value adds nothing. O(rows · features · log sample).
    """

    Parameters: ClassVar[type[Parameters]] = PercentileParameters
    judges: ClassVar[frozenset[ColumnType]] = frozenset({"numeric", "text"})

    def __init__(self, parameters: PercentileParameters, context: Context) -> None:
        """Takes the sorted sample out of the baseline.

        Raises:
            InvalidDetector: if there is no baseline, nothing to judge, or a feature without a value in the sample.
        """
        super().__init__(parameters, context)
        self._features = self.chosen(parameters.features, context)
        baseline = baseline_of(context)
        for place in self._features:
            if not len(baseline.reference(place)):
                raise InvalidDetector(
                    f"the baseline's sample has no usable value of {context.features.names[place]!r}: "
                    "name the features to judge without it"
                )
        self._references = [baseline.reference(place) for place in self._features]
        self._logarithms = [_logarithms(len(reference)) for reference in self._references]
        sample = total(self._feature_scores(baseline.feature_sample))
        self._threshold = parameters.threshold_of(sample[np.isfinite(sample)])
        self._share = self._threshold / len(self._features)
        self._expected = np.array([self._normal(place) for place in range(len(self._features))])

    def _feature_scores(self, values: Floats) -> Floats:
        """Scores values of all columns; shape (rows, judged features)."""
        scores = np.empty((len(values), len(self._features)))
        for at, feature in enumerate(self._features):
            scores[:, at] = self._tail(at, values[:, feature])
        return scores

    def _tail(self, place: int, values: Floats) -> Floats:
        """Scores values of one judged feature; NaN where missing."""
        reference = self._references[place]
        below = np.searchsorted(reference, values, "right")
        above = len(reference) - np.searchsorted(reference, values, "left")
        scores: Floats = self._logarithms[place][np.minimum(below, above)]
        scores[np.isinf(values)] = np.inf
        scores[np.isnan(values)] = np.nan
        return scores

    def score(self, rows: Rows) -> Scores:
        """Scores the rows of requests."""
        feature_score = self._feature_scores(rows.values)
        score = total(feature_score)
        return Scores(score, score > self._threshold, self._threshold, self._features, feature_score)

    def explain(self, rows: Rows, scores: Scores, row: int) -> Mapping[str, Mapping[str, object]]:
        """Names the features that score more than their share of the threshold; of a flagged row there is at least one."""
        if scores.feature_score is None:
            return {}
        told = {}
        for place in np.flatnonzero(scores.feature_score[row] > self._share).tolist():
            feature = self._features[place]
            score = float(scores.feature_score[row, place])
            told[rows.schema.names[feature]] = tell(
                float(rows.values[row, feature]), score, self._expected[place].tolist()
            )
        return told

    def _normal(self, place: int) -> list[float]:
        """Gives the range of the sample's values that score no more than the feature's share; of the middle one at least."""
        reference = self._references[place]
        normal = np.flatnonzero(self._tail(place, reference) <= self._share)
        low, high = (normal[0], normal[-1]) if len(normal) else (len(reference) // 2, len(reference) // 2)
        return [float(reference[low]), float(reference[high])]


def _logarithms(size: int) -> Floats:
    """Gives -ln((k + 1) / (size + 1)) for k = 0 … size: a value's score by how many of a sample lie beyond it."""
    # Looked up, because a logarithm of many numbers may differ from that of one in its last bit.
    logarithms: Floats = -np.log(np.arange(1, size + 2) / (size + 1))
    return logarithms
