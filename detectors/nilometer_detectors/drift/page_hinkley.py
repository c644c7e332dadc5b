"""Page-Hinkley: sums of what each column lies off its own running mean."""

from typing import ClassVar

import numpy as np
from pydantic import Field

from nilometer_detectors.detector import Context, Parameters
from nilometer_detectors.drift.base.changes import ChangeDrift
from nilometer_detectors.drift.base.online import Memory
from nilometer_detectors.drift.base.runlength import SumParameters
from nilometer_detectors.kernels.sums import page_hinkley
from nilometer_logger.rows import Floats

_SURE = 1000  # values: a mean that begins as surer than that would hardly follow the stream


class PageHinkleyParameters(SumParameters):
    """The parameters of `page_hinkley`, named as those of river's `PageHinkley`."""

    delta: float = Field(
        default=0.25,
        ge=0,
        le=5,
        description="how far a value must lie off the running mean to count, in standard deviations of the baseline",
    )
    alpha: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="what is left of a sum after another row; less than 1 makes false alarms more frequent the longer the "
        "stream runs",
    )


class PageHinkley(ChangeDrift[PageHinkleyParameters]):
    """Two sums of deviations of each column from its running mean; how far one has left its extreme.

    With z standardised by the baseline and m the mean of all values so far, that one included:

        U = alpha U + (z - m) - delta,    D = alpha D + (z - m) + delta
        alarm where U - min U or max D - D exceeds lambda; then the column begins anew

    Source: Page, "Continuous inspection schemes", 1954; Hinkley, "Inference about the change-point from cumulative sum
    tests", 1971; with the forgetting of river's `PageHinkley`, whose alarms are the same to the row where the mean begins
    with nothing. Here it begins with the baseline's, as that of at most 1,000 values, at first and after every alarm: so a
    stream that is wrong from its first row is found, and the baseline's error matters less the longer a stream runs.

    Where no threshold is given it follows from `ert` as for `cusum` with slack delta, and under the same conditions, for
    an alpha of 1. river's default is 0.9999: where nothing changes, U sinks by delta a row, forgetting lifts it the more
    the deeper it has sunk, and after 10,000 rows false alarms are twice as frequent.

    O(columns) a row; 88 bytes of memory a column and stream.
    """

    Parameters: ClassVar[type[Parameters]] = PageHinkleyParameters

    def __init__(self, parameters: PageHinkleyParameters, context: Context) -> None:
        """Chooses the threshold, and compiles.

        Raises:
            Refused: as for every detector of changes.
        """
        super().__init__(parameters, context)
        self._threshold = parameters.bound(parameters.delta, len(self.places))
        known = min(_SURE, *(len(reference) for reference in self.references))
        self._start = np.array([known, 0.0, 0.0, np.inf, 0.0, -np.inf])
        self.observe(self.begin(), np.zeros((1, len(self.schema))))

    @property
    def threshold(self) -> float:
        """A larger distance of a sum from its extreme is an alarm."""
        return self._threshold

    def start(self) -> Memory:
        """Makes the sums of a stream whose mean is the baseline's."""
        return {"sums": np.tile(self._start, (len(self.places), 1))}

    def follow(self, memory: Memory, values: Floats) -> Floats:
        """Adds rows to the sums."""
        statistics, parameters = np.empty_like(values), self.parameters
        page_hinkley(
            self.standard(values),
            parameters.delta,
            parameters.alpha,
            self._threshold,
            self._start,
            memory["sums"],
            statistics,
        )
        return statistics

    def applied(self) -> dict[str, object]:
        """Says what the threshold follows from."""
        return super().applied() | self.parameters.asked(len(self.places))
