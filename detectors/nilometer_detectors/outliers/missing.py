"""Values that are missing."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.outliers.base.faults import FaultDetector
from nilometer_logger.rows import ColumnType, Floats, Rows


class Missing(FaultDetector):
    """Flags a row with values that are missing: null, absent, NaN, or of a wrong type, which is as good as none.

        score(value) = 1 where it is missing, 0 where it is there,    score(row) = the sum of its values' scores

    An infinite value and an unseen category are there. Features that are often missing in the baseline are left out by
    naming the others in `features`, or allowed for by `threshold`.
    """

    judges: ClassVar[frozenset[ColumnType]] = frozenset({"numeric", "categorical", "boolean", "text"})
    by_default: ClassVar[frozenset[ColumnType]] = judges

    def faults(self, rows: Rows, values: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:  # noqa: ARG002 - as the others
        """Finds NaN."""
        missing = np.isnan(values)
        return missing, np.ones_like(missing)

    def explain_value(self, rows: Rows, row: int, place: int) -> Mapping[str, object]:
        """Says what type of value is expected, and whether one of a wrong type came."""
        text = self.text(rows, row, place)
        reason = "the value is missing" if text is None else "the value is of a wrong type"
        return {"value": text, "expected": self._columns[place].type, "reason": reason}
