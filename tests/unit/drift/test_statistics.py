"""A window's statistics against the baseline's: intervals by their stated formulas, and an answer to every rule."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from nilometer_detectors.drift.statistics import Statistics
from tests.judging import INF, NAN, baseline_of, detector_of, normal, result_of, rows_of


def judged(reference: Any, sample: Any, **parameters: Any) -> Any:
    """Returns what the detector says of a window of one column."""
    baseline = baseline_of(np.reshape(reference, (-1, 1)))
    rows = rows_of(np.reshape(sample, (-1, 1)))
    return result_of(detector_of(Statistics, "statistics", baseline, **parameters), baseline, rows)


def test_the_intervals_follow_from_their_formulas() -> None:
    """Mean, standard deviation and missing share are expected within k standard errors, and min and max in the range."""
    reference, sample = normal(400, 1), normal(100, 1, seed=2)
    sample[:3] = NAN
    k, present = 2.0, sample[3:].ravel()
    result = judged(reference, sample, rules=["mean", "stddev", "missing", "min", "max"], threshold=k)
    rules = result.columns["a"]["rules"]
    mean, stddev = reference.mean(), reference.std(ddof=1)
    kurtosis = max(3.0, np.mean((reference - mean) ** 4) / reference.var() ** 2)
    variance = 1 / 400 + 1 / 97
    error = k * stddev * np.sqrt(variance)
    assert rules["mean"]["expected"] == pytest.approx([mean - error, mean + error])
    assert rules["mean"]["value"] == pytest.approx(present.mean())
    error = k * stddev * np.sqrt((kurtosis - 1) / 4 * variance)
    assert rules["stddev"]["expected"] == pytest.approx([stddev - error, stddev + error])
    share = 0.5 / 401
    error = k * np.sqrt(share * (1 - share) * (1 / 400 + 1 / 100))
    assert rules["missing"]["expected"] == pytest.approx([0.0, share + error])
    assert rules["missing"]["value"] == pytest.approx(0.03)
    assert rules["min"]["expected"] == rules["max"]["expected"] == [reference.min(), reference.max()]
    assert rules["max"]["value"] == present.max()


@pytest.mark.parametrize(
    ("rule", "sample"),
    [
        ("mean", normal(100, 1, seed=2, shift=1.0)),
        ("stddev", 2 * normal(100, 1, seed=2)),
        ("missing", np.where(np.arange(100) % 4 == 0, NAN, normal(100, 1, seed=2).ravel())),
        ("min", np.append(normal(100, 1, seed=2).ravel(), -50.0)),
        ("max", np.append(normal(100, 1, seed=2).ravel(), 50.0)),
    ],
)
def test_every_rule_finds_its_drift(rule: str, sample: Any) -> None:
    """Each rule by itself sees the drift that it is about, and a window without drift passes all of them."""
    result = judged(normal(400, 1), sample, rules=[rule])
    assert result.verdict == "drift"
    assert result.columns["a"]["rules"][rule]["drift"] is True
    calm = 0.9 * normal(100, 1, seed=3)
    assert judged(normal(4000, 1), calm, rules=["mean", "stddev", "missing", "min", "max"]).verdict == "ok"


def test_infinite_values_are_missing_on_both_sides() -> None:
    """A baseline counts infinite values as missing, and so does a window: as many of them as ever are no drift."""
    reference, sample = normal(400, 1), normal(100, 1, seed=2)
    reference[::4], sample[::4] = INF, -INF
    result = judged(reference, sample)
    assert result.verdict == "ok"
    assert result.columns["a"]["rules"]["missing"]["value"] == 0.25
    assert judged(reference, normal(100, 1, seed=2)).verdict == "drift"


def test_the_distance_is_in_standard_errors() -> None:
    """The distance is that of the rule that lies furthest off, against k."""
    reference, sample = normal(400, 1), normal(100, 1, seed=2, shift=1.0)
    result = judged(reference, sample)
    error = reference.std(ddof=1) * np.sqrt(1 / 400 + 1 / 100)
    assert result.distance == pytest.approx(abs(sample.mean() - reference.mean()) / error)
    assert result.threshold == 4.0


def test_false_alarms_are_rare() -> None:
    """At k = 3, means of windows without drift are beyond their interval about as rarely as the normal law says."""
    baseline = baseline_of(normal(2000, 1))
    detector = detector_of(Statistics, "statistics", baseline, rules=["mean", "stddev"], threshold=2.0)
    windows = [rows_of(normal(200, 1, seed=seed)) for seed in range(10, 410)]
    alarms = sum(result_of(detector, baseline, rows).verdict == "drift" for rows in windows)
    assert 15 <= alarms <= 65  # of 400; 37 are expected of two independent rules at 4.6 %


def test_a_constant_column_has_no_error() -> None:
    """Any other value than the constant one is infinitely many standard errors off, and the same one is none."""
    assert judged(np.full(100, 5.0), np.full(50, 5.0)).verdict == "ok"
    result = judged(np.full(100, 5.0), np.full(50, 5.5))
    assert (result.verdict, result.distance) == ("drift", None)


def test_rules_that_are_none_are_refused() -> None:
    """A rule that there is not is refused, with those that there are, and so is none at all."""
    with pytest.raises(ValidationError, match="'min', 'max', 'mean', 'stddev' or 'missing'"):
        Statistics.Parameters.model_validate({"rules": ["median"]})
    with pytest.raises(ValidationError, match="at least 1 item"):
        Statistics.Parameters.model_validate({"rules": []})
