"""The Cramér-von Mises test of the last rows of a stream, row by row, with an expected run time."""

import math
from functools import lru_cache
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from nilometer_detectors.detector import Context, Distinct, Parameters
from nilometer_detectors.drift.base.changes import ChangeDrift
from nilometer_detectors.drift.base.online import Memory
from nilometer_detectors.drift.base.runlength import RunTimeParameters
from nilometer_detectors.kernels.cvm_online import follow
from nilometer_logger.rows import Floats

_STREAMS, _ROWS = 200, 1000  # that are simulated for a threshold
_SEED = 0


class CVMOnlineParameters(RunTimeParameters):
    """The parameters of `cvm_online`, named as those of alibi-detect's `CVMDriftOnline`."""

    window_sizes: Distinct[Annotated[int, Field(ge=5, le=500)]] = Field(
        default=[20, 100],
        min_length=1,
        max_length=8,
        description="how many of the last rows are tested: short windows find large changes soon, long ones small changes",
    )
    reference_size: int = Field(
        default=1000, ge=20, le=10_000, description="how many of the baseline's values they are compared with at most"
    )


class CVMOnline(ChangeDrift[CVMOnlineParameters]):
    """The two-sample Cramér-von Mises statistic of each column's last values against the baseline's, after every row.

    With F of the baseline's n values and G of the last w, for each w of `windowSizes`:

        T = n w / (n+w)² Σ (F - G)² over all n + w pooled values

    The statistic is the largest (T - mean) / stddev of the windows that are full, with the mean and variance of T where
    nothing has changed (Anderson, "On the distribution of the two-sample Cramér-von Mises criterion", 1962). After an
    alarm the windows are empty.

    The threshold depends on n, the windows and the expected run time alone, which is `ert` times the columns, as false
    alarms of columns add up. It is simulated when the monitor is built: 200 streams of 1,000 uniform values (or of
    three times the longest window), each with a reference of its own: one to some seconds, whatever n; once for each n
    and windows in a process. The logarithm of the run time grows with the threshold in a straight line, which is drawn
    on to run times that no simulation could last. On average over baselines; a single baseline may run half or twice as long. Tied values make
    false alarms rarer. (alibi-detect's threshold has one value for each row up to twice the longest window, and costs
    O(n²).)

    O(w + log n) a row and column. Memory: 8 bytes for each value of the longest window and 48 more, a column and stream.
    """

    Parameters: ClassVar[type[Parameters]] = CVMOnlineParameters

    def __init__(self, parameters: CVMOnlineParameters, context: Context) -> None:
        """Takes a part of the baseline's values, and finds the threshold.

        Raises:
            Refused: as for every detector of changes.
        """
        super().__init__(parameters, context)
        self._windows = np.unique(np.array(parameters.window_sizes, dtype=np.int64))
        self._tested = [Reference(_part(each, parameters.reference_size), self._windows) for each in self.references]
        smallest = min(len(each.values) for each in self._tested)
        self._threshold = threshold(smallest, tuple(self._windows.tolist()), parameters.ert * len(self.places))

    @property
    def threshold(self) -> float:
        """A larger statistic is an alarm."""
        return self._threshold

    def start(self) -> Memory:
        """Makes empty windows."""
        columns = len(self.places)
        return {"ring": np.zeros((columns, int(self._windows[-1]))), "seen": np.zeros((columns, 1), dtype=np.int64)}

    def follow(self, memory: Memory, values: Floats) -> Floats:
        """Moves the windows on."""
        statistics = np.empty((values.shape[1], len(values)))
        for column, reference in enumerate(self._tested):
            mine = np.ascontiguousarray(values[:, column])
            reference.follow(mine, self._threshold, memory["ring"][column], memory["seen"][column], statistics[column])
        return statistics.T

    def applied(self) -> dict[str, object]:
        """Says what the threshold follows from."""
        return super().applied() | self.parameters.asked(len(self.places))


class Reference:
    """What windows are compared with.

    Args:
        values: ascending, at least two.
        windows: how many values each holds, ascending, shape (windows,).
    """

    def __init__(self, values: Floats, windows: NDArray[np.int64]) -> None:
        n, w = len(values), windows.astype(np.float64)
        shares = np.searchsorted(values, values, "right") / n
        total = n + w
        self.values = values
        self._windows = windows
        self._squares = float(shares @ shares)
        self._prefix = np.concatenate([[0.0], np.cumsum(shares)])
        self._means = (1 + 1 / total) / 6
        self._deviations = np.sqrt(
            (total + 1) * (4 * n * w * total - 3 * (n * n + w * w) - 2 * n * w) / (180 * total**2 * n * w)
        )

    def follow(
        self, values: Floats, threshold: float, ring: Floats, seen: NDArray[np.int64], statistics: Floats
    ) -> None:
        """Moves the windows on; see `kernels.cvm_online.follow`."""
        follow(
            values,
            self.values,
            self._squares,
            self._prefix,
            self._windows,
            self._means,
            self._deviations,
            threshold,
            ring,
            seen,
            statistics,
        )


def _part(reference: Floats, size: int) -> Floats:
    """Takes at most `size` values, at random.

    There are few different sizes, each four fifths of the one before, so that few thresholds must be simulated.
    """
    while size > len(reference) and size > 2:
        size = size * 4 // 5
    chosen = np.random.default_rng(_SEED).choice(len(reference), size, replace=False)
    return reference[np.sort(chosen)]


@lru_cache(maxsize=32)
def _largest(size: int, windows: tuple[int, ...]) -> Floats:
    """Simulates streams in which nothing changes.

    Returns:
        The largest statistic so far after each row, shape (streams, rows).
    """
    generator, sizes = np.random.default_rng(_SEED), np.array(windows, dtype=np.int64)
    rows = max(_ROWS, 3 * windows[-1])
    statistics = np.empty((_STREAMS, rows))
    for stream in statistics:
        reference = Reference(np.sort(generator.random(size)), sizes)
        ring, seen = np.zeros(windows[-1]), np.zeros(1, dtype=np.int64)
        reference.follow(generator.random(rows), math.inf, ring, seen, stream)
    return np.maximum.accumulate(statistics, axis=1)


def threshold(size: int, windows: tuple[int, ...], run_length: float) -> float:
    """Finds the threshold of a mean run length.

    With a threshold h, those of the simulated streams that reach it have run until then, and the others to their end;
    the mean run length is what all have run by how many reached it (the estimate for exponential times that are cut
    off). Its logarithm is fitted by a line in h, over the thresholds that between 10 % and 90 % of the streams reach.

    Args:
        size: of the reference.
        windows: how many values each holds, ascending.
        run_length: in rows.

    Returns:
        In standard deviations of T; not below 0, the statistic of windows that are not full.
    """
    largest = _largest(size, windows)
    levels = np.quantile(largest[:, -1], np.linspace(0.1, 0.9, 17))
    ran = np.array([np.count_nonzero(largest <= level) for level in levels])
    reached = np.array([np.count_nonzero(largest[:, -1] > level) for level in levels])
    slope, intercept = np.polyfit(levels, np.log(ran / reached), 1)
    return max(0.0, float((math.log(run_length) - intercept) / slope))
