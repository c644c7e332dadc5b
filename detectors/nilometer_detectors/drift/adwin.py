"""ADWIN: does the mean of a column's newest values differ from that of those before?"""

from typing import ClassVar

import numpy as np
from pydantic import Field

from nilometer_detectors.detector import Context, Parameters
from nilometer_detectors.drift.base.changes import ChangeDrift
from nilometer_detectors.drift.base.contract import DriftParameters
from nilometer_detectors.drift.base.online import Memory
from nilometer_detectors.kernels.adwin import adwin
from nilometer_logger.rows import Floats

_SIZES = 24  # of buckets: the oldest go beyond 2^24 values and some
_KNOWN = 1000  # rows of the baseline that a stream begins with


class ADWINParameters(DriftParameters):
    """The parameters of `adwin`, named as those of river's `ADWIN`."""

    delta: float = Field(
        default=0.002, gt=0, lt=1, description="the confidence of a false alarm, over all columns: smaller is rarer"
    )
    clock: int = Field(default=32, ge=1, le=100_000, description="every so many values a window is looked at")
    max_buckets: int = Field(
        default=5, ge=2, le=20, description="how many parts of each size a window is kept in: more find a change sooner"
    )
    min_window_length: int = Field(
        default=5, ge=1, le=100_000, description="a part of a window with fewer values is not compared"
    )
    grace_period: int = Field(default=10, ge=1, le=1_000_000, description="with no more values nothing is looked at")


class ADWIN(ChangeDrift[ADWINParameters]):
    """An adaptive window over each column: as long as no part of it has another mean than the rest.

    A window of W values with variance v is cut into n0 older and n1 newer ones, and is an alarm where, with l the
    `minWindowLength` and delta' = ln(2 ln(W) / delta):

        |mean0 - mean1| > sqrt(2 v delta' / m) + 2 delta' / (3 m),    1/m = 1 / (n0 - l + 1) + 1 / (n1 - l + 1)

    Source: Bifet and Gavaldà, "Learning from time-changing data with adaptive windowing", SIAM SDM 2007, with the bound
    and the cuts of river's `ADWIN`, whose alarms are the same to the row. The statistic is the difference in units of
    its bound, so its threshold is 1; delta is divided by the number of columns.

    A stream begins with the baseline's first 1,000 sampled rows in its window, so that it is compared with them first.
    After an alarm the window is empty, as in river: from then on a stream is compared with itself, and each change is
    told once. That is what sets it apart from the other detectors here.

    O(log W) a row and column, O(log W) a look; about 100 bytes of memory for each of 24 sizes, a column and stream, with
    5 buckets a size; a window of more than 80 million values loses its oldest.
    """

    Parameters: ClassVar[type[Parameters]] = ADWINParameters

    def __init__(self, parameters: ADWINParameters, context: Context) -> None:
        """Takes in the baseline's rows, and compiles.

        Raises:
            Refused: as for every detector of changes.
        """
        super().__init__(parameters, context)
        columns, room = len(self.places), parameters.max_buckets + 1
        self._begun: Memory = {
            "totals": np.zeros((columns, _SIZES * room)),
            "deviations": np.zeros((columns, _SIZES * room)),
            "used": np.zeros((columns, _SIZES), dtype=np.int64),
            "window": np.zeros((columns, 4)),
        }
        baseline = context.baseline
        if baseline is not None:
            sample = baseline.feature_sample if self.of == "features" else baseline.prediction_sample
            self._take(self._begun, np.ascontiguousarray(sample[:_KNOWN, self.places]), checking=False)

    @property
    def threshold(self) -> float:
        """A larger difference, in units of its bound, is an alarm."""
        return 1.0

    def start(self) -> Memory:
        """Makes windows that hold the baseline's rows."""
        return {name: array.copy() for name, array in self._begun.items()}

    def follow(self, memory: Memory, values: Floats) -> Floats:
        """Adds rows to the windows."""
        return self._take(memory, values, checking=True)

    def _take(self, memory: Memory, values: Floats, *, checking: bool) -> Floats:
        statistics, parameters = np.empty_like(values), self.parameters
        adwin(
            self.standard(values),
            parameters.delta / len(self.places),
            parameters.clock,
            parameters.min_window_length,
            parameters.grace_period,
            checking,
            memory["totals"],
            memory["deviations"],
            memory["used"],
            memory["window"],
            statistics,
        )
        return statistics

    def applied(self) -> dict[str, object]:
        """Says how the confidence was shared out."""
        return super().applied() | {"delta": self.parameters.delta, "columns": len(self.places)}
