"""The two-sample Kolmogorov-Smirnov test of each column against the baseline."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from nilometer_detectors.detector import Context, Parameters
from nilometer_detectors.drift.base.columns import Measured, as_float32
from nilometer_detectors.drift.base.deciding import ColumnTestParameters
from nilometer_detectors.drift.base.effective import Input, effective_counts
from nilometer_detectors.drift.base.samples import SampleDrift, SampleParameters, sorted_values
from nilometer_detectors.kernels import ks
from nilometer_logger.rows import Floats


class KSParameters(ColumnTestParameters, SampleParameters):
    """The parameters of `ks`."""

    alternative: ks.Alternative = Field(
        default="two-sided",
        description="whether the baseline's distribution function may differ, lies below (less) or above (greater) "
        "the window's; greater: the window's values are the larger ones",
    )
    compatibility: Literal["alibi-detect"] | None = Field(
        default=None, description="alibi-detect: distances and p-values are those of its KSDrift, in float32"
    )


class KS(SampleDrift[KSParameters]):
    """The largest distance between the empirical distribution functions of baseline and window, and its p-value.

    With F of the baseline's n values and G of the window's m:

        D = max |F - G|,    D(less) = max (G - F),    D(greater) = max (F - G)

    The p-value is the exact probability of a distance at least as large among all ways to deal the pooled values out to
    baseline and window, given which of them are tied (`kernels.permutations`, with the sources); where that would take
    more than some milliseconds, and where `autocorrelation` makes m values worth fewer, it is the asymptotic one
    (`kernels.ks`).

    Differences from alibi-detect's `KSDrift`, whose numbers `compatibility` gives to the bit of their float32:

    * it always takes the asymptotic p-value, which is far too large for rounded values and integers (0.5 % of false
      alarms where 5 % are asked for, and drift unseen accordingly);
    * it rounds the baseline to float32 and not the window, so that 0.1 differs from 0.1; here both are float64, with
      `compatibility` as well;
    * one missing value makes its p-value NaN, which it takes for no drift; here missing values are left out and counted.

    The baseline stands sorted. A window of m values costs O(m log m) to sort, O(m log (n / m)) for the distance, and
    O((n + m) w) for the exact p-value, w = D nm/(n + m), or less with ties; all columns are one call.
    """

    Parameters: ClassVar[type[Parameters]] = KSParameters

    def __init__(self, parameters: KSParameters, context: Context) -> None:
        """Takes the columns' values from the baseline, and has the kernels compiled.

        Raises:
            Refused: if there is no baseline, nothing to judge, or a column with fewer than two values in it.
        """
        super().__init__(parameters, context)
        self.try_once()

    def measure(self, columns: Sequence[int], inputs: Sequence[Input[Floats]]) -> Measured:
        """Tests columns against their references."""
        alternative = self.parameters.alternative
        references, samples = self.packed(columns), sorted_values(inputs)
        distances = ks.distances(references, samples, alternative)
        if self.parameters.compatibility:
            p_values = ks.asymptotic(distances, references.sizes, samples.sizes, alternative)
            return Measured(as_float32(distances), as_float32(p_values))
        p_values, _ = ks.calibrated(distances, references, samples, alternative)
        effective = effective_counts(inputs)
        worth_less = effective < samples.sizes
        if worth_less.any():
            sizes = references.sizes[worth_less], effective[worth_less]
            p_values[worth_less] = ks.asymptotic(distances[worth_less], *sizes, alternative)
        return Measured(distances, p_values)
