"""How many independent values the values of an autocorrelated stream are worth.

A test takes rows for independent of each other. Where a row resembles the one before it, a window tells less than its
number of rows, and a test that does not know raises false alarms: three times as many as asked for at a correlation of
0.3, ten times as many at 0.6. With r the correlation of each value with the one before it, the mean of n values varies
as that of

    n (1 - r) / (1 + r)

independent ones (Bayley and Hammersley, "The 'effective' number of independent observations in an autocorrelated time
series", 1946). That is what a test is given in place of n. The estimate of r from n values lies too low by
(1 + 3 r) / n on average (Kendall, "Note on bias in the estimation of autocorrelation", 1954), which is made up for. A
negative r, which makes tests conservative, is taken for 0.

A sample of k rows out of n, drawn without regard to their order, is thinned and so less correlated: the variances of
the mean within and of the sampling add up, 1/k' = 1/k + 1/n' - 1/n, where n' is what the n rows are worth.

Of a categorical column r is that of the codes, which is right for two categories, and else takes neighbouring codes for
alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.statistics.autocorrelation import Autocorrelation
from nilometer_detectors.statistics.counts import Counts
from nilometer_detectors.statistics.summary import Summary
from nilometer_logger.rows import Floats

STATISTICS = frozenset({"autocorrelation"})
_MOST = 0.999
M = TypeVar("M")


@dataclass(frozen=True)
class Input(Generic[M]):
    """What a window holds of one column.

    Attributes:
        values: what is measured.
        count: usable values in it.
        missing: values that take no part.
        effective: how many independent values the count is worth; the count itself where nothing is known of that.
    """

    values: M
    count: int
    missing: int
    effective: float


def effective_counts(inputs: Sequence[Input[Any]]) -> NDArray[np.int64]:
    """Gives how many independent values each column is worth, rounded down, at least one."""
    return np.array([max(1, int(each.effective)) for each in inputs], dtype=np.int64)


def worth(coefficients: Floats, counts: Floats) -> Floats:
    """Gives what share of some values independent ones would be.

    Args:
        coefficients: r as estimated, shape (columns,); NaN where there is none.
        counts: from how many values, shape (columns,).

    Returns:
        More than 0, at most 1; shape (columns,).
    """
    unbiased = (counts * coefficients + 1) / np.maximum(counts - 3, 1)
    r = np.clip(np.where(np.isnan(coefficients), 0.0, unbiased), 0.0, _MOST)
    shares: Floats = (1 - r) / (1 + r)
    return shares


def corrected(inputs: Sequence[Input[M]], half: Summary, places: Sequence[int]) -> list[Input[M]]:
    """Says of each column how many independent values its values are worth.

    Args:
        inputs: of each judged column.
        half: of the window, with the statistic of autocorrelation.
        places: of the judged columns in the schema.
    """
    autocorrelation, usable = half[Autocorrelation], half[Counts].count
    columns = list(places)
    shares = worth(autocorrelation.coefficient[columns], autocorrelation.pairs[columns] + 1.0).tolist()
    found = []
    for each, place, share in zip(inputs, columns, shares, strict=True):
        known = max(int(usable[place]), each.count, 1)
        thinned = each.count and 1 / (1 / each.count + (1 / share - 1) / known)
        found.append(replace(each, effective=float(thinned)))
    return found
