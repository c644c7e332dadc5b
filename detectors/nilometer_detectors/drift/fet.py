"""Fisher's exact test of each column of two values against the baseline."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field

from nilometer_detectors.detector import Context, InvalidDetector, Parameters
from nilometer_detectors.drift.base.binned import BinnedDrift, BinnedParameters
from nilometer_detectors.drift.base.cells import Integers
from nilometer_detectors.drift.base.columns import Measured
from nilometer_detectors.drift.base.deciding import ColumnTestParameters
from nilometer_detectors.drift.base.effective import Input, effective_counts
from nilometer_detectors.kernels import fisher
from nilometer_detectors.statistics.base.contract import plain
from nilometer_logger.rows import Column, ColumnType


class FETParameters(ColumnTestParameters, BinnedParameters):
    """The parameters of `fet`."""

    alternative: fisher.Alternative = Field(
        default="two-sided",
        description="whether the share of the second value (true, or the second category, or missing) may differ, falls "
        "(less) or rises (greater)",
    )


class FET(BinnedDrift[FETParameters]):
    """How much the share of one of two values changed, and how probable that is without drift.

    Judged are columns of two values: boolean ones, categorical ones of two categories, and, with `aspect: missing`, what
    is missing of any column. Of the window's m values x, of the baseline's n values y are the second one (true, the
    second category, missing):

        distance = |x / m - y / n|,    p = Σ P(k) over all k no more probable than x (or k >= x, or k <= x)

    with P hypergeometric, the margins given (Fisher, 1934; Irwin, 1935). `oddsRatio` is told as well, as far as it is a
    number. The p-value is exact at any size, and conservative: P moves in steps.

    Values of a third kind, unseen in the baseline, are tested too, against all others; then both p-values are doubled
    (Bonferroni), and the smaller one is given.

    Differences from alibi-detect's `FETDrift`:

    * both directions count by default; its default, `greater`, sees no share that falls;
    * the distance is the difference of the shares; the odds ratio is infinite or no number where a value is missing on
      one side, and no threshold of effect sizes can be asked of it;
    * a third value is judged and no error.

    All rows of a window are counted. O(min(m, x + y)) a column.
    """

    Parameters: ClassVar[type[Parameters]] = FETParameters
    judges: ClassVar[frozenset[ColumnType]] = frozenset({"boolean", "categorical"})
    by_default: ClassVar[frozenset[ColumnType]] = judges

    def choose(self, context: Context) -> tuple[int, ...]:
        """Chooses the columns of two values; of what is missing, any columns."""
        places = super().choose(context)
        if self.parameters.aspect == "missing":
            return places
        fitting = tuple(place for place in places if _is_binary(self.schema.columns[place]))
        if self.parameters.features is not None and fitting != places:
            odd = next(self.schema.columns[place] for place in places if place not in fitting)
            raise InvalidDetector(
                f"{odd.name!r} has {len(odd.categories)} categories, and {context.type} judges columns of two: "
                "take chi2 for it",
                "features",
            )
        if not fitting:
            raise InvalidDetector(f"{context.type} judges {self.of} of two values, and the schema has none")
        return fitting

    def __init__(self, parameters: FETParameters, context: Context) -> None:
        """Takes the columns' counts from the baseline, and has the kernel compiled.

        Raises:
            InvalidDetector: if there is no baseline, no column of two values, or one without counts in the baseline.
        """
        super().__init__(parameters, context)
        self.try_once()

    def measure(self, columns: Sequence[int], inputs: Sequence[Input[Integers]]) -> Measured:
        """Tests columns against the baseline."""
        window = np.array([self._three(column, each.values) for column, each in zip(columns, inputs, strict=True)])
        baseline = np.array([self._three(column, self.references[column]) for column in columns])
        sizes, known = window.sum(axis=1), baseline.sum(axis=1)
        apart = np.abs(window / sizes[:, np.newaxis] - baseline / known[:, np.newaxis])
        effective = effective_counts(inputs)
        # As many independent values with the same shares: all of them, unless autocorrelation is corrected.
        second, other = (np.rint(window[:, kind] * effective / sizes).astype(np.int64) for kind in (1, 2))
        p_values = fisher.p_values(second, effective, baseline[:, 1].copy(), known, self.parameters.alternative)
        third = (window[:, 2] + baseline[:, 2]) > 0
        if third.any():
            unseen = fisher.p_values(other, effective, baseline[:, 2].copy(), known, "greater")
            p_values[third] = np.minimum(1.0, 2 * np.minimum(p_values, unseen)[third])
        odds = fisher.odds_ratios(window[:, 1], sizes, baseline[:, 1], known)
        return Measured(
            np.maximum(apart[:, 1], apart[:, 2]), p_values, [{"oddsRatio": plain(each)} for each in odds.tolist()]
        )

    def _three(self, column: int, counts: Integers) -> Integers:
        """Gives how many values are the first, the second, and neither."""
        within = self.within(column, counts)
        return np.array([within[0], within[1], counts.sum() - within.sum()], dtype=np.int64)


def _is_binary(column: Column) -> bool:
    return column.type == "boolean" or len(column.categories) == 2
