"""The maximum mean discrepancy: Gretton's estimate with alibi-detect's bandwidth, and a permutation test of true level."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.metrics.pairwise import rbf_kernel

from nilometer_detectors.detector import InvalidDetector
from nilometer_detectors.drift.ks import KS
from nilometer_detectors.drift.mmd import MMD, discrepancies, median_squared_distance, squared_distances
from nilometer_logger.rows import Floats, Schema
from tests.judging import INF, NAN, baseline_of, detector_of, normal, schema_of, window_of


def judged(reference: Any, sample: Any, schema: Schema | None = None, **parameters: Any) -> Any:
    """Returns what the test says of a window."""
    detector = detector_of(MMD, "mmd", baseline_of(reference, schema), **parameters)
    return detector.judge(window_of(sample, schema, sample=detector.needs().sample))


def standardised(reference: Floats, sample: Floats) -> tuple[Floats, Floats]:
    """Standardises both by the reference."""
    mean, deviation = reference.mean(axis=0), reference.std(axis=0, ddof=1)
    return (reference - mean) / deviation, (sample - mean) / deviation


def estimate(x: Floats, y: Floats, gamma: float) -> float:
    """Returns MMD² as alibi-detect's `mmd2_from_kernel_matrix` has it: means without the diagonal."""
    n, m = len(x), len(y)
    within = rbf_kernel(x, x, gamma=gamma), rbf_kernel(y, y, gamma=gamma)
    sums = [
        (kernel.sum() - np.trace(kernel)) / (size * (size - 1)) for kernel, size in zip(within, (n, m), strict=True)
    ]
    return float(sums[0] + sums[1] - 2 * rbf_kernel(x, y, gamma=gamma).mean())


