"""The numbers of the thesis that this monitor goes back to (de la Rúa Martínez, KTH and UPM, 2020), for comparisons.

How it treats histograms is said by `kernels.thesis`, and mended by the defaults of our detectors. The thresholds of its
sample monitor, which are the defaults here, let a uniform window pass.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np
from pydantic import Field, model_validator

from nilometer_detectors.drift.base.cells import Integers
from nilometer_detectors.drift.base.columns import Measured
from nilometer_detectors.drift.base.divergences import Compatibility, DivergenceDrift, DivergenceParameters
from nilometer_detectors.drift.base.effective import Input
from nilometer_logger.rows import Floats


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
        return with_threshold(given, cls.thesis_threshold, "bins", "chance")


def with_threshold(given: Any, threshold: float, *unknown: str) -> Any:
    """Gives a declaration in the thesis's mode the thesis's threshold where it names none.

    Args:
        given: the parameters as a monitor writes them.
        threshold: the thesis's.
        unknown: parameters that mean nothing in this mode.

    Raises:
        ValueError: if one of those is given.
    """
    if not isinstance(given, dict) or given.get("compatibility") != "thesis2020":
        return given
    for name in unknown:
        if name in given:
            raise ValueError(f"gives {name}, which means nothing with compatibility thesis2020: leave one of them out")
    return {"threshold": threshold, **given}


T = TypeVar("T", bound=ThesisParameters)


class ThesisDivergence(DivergenceDrift[T]):
    """A distance over cells that the thesis has as well."""

    @staticmethod
    @abstractmethod
    def thesis(baseline: Floats, window: Floats) -> float:
        """Measures a column as the thesis does.

        Args:
            baseline: counts of the baseline's bins.
            window: counts of the same bins, without what lies outside.
        """

    def measure(self, columns: Sequence[int], inputs: Sequence[Input[Integers]]) -> Measured:
        """Measures columns against the baseline."""
        if not self.parameters.compatibility:
            return super().measure(columns, inputs)
        found = [
            self.thesis(self.within(column, self.references[column]), self.within(column, each.values))
            for column, each in zip(columns, inputs, strict=True)
        ]
        return Measured(np.array(found))

    def thresholds(self, columns: Sequence[int], inputs: Sequence[Input[Integers]]) -> Floats:
        """Gives the threshold of each column; the thesis's is never raised."""
        if self.parameters.compatibility:
            return np.full(len(columns), self.parameters.threshold)
        return super().thresholds(columns, inputs)
