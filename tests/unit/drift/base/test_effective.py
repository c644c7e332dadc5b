"""Autocorrelated streams: rows that resemble the ones before them count as fewer, and false alarms stay rare."""

from typing import Any

import numpy as np
import pytest

from nilometer_detectors.drift.auto import Auto
from nilometer_detectors.drift.base.effective import worth
from nilometer_detectors.drift.chi2 import Chi2
from nilometer_detectors.drift.cvm import CVM
from nilometer_detectors.drift.fet import FET
from nilometer_detectors.drift.ks import KS
from nilometer_logger.rows import Column, Floats, Schema
from tests.judging import baseline_of, detector_of, normal, result_of, rows_of

KINDS: dict[str, Any] = {"ks": KS, "cvm": CVM, "chi2": Chi2, "fet": FET, "auto": Auto}


def autoregressive(rows: int, rho: float, seed: int) -> Floats:
    """Returns one column of normal values, each correlated with the one before it."""
    noise = np.random.default_rng(seed).normal(size=rows + 50)
    for row in range(1, rows + 50):
        noise[row] = rho * noise[row - 1] + np.sqrt(1 - rho**2) * noise[row]
    return noise[50:, np.newaxis]


def column_for(name: str, values: Floats) -> tuple[Floats, Schema]:
    """Returns the kind of column that a test judges, made of normal values."""
    if name == "chi2":
        return np.digitize(values, [-1.0, -0.3, 0.3, 1.0]).astype(np.float64), Schema(
            (Column("a", "categorical", tuple("vwxyz")),)
        )
    if name == "fet":
        return (values > 0).astype(np.float64), Schema((Column("a", "boolean"),))
    return values, Schema((Column("a"),))


def test_the_share_follows_from_the_correlation() -> None:
    """N (1 - r) / (1 + r) of n values, r freed of its bias; never more than there are, nor none."""
    coefficients = np.array([0.5, 0.0, -0.4, np.nan, 1.0])
    shares = worth(coefficients, np.full(5, 1e9))
    assert shares == pytest.approx([1 / 3, 1.0, 1.0, 1.0, 0.001 / 1.999])
    assert worth(np.array([0.5]), np.array([100.0]))[0] == pytest.approx((1 - 51 / 97) / (1 + 51 / 97))


@pytest.mark.parametrize("name", KINDS)
def test_the_finding_says_what_was_corrected(name: str) -> None:
    """The effective count is told beside the count, and the correction among those that were applied."""
    reference, schema = column_for(name, normal(1000, 1))
    sample, _ = column_for(name, autoregressive(400, 0.6, seed=2))
    baseline = baseline_of(reference, schema)
    detector = detector_of(KINDS[name], name, baseline, autocorrelation="correct")
    result = result_of(detector, baseline, rows_of(sample, schema))
    assert result.applied["autocorrelation"] == "correct"
    assert result.columns["a"]["count"] == 400
    assert 60 < result.columns["a"]["effectiveCount"] < 240
    plain = result_of(detector_of(KINDS[name], name, baseline), baseline, rows_of(sample, schema))
    assert "effectiveCount" not in plain.columns["a"]
    assert "autocorrelation" not in plain.applied
    assert plain.p_value is not None
    assert result.p_value > plain.p_value


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("rho", [0.3, 0.6])
def test_false_alarms_are_under_twice_the_nominal_rate(name: str, rho: float) -> None:
    """With the correction, windows of an autocorrelated stream raise fewer than twice the alarms that were asked for."""
    reference, schema = column_for(name, normal(2000, 1))
    baseline = baseline_of(reference, schema)
    detector = detector_of(KINDS[name], name, baseline, autocorrelation="correct")
    stream, _ = column_for(name, autoregressive(20_000, rho, seed=3))
    windows = [rows_of(stream[start : start + 100], schema) for start in range(0, 20_000, 100)]
    alarms = sum(result_of(detector, baseline, rows).verdict == "drift" for rows in windows)
    assert alarms < 20  # of 200, 10 are expected at the nominal rate


def test_a_sample_of_a_large_window_is_thinned() -> None:
    """Rows drawn from a window without regard to their order are less correlated than rows in a row."""
    baseline, values = baseline_of(normal(1000, 1)), autoregressive(4000, 0.6, seed=2)
    detectors = [
        detector_of(KS, "ks", baseline, autocorrelation="correct", sampleSize=size, minRows=30) for size in (400, 4000)
    ]
    sampled, whole = (result_of(each, baseline, rows_of(values)).columns["a"] for each in detectors)
    shares = [float(said["effectiveCount"]) / float(said["count"]) for said in (sampled, whole)]  # type: ignore[arg-type]
    assert shares[1] == pytest.approx(0.25, abs=0.05)
    assert shares[0] > 0.7
