"""What the detectors of faults have in common: they count, in each row, the values that something is wrong with.

A score is the number of such values, and by default one is too many.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from nilometer_detectors.detector import Context, InvalidDetector, Parameters
from nilometer_detectors.outliers.base.contract import OutlierDetector, Scores
from nilometer_detectors.problems import shortened
from nilometer_logger.rows import Floats, Rows

_LONGEST = 200  # characters; a client may send a megabyte, and a finding must fit into a record


class FaultParameters(Parameters):
    """The parameters of detectors of faults."""

    threshold: int = Field(default=0, ge=0, description="how many such values of a row are still normal")


class FaultDetector(OutlierDetector[FaultParameters]):
    """Flags a row with too many values that something is wrong with; needs no baseline. O(rows · features)."""

    Parameters: ClassVar[type[Parameters]] = FaultParameters
    calibrates: ClassVar[bool] = False

    def __init__(self, parameters: FaultParameters, context: Context) -> None:
        """Chooses the features.

        Raises:
            InvalidDetector: if there is nothing to judge, or no row could have more wrong values than are allowed.
        """
        super().__init__(parameters, context)
        self._features = self.chosen(parameters.features, context)
        if parameters.threshold >= (most := len(self._features)):
            raise InvalidDetector(
                f"is {shortened(parameters.threshold)}: {most} of a row's values are judged, so none would ever be flagged",
                "threshold",
            )
        self._columns = [context.features.columns[place] for place in self._features]

    @abstractmethod
    def faults(self, rows: Rows, values: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Finds the values that something is wrong with.

        Args:
            rows: of requests.
            values: those of the judged features, shape (rows, judged features).

        Returns:
            Which values are wrong, and which could be judged; each of shape (rows, judged features).
        """

    @abstractmethod
    def explain_value(self, rows: Rows, row: int, place: int) -> Mapping[str, object]:
        """Says of the wrong value at a place among the judged features: value, expected, and a reason."""

    def score(self, rows: Rows) -> Scores:
        """Scores the rows of requests."""
        wrong, judged = self.faults(rows, rows.values[:, self._features])
        feature_score = np.where(judged, wrong.astype(np.float64), np.nan)
        score = np.add.reduce(wrong, axis=1, dtype=np.float64)
        score[~judged.any(axis=1)] = np.nan
        threshold = float(self.parameters.threshold)
        return Scores(score, score > threshold, threshold, self._features, feature_score)

    def explain(self, rows: Rows, scores: Scores, row: int) -> Mapping[str, Mapping[str, object]]:
        """Names all wrong values of a flagged row."""
        wrong = scores.feature_score[row] > 0 if scores.feature_score is not None else ()
        return {
            self._columns[place].name: {**self.explain_value(rows, row, place), "score": 1.0}
            for place in np.flatnonzero(wrong).tolist()
        }

    def text(self, rows: Rows, row: int, place: int) -> str | None:
        """Gives the text of a value that its column has no number for, cut where it is long; None where there is none."""
        text = rows.unrecognized.get((row, self._features[place]))
        return text if text is None or len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
