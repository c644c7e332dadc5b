"""Levels of significance: corrected for many columns, and chosen for many windows."""

import math
from typing import Literal

import numpy as np

from nilometer_logger.rows import Floats

Correction = Literal["bonferroni", "fdr"]
_LEAST = 1e-300


def corrected(p_values: Floats, level: float, correction: Correction) -> float:
    """Corrects the level of a test for the number of tests.

    Args:
        p_values: of all tests, shape (tests,).
        level: of the whole family.
        correction: `bonferroni` gives level / tests (Dunn, "Multiple comparisons among means", 1961). `fdr` gives the
            largest level · i / tests that the i-th smallest p-value lies below, or level / tests where there is none
            (Benjamini and Hochberg, "Controlling the false discovery rate", 1995).

    Returns:
        The threshold: a test is significant where its p-value is smaller.
    """
    tests = len(p_values)
    if correction == "fdr":
        thresholds = level * np.arange(1, tests + 1) / tests
        below = np.flatnonzero(np.sort(p_values) < thresholds)
        if len(below):
            return float(thresholds[below[-1]])
    return level / tests


def alarm_rate(level: float, at_least: int, of: int) -> float:
    """Tells how often a window without drift gives an alarm where k of the last m must be significant.

    With X of the m windows significant by chance, each with probability `level` and independent of the others:

        P(X >= k) = Σ (m over i) levelⁱ (1 - level)^(m - i),    i = k … m

    Args:
        level: of the test in one window.
        at_least: k.
        of: m.
    """
    chances = (math.comb(of, k) * level**k * (1 - level) ** (of - k) for k in range(at_least, of + 1))
    return min(1.0, math.fsum(chances))


def level_for(rate: float, at_least: int = 1, of: int = 1) -> float:
    """Chooses the level of the test in one window so that alarms are as rare as asked.

    This is a calibration by expected run time: with `rate` alarms a window, 1 / rate windows pass on average between
    two false alarms. `alarm_rate` grows with the level, so it is inverted by bisection, in the logarithm.

    Args:
        rate: of false alarms, a window; between 0 and 1.
        at_least: in how many of the last windows the test must be significant.
        of: how many windows that are.

    Returns:
        The level.
    """
    if at_least == of == 1:
        return rate
    low, high = math.log(_LEAST), 0.0
    for _ in range(200):
        middle = (low + high) / 2
        if alarm_rate(math.exp(middle), at_least, of) > rate:
            high = middle
        else:
            low = middle
    return math.exp(low)
