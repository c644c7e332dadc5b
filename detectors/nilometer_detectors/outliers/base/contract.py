"""What every outlier detector is: a function of a block of rows, vectorised, without memory."""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from nilometer_detectors.detector import Context, Detector, P, Parameters, columns_of
from nilometer_detectors.statistics.base.contract import plain
from nilometer_logger.rows import Floats, Rows

INFINITE = "the value is infinite"


@dataclass(frozen=True)
class Scores:
    """What a detector says about a block of rows.

    Attributes:
        score: shape (rows,); the larger the less normal, NaN where a row holds nothing that can be judged.
        flagged: shape (rows,); whether each row is an outlier: whether its score is larger than the threshold.
        threshold: rows with a larger score are flagged.
        features: the judged features' places in the schema.
        feature_score: shape (rows, features); NaN where a value is missing. None where a detector judges rows as a
            whole.
        expected: shape (features, 2); the range in which a value is normal. None where there is no such range, or
            one of its own for each row.
    """

    score: Floats
    flagged: NDArray[np.bool_]
    threshold: float
    features: tuple[int, ...] = ()
    feature_score: Floats | None = None
    expected: Floats | None = None


class OutlierDetector(Detector[P]):
    """Judges rows.

    Stated answers: a row's score depends on the row alone, to the bit; a missing value is not judged (by a detector
    other than one of missing values) and hides nothing of the rest of its row; an infinite value is an outlier for
    whoever judges numbers; no rows give no scores. The rows are left as they are.

    Class attributes:
        calibrates: whether a quantile of its scores of normal rows makes a good `threshold`; not where a score counts
            faults, of which normal rows have none.
    """

    kind: ClassVar[Literal["outlier"]] = "outlier"
    calibrates: ClassVar[bool] = True

    def chosen(self, names: Sequence[str] | None, context: Context) -> tuple[int, ...]:
        """Tells which features the detector judges.

        Args:
            names: those that the monitor names; None for all of a type that is judged by default.
            context: gives the schema.

        Returns:
            Their places in the schema, ascending.

        Raises:
            Refused: as `columns_of` does.
        """
        return columns_of(
            names, context.features, detector=context.type, judges=self.judges, by_default=self.by_default
        )

    @abstractmethod
    def score(self, rows: Rows) -> Scores:
        """Scores the rows of requests."""

    def explain(self, rows: Rows, scores: Scores, row: int) -> Mapping[str, Mapping[str, object]]:
        """Says what made a flagged row an outlier; it is asked for flagged rows only.

        Args:
            rows: that were scored.
            scores: of all of them.
            row: the place of the flagged one.

        Returns:
            For each feature that is to blame, by its name, JSON values: its `value`, what was `expected`, its `score`
            and, where numbers do not tell it all, a `reason`. By default, the features whose own score is larger than
            the threshold.
        """
        if scores.feature_score is None:
            return {}
        told: dict[str, Mapping[str, object]] = {}
        for place, (feature, score) in enumerate(zip(scores.features, scores.feature_score[row].tolist(), strict=True)):
            if score > scores.threshold:
                bounds = scores.expected[place].tolist() if scores.expected is not None else None
                told[rows.schema.names[feature]] = tell(float(rows.values[row, feature]), score, bounds)
        return told


class PercentileParameters(Parameters):
    """The parameters of detectors whose threshold is a percentile of the baseline's own scores."""

    threshold: float | None = Field(
        default=None, gt=0, description="the largest normal score; by default that of thresholdPerc"
    )
    threshold_perc: float = Field(
        default=99.9,
        gt=0,
        le=100,
        description="the percentage of the baseline's rows that lie below the threshold, where none is given",
    )

    def threshold_of(self, scores: Floats) -> float:
        """Gives the threshold; `scores` are those of the baseline's rows."""
        return self.threshold or float(np.percentile(scores, self.threshold_perc))


def tell(value: float, score: float, expected: list[float] | None = None) -> dict[str, object]:
    """Says of a number how far it is from normal, as JSON values: where one of them must be null, a sentence says why.

    Args:
        value: of a feature.
        score: of the value.
        expected: the range in which it would be normal, where there is one.
    """
    told: dict[str, object] = {"value": plain(value)}
    if expected is not None:
        told["expected"] = [plain(bound) for bound in expected]
    told["score"] = plain(score)
    if math.isinf(value):
        told["reason"] = INFINITE
    elif math.isinf(score):
        constant = expected is not None and expected[0] == expected[1]
        told["reason"] = "constant in the baseline" if constant else "the score is beyond float64"
    return told


def highest(scores: Floats) -> Floats:
    """Gives rows the score of their worst value.

    Args:
        scores: shape (rows, features); NaN where a value is missing.

    Returns:
        Shape (rows,); NaN where all values of a row are missing.
    """
    worst: Floats = np.fmax.reduce(scores, axis=1, initial=np.nan)
    return worst


def total(scores: Floats) -> Floats:
    """Gives rows the sum of their values' scores, added from the first feature to the last.

    Args:
        scores: shape (rows, features); NaN where a value is missing.

    Returns:
        Shape (rows,); NaN where all values of a row are missing.
    """
    missing = np.isnan(scores)
    summed = np.zeros(len(scores))
    for column in np.where(missing, 0.0, scores).T:  # not numpy's sum, whose order depends on the shape
        summed += column
    summed[missing.all(axis=1)] = np.nan
    return summed


def weightiest(shares: Floats, threshold: float) -> tuple[list[int], float]:
    """Chooses the features with the largest shares in a row's score, down to where the rest lies within a threshold.

    Args:
        shares: shape (features,); NaN for a feature that has none. One at least is a number.
        threshold: of the row's score.

    Returns:
        The features' places, the largest share first and at least one; and the sum of the other shares.
    """
    left = np.nan_to_num(shares, nan=0.0, posinf=np.inf)
    chosen: list[int] = []
    for place in np.argsort(-left, kind="stable").tolist():
        if chosen and left.sum() <= threshold:
            break
        chosen.append(place)
        left[place] = 0.0
    return chosen, float(left.sum())
