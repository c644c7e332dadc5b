"""The two-sample Kolmogorov-Smirnov test of each feature against the baseline."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.stats import kstwo

from nilometer_detectors.detector import Parameters
from nilometer_detectors.drift.columns import Input, Measured
from nilometer_detectors.drift.deciding import PValueParameters
from nilometer_detectors.drift.samples import SampleDrift, SampleParameters
from nilometer_logger.rows import Floats

Alternative = Literal["two-sided", "less", "greater"]


class KSParameters(PValueParameters, SampleParameters):
    """The parameters of `ks`."""

    alternative: Alternative = Field(
        default="two-sided",
        description="whether the baseline's distribution function may differ, lies below (less) or above (greater) "
        "the window's; greater: the window's values are the larger ones",
    )


class KS(SampleDrift[KSParameters]):
    """The largest distance between the empirical distribution functions of baseline and window, and its p-value.

    With F of the baseline's n values and G of the window's m:

        D = max |F - G|,    D(less) = max (G - F),    D(greater) = max (F - G)

    The p-value is asymptotic, as alibi-detect takes it: of the two-sided Kolmogorov distribution with round(nm / (n+m))
    values (`scipy.stats.kstwo`), one-sided by Hodges ("The significance probability of the Smirnov two-sample test",
    1958, equation 5.3). It equals that of alibi-detect's `KSDrift` to the bit of its float32. On discrete data it is
    conservative.

    The reference stands sorted in the baseline, so a window of m values costs O(m log n): F is looked up at the
    window's values and just below each of them, which is where the distance can be largest, and never at the
    baseline's own.
    """

    Parameters: ClassVar[type[Parameters]] = KSParameters

    def measure(self, columns: Sequence[int], inputs: Sequence[Input[Floats]]) -> Measured:
        """Tests columns against their references."""
        alternative = self.parameters.alternative
        references = [self.references[column] for column in columns]
        pairs = zip(references, inputs, strict=True)
        distances = np.array([distance(reference, np.sort(each.values), alternative) for reference, each in pairs])
        sizes = np.array([[len(reference) for reference in references], [each.count for each in inputs]])
        return Measured(distances, p_values(distances, sizes[0], sizes[1], alternative))


def distance(reference: Floats, sample: Floats, alternative: Alternative) -> float:
    """Measures how far two empirical distribution functions lie apart.

    Args:
        reference: sorted, finite, not empty.
        sample: sorted, finite, not empty.
        alternative: which differences count.

    Returns:
        Between 0 and 1.
    """
    at = np.searchsorted(reference, sample, "right") / len(reference)
    below = np.searchsorted(reference, sample, "left") / len(reference)
    steps = np.searchsorted(sample, sample, "right") / len(sample)
    steps_below = np.searchsorted(sample, sample, "left") / len(sample)
    # Between two values of the sample only the reference's function grows, so the extremes of the difference are at a
    # value of the sample or just below one.
    less = max(0.0, float(np.max(steps - at)))
    greater = max(0.0, float(np.max(at - steps)), float(np.max(below - steps_below)))
    if alternative == "less":
        return less
    return greater if alternative == "greater" else max(less, greater)


def p_values(
    distances: Floats, references: NDArray[np.int64], samples: NDArray[np.int64], alternative: Alternative
) -> Floats:
    """Tells how probable distances at least as large are where both samples are of one distribution.

    Args:
        distances: shape (tests,).
        references: the number of values of each reference, shape (tests,).
        samples: the number of values of each sample, shape (tests,).
        alternative: which differences count.

    Returns:
        Shape (tests,).
    """
    larger = np.maximum(references, samples).astype(np.float64)
    smaller = np.minimum(references, samples).astype(np.float64)
    effective = larger * smaller / (larger + smaller)
    if alternative == "two-sided":
        probabilities = kstwo.sf(distances, np.round(effective))
    else:
        z = np.sqrt(effective) * distances
        product = np.sqrt(larger * smaller * (larger + smaller))
        probabilities = np.exp(-2 * z**2 - 2 * z * (larger + 2 * smaller) / product / 3.0)
    clipped: Floats = np.clip(probabilities, 0.0, 1.0)
    return clipped
