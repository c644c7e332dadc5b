"""A sensor that is stuck repeats one value, and every test of the distribution may find that value quite normal."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field

from nilometer_detectors.detector import Context, Parameters
from nilometer_detectors.drift.base.columns import Measured
from nilometer_detectors.drift.base.deciding import DistanceParameters
from nilometer_detectors.drift.base.effective import Input
from nilometer_detectors.drift.base.samples import SampleDrift, SampleParameters
from nilometer_logger.rows import Floats


class StuckParameters(DistanceParameters, SampleParameters):
    """The parameters of `stuck`."""

    threshold: float = Field(default=0.5, gt=0, le=1, description="how much more often than usual one value may come")


class Stuck(SampleDrift[StuckParameters]):
    """How much more of a window is one and the same value than of the baseline.

    With s the largest share of equal values in a column:

        distance = max(0, s(window) - s(baseline))

    between 0 and 1. A column that is constant in the baseline cannot be stuck. O(m log m) a column of m values.
    """

    Parameters: ClassVar[type[Parameters]] = StuckParameters

    def __init__(self, parameters: StuckParameters, context: Context) -> None:
        """Takes the usual shares from the baseline.

        Raises:
            Refused: as every detector of values does.
        """
        super().__init__(parameters, context)
        self._usual = [largest_share(reference) for reference in self.references]

    def measure(self, columns: Sequence[int], inputs: Sequence[Input[Floats]]) -> Measured:
        """Measures columns against the baseline."""
        pairs = zip(columns, inputs, strict=True)
        distances = [max(0.0, largest_share(each.values) - self._usual[column]) for column, each in pairs]
        return Measured(np.array(distances))


def largest_share(values: Floats) -> float:
    """Tells how much of some values is the most frequent one; shape (n,), n > 0."""
    _, counts = np.unique(values, return_counts=True)
    return float(counts.max() / len(values))
