"""The Wasserstein distance of each column, in standard deviations of the baseline."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import scipy.special
from pydantic import Field, model_validator

from nilometer_detectors.detector import Context, InvalidDetector, Parameters
from nilometer_detectors.drift.base import kth2020
from nilometer_detectors.drift.base.binned import cell_inputs, cells_of, within_baseline
from nilometer_detectors.drift.base.columns import ColumnDrift, Measured
from nilometer_detectors.drift.base.contract import Needs, Window
from nilometer_detectors.drift.base.deciding import DistanceParameters
from nilometer_detectors.drift.base.divergences import Compatibility
from nilometer_detectors.drift.base.effective import Input
from nilometer_detectors.drift.base.samples import SampleParameters, references_of, sample_inputs, sorted_values
from nilometer_detectors.kernels import distances, kth2020_distances
from nilometer_detectors.kernels.ragged import pack
from nilometer_detectors.statistics.base.contract import plain
from nilometer_logger.rows import Floats

_PATHS, _STEPS = 8192, 64


class WassersteinParameters(DistanceParameters, SampleParameters):
    """The parameters of `wasserstein`."""

    threshold: float = Field(
        default=0.1,
        ge=0,
        description="a column with a larger distance drifts; in standard deviations of the baseline; thesis2020: in bins, "
        "2.7 by default",
    )
    chance: float = Field(
        default=0.01,
        gt=0,
        le=1,
        description="how often chance alone may reach the threshold in a window without drift, over all columns: a small "
        "window's threshold is raised accordingly; 1 never raises it",
    )
    compatibility: Compatibility | None = Field(
        default=None,
        description="thesis2020: the distance of the thesis, over the histograms' bins without what lies outside, in "
        "bins, against the threshold alone",
    )

    @model_validator(mode="before")
    @classmethod
    def _thesis(cls, given: Any) -> Any:
        return kth2020.with_threshold(given, 2.7, "chance", "sampleSize")


class Wasserstein(ColumnDrift[WassersteinParameters, Floats]):
    """How far the values moved from the baseline, on average: the area between the distribution functions.

    With F of the baseline and G of the window's m values:

        W = ∫ |F - G| dx

    in the unit of the column, which is told as `distanceInUnits`; the distance that is compared with the threshold is W
    divided by the standard deviation of the column in the baseline, so that one threshold serves all columns (Kantorovich,
    1942; Ramdas, García Trillos and Cuturi, "On Wasserstein two-sample testing and related families of nonparametric
    tests", 2017, equation 7). The default threshold is the one that Evidently takes for its normed distance.

    Two samples of one distribution lie apart as well: the sum of 1/n + 1/m, rooted, times the area under a Brownian bridge
    (del Barrio, Giné and Matrán, "Central limit theorems for the Wasserstein distance between the empirical and the true
    distributions", 1999). The threshold is raised to what that exceeds as rarely as `chance` says (`noise`).

    Differences from the thesis, whose numbers `compatibility: thesis2020` gives: values and not bins are compared, in
    units and not in numbers of bins; what lies outside of the baseline counts with its distance.

    The baseline stands sorted: O(m log m + n) a column; all columns are one call.
    """

    Parameters: ClassVar[type[Parameters]] = WassersteinParameters

    def __init__(self, parameters: WassersteinParameters, context: Context) -> None:
        """Takes the columns' values, or with compatibility their histograms, from the baseline.

        Raises:
            InvalidDetector: if there is no baseline, nothing to judge, or a column without values, histogram or standard
                deviation in it.
        """
        super().__init__(parameters, context)
        baseline = self.baseline(context)
        described = baseline.features if self.of == "features" else baseline.predictions
        self._columns = [described[place] for place in self.places]
        if parameters.compatibility:
            self._bins = [within_baseline(each, cells_of(each)) for each in self._columns]
            return
        self._references = references_of(baseline, self.half, self.places, self.names)
        for each in self._columns:
            if each.stddev is None:
                raise InvalidDetector(
                    f"the baseline has no standard deviation of {each.name!r}, whose values are too large for one: name "
                    "the features to judge without it"
                )
        self._packed = pack(self._references)
        self._units = np.array([each.stddev for each in self._columns], dtype=np.float64)
        self._noise = noise(self._references, parameters.chance)
        self.measure([0], [Input(self._references[0][:2].copy(), 2, 0, 2)])  # so that the kernel is compiled

    def needs(self) -> Needs:
        """Asks for a sample of rows, or with compatibility for histograms."""
        if self.parameters.compatibility:
            return Needs(self.of, frozenset({"histogram"}), min_rows=self.parameters.min_rows)
        return Needs(self.of, sample=self.parameters.sample_size, min_rows=self.parameters.min_rows)

    def inputs(self, window: Window) -> Sequence[Input[Any]]:
        """Gives the values of each judged column, or the counts of its bins."""
        half = window.half(self.of)
        if self.parameters.compatibility:
            return cell_inputs(half, self.places)
        return sample_inputs(half, self.parameters.sample_size, self.places)

    def measure(self, columns: Sequence[int], inputs: Sequence[Input[Any]]) -> Measured:
        """Measures columns against the baseline."""
        if self.parameters.compatibility:
            pairs = zip(columns, inputs, strict=True)
            within = [
                (self._bins[column], within_baseline(self._columns[column], each.values)) for column, each in pairs
            ]
            return Measured(np.array([kth2020_distances.wasserstein(baseline, window) for baseline, window in within]))
        whole = len(columns) == len(self.places)
        references = self._packed if whole else pack([self._references[column] for column in columns])
        in_units = distances.wasserstein(references, sorted_values(inputs))
        facts = [{"distanceInUnits": plain(each)} for each in in_units.tolist()]
        return Measured(_in_stddevs(in_units, self._units[list(columns)]), facts=facts)

    def thresholds(self, columns: Sequence[int], inputs: Sequence[Input[Any]]) -> Floats:
        """Gives the threshold of each column, raised where the window is small."""
        asked, places = super().thresholds(columns, inputs), list(columns)
        if self.parameters.compatibility or self.parameters.chance == 1:
            return asked
        sizes = 1 / np.array([each.count for each in inputs]) + 1 / self._packed.sizes[places]
        raised: Floats = np.maximum(asked, _in_stddevs(np.sqrt(sizes) * self._noise[places], self._units[places]))
        return raised


def noise(references: Sequence[Floats], chance: float) -> Floats:
    """Finds how large W is by chance, of two samples of one distribution, in units of √(1/n + 1/m).

    The area under a bridge is simulated, with a fixed seed, and a gamma distribution of the same mean, variance and
    skewness (Pearson's type III) tells what is rarer than a simulation could: to 3 % at 1 in 3,000.

    Args:
        references: of each column, ascending.
        chance: how often any of the columns may exceed it.

    Returns:
        Shape (columns,). O(8192 · (64 + columns) + n), once.
    """
    at = (np.arange(_STEPS) + 0.5) / _STEPS
    steps = np.random.default_rng(2020).standard_normal((_PATHS, _STEPS + 1), dtype=np.float32)
    walks = np.cumsum(steps * np.sqrt(np.diff(at, prepend=0.0, append=1.0), dtype=np.float32), axis=1)
    bridges = np.abs(walks[:, :-1] - walks[:, -1:] * at.astype(np.float32))
    with np.errstate(over="ignore", invalid="ignore"):
        areas = bridges @ np.stack([_widths(values, at) for values in references], axis=1)
        mean, stddev = areas.mean(axis=0), areas.std(axis=0)
        skewness = ((areas - mean) ** 3).mean(axis=0) / np.where(stddev > 0, stddev, 1.0) ** 3
        shape = 4 / np.maximum(skewness, 1e-3) ** 2
        gamma = scipy.special.gammainccinv(shape, chance / len(references))
        found: Floats = np.where(stddev > 0, mean + stddev * (gamma - shape) / np.sqrt(shape), 0.0)
    return found


def _widths(values: Floats, at: Floats) -> Floats:
    """Gives how much of a column's range each point of a bridge stands for, shape (points,).

    Between two values, where a share p of all lies below, a bridge is as wide as √(p (1 - p)) on average: so the way
    from value to value is weighed by that, against the bridge's width at the point. Long tails are lost otherwise.
    """
    shares = np.arange(1, len(values)) / len(values)
    weighed = np.diff(values) * np.sqrt(shares * (1 - shares))
    cells = np.minimum((shares * len(at)).astype(np.intp), len(at) - 1)
    widths: Floats = np.bincount(cells, weighed, len(at)) / np.sqrt(at * (1 - at))
    return widths


def _in_stddevs(distances: Floats, stddevs: Floats) -> Floats:
    """Divides; what differs at all from a constant baseline is infinitely far."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        divided: Floats = np.where(distances > 0, distances / stddevs, 0.0)
    return divided
