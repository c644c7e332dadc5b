"""Bounds: the thesis's value rules, and given ones."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from nilometer_detectors.detector import Context, InvalidDetector
from nilometer_detectors.outliers.bounds import Bounds
from tests.judging import INF, NAN, baseline_of, detector_of, numbers, rows_of

# Mean 10 and standard deviation 2 in the first column; constant in the second.
BASELINE = baseline_of([[8.0, 5.0], [10.0, 5.0], [12.0, 5.0]])


def given(**parameters: Any) -> Bounds:
    """Returns a detector of features a and b without a baseline."""
    return Bounds(Bounds.Parameters.model_validate(parameters), Context("mine", "bounds", numbers(2), None))


def broken(detector: Any, *values: list[float]) -> list[dict[str, list[str]]]:
    """Returns the rules that each flagged row breaks, by feature."""
    rows = rows_of(values)
    scores = detector.score(rows)
    told = [detector.explain(rows, scores, row) for row in np.flatnonzero(scores.flagged)]
    return [{feature: said["rules"] for feature, said in one.items()} for one in told]


def test_each_broken_rule_is_named() -> None:
    """Below the minimum, above the maximum, and too far from the mean: one finding a row tells of all of them."""
    detector = detector_of(Bounds, "bounds", BASELINE, k=2)
    assert broken(detector, [7.0, 5.0], [12.5, 5.0], [15.0, 4.0], [10.0, 5.0]) == [
        {"a": ["min"]},
        {"a": ["max"]},
        {"a": ["max", "mean"], "b": ["min", "mean"]},
    ]
    assert detector.score(rows_of([[15.0, 4.0]])).score.tolist() == [4.0]


def test_the_bounds_themselves_are_normal() -> None:
    """The baseline's extremes, and a value just k standard deviations away, break no rule."""
    assert broken(detector_of(Bounds, "bounds", BASELINE, rules=["min", "max"]), [8.0, 5.0], [12.0, 5.0]) == []
    assert broken(detector_of(Bounds, "bounds", BASELINE, rules=["mean"], k=2), [6.0, 5.0], [14.0, 5.0]) == []


def test_the_rules_can_be_chosen() -> None:
    """Only the chosen rules are looked at; a value is expected within all of them."""
    detector = detector_of(Bounds, "bounds", BASELINE, rules=["min", "mean"], features=["a"])
    scores = detector.score(rows_of([[12.5, 0.0]]))
    assert scores.flagged.tolist() == [False]
    assert scores.expected.tolist() == [[8.0, 16.0]]


def test_given_bounds_need_no_baseline() -> None:
    """With given bounds only, the features that have some are judged, open on the side that has none."""
    detector = given(min={"a": 0.0}, max={"a": 1.0})
    assert broken(detector, [-1.0, 99.0], [2.0, NAN], [0.5, 99.0]) == [{"a": ["min"]}, {"a": ["max"]}]
    rows = rows_of([[-1.0, 0.0]])
    detector = given(min={"a": 0.0})
    assert detector.explain(rows, detector.score(rows), 0) == {
        "a": {"value": -1.0, "expected": [0.0, None], "score": 1.0, "rules": ["min"]}
    }


def test_a_given_bound_goes_before_the_baselines() -> None:
    """With rules as well, a given bound replaces the baseline's and the other rules stay."""
    detector = detector_of(Bounds, "bounds", BASELINE, rules=["min", "max"], max={"a": 20.0})
    assert broken(detector, [19.0, 5.0], [21.0, 6.0], [7.0, 5.0]) == [{"a": ["max"], "b": ["max"]}, {"a": ["min"]}]


@pytest.mark.parametrize("value", [INF, -INF])
def test_an_infinite_value_breaks_a_rule_of_its_own(value: float) -> None:
    """Infinity is an outlier on the side without a bound as well."""
    [rules] = broken(given(min={"a": 0.0}), [value, 0.0])
    assert "infinite" in rules["a"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"rules": []}, "nothing would be judged"),
        ({"min": {"c": 1.0}}, "'c' is none of the features"),
        ({"min": {"b": 1.0}, "features": ["a"]}, r"names 'b', which is none of the judged features \(a\)"),
        ({"min": {"a": 2.0}, "max": {"a": 1.0}}, "no value of 'a' could be normal"),
        ({"min": {"a": 2.0}, "rules": ["max"]}, "give spec.baseline.path"),
    ],
)
def test_bounds_that_make_no_sense_are_refused(parameters: dict[str, Any], message: str) -> None:
    """What could judge nothing, or would flag everything, is refused with what is wrong."""
    with pytest.raises(InvalidDetector, match=message):
        given(**parameters)


def test_a_bound_beyond_the_baselines_other_side_is_refused() -> None:
    """A smallest value above the baseline's largest would flag everything."""
    with pytest.raises(InvalidDetector, match="may not be smaller than 13 nor larger than 12"):
        detector_of(Bounds, "bounds", BASELINE, rules=["max"], min={"a": 13.0})


@pytest.mark.parametrize("parameters", [{"rules": ["median"]}, {"k": 0}, {"min": {"a": NAN}}, {"max": {"a": "1"}}])
def test_parameters_out_of_range_are_refused(parameters: dict[str, Any]) -> None:
    """An unknown rule, and a bound that is no finite number, are refused."""
    with pytest.raises(ValidationError):
        Bounds.Parameters.model_validate(parameters)


def test_a_feature_without_values_to_compare_with_is_refused() -> None:
    """A feature of which the baseline knows fewer than two values has no standard deviation."""
    with pytest.raises(InvalidDetector, match="too few usable values of 'a'"):
        detector_of(Bounds, "bounds", baseline_of([[1.0, 2.0], [NAN, 3.0]]))
