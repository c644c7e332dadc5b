"""Column by column, on counts of bins or categories, or of present and missing values, against the baseline's counts.

Counts are of all rows of a window, not of a sample, and what lies outside the baseline's range or is of no known
category is counted as well: a window that has left the baseline altogether drifts.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal, TypeVar

import numpy as np
from pydantic import Field

from nilometer_detectors.baselines.baseline import BaselineColumn
from nilometer_detectors.detector import Context, InvalidDetector, columns_of
from nilometer_detectors.drift.base.cells import Integers
from nilometer_detectors.drift.base.columns import ColumnDrift
from nilometer_detectors.drift.base.contract import DriftParameters, Needs, Window
from nilometer_detectors.drift.base.effective import Input
from nilometer_detectors.statistics.counts import Counts
from nilometer_detectors.statistics.histogram import Histogram
from nilometer_detectors.statistics.summary import Summary
from nilometer_logger.rows import ColumnType, Floats

Aspect = Literal["values", "missing"]


class BinnedParameters(DriftParameters):
    """The parameters of detectors that read counts."""

    aspect: Aspect = Field(
        default="values",
        description="whether the values are judged, or how many of them are missing; an infinite one counts as missing",
    )


B = TypeVar("B", bound=BinnedParameters)


class BinnedDrift(ColumnDrift[B, Integers]):
    """A detector that reads counts.

    Attributes:
        columns: the judged columns, as the baseline describes them.
        references: of each judged column, the baseline's counts: those of what lies below, each bin, and above; or of
            the unseen and each category; or of the present and the missing. Windows give the same.
    """

    judges: ClassVar[frozenset[ColumnType]] = frozenset({"numeric", "boolean", "categorical", "text"})
    by_default: ClassVar[frozenset[ColumnType]] = frozenset({"numeric", "boolean", "categorical", "text"})

    def __init__(self, parameters: B, context: Context) -> None:
        """Takes the columns' counts from the baseline.

        Raises:
            InvalidDetector: if there is no baseline, nothing to judge, or a column without counts or values in it.
        """
        super().__init__(parameters, context)
        if self.corrects and parameters.aspect == "missing":
            raise InvalidDetector(
                "is 'correct': the order of missing values is not kept, only that of values; leave it out",
                "autocorrelation",
            )
        baseline = self.baseline(context)
        known = baseline.features if self.of == "features" else baseline.predictions
        self.columns = [known[place] for place in self.places]
        self.references = [self._reference(column) for column in self.columns]

    def choose(self, context: Context) -> tuple[int, ...]:
        """Chooses the columns; of what is missing, any columns."""
        if self.parameters.aspect == "values":
            return super().choose(context)
        any_type, named = BinnedDrift.judges, self.parameters.features
        return columns_of(named, self.schema, detector=context.type, judges=any_type, by_default=any_type, of=self.of)

    def try_once(self) -> None:
        """Measures a column of the baseline against itself, so that kernels are compiled before the first window."""
        count = int(self.references[0].sum())
        self.measure([0], [Input(self.references[0], count, 0, count)])

    def _reference(self, column: BaselineColumn) -> Integers:
        if self.parameters.aspect == "missing":
            return np.array([column.count, column.missing], dtype=np.int64)
        if not column.count:
            raise InvalidDetector(
                f"the baseline has no usable value of {column.name!r}: name the features to judge without it"
            )
        return cells_of(column)

    def within(self, column: int, counts: Integers) -> Floats:
        """Leaves out what lies outside of the baseline.

        Args:
            column: its place among the judged columns.
            counts: of its cells.
        """
        if self.parameters.aspect == "missing":
            return counts.astype(np.float64)
        return within_baseline(self.columns[column], counts)

    def needs(self) -> Needs:
        """Asks for histograms."""
        needed = frozenset({"histogram"}) if self.parameters.aspect == "values" else frozenset[str]()
        return Needs(self.of, needed | self.order, min_rows=self.parameters.min_rows)

    def inputs(self, window: Window) -> Sequence[Input[Integers]]:
        """Gives the counts of each judged column."""
        half = window.half(self.of)
        if self.parameters.aspect == "values":
            return cell_inputs(half, self.places)
        usable = half[Counts].count[[*self.places]].tolist()  # an infinite value is missing, as to the baseline
        counts = np.array([[count, half.rows - count] for count in usable], dtype=np.int64)
        return [Input(each, half.rows, 0, half.rows) for each in counts]


def cells_of(column: BaselineColumn) -> Integers:
    """Gives a baseline's counts: those of what lies below, each bin, and above; or of the unseen and each category.

    Raises:
        InvalidDetector: if the baseline has no histogram of the column.
    """
    if not column.counts:
        raise InvalidDetector(
            f"the baseline has no histogram of {column.name!r}: name the features to judge without it"
        )
    above = [] if column.type == "categorical" else [0]
    return np.array([0, *column.counts, *above], dtype=np.int64)


def within_baseline(column: BaselineColumn, counts: Integers) -> Floats:
    """Leaves out of counts that are laid out as `cells_of` has them what is below, above or unseen."""
    within = counts[1:] if column.type == "categorical" else counts[1:-1]
    return within.astype(np.float64)


def cell_inputs(half: Summary, places: Sequence[int]) -> list[Input[Integers]]:
    """Gives a window's counts of some columns, laid out as `cells_of` has them; an infinite value counts as missing."""
    usable = half[Counts].count[[*places]].tolist()
    counted = half[Histogram].counts(places)
    return [Input(cells, count, half.rows - count, count) for cells, count in zip(counted, usable, strict=True)]
