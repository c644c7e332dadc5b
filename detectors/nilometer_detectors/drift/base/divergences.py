"""Distances between the distributions of a baseline and a window over the same cells.

A detector of this family says only how far two rows of probabilities lie apart; the cells, their smoothing and what
chance alone would do are here. Two things make such a distance mislead, and both are answered:

* an empty cell makes a logarithm infinite, so half a value is added to every cell that either side has (the kernels);
  with that, a distance is finite and never negative, and traffic wholly outside of the baseline, which counts in cells
  of its own, is far;
* a small window lies far from its baseline by chance alone, farther the more cells there are. Without drift all four
  distances d are, in large windows, a multiple of Pearson's χ² of two samples:

      d = f (1/n + 1/m) χ²,    χ² of cells - 1 degrees of freedom

  (Yurdakul and Naranjo, "Statistical properties of the population stability index", Journal of Risk Model Validation
  14, 2020, for the index; a property of every f-divergence, Csiszár and Shields, "Information theory and statistics: a
  tutorial", 2004, theorem 4.1). A conventional threshold means nothing in a window in which χ² alone reaches it, so the
  threshold is raised to where chance comes as rarely as `chance` says.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal, TypeVar

import numpy as np
import scipy.special
from pydantic import Field

from nilometer_detectors.detector import Context
from nilometer_detectors.drift.base.binned import BinnedDrift, BinnedParameters
from nilometer_detectors.drift.base.cells import Integers, Pooling, pool
from nilometer_detectors.drift.base.columns import Measured
from nilometer_detectors.drift.base.deciding import DistanceParameters
from nilometer_detectors.drift.base.effective import Input
from nilometer_detectors.kernels.ragged import Ragged, pack
from nilometer_logger.rows import Floats

Compatibility = Literal["thesis2020"]


class DivergenceParameters(DistanceParameters, BinnedParameters):
    """The parameters of the distances over cells."""

    bins: int = Field(
        default=10,
        ge=2,
        le=1000,
        description="in how many bins or categories a column is judged at most; neighbours, or rare categories, are "
        "pooled",
    )
    chance: float = Field(
        default=0.01,
        gt=0,
        le=1,
        description="how often chance alone may reach the threshold in a window without drift, over all columns: a small "
        "window's threshold is raised accordingly; 1 never raises it",
    )


V = TypeVar("V", bound=DivergenceParameters)


class DivergenceDrift(BinnedDrift[V]):
    """A distance between two rows of counts.

    Class attributes:
        factor: f above, of the distance raised to `power`.
        power: 2 where the distance is the square root of what is proportional to χ².
    """

    factor: ClassVar[float]
    power: ClassVar[int] = 1

    def __init__(self, parameters: V, context: Context) -> None:
        """Pools the baseline's cells.

        Raises:
            Refused: if there is no baseline, nothing to judge, or a column without counts or values in it.
        """
        super().__init__(parameters, context)
        self._pooling = [self._pool(place) for place in range(len(self.places))]
        self._pooled = [pooling(counts) for pooling, counts in zip(self._pooling, self.references, strict=True)]
        self._sizes = np.array([max(counts.sum(), 1) for counts in self._pooled])
        self._freedom = np.array([max(np.count_nonzero(counts) - 1, 1) for counts in self._pooled])

    def _pool(self, place: int) -> Pooling:
        counts = self.references[place]
        if self.parameters.aspect == "missing":
            return Pooling(np.arange(len(counts)), len(counts))
        return pool(self.columns[place], counts, self.parameters.bins)

    @staticmethod
    @abstractmethod
    def distance(baseline: Ragged, window: Ragged) -> Floats:
        """Measures columns.

        Args:
            baseline: counts by cell, of each column.
            window: counts of the same cells.

        Returns:
            Shape (columns,).
        """

    def measure(self, columns: Sequence[int], inputs: Sequence[Input[Integers]]) -> Measured:
        """Measures columns against the baseline."""
        held = [
            self._pooling[column].held(self._pooled[column], self._pooling[column](each.values))
            for column, each in zip(columns, inputs, strict=True)
        ]
        baselines, windows = (pack(list(side)) for side in zip(*held, strict=True))
        return Measured(self.distance(baselines, windows))

    def thresholds(self, columns: Sequence[int], inputs: Sequence[Input[Integers]]) -> Floats:
        """Gives the threshold of each column, raised where the window is small."""
        asked = super().thresholds(columns, inputs)
        if self.parameters.chance == 1:
            return asked
        places = list(columns)
        sizes = 1 / np.array([each.count for each in inputs]) + 1 / self._sizes[places]
        level = self.parameters.chance / len(places)
        by_chance = self.factor * sizes * scipy.special.chdtri(self._freedom[places], level)
        raised: Floats = np.maximum(asked, by_chance ** (1 / self.power))
        return raised
