"""Thresholds from how many rows may pass, on average, between two false alarms."""

import math
from typing import Self

from pydantic import Field, model_validator

from nilometer_detectors.drift.base.contract import DriftParameters

_OVERSHOOT = 1.166  # by how much a sum of normal values is beyond its bound when it leaves it, on both sides together


class RunTimeParameters(DriftParameters):
    """The parameters of online detectors with an expected run time, named as in alibi-detect."""

    ert: float = Field(
        default=10_000,
        ge=10,
        le=1e9,
        description="the expected run time: how many rows pass on average until a false alarm, over all columns",
    )

    def asked(self, columns: int) -> dict[str, object]:
        """Says what was asked for, as JSON values."""
        return {"ert": self.ert, "columns": columns}


class SumParameters(RunTimeParameters):
    """The parameters of detectors that follow sums."""

    threshold: float | None = Field(
        default=None,
        gt=0,
        description="a sum beyond it is an alarm, in standard deviations of the baseline; by default it follows from ert",
    )

    def bound(self, slack: float, columns: int) -> float:
        """Gives the threshold of each of the two sums of each column.

        False alarms of several sums add up, so each of them is to run that many times as long.
        """
        return siegmund_threshold(2 * columns * self.ert, slack) if self.threshold is None else self.threshold

    def asked(self, columns: int) -> dict[str, object]:
        """Says what was asked for; nothing where the threshold was given."""
        return super().asked(columns) if self.threshold is None else {}

    @model_validator(mode="after")
    def _either(self) -> Self:
        if self.threshold is not None and "ert" in self.model_fields_set:
            raise ValueError("gives both ert and threshold, and one follows from the other: leave one out")
        return self


def siegmund_run_length(threshold: float, slack: float) -> float:
    """Approximates the mean run length of a one-sided CUSUM over independent standard normal values.

    With b = h + 1.166:

        (exp(2 k b) - 2 k b - 1) / (2 k²),    b² for k = 0

    Source: Siegmund, "Sequential analysis", 1985, section 2.6; as in Montgomery, "Introduction to statistical quality
    control", equation 9.6.

    Args:
        threshold: h.
        slack: k.

    Returns:
        In values; inf where it is beyond float64.
    """
    b = threshold + _OVERSHOOT
    exponent = 2 * slack * b
    if exponent < 1e-4:
        return b * b
    return math.inf if exponent > 700 else (math.expm1(exponent) - exponent) / (2 * slack * slack)


def siegmund_threshold(run_length: float, slack: float) -> float:
    """Finds the threshold of a mean run length by bisection.

    Args:
        run_length: in values.
        slack: k.

    Returns:
        h; 0 where even that runs longer.
    """
    low, high = 0.0, math.sqrt(run_length)  # b is largest for k = 0
    for _ in range(100):
        middle = (low + high) / 2
        if siegmund_run_length(middle, slack) < run_length:
            low = middle
        else:
            high = middle
    return low
