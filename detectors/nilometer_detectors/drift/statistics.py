"""A window's statistics against the baseline's, column by column: the plainest of all drift detectors."""

import math
from collections.abc import Callable, Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from nilometer_detectors.detector import Context, Distinct, InvalidDetector, Parameters
from nilometer_detectors.drift.base.columns import ColumnDrift, Measured
from nilometer_detectors.drift.base.contract import Needs, Window
from nilometer_detectors.drift.base.deciding import DistanceParameters
from nilometer_detectors.drift.base.effective import Input
from nilometer_detectors.statistics.base.contract import plain
from nilometer_detectors.statistics.counts import Counts
from nilometer_detectors.statistics.extremes import Extremes
from nilometer_detectors.statistics.moments import Moments
from nilometer_logger.rows import Floats

Rule = Literal["min", "max", "mean", "stddev", "missing"]
_NORMAL_KURTOSIS = 3.0


class StatisticsParameters(DistanceParameters):
    """The parameters of `statistics`."""

    rules: Distinct[Rule] = Field(
        default=["mean", "stddev", "missing"], min_length=1, description="the statistics that are compared"
    )
    threshold: float = Field(
        default=4.0,
        ge=0,
        description="k: a statistic that lies more than k standard errors from the baseline's drifts; min and max: more "
        "than none beyond the baseline's",
    )


class ColumnStatistics(dict[Rule, float]):
    """The statistics of one column of a window."""


class Statistics(ColumnDrift[StatisticsParameters, ColumnStatistics]):
    """Whether simple statistics of a window lie in an interval that follows from the baseline's.

    With the baseline's n values, their mean µ, standard deviation s, kurtosis κ (of its sample, at least the normal
    distribution's 3), smallest and largest value a and b, and share q of missing ones; of a window of m rows:

        mean:     µ ± k s √(1/n + 1/m)
        stddev:   s ± k s √((κ - 1) / 4 · (1/n + 1/m))    (Cramér, "Mathematical methods of statistics", 1946, § 27.4)
        missing:  q ± k √(q (1 - q) (1/n + 1/m)), where q has half a row added to both sides, and not below 0
        min:      a to b
        max:      a to b

    The distance is the largest number of standard errors by which a statistic lies off, so that one k serves all; of min
    and max it is infinite beyond the interval and 0 within. k is `threshold`: at 4, a mean exceeds it in one window of
    15,000 by chance, and a monitor has many columns and rules. Min and max are the thesis's rules, and are not among the
    defaults, because without drift each lies beyond the baseline's in m / (n + m) of the windows.

    An infinite value counts as missing, as in the baseline. All rows of a window are taken; a column with fewer than
    minRows values in it is not judged by any rule, for which `aspect: missing` of the detectors of counts is the remedy.
    O(1) a column.
    """

    Parameters: ClassVar[type[Parameters]] = StatisticsParameters

    def __init__(self, parameters: StatisticsParameters, context: Context) -> None:
        """Takes the columns' statistics from the baseline.

        Raises:
            InvalidDetector: if there is no baseline, nothing to judge, or a column with fewer than two values in it.
        """
        super().__init__(parameters, context)
        baseline = self.baseline(context)
        described = baseline.features if self.of == "features" else baseline.predictions
        self._columns = [described[place] for place in self.places]
        for column in self._columns:
            if column.mean is None or column.stddev is None:
                raise InvalidDetector(
                    f"the baseline has no mean and stddev of {column.name!r}: name the features to judge without it"
                )
        self._kurtosis = [_kurtosis(baseline.reference(place, self.half)) for place in self.places]

    def needs(self) -> Needs:
        """Asks for the statistics of the rules."""
        return Needs(self.of, frozenset(self.parameters.rules), min_rows=self.parameters.min_rows)

    def inputs(self, window: Window) -> Sequence[Input[ColumnStatistics]]:
        """Reads the statistics of each judged column."""
        half, rules = window.half(self.of), self.parameters.rules
        counts = half[Counts]
        with np.errstate(invalid="ignore", over="ignore"):
            read: dict[Rule, Callable[[], Floats]] = {
                "mean": lambda: half[Moments].mean,
                "stddev": lambda: half[Moments].stddev,
                "min": lambda: half[Extremes].min,
                "max": lambda: half[Extremes].max,
                "missing": lambda: (half.rows - counts.count) / max(half.rows, 1),
            }
            found = {rule: read[rule]() for rule in rules}
        usable = counts.count
        return [
            Input(
                ColumnStatistics({rule: float(values[place]) for rule, values in found.items()}),
                count := int(usable[place]),
                half.rows - count,
                count,
            )
            for place in self.places
        ]

    def measure(self, columns: Sequence[int], inputs: Sequence[Input[ColumnStatistics]]) -> Measured:
        """Compares the statistics of columns with the baseline's."""
        k = self.parameters.threshold
        distances, facts = [], []
        for column, each in zip(columns, inputs, strict=True):
            rules: dict[str, object] = {}
            furthest = 0.0
            for rule, value in each.values.items():
                low, high, error = self._expected(rule, column, each.count + each.missing, each.count)
                off = _errors_off(value, low, high, error)
                bounds = [plain(max(low - k * error, 0.0 if rule == "missing" else -np.inf)), plain(high + k * error)]
                rules[rule] = {"value": plain(value), "expected": bounds, "drift": off > k}
                furthest = max(furthest, off)
            distances.append(furthest)
            facts.append({"rules": rules})
        return Measured(np.array(distances), facts=facts)

    def _expected(self, rule: Rule, place: int, rows: int, count: int) -> tuple[float, float, float]:
        """Gives what a statistic is expected between, and its standard error."""
        column = self._columns[place]
        mean, stddev = column.mean or 0.0, column.stddev or 0.0
        variance = 1 / column.count + 1 / max(count, 1)
        if rule == "mean":
            return mean, mean, stddev * math.sqrt(variance)
        if rule == "stddev":
            return stddev, stddev, stddev * math.sqrt((self._kurtosis[place] - 1) / 4 * variance)
        if rule == "missing":
            known = column.count + column.missing
            share = (column.missing + 0.5) / (known + 1)
            return share, share, math.sqrt(share * (1 - share) * (1 / known + 1 / max(rows, 1)))
        low, high = column.min or 0.0, column.max or 0.0
        return low, high, 0.0


def _errors_off(value: float, low: float, high: float, error: float) -> float:
    """Tells how many standard errors a value lies outside of an interval.

    A value that did not fit into float64 is infinitely far, and so is any that is off where there is no error.
    """
    if math.isnan(value):
        return math.inf
    off = max(low - value, value - high, 0.0)
    if off == 0.0:
        return 0.0
    return off / error if error else math.inf


def _kurtosis(values: Floats) -> float:
    """Gives the kurtosis of a sample, at least the normal distribution's."""
    if len(values) < 2 or values[0] == values[-1]:
        return _NORMAL_KURTOSIS
    with np.errstate(over="ignore", invalid="ignore"):
        squares = (values - values.mean()) ** 2
        kurtosis = float(np.mean(squares**2) / np.mean(squares) ** 2)
    return max(kurtosis, _NORMAL_KURTOSIS) if math.isfinite(kurtosis) else _NORMAL_KURTOSIS
