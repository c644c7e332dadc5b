"""alibi-detect's outlier detectors that score rows.

alibi-detect under a stream has traps, and this is where they are shut off:

* a detector that goes on learning from what it scores (its `meta` says `online`) gives a row another score each time
  and takes lasting drift for normal: each row is scored by a copy of the detector as it stood after the baseline;
* what it computes of a row depends, in the last bits, on how many others are scored with it: it is given blocks of
  always the same size, filled up;
* columns of small scale are not seen, and where the covariance is all but singular every row scores 0: columns are given
  in standard deviations of the baseline, constant ones are answered here, and a detector that gives all of the
  baseline's rows the same score is refused;
* a NaN is an error for the whole block, or passes as normal: a missing value stands at the baseline's median;
* only TensorFlow saves them, in pickles: they are fitted when a monitor is built, on the baseline's sample, from a seed.
"""

import copy
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from nilometer_detectors.alibi.library import arguments_of, class_of, refused, seeded, takes, why_not
from nilometer_detectors.detector import Context, InvalidDetector, Parameters, baseline_of
from nilometer_detectors.outliers.base.contract import OutlierDetector, Scores, tell
from nilometer_logger.rows import Floats, Rows

_FURTHEST = 1e6  # standard deviations: beyond that all values are alike, and no square overflows
_BLOCK = 128  # rows


class AlibiRowParameters(Parameters):
    """Our parameters; any other is one of the detector's constructor."""

    model_config = ConfigDict(extra="allow")

    threshold: float | None = Field(
        default=None, description="the largest normal score; by default that of thresholdPerc"
    )
    threshold_perc: float = Field(
        default=99.9,
        gt=0,
        le=100,
        description="the percentage of the baseline's rows that lie below the threshold, where none is given",
    )
    seed: int = Field(default=0, ge=0, lt=2**32, description="of the random numbers that it is fitted with")


