"""The Cramér-von Mises test as a detector: scipy's numbers, and verdicts that ties do not spoil."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import cramervonmises_2samp

from nilometer_detectors.drift.cvm import CVM
from tests.judging import baseline_of, detector_of, normal, window_of

values = st.lists(st.floats(-100, 100, allow_subnormal=False), min_size=2, max_size=40)


def judged(reference: Any, sample: Any, **parameters: Any) -> Any:
    """Returns what the test says of a sample of one feature."""
    columns = [np.reshape(one, (-1, 1)) for one in (reference, sample)]
    return detector_of(CVM, "cvm", baseline_of(columns[0]), minRows=2, **parameters).judge(window_of(columns[1]))


@settings(max_examples=100, deadline=None)
@given(reference=values, sample=values)
def test_alibi_detects_numbers(reference: list[float], sample: list[float]) -> None:
    """With compatibility, distance and p-value are scipy's in float32, as alibi-detect gives them."""
    expected = cramervonmises_2samp(reference, sample, method="auto")
    result = judged(reference, sample, compatibility="alibi-detect")
    assert result.distance == np.float32(expected.statistic)
    assert result.p_value == np.float32(expected.pvalue)


def test_without_ties_the_numbers_are_scipys() -> None:
    """By default a column of different values has the same distance and p-value, in float64."""
    reference, sample = normal(300, 1), normal(40, 1, seed=2, shift=0.3)
    expected = cramervonmises_2samp(reference.ravel(), sample.ravel())
    result = judged(reference, sample)
    assert result.distance == pytest.approx(expected.statistic, rel=1e-12)
    assert result.p_value == pytest.approx(expected.pvalue, rel=1e-9)


def test_ties_are_no_drift() -> None:
    """Integers of one distribution are no drift, as they are to alibi-detect, and of another they are."""
    random = np.random.default_rng(1)
    reference, sample, other = random.poisson(2, 500), random.poisson(2, 200), random.poisson(3, 200)
    assert judged(reference, sample, compatibility="alibi-detect").verdict == "drift"
    assert judged(reference, sample).verdict == "ok"
    assert judged(reference, other).verdict == "drift"


def test_one_row_is_never_tested() -> None:
    """The statistic needs two values, so fewer rows are refused as a minimum."""
    with pytest.raises(ValidationError, match="greater than or equal to 2"):
        CVM.Parameters.model_validate({"minRows": 1})
