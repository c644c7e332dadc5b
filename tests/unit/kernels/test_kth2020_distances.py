"""The thesis's distances: its sample baseline gives the numbers that its code gives."""

import math

import numpy as np
import pytest

from nilometer_detectors.kernels import distances, kth2020_distances
from nilometer_detectors.kernels.ragged import pack
from nilometer_logger.rows import Floats

# Counts of the sample baseline: Iris' 120 rows of training in 20 bins (model-monitoring, branch thesis, IrisMLBaseline).
BASELINE = {
    "petal_width": [27, 7, 7, 0, 1, 0, 0, 5, 3, 12, 7, 7, 3, 2, 15, 4, 4, 3, 8, 5],
    "petal_length": [3, 29, 9, 1, 0, 0, 1, 2, 2, 4, 7, 10, 10, 13, 5, 10, 5, 4, 2, 3],
    "sepal_width": [1, 2, 3, 3, 8, 8, 12, 7, 20, 10, 17, 8, 5, 3, 9, 2, 1, 0, 0, 1],
    "sepal_length": [4, 6, 10, 16, 3, 6, 7, 6, 8, 9, 9, 11, 2, 8, 4, 3, 1, 1, 5, 1],
    "species": [42, *[0] * 9, 36, *[0] * 8, 4],
}
WINDOWS = {"uniform": np.ones(20), "first": 50.0 * np.eye(20)[0], "last": 50.0 * np.eye(20)[19]}
GOLDEN = {
    ("petal_width", "uniform"): (1.108333, 0.106379, 0.116932),
    ("petal_width", "first"): (8.541667, 1.491655, 0.401035),
    ("petal_width", "last"): (10.458333, 3.178054, 0.605676),
    ("petal_length", "uniform"): (1.300000, 0.250020, 0.118062),
    ("petal_length", "first"): (8.766667, 3.688879, 0.634381),
    ("petal_length", "last"): (10.233333, 3.688879, 0.634381),
    ("sepal_width", "uniform"): (2.333333, 0.248110, 0.112259),
    ("sepal_width", "first"): (8.400000, 4.787492, 0.669015),
    ("sepal_width", "last"): (10.600000, 4.787492, 0.669015),
    ("sepal_length", "uniform"): (1.841667, 0.260760, 0.054154),
    ("sepal_length", "first"): (7.725000, 3.401197, 0.619519),
    ("sepal_length", "last"): (11.275000, 4.787492, 0.669015),
    ("species", "uniform"): (4.182927, -0.223726, 0.493881),
    ("species", "first"): (5.317073, 0.669050, 0.209112),
    ("species", "last"): (13.682927, 3.020425, 0.594503),
}


def measured(feature: str, window: Floats) -> tuple[float, float, float]:
    """All three distances."""
    baseline = np.array(BASELINE[feature], dtype=np.float64)
    return (
        kth2020_distances.wasserstein(baseline, window),
        kth2020_distances.kullback_leibler(baseline, window),
        kth2020_distances.jensen_shannon(baseline, window),
    )


@pytest.mark.parametrize(("feature", "window"), GOLDEN)
def test_the_golden_vectors_are_reproduced(feature: str, window: str) -> None:
    """The sample baseline gives the numbers of the thesis's code to 1e-6, negative ones too."""
    assert measured(feature, WINDOWS[window]) == pytest.approx(GOLDEN[feature, window], abs=1e-6)


@pytest.mark.parametrize("feature", BASELINE)
def test_a_window_like_the_baseline_is_no_distance_away(feature: str) -> None:
    """The baseline's own counts, or twice as many, have distance 0."""
    assert measured(feature, 2.0 * np.array(BASELINE[feature])) == pytest.approx((0, 0, 0), abs=1e-12)


def test_a_window_of_nothing_is_as_in_the_thesis() -> None:
    """Traffic wholly outside the baseline's bins is NaN and 0: the defect that the mode is asked to keep."""
    wasserstein, *others = measured("petal_width", np.zeros(20))
    assert math.isnan(wasserstein)
    assert others == [0.0, 0.0]


def test_shares_are_taken_as_they_are() -> None:
    """A baseline of shares is the same as one of counts."""
    shares = np.array([0.25, 0.75])
    assert kth2020_distances.wasserstein(shares, np.array([1.0, 1.0])) == kth2020_distances.wasserstein(
        4 * shares, np.array([1.0, 1.0])
    )


def test_our_distances_see_what_the_thesis_does_not() -> None:
    """Of a baseline and a window that lies in its overflow, KL is large and positive, and JS nearly ln 2."""
    baseline = pack([np.array([0.0, *BASELINE["species"], 0.0])])
    outside = pack([np.array([*[0.0] * 21, 100.0])])
    assert distances.kullback_leibler(baseline, outside)[0] > 3
    assert 0.5 < distances.jensen_shannon(baseline, outside)[0] < math.log(2)