@pytest.mark.parametrize("rows", [(60, 40), (61, 33)])
def test_the_distance_is_the_unbiased_estimate(rows: tuple[int, int]) -> None:
    """MMD² is Gretton's, of standardised columns, with alibi-detect's median bandwidth, to rounding."""
    reference, sample = normal(rows[0], 3), normal(rows[1], 3, seed=2, shift=0.3)
    x, y = standardised(reference, sample)
    distances = np.square(x[:, np.newaxis] - x).sum(axis=2)
    n = len(x)
    sigma = np.sqrt(0.5 * np.sort(distances.ravel())[n + (n * n - n) // 2 - 1])  # alibi-detect's `sigma_median`
    expected = estimate(x, y, 1 / (2 * sigma**2))
    assert judged(reference, sample).distance == pytest.approx(expected, rel=1e-9)


def test_several_bandwidths_are_averaged() -> None:
    """With several sigmas the kernel is their mean, and so is MMD²."""
    reference, sample = normal(50, 3), normal(40, 3, seed=2, shift=0.3)
    x, y = standardised(reference, sample)
    expected = np.mean([estimate(x, y, 1 / (2 * sigma**2)) for sigma in (0.5, 2.0)])
    assert judged(reference, sample, sigma=[0.5, 2.0]).distance == pytest.approx(expected, rel=1e-9)


def test_many_deals_are_measured_as_one_by_one() -> None:
    """The sums over deals of rows are those of the blocks of the kernel."""
    rows = normal(30, 2)
    kernel = np.exp(-squared_distances(rows, rows))
    np.fill_diagonal(kernel, 0.0)
    dealt = np.random.default_rng(1).permuted(np.repeat([[1.0], [0.0]], [12, 18], axis=0).repeat(5, axis=1), axis=0)
    for found, ours in zip(discrepancies(kernel, dealt), dealt.T.astype(bool), strict=True):
        assert found == pytest.approx(estimate(rows[~ours], rows[ours], 1.0), rel=1e-9)


def test_the_bandwidth_of_rows_that_are_alike() -> None:
    """Where most rows are the same, the median is that of the distances that are not 0; 1 where all are."""
    rows = np.array([[0.0], [0.0], [0.0], [0.0], [2.0]])
    assert median_squared_distance(squared_distances(rows, rows)) == 4.0
    assert median_squared_distance(np.zeros((3, 3))) == 1.0


def test_false_alarms_are_as_rare_as_asked() -> None:
    """Of 1,000 windows without drift, with baselines of their own, 5 % are said to drift, within the binomial 99 % band."""
    values = np.random.default_rng(5).normal(size=(1000, 110, 4))
    values[:, :, 0] += values[:, :, -1]
    alarms = sum(judged(each[:80], each[80:], nPermutations=59).verdict == "drift" for each in values)
    assert 33 <= alarms <= 69


def test_discrete_data_make_no_more_false_alarms() -> None:
    """Of 300 windows of integers and categories without drift, at most 5 % are said to drift, within the band."""
    schema = schema_of("numeric", "categorical")
    values = np.random.default_rng(6).integers(0, 2, (300, 110, 2)).astype(float)
    alarms = sum(judged(each[:80], each[80:], schema, nPermutations=59).verdict == "drift" for each in values)
    assert alarms <= 25


def test_drift_that_no_column_shows_is_found() -> None:
    """Columns whose correlation changes drift together, though none does by itself."""
    reference = normal(500, 2)
    sample = normal(200, 2, seed=2)
    sample[:, 1] = 0.8 * sample[:, 0] + 0.6 * sample[:, 1]
    assert judged(reference, sample).verdict == "drift"
    assert detector_of(KS, "ks", baseline_of(reference)).judge(window_of(sample)).verdict == "ok"


def test_drift_is_laid_at_the_right_column() -> None:
    """In a window that drifts, the column that has changed contributes most."""
    sample = normal(200, 4, seed=2)
    sample[:, 2] += 1.0
    columns = judged(normal(500, 4), sample).columns
    shares = {name: said["contribution"] for name, said in columns.items()}
    assert max(shares, key=shares.__getitem__) == "c"
    assert all(said["drift"] is None and "together" in said["reason"] for said in columns.values())


def test_holes_stand_at_the_mean() -> None:
    """A missing value is as the baseline's mean: the row is not lost, the value is counted."""
    reference, sample = normal(200, 2), normal(60, 2, seed=2)
    holed, filled = sample.copy(), sample.copy()
    holed[:10, 0], holed[10:20, 1] = NAN, INF
    filled[:10, 0], filled[10:20, 1] = reference.mean(axis=0)
    assert judged(reference, holed).distance == pytest.approx(judged(reference, filled).distance, abs=1e-12)
    assert [said["missing"] for said in judged(reference, holed).columns.values()] == [10, 10]


def test_more_holes_than_the_baseline_has_are_a_change() -> None:
    """A baseline with as many holes as the window is no drift; one without is."""
    reference, sample = normal(500, 2), normal(200, 2, seed=2)
    holed = reference.copy()
    holed[::2, 0], sample[::2, 0] = NAN, NAN
    assert judged(holed, sample).verdict == "ok"
    assert judged(reference, sample).verdict == "drift"


def test_a_column_without_values_takes_no_part() -> None:
    """With a column missing in every row, the answer is that of the other columns alone, and says so."""
    reference, sample = normal(200, 3), normal(60, 3, seed=2)
    sample[:, 1] = NAN
    result = judged(reference, sample)
    others = judged(reference[:, [0, 2]], sample[:, [0, 2]])
    assert (result.distance, result.p_value) == (others.distance, others.p_value)
    assert result.reason == "b: 0 usable values, fewer than minRows (30)"


def test_constant_columns_say_nothing() -> None:
    """Where all rows are the same, on both sides, they are as alike as can be: p is 1."""
    assert judged(np.full((50, 2), 3.0), np.full((40, 2), 3.0)).p_value == 1.0


def test_sizes_are_bounded() -> None:
    """No more rows are compared than the parameters say, whatever the window and the baseline hold."""
    detector = detector_of(MMD, "mmd", baseline_of(normal(900)), referenceSize=70, sampleSize=50)
    assert len(detector.reference) == 70
    assert detector.judge(window_of(normal(300, seed=2))).columns["a"]["count"] == 50


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"sigma": []}, "at least 1 item"),
        ({"sigma": [0.0]}, "greater than or equal to 0.000001"),
        ({"sigma": [1e-200]}, "greater than or equal to 0.000001"),
        ({"sigma": [1e200]}, "less than or equal to 1000000"),
        ({"nPermutations": 0}, "greater than or equal to 1"),
        ({"sampleSize": 2001}, "less than or equal to 2000"),
        ({"sampleSize": 20}, "smaller than minRows"),
        ({"referenceSize": 1}, "greater than or equal to 2"),
        ({"correction": "fdr"}, "not permitted"),
    ],
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, Any], message: str) -> None:
    """A parameter that makes no sense is refused, and so is a correction for many tests: there is one."""
    with pytest.raises(ValidationError, match=message):
        MMD.Parameters.model_validate(parameters)


def test_a_baseline_that_knows_nothing_is_refused() -> None:
    """A column without any value in the baseline must be left out by name, and one row is no baseline."""
    with pytest.raises(InvalidDetector, match="fewer than two rows"):
        detector_of(MMD, "mmd", baseline_of([[1.0, 2.0]]))
