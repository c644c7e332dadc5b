"""The Kullback-Leibler divergence of each column."""

from typing import ClassVar

from pydantic import Field

from nilometer_detectors.detector import Parameters
from nilometer_detectors.drift.base.kth2020 import ThesisDivergence, ThesisParameters
from nilometer_detectors.kernels import distances, kth2020_distances
from nilometer_detectors.kernels.ragged import Ragged
from nilometer_logger.rows import Floats


class KLParameters(ThesisParameters):
    """The parameters of `kl`."""

    threshold: float = Field(
        default=0.1, ge=0, description="a column with a larger distance drifts; in nats; thesis2020: 1.3 by default"
    )
    thesis_threshold: ClassVar[float] = 1.3


class KL(ThesisDivergence[KLParameters]):
    """How surprising the window's values are to who expects the baseline's.

    With q of the baseline's cells and p of the window's:

        KL = Σ p ln(p / q)

    in nats, 0 and more (Kullback and Leibler, "On information and sufficiency", 1951). The default threshold is the one
    that Evidently takes, higher in small windows (`divergences`). O(cells) a column; all rows of a window are counted.

    Differences from the thesis, whose numbers `compatibility: thesis2020` gives: every cell is smoothed, so the sum leaves
    nothing out and is never negative; values outside of the baseline count in cells of their own, so that traffic that
    has left it altogether is drift; twenty narrow bins are pooled to ten.
    """

    Parameters: ClassVar[type[Parameters]] = KLParameters
    factor = 1 / 2

    @staticmethod
    def distance(baseline: Ragged, window: Ragged) -> Floats:
        """Measures columns."""
        return distances.kullback_leibler(baseline, window)

    @staticmethod
    def thesis(baseline: Floats, window: Floats) -> float:
        """Measures a column as the thesis does."""
        return kth2020_distances.kullback_leibler(baseline, window)
