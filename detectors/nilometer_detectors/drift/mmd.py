"""The maximum mean discrepancy of all columns between window and baseline, and its permutation test."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from nilometer_detectors.detector import Context, Distinct, Parameters
from nilometer_detectors.drift.base.joint import JointDistance, JointDrift, JointParameters
from nilometer_detectors.drift.base.permutations import PermutationParameters, deals, p_value
from nilometer_logger.rows import Floats


class MMDParameters(JointParameters, PermutationParameters):
    """The parameters of `mmd`, named as those of alibi-detect's `MMDDrift`."""

    sigma: Distinct[Annotated[float, Field(ge=1e-6, le=1e6)]] | None = Field(
        default=None,
        min_length=1,
        max_length=16,
        description="bandwidths of the kernel, in standard deviations of the baseline; with several, the kernel is "
        "their mean; by default one, from the median distance of the baseline's rows",
    )


class MMD(JointDrift[MMDParameters]):
    """The unbiased estimate of the squared maximum mean discrepancy with a Gaussian kernel, and its p-value.

    With n rows x of the baseline, m rows y of the window and k(u, v) = exp(-|u - v|² / (2 sigma²)):

        MMD² = sum' k(x, x') / (n (n-1)) + sum' k(y, y') / (m (m-1)) - 2 sum k(x, y) / (n m)

    where sum' leaves out the pairs of a row with itself (Gretton, Borgwardt, Rasch, Schölkopf and Smola, "A kernel
    two-sample test", JMLR 2012, equation 3). It may be negative. Without `sigma`, 2 sigma² is the median squared
    distance between two rows of the baseline (of the distances that are not 0, if the median is 0), as alibi-detect
    takes it. The p-value is that of a permutation test (see `permutations`).

    A column's contribution is what MMD² loses where the column is left out of the distances.

    Distances within the baseline's rows are prepared once: n² numbers of 8 bytes. A window costs O((n+m) m d) for
    d numbers a row and O((n+m)²) for each permutation; the contributions O((n+m)²) a column, only where there is drift.
    """

    Parameters: ClassVar[type[Parameters]] = MMDParameters

    def __init__(self, parameters: MMDParameters, context: Context) -> None:
        """Prepares the distances within the baseline.

        Raises:
            Refused: as for every joint test.
        """
        super().__init__(parameters, context)
        self._all = np.arange(len(self.owners))
        self._within = squared_distances(self.reference, self.reference)
        self._widths = self._bandwidths(self._within)

    def _bandwidths(self, within: Floats) -> Floats:
        """Gives 2 sigma² of each kernel, shape (kernels,)."""
        sigma = self.parameters.sigma
        return np.array([median_squared_distance(within)]) if sigma is None else 2.0 * np.square(sigma)

    def compare(self, window: Floats, numbers: NDArray[np.intp]) -> JointDistance:
        """Measures the discrepancy and deals the rows out anew."""
        kernel = self._kernel(*self._distances(window, numbers))
        n, m = len(self.reference), len(window)
        ours = np.repeat([0.0, 1.0], [n, m])
        strata = np.zeros(n + m, dtype=np.intp)
        parameters = self.parameters
        blocks = deals(strata, ours, parameters.n_permutations, parameters.seed)
        statistics = np.concatenate([discrepancies(kernel, block) for block in blocks])
        return JointDistance(float(statistics[0]), p_value(statistics))

    def contributions(self, window: Floats, columns: Sequence[NDArray[np.intp]]) -> Floats:
        """Leaves out one column after the other."""
        squared, widths = self._distances(window, np.concatenate(columns))
        rows = np.concatenate([self.reference, window])
        ours = np.repeat([0.0, 1.0], [len(self.reference), len(window)])[:, np.newaxis]
        whole = discrepancies(self._kernel(squared, widths), ours)[0]
        without = [squared - squared_distances(rows[:, column], rows[:, column]) for column in columns]
        return np.array([whole - discrepancies(self._kernel(each, widths), ours)[0] for each in without])

    def _distances(self, window: Floats, numbers: NDArray[np.intp]) -> tuple[Floats, Floats]:
        """Gives the squared distances of all rows, those of the baseline first, and 2 sigma² of each kernel."""
        reference, window = self.reference[:, numbers], window[:, numbers]
        within, widths = self._within, self._widths
        if len(numbers) < len(self._all):
            within = squared_distances(reference, reference)
            widths = self._bandwidths(within)
        across = squared_distances(reference, window)
        return np.block([[within, across], [across.T, squared_distances(window, window)]]), widths

    @staticmethod
    def _kernel(squared: Floats, widths: Floats) -> Floats:
        """Gives the kernel of all pairs of rows; 0 for a row with itself, which takes no part."""
        kernel = np.zeros_like(squared)
        for width in widths:
            kernel += np.exp(squared / -width)
        kernel /= len(widths)
        np.fill_diagonal(kernel, 0.0)
        return kernel


def squared_distances(left: Floats, right: Floats) -> Floats:
    """Gives the squared Euclidean distances of rows of shapes (n, d) and (m, d), shape (n, m)."""
    squares = np.add.reduce(left * left, axis=1)[:, np.newaxis] + np.add.reduce(right * right, axis=1)
    distances: Floats = np.maximum(squares - 2.0 * (left @ right.T), 0.0)
    return distances


def median_squared_distance(squared: Floats) -> float:
    """Gives the lower median of the squared distances of pairs of rows.

    Args:
        squared: shape (rows, rows), symmetric; at least two rows.

    Returns:
        Of the distances that are not 0 where it would be 0; 1 where all are.
    """
    pairs = squared[np.triu_indices(len(squared), 1)]
    for chosen in (pairs, pairs[pairs > 0]):
        if len(chosen) and (median := float(np.partition(chosen, (len(chosen) - 1) // 2)[(len(chosen) - 1) // 2])) > 0:
            return median
    return 1.0


def discrepancies(kernel: Floats, dealt: Floats) -> Floats:
    """Measures MMD² for many deals of the same rows.

    With s = 1 for the window's rows and 0 for the others, the sums over pairs are s'Ks, s'K1 - s'Ks and
    1'K1 - 2 s'K1 + s'Ks.

    Args:
        kernel: K, shape (rows, rows), symmetric, with a diagonal of 0.
        dealt: shape (rows, deals), all with as many rows in the window.

    Returns:
        Shape (deals,).
    """
    sums = np.add.reduce(kernel, axis=1)
    total, ours = np.add.reduce(sums), sums @ dealt
    within = np.einsum("ij,ij->j", dealt, kernel @ dealt)
    m = np.add.reduce(dealt[:, 0])
    n = len(dealt) - m
    found: Floats = (
        (total - 2.0 * ours + within) / (n * (n - 1)) + within / (m * (m - 1)) - 2.0 * (ours - within) / (n * m)
    )
    return found
