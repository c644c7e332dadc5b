"""The population stability index of each column."""

from typing import ClassVar

from pydantic import Field

from nilometer_detectors.detector import Parameters
from nilometer_detectors.drift.base.divergences import DivergenceDrift, DivergenceParameters
from nilometer_detectors.kernels import distances
from nilometer_detectors.kernels.ragged import Ragged
from nilometer_logger.rows import Floats


class PSIParameters(DivergenceParameters):
    """The parameters of `psi`."""

    threshold: float = Field(
        default=0.2, ge=0, description="a column with a larger distance drifts; 0.2 is the convention of credit scoring"
    )


class PSI(DivergenceDrift[PSIParameters]):
    """The population stability index, which adds up the shift of each cell.

    With q of the baseline's cells and p of the window's:

        PSI = Σ (p - q) ln(p / q)

    in nats, 0 and more, symmetric: KL both ways (Jeffreys' divergence). Below 0.1 a population is taken for stable,
    above 0.2 or 0.25 for changed (Lewis, "An introduction to credit scoring", 1994; Siddiqi, "Credit risk scorecards",
    2006), which goes back to ten bins and large samples: here ten as well, and a higher threshold in small windows
    (`divergences`). O(cells) a column; all rows of a window are counted.
    """

    Parameters: ClassVar[type[Parameters]] = PSIParameters
    factor = 1.0

    @staticmethod
    def distance(baseline: Ragged, window: Ragged) -> Floats:
        """Measures columns."""
        return distances.population_stability_index(baseline, window)
