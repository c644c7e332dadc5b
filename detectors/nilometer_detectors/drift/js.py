"""The Jensen-Shannon divergence of each column."""

from typing import ClassVar

from pydantic import Field

from nilometer_detectors.detector import Parameters
from nilometer_detectors.drift.base.kth2020 import ThesisDivergence, ThesisParameters
from nilometer_detectors.kernels import distances, kth2020_distances
from nilometer_detectors.kernels.ragged import Ragged
from nilometer_logger.rows import Floats


class JSParameters(ThesisParameters):
    """The parameters of `js`."""

    threshold: float = Field(
        default=0.01, ge=0, description="a column with a larger distance drifts; in nats; thesis2020: 0.5 by default"
    )
    thesis_threshold: ClassVar[float] = 0.5


class JS(ThesisDivergence[JSParameters]):
    """How far baseline and window lie from their middle.

    With q of the baseline's cells, p of the window's, and m = (p + q) / 2:

        JS = ½ Σ p ln(p / m) + ½ Σ q ln(q / m)

    in nats, between 0 and ln 2 = 0.693, symmetric (Lin, "Divergence measures based on the Shannon entropy", 1991). It is
    the divergence and not its square root, which some libraries call Jensen-Shannon distance: the default threshold is
    the square of the 0.1 that Evidently takes for that, higher in small windows (`divergences`). O(cells) a column; all
    rows of a window are counted.

    Differences from the thesis, whose numbers `compatibility: thesis2020` gives: as for `kl`.
    """

    Parameters: ClassVar[type[Parameters]] = JSParameters
    factor = 1 / 8

    @staticmethod
    def distance(baseline: Ragged, window: Ragged) -> Floats:
        """Measures columns."""
        return distances.jensen_shannon(baseline, window)

    @staticmethod
    def thesis(baseline: Floats, window: Floats) -> float:
        """Measures a column as the thesis does."""
        return kth2020_distances.jensen_shannon(baseline, window)
