"""The isolation forest: scikit-learn's scores from plain arrays, and what is said of outliers."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.ensemble import IsolationForest

from nilometer_detectors.baselines.baseline import Baseline
from nilometer_detectors.detector import InvalidDetector
from nilometer_detectors.kernels.forest import Forest, is_sound, path_lengths
from nilometer_detectors.outliers import iforest
from nilometer_detectors.outliers.base.growing import average_path_length
from nilometer_detectors.outliers.iforest import IForest
from nilometer_logger.errors import ExtraMissing
from nilometer_logger.rows import Floats
from tests.judging import INF, NAN, baseline_of, detector_of, normal, rows_of


def built(values: Floats, **parameters: Any) -> Any:
    """Returns a detector over a baseline of some values."""
    return detector_of(IForest, "iforest", baseline_of(values), **parameters)


def prepared(values: Floats) -> Baseline:
    """Returns a baseline with a forest in it."""
    baseline = baseline_of(values)
    return replace(baseline, prepared={"iforest": IForest.prepare(baseline)})


@pytest.mark.parametrize(("rows", "holes"), [(2, False), (3, True), (40, False), (40, True), (256, True), (1000, True)])
def test_the_scores_are_those_of_sklearn(rows: int, holes: bool) -> None:
    """For small and large samples, ties, values far out, and missing ones in baseline and rows, they are sklearn's."""
    reference, values = normal(rows, 5).round(1), np.vstack([normal(300, 5, seed=2).round(1), normal(50, 5) * 1e6])
    if holes:
        reference[::7, 1] = NAN
        reference[1::3, 4] = NAN
    values[::5, 0] = values[::3, 1] = NAN
    # The sample of a baseline is in an order of its own.
    baseline = baseline_of(reference)
    theirs = -IsolationForest(random_state=0).fit(baseline.feature_sample).score_samples(values)
    ours = detector_of(IForest, "iforest", baseline).score(rows_of(values)).score
    assert np.abs(ours - theirs).max() <= 1e-12


def test_values_are_seen_as_sklearn_sees_them() -> None:
    """Values just beside a threshold are rounded to float32 first, and beyond float32 they are as good as infinite."""
    baseline = baseline_of(normal(500, 2))
    forest = IForest.prepare(baseline)
    cuts = forest["numbers"][forest["nodes"][:, 0] >= 0, 0]
    values = np.column_stack([np.nextafter(cuts, INF), np.nextafter(cuts, -INF)])
    theirs = -IsolationForest(random_state=0).fit(baseline.feature_sample).score_samples(values)
    detector = detector_of(IForest, "iforest", baseline)
    assert detector.score(rows_of(values)).score == pytest.approx(theirs, rel=1e-12)
    scores = detector.score(rows_of([[1e300, -1e300], [3e38, -3e38]])).score
    assert scores[0] == scores[1]


def test_average_path_lengths() -> None:
    """They are those of the paper: 0 for one row, 1 for two, 2 H(n-1) - 2 (n-1)/n beyond."""
    lengths = average_path_length(np.array([1, 2, 3, 256]))
    assert lengths == pytest.approx([0.0, 1.0, 2 * (np.log(2) + np.euler_gamma) - 4 / 3, 10.2448], rel=1e-5)


def test_a_baseline_on_disk_holds_the_forest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker loads the trees, without scikit-learn and with nothing to fit, and gives the same scores."""
    baseline, rows = prepared(normal(300, 3)), rows_of(normal(20, 3, seed=2))
    baseline.save(tmp_path / "base")
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    loaded = detector_of(IForest, "iforest", Baseline.load(tmp_path / "base"))
    assert loaded.score(rows).score.tolist() == detector_of(IForest, "iforest", baseline).score(rows).score.tolist()


def test_growing_needs_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without scikit-learn, a baseline without a forest is refused with the extra to install."""
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(ExtraMissing, match=r"growing an isolation forest needs .* 'nilometer\[fit\]'"):
        built(normal(50))


def test_the_same_baseline_grows_the_same_forest() -> None:
    """Nothing about the forest is left to chance."""
    first, second = (IForest.prepare(baseline_of(normal(300))) for _ in range(2))
    assert {name: array.tobytes() for name, array in first.items()} == {
        name: array.tobytes() for name, array in second.items()
    }


def test_the_threshold_is_a_percentile_of_the_baseline() -> None:
    """`thresholdPerc` of the baseline's rows lie below the threshold; a given threshold goes before it."""
    reference = normal(2000)
    assert built(reference, thresholdPerc=95).score(rows_of(reference)).flagged.mean() == pytest.approx(0.05, abs=0.001)
    assert built(reference, threshold=0.6, thresholdPerc=50).score(rows_of(reference)).threshold == 0.6


def test_the_finding_names_the_feature_and_its_range() -> None:
    """The value that makes the row an outlier is named, with the range that would have been normal."""
    detector = built(normal(2000, 3), thresholdPerc=99)
    rows = rows_of([[0.1, 30.0, -0.2]])
    scores = detector.score(rows)
    told = detector.explain(rows, scores, 0)
    assert list(told) == ["b"]
    assert told["b"]["value"] == 30.0
    low, high = told["b"]["expected"]
    assert -4 < low < 0 < high < 4
    inside = detector.score(rows_of([[0.1, low, -0.2], [0.1, high, -0.2]]))
    assert inside.flagged.tolist() == [False, False]


