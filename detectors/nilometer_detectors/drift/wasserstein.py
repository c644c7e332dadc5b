"""The Wasserstein distance of each column, in standard deviations of the baseline."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from pydantic import Field, model_validator

from nilometer_detectors.detector import Context, Parameters, Refused, baseline_of
from nilometer_detectors.drift import thesis2020
from nilometer_detectors.drift.binned import cell_inputs, cells_of, within_baseline
from nilometer_detectors.drift.columns import ColumnDrift, Measured
from nilometer_detectors.drift.contract import Needs, Window
from nilometer_detectors.drift.deciding import DistanceParameters
from nilometer_detectors.drift.divergences import Compatibility
from nilometer_detectors.drift.effective import Input
from nilometer_detectors.drift.samples import SampleParameters, sample_inputs
from nilometer_detectors.statistics.contract import plain
from nilometer_logger.rows import Floats

_PATHS, _STEPS = 20_000, 128


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
        return thesis2020.with_threshold(given, 2.7)


@dataclass(frozen=True)
class Reference:
    """A column's values, prepared.

    Attributes:
        values: less their median, ascending, finite, at least one.
        origin: the median, which is taken off so that sums stay precise far from zero.
        sums: of the first 0, 1, 2 … values.
    """

    values: Floats
    origin: float
    sums: Floats

    @classmethod
    def of(cls, values: Floats) -> "Reference":
        """Prepares values that are ascending, finite, at least one."""
        origin = float(values[len(values) // 2])
        moved = values - origin
        return cls(moved, origin, np.concatenate([[0.0], np.cumsum(moved)]))

    def area(self, x: Floats) -> Floats:
        """Gives the integral of the distribution function up to some points."""
        below = np.searchsorted(self.values, x, "right")
        area: Floats = (below * x - self.sums[below]) / len(self.values)
        return area

    @property
    def widths(self) -> Floats:
        """How far apart the values are at `_STEPS` + 1 quantiles, shape (`_STEPS`,)."""
        at = np.linspace(0, len(self.values) - 1, _STEPS + 1).round().astype(np.intp)
        return np.diff(self.values[at])


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
    distributions", 1999). The threshold is raised to what that exceeds as rarely as `chance` says, found from 20,000
    bridges of a fixed seed.

    Differences from the thesis, whose numbers `compatibility: thesis2020` gives: values and not bins are compared, in
    units and not in numbers of bins; what lies outside of the baseline counts with its distance.

    With the baseline sorted and its sums kept, O(m log m + m log n) a column: between two neighbouring values of the
    window, G is constant and crosses F once.
    """

    Parameters: ClassVar[type[Parameters]] = WassersteinParameters

    def __init__(self, parameters: WassersteinParameters, context: Context) -> None:
        """Takes the columns' values, or with compatibility their histograms, from the baseline.

        Raises:
            Refused: if there is no baseline, nothing to judge, or a column without values or histogram in it.
        """
        super().__init__(parameters, context)
        baseline = baseline_of(context)
        described = baseline.features if self.of == "features" else baseline.predictions
        if not described:
            raise Refused("the baseline has no predictions: build it with --prediction NAME", "of")
        self._columns = [described[place] for place in self.places]
        self._bins: list[Floats] = []
        self._references: list[Reference] = []
        if parameters.compatibility:
            self._bins = [thesis2020.shares(within_baseline(each, cells_of(each))) for each in self._columns]
            return
        samples = [baseline.reference(place, self.half) for place in self.places]
        for name, sample in zip(self.names, samples, strict=True):
            if len(sample) < 2:
                raise Refused(
                    f"the baseline has fewer than two usable values of {name!r}: name the features to judge without it"
                )
        self._references = [Reference.of(sample) for sample in samples]
        self._units = np.array([each.stddev or 0.0 for each in self._columns])
        self._noise = noise(self._references, parameters.chance) if parameters.chance < 1 else np.zeros(len(samples))

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
        pairs = list(zip(columns, inputs, strict=True))
        if self.parameters.compatibility:
            counted = [thesis2020.shares(within_baseline(self._columns[column], each.values)) for column, each in pairs]
            found = [thesis2020.wasserstein(p, self._bins[column]) for column, p in zip(columns, counted, strict=True)]
            return Measured(np.array(found))
        in_units = np.array([distance(self._references[column], each.values) for column, each in pairs])
        return Measured(
            _in_stddevs(in_units, self._units[columns]),
            facts=[{"distanceInUnits": plain(each)} for each in in_units.tolist()],
        )

    def thresholds(self, columns: Sequence[int], inputs: Sequence[Input[Any]]) -> Floats:
        """Gives the threshold of each column, raised where the window is small."""
        asked = super().thresholds(columns, inputs)
        if self.parameters.compatibility:
            return asked
        counts = np.array([max(each.count, 1) for each in inputs])
        sizes = np.array([len(self._references[column].values) for column in columns])
        by_chance = np.sqrt(1 / counts + 1 / sizes) * self._noise[columns]
        return np.maximum(asked, _in_stddevs(by_chance, self._units[columns]))


def distance(reference: Reference, sample: Floats) -> float:
    """Measures the area between two empirical distribution functions.

    Args:
        reference: prepared.
        sample: finite, not empty, in any order.

    Returns:
        0 and more, in the unit of the values; infinite where it does not fit into float64.
    """
    values = reference.values
    with np.errstate(over="ignore", invalid="ignore"):
        x = np.sort(sample) - reference.origin
        left = np.concatenate([[min(x[0], values[0])], x])
        right = np.concatenate([x, [max(x[-1], values[-1])]])
        share = np.arange(len(x) + 1) / len(x)  # G between left and right
        # Where F reaches G: below it lies under, from there on above.
        reached = values[np.minimum(np.ceil(share * len(values) - 1e-9).astype(np.intp), len(values)) - 1]
        reached[0] = left[0]
        crossing = np.clip(reached, left, right)
        low, middle, high = reference.area(np.stack([left, crossing, right]))
        under = share * (crossing - left) - (middle - low)
        over = (high - middle) - share * (right - crossing)
        area = float(np.sum(np.maximum(under, 0.0) + np.maximum(over, 0.0)))
    return np.inf if np.isnan(area) else area


def noise(references: Sequence[Reference], chance: float) -> Floats:
    """Finds how large W is by chance, of two samples of one distribution, in units of √(1/n + 1/m).

    Args:
        references: of each column.
        chance: how often any of the columns may exceed it.

    Returns:
        Shape (columns,). O(20,000 · (128 + columns)), once.
    """
    steps = np.random.default_rng(2020).standard_normal((_PATHS, _STEPS), dtype=np.float32) / np.sqrt(
        np.float32(_STEPS)
    )
    walks = np.cumsum(steps, axis=1)
    middles = (np.arange(_STEPS, dtype=np.float32) + 1) / _STEPS
    bridges = np.abs(walks - walks[:, -1:] * middles)
    widths = np.stack([reference.widths for reference in references], axis=1)
    found: Floats = np.quantile(bridges @ widths, 1 - chance / len(references), axis=0)
    return found


def _in_stddevs(distances: Floats, stddevs: Floats) -> Floats:
    """Divides; what differs at all from a constant baseline is infinitely far."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        divided: Floats = np.where(distances > 0, distances / stddevs, 0.0)
    return divided
