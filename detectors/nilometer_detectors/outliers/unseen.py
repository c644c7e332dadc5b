"""Categories that the schema does not name."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.outliers.base.faults import FaultDetector
from nilometer_logger.rows import ColumnType, Floats, Rows

_MOST_SHOWN = 20  # categories; a column may have hundreds


class Unseen(FaultDetector):
    """Flags a row with a category that the schema, and so the baseline where the schema is its own, does not name.

        score(value) = 1 for an unseen category, 0 for another,    score(row) = the sum of its values' scores

    A missing value is not judged; a row without any category is not. The finding gives the text that came.
    """

    judges: ClassVar[frozenset[ColumnType]] = frozenset({"categorical"})
    by_default: ClassVar[frozenset[ColumnType]] = judges

    def faults(self, rows: Rows, values: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:  # noqa: ARG002 - as the others
        """Finds the codes below zero."""
        return values < 0, ~np.isnan(values)

    def explain_value(self, rows: Rows, row: int, place: int) -> Mapping[str, object]:
        """Says which category came, and which there are."""
        categories = self._columns[place].categories
        said: dict[str, object] = {
            "value": self.text(rows, row, place),
            "expected": list(categories[:_MOST_SHOWN]),
            "reason": "an unseen category",
        }
        if len(categories) > _MOST_SHOWN:
            said["reason"] = f"an unseen category; {_MOST_SHOWN} of the {len(categories)} expected are shown"
        return said
