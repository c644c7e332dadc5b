"""The numbers of the thesis that this monitor goes back to (de la Rúa Martínez, KTH and UPM, 2020), for comparisons.

Its treatment of histograms, which the defaults of our detectors mend:

* observed are the baseline's bins only, so what lies outside is dropped; a window wholly outside has no distribution,
  hence KL and JS of 0, and a Wasserstein distance that is no number;
* a term of KL whose p or q is below 1e-11 is left out, so the sum can be negative;
* the thresholds of its sample monitor, which are the defaults here, let a uniform window pass.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np
from pydantic import Field, model_validator

from nilometer_detectors.drift.cells import Integers
from nilometer_detectors.drift.columns import Measured
from nilometer_detectors.drift.divergences import Compatibility, DivergenceDrift, DivergenceParameters
from nilometer_detectors.drift.effective import Input
from nilometer_logger.rows import Floats

_NOTHING = 1e-11


class ThesisParameters(DivergenceParameters):
    """The parameters of the distances over cells that the thesis has."""

    thesis_threshold: ClassVar[float]

    compatibility: Compatibility | None = Field(
        default=None,
        description="thesis2020: the numbers of the thesis, over the baseline's bins without what lies outside, against "
        "the threshold alone",
    )

    @model_validator(mode="before")
    @classmethod
    def _thesis(cls, given: Any) -> Any:
        return with_threshold(given, cls.thesis_threshold)


def with_threshold(given: Any, threshold: float) -> Any:
    """Gives a declaration in the thesis's mode the thesis's threshold where it names none."""
    if isinstance(given, dict) and given.get("compatibility") == "thesis2020":
        return {"threshold": threshold, **given}
    return given


T = TypeVar("T", bound=ThesisParameters)


class ThesisDivergence(DivergenceDrift[T]):
    """A distance over cells that the thesis has as well."""

    @staticmethod
    @abstractmethod
    def thesis(window: Floats, baseline: Floats) -> float:
        """Gives the thesis's distance.

        Args:
            window: probabilities of the baseline's bins, some of them 0.
            baseline: likewise.
        """

    def measure(self, columns: Sequence[int], inputs: Sequence[Input[Integers]]) -> Measured:
        """Measures columns against the baseline."""
        if not self.parameters.compatibility:
            return super().measure(columns, inputs)
        judged = zip(columns, inputs, strict=True)
        pairs = [
            (self.within(column, each.values), self.within(column, self.references[column])) for column, each in judged
        ]
        return Measured(np.array([self.thesis(shares(window), shares(baseline)) for window, baseline in pairs]))

    def thresholds(self, columns: Sequence[int], inputs: Sequence[Input[Integers]]) -> Floats:
        """Gives the threshold of each column; the thesis's is never raised."""
        if self.parameters.compatibility:
            return np.full(len(columns), self.parameters.threshold)
        return super().thresholds(columns, inputs)


def shares(counts: Integers) -> Floats:
    """Gives the shares of cells; NaN where they are empty."""
    total = counts.sum()
    return counts / total if total else np.full(len(counts), np.nan)


def kullback_leibler(p: Floats, q: Floats) -> float:
    """Gives Σ p ln(p / q) over the terms in which neither is below 1e-11."""
    kept = (p >= _NOTHING) & (q >= _NOTHING)
    return float(np.sum(p[kept] * np.log(p[kept] / q[kept])))


def wasserstein(p: Floats, q: Floats) -> float:
    """Gives Σ |P - Q| over the bins' distribution functions: in bins, between 0 and their number less one."""
    return float(np.sum(np.abs(np.cumsum(p) - np.cumsum(q))))
