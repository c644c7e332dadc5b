"""Values of a wrong type."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.detector import Context
from nilometer_detectors.outliers.base.contract import OutlierDetector
from nilometer_detectors.outliers.base.faults import FaultDetector, FaultParameters
from nilometer_detectors.statistics.base.contract import plain
from nilometer_logger.rows import ColumnType, Floats, Rows

_WANTED: Mapping[ColumnType, str] = {"numeric": "a number", "boolean": "a truth value", "text": "a text"}


class Types(FaultDetector):
    """Flags a row with a value that is not of its column's type.

        score(value) = 1 for a violation, 0 for another,    score(row) = the sum of its values' scores

    Violations are what is no number in a numeric or boolean column (a text, even ``"1.5"``), a number other than 0 and 1
    in a boolean one, and what is no text in a column of texts. Any value may be a category, so categorical columns are
    not judged. A missing value is not judged. The finding gives the text that came.
    """

    by_default: ClassVar[frozenset[ColumnType]] = OutlierDetector.judges

    def __init__(self, parameters: FaultParameters, context: Context) -> None:
        """Chooses the features.

        Raises:
            Refused: if there is nothing to judge.
        """
        super().__init__(parameters, context)
        self._places = {feature: place for place, feature in enumerate(self._features)}
        self._boolean = np.array([column.type == "boolean" for column in self._columns])

    def faults(self, rows: Rows, values: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Finds the texts among numbers, and the numbers among truth values and texts."""
        judged = ~np.isnan(values)
        wrong = judged & self._boolean & (values != 0) & (values != 1)
        for row, column in rows.unrecognized:
            place = self._places.get(column)
            if place is not None:
                wrong[row, place] = judged[row, place] = True
        return wrong, judged

    def explain_value(self, rows: Rows, row: int, place: int) -> Mapping[str, object]:
        """Says what came, and which type is expected."""
        text = self.text(rows, row, place)
        expected = self._columns[place].type
        if text is None:
            value = plain(rows.values[row, self._features[place]])
            return {"value": value, "expected": expected, "reason": "a number where a truth value is expected"}
        return {"value": text, "expected": expected, "reason": f"not {_WANTED[expected]}"}
