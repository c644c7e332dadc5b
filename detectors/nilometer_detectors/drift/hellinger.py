"""The Hellinger distance of each column."""

from typing import ClassVar

from pydantic import Field

from nilometer_detectors.detector import Parameters
from nilometer_detectors.drift.base.divergences import DivergenceDrift, DivergenceParameters
from nilometer_detectors.kernels import distances
from nilometer_detectors.kernels.ragged import Ragged
from nilometer_logger.rows import Floats


class HellingerParameters(DivergenceParameters):
    """The parameters of `hellinger`."""

    threshold: float = Field(default=0.1, ge=0, description="a column with a larger distance drifts; from 0 to 1")


class Hellinger(DivergenceDrift[HellingerParameters]):
    """The Hellinger distance between the distributions of baseline and window.

    With q of the baseline's cells and p of the window's:

        H = √(½ Σ (√p - √q)²)

    between 0 and 1, symmetric, a metric (Hellinger, "Neue Begründung der Theorie quadratischer Formen von unendlichvielen
    Veränderlichen", 1909). The default threshold is the one that Evidently takes for its drift reports, higher in small
    windows (`divergences`). O(cells) a column; all rows of a window are counted.
    """

    Parameters: ClassVar[type[Parameters]] = HellingerParameters
    factor = 1 / 8
    power = 2

    @staticmethod
    def distance(baseline: Ragged, window: Ragged) -> Floats:
        """Measures columns."""
        return distances.hellinger(baseline, window)
