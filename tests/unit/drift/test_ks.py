"""The Kolmogorov-Smirnov test: exact p-values, or alibi-detect's numbers, from a reference that stands sorted."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import ks_2samp

from nilometer_detectors.detector import InvalidDetector
from nilometer_detectors.drift.base.corrections import corrected
from nilometer_detectors.drift.ks import KS
from nilometer_detectors.kernels.ks import Alternative
from tests.judging import NAN, baseline_of, detector_of, normal, window_of

few_values = st.lists(st.integers(-5, 5).map(lambda value: value / 4), min_size=2, max_size=30)
alternatives = st.sampled_from(["two-sided", "less", "greater"])


def judged(reference: Any, sample: Any, **parameters: Any) -> Any:
    """Returns what the test says of a sample of one feature."""
    columns = [np.reshape(one, (-1, 1)) for one in (reference, sample)]
    return detector_of(KS, "ks", baseline_of(columns[0]), minRows=1, **parameters).judge(window_of(columns[1]))


@settings(max_examples=100, deadline=None)
@given(reference=few_values, sample=few_values, alternative=alternatives)
def test_alibi_detects_numbers(reference: list[float], sample: list[float], alternative: Alternative) -> None:
    """With compatibility, distance and asymptotic p-value are scipy's in float32, as alibi-detect gives them."""
    expected = ks_2samp(reference, sample, alternative=alternative, method="asymp")
    result = judged(reference, sample, alternative=alternative, compatibility="alibi-detect")
    assert result.distance == np.float32(expected.statistic)
    assert result.p_value == np.float32(expected.pvalue)


@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
def test_the_p_value_is_exact(alternative: Alternative) -> None:
    """By default the p-value of values without ties is scipy's exact one."""
    reference, sample = normal(300, 1), normal(40, 1, seed=2, shift=0.3)
    expected = ks_2samp(reference.ravel(), sample.ravel(), alternative=alternative, method="exact")
    result = judged(reference, sample, alternative=alternative)
    assert result.distance == pytest.approx(expected.statistic, rel=1e-12)
    assert result.p_value == pytest.approx(expected.pvalue, rel=1e-9)


def test_ties_take_no_power_away() -> None:
    """Of rounded values the exact p-value is the one of all permutations, far below the asymptotic one."""
    reference, sample = normal(300, 1).round(), normal(40, 1, seed=2, shift=0.4).round()
    found = judged(reference, sample)
    random, pooled = np.random.default_rng(3), np.concatenate([reference, sample])
    dealt = [judged(mixed[:300], mixed[300:]).distance for mixed in (random.permutation(pooled) for _ in range(400))]
    share = np.mean(np.array(dealt) >= found.distance - 1e-12)
    assert found.p_value == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 400) + 0.005)
    assert found.p_value < judged(reference, sample, compatibility="alibi-detect").p_value / 2


def test_the_alternative_tells_the_direction() -> None:
    """`greater` sees a window of larger values and not one of smaller ones; `less` the other way round."""
    reference, larger = normal(500, 1), normal(200, 1, seed=2, shift=0.5)
    verdicts = {
        (alternative, sign): judged(reference, sign * larger, alternative=alternative).verdict
        for alternative in ("greater", "less", "two-sided")
        for sign in (1, -1)
    }
    assert verdicts == {
        ("greater", 1): "drift",
        ("greater", -1): "ok",
        ("less", 1): "ok",
        ("less", -1): "drift",
        ("two-sided", 1): "drift",
        ("two-sided", -1): "drift",
    }


def test_a_window_wholly_outside_the_baseline_is_as_far_as_can_be() -> None:
    """Traffic that shares no value with the baseline has distance 1, and is drift."""
    result = judged(np.arange(100.0), np.arange(200.0, 240.0))
    assert (result.distance, result.verdict) == (1.0, "drift")


