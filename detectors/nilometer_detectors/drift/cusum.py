"""CUSUM: cumulative sums of what each column lies off the baseline."""

from typing import ClassVar

import numpy as np
from pydantic import Field

from nilometer_detectors.detector import Context, Parameters
from nilometer_detectors.drift.base.changes import ChangeDrift
from nilometer_detectors.drift.base.online import Memory
from nilometer_detectors.drift.base.runlength import SumParameters
from nilometer_detectors.kernels.sums import cusum
from nilometer_logger.rows import Floats


class CUSUMParameters(SumParameters):
    """The parameters of `cusum`."""

    slack: float = Field(
        default=0.5,
        ge=0,
        le=5,
        description="how far a value must lie off the baseline's mean to count, in its standard deviations: half of the "
        "shift that is to be found soonest",
    )


class CUSUM(ChangeDrift[CUSUMParameters]):
    """Two cumulative sums of each column, one for larger and one for smaller values than the baseline's.

    With z standardised by the baseline, slack k and threshold h:

        S+ = max(0, S+ + z - k),    S- = max(0, S- - z - k),    alarm where one exceeds h; then both are 0

    Source: Page, "Continuous inspection schemes", 1954. The statistic is the larger sum. Where no threshold is given it
    follows from `ert` by Siegmund's approximation (see `runlength`), which holds for independent, about normal values
    and a baseline of many rows: a mean that the baseline has wrong by d makes false alarms as a slack of k - d would,
    and heavy tails make some more, though no value counts as more than five standard deviations.

    O(columns) a row; 56 bytes of memory a column and stream.
    """

    Parameters: ClassVar[type[Parameters]] = CUSUMParameters

    def __init__(self, parameters: CUSUMParameters, context: Context) -> None:
        """Chooses the threshold, and compiles.

        Raises:
            Refused: as for every detector of changes.
        """
        super().__init__(parameters, context)
        self._threshold = parameters.bound(parameters.slack, len(self.places))
        self.observe(self.begin(), np.zeros((1, len(self.schema))))

    @property
    def threshold(self) -> float:
        """A larger sum is an alarm."""
        return self._threshold

    def start(self) -> Memory:
        """Makes sums of nothing."""
        return {"sums": np.zeros((len(self.places), 2))}

    def follow(self, memory: Memory, values: Floats) -> Floats:
        """Adds rows to the sums."""
        statistics = np.empty_like(values)
        cusum(self.standard(values), self.parameters.slack, self._threshold, memory["sums"], statistics)
        return statistics

    def applied(self) -> dict[str, object]:
        """Says what the threshold follows from."""
        return super().applied() | self.parameters.asked(len(self.places))
