"""What every outlier detector is: a function of a block of rows, vectorised, without memory."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.detector import Detector, P
from nilometer_logger.rows import Floats, Rows


@dataclass(frozen=True)
class Scores:
    """What a detector says about a block of rows.

    Attributes:
        score: shape (rows,); the larger the less normal, NaN where a row holds nothing that can be judged.
        flagged: shape (rows,); whether each row is an outlier.
        threshold: rows with a larger score are flagged.
        features: the judged features' places in the schema.
        feature_score: shape (rows, features); NaN where a value is missing. None where a detector judges rows as a
            whole.
        expected: shape (features, 2); the range in which a value is normal. None where there is no such range.
    """

    score: Floats
    flagged: NDArray[np.bool_]
    threshold: float
    features: tuple[int, ...] = ()
    feature_score: Floats | None = None
    expected: Floats | None = None


class OutlierDetector(Detector[P]):
    """Judges rows.

    Stated answers: a missing value is not judged (it is the statistics' to count) and hides nothing of the rest of its
    row; an infinite value is an outlier; no rows give no scores. The rows are left as they are.
    """

    kind: ClassVar[Literal["outlier"]] = "outlier"
    calibrates: ClassVar[bool] = True

    @abstractmethod
    def score(self, rows: Rows) -> Scores:
        """Scores the rows of requests."""
