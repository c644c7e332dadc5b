"""The two-sample Cramér-von Mises test of each column against the baseline."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from nilometer_detectors.detector import Context, Parameters
from nilometer_detectors.drift.base.columns import Measured, as_float32
from nilometer_detectors.drift.base.deciding import ColumnTestParameters
from nilometer_detectors.drift.base.effective import Input, effective_counts
from nilometer_detectors.drift.base.samples import SampleDrift, SampleParameters, sorted_values
from nilometer_detectors.kernels import cvm
from nilometer_logger.rows import Floats


class CVMParameters(ColumnTestParameters, SampleParameters):
    """The parameters of `cvm`."""

    min_rows: int = Field(
        default=30, ge=2, le=1_000_000, description="a column with fewer values in a window is not judged"
    )
    compatibility: Literal["alibi-detect"] | None = Field(
        default=None, description="alibi-detect: distances and p-values are those of its CVMDrift, in float32"
    )


class CVM(SampleDrift[CVMParameters]):
    """The squared distance between the empirical distribution functions of baseline and window, and its p-value.

    With F of the baseline's n values and G of the window's m, summed over the pooled values:

        T = n m / (n + m)² Σ (F - G)²

    Every value contributes, not just the furthest as in `ks`, so that shifts are found a little sooner. The p-value is
    exact where both have at most 20 values, else that of the limit with T's mean and variance; of tied values with those
    given the ties (`kernels.cvm`, with the sources).

    Differences from alibi-detect's `CVMDrift`, whose numbers `compatibility` gives to the bit of their float32:

    * tied values, such as rounded ones and integers, are drift to it without any (digits in every window);
    * it gives no number for one row, and takes that for no drift; here `minRows` is at least 2;
    * one missing value makes its p-value NaN, which it takes for no drift; here missing values are left out and counted.

    The baseline stands sorted. A window of m values costs O(m log m) to sort and O(m log (n / m)) for T, or O(n + m)
    where values are tied; all columns are one call.
    """

    Parameters: ClassVar[type[Parameters]] = CVMParameters

    def __init__(self, parameters: CVMParameters, context: Context) -> None:
        """Takes the columns' values from the baseline, and has the kernels compiled.

        Raises:
            Refused: if there is no baseline, nothing to judge, or a column with fewer than two values in it.
        """
        super().__init__(parameters, context)
        self.try_once()

    def measure(self, columns: Sequence[int], inputs: Sequence[Input[Floats]]) -> Measured:
        """Tests columns against their references."""
        references, samples = self.packed(columns), sorted_values(inputs)
        if self.parameters.compatibility:
            distances, sums = cvm.statistics(references, samples)
            p_values = cvm.p_values(distances, sums, references.sizes, samples.sizes)
            return Measured(as_float32(distances), as_float32(p_values))
        return Measured(*cvm.calibrated(references, samples, effective_counts(inputs)))