def test_missing_values_are_left_out_and_counted() -> None:
    """The test runs over the values that are there, and says how many rows lacked one."""
    sample = normal(100, 1, seed=2).ravel()
    holed = sample.copy()
    holed[::4] = NAN
    result = judged(normal(300, 1), holed)
    expected = ks_2samp(normal(300, 1).ravel(), holed[~np.isnan(holed)], method="exact")
    assert result.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert result.columns["a"]["count"] == 75
    assert result.columns["a"]["missing"] == 25


def test_missing_values_of_the_baseline_are_left_out() -> None:
    """A baseline with holes is as one without the rows that lack the feature."""
    reference = normal(200, 1)
    holed = np.vstack([reference, np.full((50, 1), NAN)])
    sample = normal(100, 1, seed=2)
    assert judged(holed, sample).p_value == judged(reference, sample).p_value


def test_the_overall_answer_is_that_of_the_worst_feature() -> None:
    """Overall distance and p-value are those of the feature with the smallest p-value."""
    values = normal(200, 3, seed=2)
    values[:, 1] += 2
    result = detector_of(KS, "ks", baseline_of(normal(300, 3))).judge(window_of(values))
    assert result.p_value == result.columns["b"]["pValue"]
    assert result.distance == result.columns["b"]["distance"]
    assert [said["drift"] for said in result.columns.values()] == [False, True, False]


def test_only_the_sample_is_tested() -> None:
    """Of a large window no more than `sampleSize` rows are tested, so that a huge window is no hair trigger."""
    result = detector_of(KS, "ks", baseline_of(normal(100, 1)), sampleSize=60).judge(window_of(normal(500, 1)))
    assert result.columns["a"]["count"] == 60


@pytest.mark.parametrize(
    ("correction", "threshold", "drifting"),
    [("bonferroni", 0.05 / 4, 1), ("fdr", 0.05 * 3 / 4, 3)],
)
def test_corrections(correction: Any, threshold: float, drifting: int) -> None:
    """Bonferroni divides the level by the number of tests; Benjamini-Hochberg takes the last p-value below its line."""
    p_values = np.array([0.001, 0.9, 0.02, 0.03])
    found = corrected(p_values, 0.05, correction)
    assert found == pytest.approx(threshold)
    assert (p_values < found).sum() == drifting


def test_a_feature_that_is_not_tested_costs_the_others_nothing() -> None:
    """The correction counts the features that were tested, so a missing one does not raise the bar for the rest."""
    values = normal(100, 2, seed=2)
    values[:, 1] = NAN
    result = detector_of(KS, "ks", baseline_of(normal(300, 2)), pValue=0.04).judge(window_of(values))
    assert result.threshold == 0.04


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"pValue": 0}, "greater than 0"),
        ({"pValue": 1.0}, "less than 1"),
        ({"pValue": "0.05"}, "valid number"),
        ({"correction": "holm"}, "'bonferroni' or 'fdr'"),
        ({"compatibility": "scipy"}, "'alibi-detect'"),
        ({"autocorrelation": "correct", "compatibility": "alibi-detect"}, "alibi-detect corrects none"),
        ({"autocorrelation": "yes"}, "'ignore' or 'correct'"),
        ({"alternative": "both"}, "'two-sided', 'less' or 'greater'"),
        ({"minRows": 0}, "greater than or equal to 1"),
        ({"minRows": 50, "sampleSize": 49}, "smaller than minRows"),
        ({"minRows": 2000}, "smaller than minRows"),
        ({"sampleSize": 100_001}, "less than or equal to 100000"),
    ],
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, Any], message: str) -> None:
    """A parameter that makes no sense is refused, with what was expected."""
    with pytest.raises(ValidationError, match=message):
        KS.Parameters.model_validate(parameters)


def test_a_feature_without_a_reference_is_refused() -> None:
    """A feature of which the baseline knows fewer than two values cannot be tested: it must be left out by name."""
    with pytest.raises(InvalidDetector, match="fewer than two usable values of 'b'"):
        detector_of(KS, "ks", baseline_of([[1.0, NAN], [2.0, 3.0]]))