def test_several_features_can_be_to_blame() -> None:
    """Values that weigh alike are all named, though the row might be normal without one of them."""
    detector = built(normal(2000, 4), thresholdPerc=99)
    rows = rows_of([[40.0, 0.0, -50.0, 0.1]])
    assert set(detector.explain(rows, detector.score(rows), 0)) == {"a", "c"}


def test_as_many_are_to_blame_as_it_takes() -> None:
    """Where the row is still an outlier without the weightiest, the next are named, and with all medians it is normal."""
    detector = built(normal(2000, 3), threshold=0.45)
    rows = rows_of([[60.0, 2.5, 2.5]])
    told = detector.explain(rows, detector.score(rows), 0)
    assert set(told) == {"a", "b", "c"}
    middles = [float(np.mean(told[name]["expected"])) for name in "abc"]
    assert detector.score(rows_of([middles])).score[0] < detector.score(rows_of([[0.0, 2.5, 2.5]])).score[0]


def test_infinite_and_constant_values_need_no_tree() -> None:
    """Infinity, and another value of a constant feature, by which no tree can cut, score 1 and are named."""
    detector = built(np.column_stack([normal(300, 2), np.full(300, 0.1)]))
    rows = rows_of([[0.0, -INF, 0.1], [0.0, 0.0, 0.2], [0.0, 0.0, 0.1], [0.0, 0.0, NAN], [NAN, NAN, NAN]])
    scores = detector.score(rows)
    assert scores.score[:2].tolist() == [1.0, 1.0]
    assert scores.flagged.tolist() == [True, True, False, False, False]
    assert detector.explain(rows, scores, 0)["b"]["reason"] == "the value is infinite"
    assert detector.explain(rows, scores, 1) == {"c": {"value": 0.2, "expected": [0.1, 0.1], "score": 1.0}}


def test_a_forest_judges_all_of_its_features() -> None:
    """Features cannot be chosen afterwards: the refusal names those of the forest."""
    with pytest.raises(InvalidDetector, match="grown over a, b, c, and judges all of them together"):
        built(normal(50, 3), features=["a", "b"])
    assert len(built(normal(50, 3), features=["c", "b", "a"]).score(rows_of(normal(2, 3))).score) == 2
    baseline = baseline_of(normal(50, 2))
    empty = replace(baseline, feature_sample=baseline.feature_sample * [1.0, NAN], sorted_samples=None)
    with pytest.raises(InvalidDetector, match="grown over a, and judges"):
        detector_of(IForest, "iforest", empty)


def test_a_baseline_of_one_row_grows_no_forest() -> None:
    """It is refused with the reason."""
    with pytest.raises(InvalidDetector, match="fewer than two rows"):
        built(normal(1))


def damaged(**arrays: Any) -> Forest:
    """Returns a stump of three nodes with some arrays replaced."""
    nodes = np.array([[1, 2, 0, 1], [-1, -1, -1, -1], [-1, -1, -1, -1]])
    numbers = np.array([[0.5, 0.0], [0.0, 1.0], [0.0, 2.0]])
    return Forest(np.array([0]), nodes, numbers)._replace(**arrays)


def test_a_stump() -> None:
    """A value goes left up to the threshold, right beyond it, and where it is missing as the node says."""
    assert is_sound(damaged(), 1)
    assert path_lengths(np.array([[0.5], [0.6], [NAN]]), damaged()).tolist() == [1.0, 2.0, 1.0]


@pytest.mark.parametrize(
    "arrays",
    [
        {"roots": np.array([3])},
        {"roots": np.array([-1])},
        {"roots": np.array([0.0])},
        {"nodes": np.array([[0, 2, 0, 1], [-1] * 4, [-1] * 4])},
        {"nodes": np.array([[1, 3, 0, 1], [-1] * 4, [-1] * 4])},
        {"nodes": np.array([[1, 2, 1, 1], [-1] * 4, [-1] * 4])},
        {"nodes": np.array([[1, 2, -1, 1], [-1] * 4, [-1] * 4])},
        {"nodes": np.full((3, 3), -1)},
        {"numbers": np.zeros((2, 2))},
        {"numbers": np.zeros(3)},
    ],
)
def test_a_damaged_forest_is_told(arrays: dict[str, Any]) -> None:
    """Trees with loops, or that lead out of their arrays, are refused before compiled code walks them."""
    assert not is_sound(damaged(**arrays), 1)
    baseline = prepared(normal(20, 1))
    broken = {**baseline.prepared["iforest"], **damaged(**arrays)._asdict()}
    with pytest.raises(InvalidDetector, match="damaged: build the baseline again"):
        detector_of(IForest, "iforest", replace(baseline, prepared={"iforest": broken}))


@pytest.mark.parametrize("parameters", [{"threshold": 0}, {"threshold": 1}, {"thresholdPerc": 101}])
def test_parameters_out_of_range_are_refused(parameters: dict[str, float]) -> None:
    """A threshold outside of the scores, and a percentage above 100, are refused."""
    with pytest.raises(ValidationError):
        iforest.IForestParameters.model_validate(parameters)
