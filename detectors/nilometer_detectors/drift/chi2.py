"""The chi-squared test of each column's categories or bins against the baseline."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from nilometer_detectors.detector import Context, Parameters
from nilometer_detectors.drift.base.binned import BinnedDrift, BinnedParameters
from nilometer_detectors.drift.base.cells import Integers
from nilometer_detectors.drift.base.columns import Measured, as_float32
from nilometer_detectors.drift.base.deciding import ColumnTestParameters
from nilometer_detectors.drift.base.effective import Input
from nilometer_detectors.kernels import chisquare
from nilometer_detectors.kernels.ragged import pack
from nilometer_logger.rows import ColumnType


class Chi2Parameters(ColumnTestParameters, BinnedParameters):
    """The parameters of `chi2`."""

    compatibility: Literal["alibi-detect"] | None = Field(
        default=None, description="alibi-detect: distances and p-values are those of its ChiSquareDrift, in float32"
    )


class Chi2(BinnedDrift[Chi2Parameters]):
    """How far the counts of a window lie from those that its total and the baseline's shares make one expect.

    Of the table of both rows of counts, n values of the baseline and m of the window (Pearson, 1900):

        χ² = Σ (observed - expected)² / expected,    expected = row total · column total / (n + m)

    Cells that are expected fewer than five times are pooled, what stays rarer is tested exactly as well
    (`kernels.chisquare`, with the sources); unseen categories are one cell. Numeric columns are judged by their bins where
    a monitor names them, what lies below and above the baseline as cells of their own; the pooled cells are neighbours.

    Differences from alibi-detect's `ChiSquareDrift`, whose numbers `compatibility` gives to the bit of their float32:

    * rare cells are pooled: without that, 200 categories by Zipf's law are drift in 19 % of the windows at 5 %;
    * two categories are not corrected after Yates, which is conservative (3.3 % at 5 %) and costs power;
    * all categories that the baseline has not seen are one, with `compatibility` as well: a window counts them and does
      not keep their names;
    * a missing category is an error to it, and a declared one that never occurs is another; here they are left out;
    * all rows of a window are counted, and no sample.

    O(cells) a column; all columns are one call.
    """

    Parameters: ClassVar[type[Parameters]] = Chi2Parameters
    by_default: ClassVar[frozenset[ColumnType]] = frozenset({"boolean", "categorical"})

    def __init__(self, parameters: Chi2Parameters, context: Context) -> None:
        """Takes the columns' counts from the baseline, and has the kernels compiled.

        Raises:
            Refused: if there is no baseline, nothing to judge, or a column without counts or values in it.
        """
        super().__init__(parameters, context)
        self._counts = [counts.astype(np.float64) for counts in self.references]
        self.try_once()

    def measure(self, columns: Sequence[int], inputs: Sequence[Input[Integers]]) -> Measured:
        """Tests columns against the baseline."""
        baseline = pack([self._counts[column] for column in columns])
        # As many independent values with the same shares: all of them, unless autocorrelation is corrected.
        window = pack([each.values * (each.effective / each.count) for each in inputs])
        if self.parameters.compatibility:
            distances, p_values = chisquare.compatible(baseline, window)
            return Measured(as_float32(distances), as_float32(p_values))
        distances, p_values, degrees = chisquare.calibrated(baseline, window)
        return Measured(distances, p_values, [{"degreesOfFreedom": each} for each in degrees.tolist()])