class AlibiRows(OutlierDetector[AlibiRowParameters]):
    """An outlier detector of alibi-detect: its scores of rows in standard deviations, our threshold and explanation.

    Source: Van Looveren et al., "Alibi Detect: algorithms for outlier, adversarial and drift detection", version 0.13.
    The threshold is the percentile `thresholdPerc` of the scores of the baseline's sample, which is what it is fitted
    on: that happens whenever a monitor is built, and takes its time; `iforest` and `mahalanobis` are prepared with the
    baseline.

    * A missing value stands at the baseline's median, and the row is judged by its others.
    * An infinite value, or another value of a feature that is constant in the baseline, gives its row an infinite score.
    * To blame is each feature whose value, with all others at their medians, scores more than the threshold; its score
      is by how much it raises that of the medians. Where there is none, it is the one whose median in place of its value
      lowers the row's score most, and by how much. Expected is the range of the baseline's sample.
    """

    Parameters: ClassVar[type[Parameters]] = AlibiRowParameters

    def __init__(self, parameters: AlibiRowParameters, context: Context) -> None:
        """Fits a detector of alibi-detect on the baseline's sample.

        Raises:
            ExtraMissing: if alibi-detect is not installed.
            InvalidDetector: if there is no baseline, or it does not take the parameters or cannot judge such a baseline.
        """
        super().__init__(parameters, context)
        self._features = self.chosen(parameters.features, context)
        baseline = baseline_of(context)
        references = [baseline.reference(place) for place in self._features]
        for place, reference in zip(self._features, references, strict=True):
            if not len(reference):
                name = context.features.names[place]
                raise InvalidDetector(
                    f"the baseline has no usable value of {name!r}: name the features to judge without it"
                )
        self._ranges = np.array([[reference[0], reference[-1]] for reference in references])
        self._medians = np.array([reference[len(reference) // 2] for reference in references])
        self._constant = self._ranges[:, 0] == self._ranges[:, 1]
        if self._constant.all():
            raise InvalidDetector("all features are constant in the baseline: there is nothing to learn from it")
        with np.errstate(over="ignore"):
            deviations = np.array([np.std(reference) for reference in references])
        self._deviations = np.where(self._constant | ~np.isfinite(deviations), 1.0, deviations)
        make = class_of(context.type)
        arguments = arguments_of(make, parameters.model_extra or {}, self.Parameters)
        if takes(make, "threshold"):
            arguments["threshold"] = 0.0  # which nothing here reads, and without which it complains
        sample = baseline.feature_sample[:, self._features]
        rows = self._standardised(sample[~np.isinf(sample).any(axis=1)])
        try:
            with seeded(parameters.seed):
                self._detector = make(**arguments)
                self._learns = bool(self._detector.meta["online"])
                (self._detector.score if self._learns else self._detector.fit)(rows)
            scores = self._scores(rows)
        except Exception as error:
            raise refused(error) from error
        if scores.min() == scores.max():
            raise InvalidDetector(
                "it gives all rows of the baseline the same score, so it would never flag one: their features may be "
                "collinear; take mahalanobis"
            )
        self._threshold = float(
            np.percentile(scores, parameters.threshold_perc) if parameters.threshold is None else parameters.threshold
        )

    def _standardised(self, values: Floats) -> Floats:
        """Gives rows as the detector sees them, shape (rows, features that vary)."""
        filled = np.where(np.isnan(values), self._medians, values)
        with np.errstate(over="ignore"):
            off = (filled - self._medians) / self._deviations
        return np.ascontiguousarray(np.clip(off, -_FURTHEST, _FURTHEST)[:, ~self._constant])

    def _scores(self, rows: Floats) -> Floats:
        """Scores standardised rows."""
        size = 1 if self._learns else _BLOCK
        scores = np.empty(len(rows))
        for start in range(0, len(rows), size):
            block = rows[start : start + size]
            filled = np.concatenate([block, np.zeros((size - len(block), rows.shape[1]))])
            # What it learns it puts in the place of what it knew, and changes nothing in place.
            detector = copy.copy(self._detector) if self._learns else self._detector
            scores[start : start + size] = detector.score(filled)[: len(block)]
        return scores

    def _unusual(self, values: Floats) -> NDArray[np.bool_]:
        """Tells which values are outliers whatever the detector says; the same shape."""
        other = self._constant & (values != self._medians) & ~np.isnan(values)
        unusual: NDArray[np.bool_] = np.isinf(values) | other
        return unusual

    def score(self, rows: Rows) -> Scores:
        """Scores the rows of requests."""
        values = rows.values[:, self._features]
        score = self._scores(self._standardised(values))
        score[self._unusual(values).any(axis=1)] = np.inf
        score[np.isnan(values).all(axis=1)] = np.nan
        return Scores(score, score > self._threshold, self._threshold, self._features)

    def explain(self, rows: Rows, scores: Scores, row: int) -> Mapping[str, Mapping[str, object]]:
        """Names the features whose values score high alone, or else the one without which the row would score least."""
        values = rows.values[row, self._features]
        unusual = self._unusual(values)
        blamed = dict.fromkeys(np.flatnonzero(unusual).tolist(), np.inf)
        judged = np.flatnonzero(~np.isnan(values) & ~unusual & ~self._constant)
        if len(judged):
            usual = np.where(unusual, self._medians, values)
            alone = np.repeat(self._medians[np.newaxis], len(judged), axis=0)
            without = np.repeat(usual[np.newaxis], len(judged), axis=0)
            alone[np.arange(len(judged)), judged] = usual[judged]
            without[np.arange(len(judged)), judged] = self._medians[judged]
            found = self._scores(self._standardised(np.vstack([self._medians, usual, alone, without])))
            by_itself, lowered = found[2 : 2 + len(judged)], found[1] - found[2 + len(judged) :]
            for place in np.flatnonzero(by_itself > scores.threshold).tolist():
                blamed[int(judged[place])] = float(by_itself[place] - found[0])
            if not blamed:
                best = int(np.argmax(lowered))
                blamed[int(judged[best])] = max(float(lowered[best]), 0.0)
        return {
            rows.schema.names[self._features[place]]: tell(float(values[place]), by, self._ranges[place].tolist())
            for place, by in sorted(blamed.items())
        }

    @classmethod
    def why_not(cls, name: str) -> str:
        """Says why a detector of that name is not carried."""
        return why_not(name)
