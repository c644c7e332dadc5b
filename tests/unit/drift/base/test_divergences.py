"""PSI, KL, JS and Hellinger: textbook values over pooled cells, thresholds that know chance, and the thesis's numbers."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy

from nilometer_detectors.baselines.baseline import Baseline, BaselineColumn
from nilometer_detectors.drift.base.cells import pool
from nilometer_detectors.drift.hellinger import Hellinger
from nilometer_detectors.drift.js import JS
from nilometer_detectors.drift.kl import KL
from nilometer_detectors.drift.psi import PSI
from nilometer_detectors.drift.wasserstein import Wasserstein
from nilometer_logger.rows import Column, Schema
from tests.judging import NAN, baseline_of, detector_of, normal, result_of, rows_of
from tests.unit.kernels.test_kth2020_distances import BASELINE, GOLDEN, WINDOWS

KINDS: dict[str, Any] = {"psi": PSI, "kl": KL, "js": JS, "hellinger": Hellinger}
LETTERS = Schema((Column("a", "categorical", tuple("uvwxyz")),))
every_distance = pytest.mark.parametrize("name", KINDS)


def judged(name: str, reference: Any, sample: Any, schema: Schema | None = None, **parameters: Any) -> Any:
    """Returns what a detector says of a window of one column."""
    baseline = baseline_of(np.reshape(reference, (-1, 1)), schema)
    rows = rows_of(np.reshape(sample, (-1, 1)), baseline.feature_schema)
    return result_of(detector_of(KINDS[name], name, baseline, **parameters), baseline, rows)


def described(counts: list[int]) -> BaselineColumn:
    """Returns a numeric column with some counts in bins of width 1."""
    edges = tuple(float(edge) for edge in range(len(counts) + 1))
    return BaselineColumn(name="a", type="numeric", count=sum(counts), missing=0, edges=edges, counts=tuple(counts))


@every_distance
def test_distances_are_the_textbooks(name: str) -> None:
    """Over categories, each with half a value more, the distances are scipy's."""
    reference, sample = (
        np.repeat(np.arange(6.0), [40, 30, 20, 10, 5, 5]),
        np.repeat(np.arange(6.0), [5, 5, 10, 20, 30, 40]),
    )
    q, p = ((np.bincount(each.astype(int)) + 0.5) / (len(each) + 3) for each in (reference, sample))
    expected = {
        "psi": entropy(p, q) + entropy(q, p),
        "kl": entropy(p, q),
        "js": jensenshannon(p, q) ** 2,
        "hellinger": np.linalg.norm(np.sqrt(p) - np.sqrt(q)) / np.sqrt(2),
    }
    result = judged(name, reference, sample, LETTERS)
    assert result.distance == pytest.approx(expected[name], rel=1e-9)
    assert result.verdict == "drift"


@every_distance
@settings(max_examples=30, deadline=None)
@given(values=st.lists(st.floats(-1e6, 1e6), min_size=30, max_size=60))
def test_distances_are_never_negative_or_infinite(name: str, values: list[float]) -> None:
    """Whatever a window holds, far outside of the baseline among it, a distance is a number, and 0 or more."""
    result = judged(name, normal(200, 1), values)
    assert result.distance >= 0
    assert np.isfinite(result.distance)


@every_distance
@pytest.mark.parametrize("outside", [-99.0, 99.0])
def test_traffic_wholly_outside_of_the_baseline_is_drift(name: str, outside: float) -> None:
    """The thesis's blind spot: a window that shares no bin with the baseline is as far as can be."""
    assert judged(name, normal(1000, 1), np.full(60, outside)).verdict == "drift"


@every_distance
def test_a_small_window_has_a_higher_threshold(name: str) -> None:
    """The threshold is what was asked for in a large window, and in a small one what chance reaches once in a hundred."""
    asked = KINDS[name].Parameters().threshold
    small, large = (judged(name, normal(5000, 1), normal(rows, 1, seed=3)).threshold for rows in (30, 20_000))
    assert small > 1.5 * asked
    assert large == asked
    assert judged(name, normal(5000, 1), normal(30, 1, seed=3), chance=1.0).threshold == asked


@every_distance
def test_chance_is_as_rare_as_asked(name: str) -> None:
    """Windows of 30 without drift pass the threshold about as rarely as `chance` says."""
    baseline = baseline_of(normal(2000, 1))
    detector = detector_of(KINDS[name], name, baseline, chance=0.1, threshold=0.0)
    windows = [rows_of(normal(30, 1, seed=seed)) for seed in range(400)]
    alarms = sum(result_of(detector, baseline, rows).verdict == "drift" for rows in windows)
    assert 10 <= alarms <= 70  # of 400, 40 are expected of large windows


@every_distance
def test_missing_values_drift_as_an_aspect(name: str) -> None:
    """With aspect missing, a column whose values go missing drifts, and one that keeps its values does not."""
    sample = normal(200, 1, seed=2)
    assert judged(name, normal(1000, 1), sample, aspect="missing").verdict == "ok"
    sample[:80] = NAN
    assert judged(name, normal(1000, 1), sample, aspect="missing").verdict == "drift"


def test_neighbouring_bins_are_pooled_to_deciles() -> None:
    """Bins are pooled with their neighbours to hold about as much each, and what lies outside stays apart."""
    counts = [1, 2, 3, 4, 40, 50, 0, 0, 60, 40]
    found = pool(described(counts), np.array([0, *counts, 0]), 4)
    assert found.labels.tolist() == [0, 1, 1, 1, 1, 1, 2, 3, 3, 3, 4, 5]
    assert found(np.array([7, *counts, 9])).tolist() == [7, 50, 50, 60, 40, 9]


def test_rare_categories_are_pooled() -> None:
    """Of many categories the most frequent stay, and the rest is one cell; the unseen stay apart."""
    column = BaselineColumn(name="a", type="categorical", categories=tuple("vwxyz"), count=36, missing=0)
    found = pool(column, np.array([0, 1, 20, 2, 10, 3]), 3)
    assert found(np.array([5, 1, 20, 2, 10, 3])).tolist() == [5, 20, 10, 6]


def thesis_judgement(kind: Any, name: str, counts: Any, window: Any, **parameters: Any) -> Any:
    """Returns what a detector in the thesis's mode says of a window with some counts in the baseline's bins."""
    column = described(counts)
    baseline = Baseline(column.count, (column,), (), np.empty((0, 1)), np.empty((0, 0)))
    values = np.repeat(np.arange(len(counts)) + 0.5, window.astype(int))
    detector = detector_of(kind, name, baseline, compatibility="thesis2020", minRows=1, **parameters)
    return result_of(detector, baseline, rows_of(values, baseline.feature_schema))


@pytest.mark.parametrize(("feature", "window"), GOLDEN)
def test_the_thesis_numbers_are_reproduced(feature: str, window: str) -> None:
    """With compatibility thesis2020, the distances are the golden vectors to 1e-6, by a baseline without any sample."""
    found = [
        thesis_judgement(kind, name, BASELINE[feature], WINDOWS[window]).distance
        for name, kind in (("wasserstein", Wasserstein), ("kl", KL), ("js", JS))
    ]
    assert found == pytest.approx(GOLDEN[feature, window], abs=1e-6)


@pytest.mark.parametrize(
    ("name", "kind", "threshold"), [("wasserstein", Wasserstein, 2.7), ("kl", KL, 1.3), ("js", JS, 0.5)]
)
def test_the_thesis_thresholds_are_its_own(name: str, kind: Any, threshold: float) -> None:
    """In the thesis's mode the thresholds are those of its sample, never raised, unless a monitor gives others."""
    assert thesis_judgement(kind, name, [5, 5], np.array([1, 1])).threshold == threshold
    assert thesis_judgement(kind, name, [5, 5], np.array([1, 1]), threshold=0.25).threshold == 0.25


def test_the_thesis_is_blind_outside_of_the_baseline() -> None:
    """What lies outside is dropped in the thesis's mode, as there: no distribution, no drift, and no number of bins."""
    outside = rows_of(np.full(50, 99.0), Schema((Column("a"),)))
    column = described([5, 5])
    baseline = Baseline(10, (column,), (), np.empty((0, 1)), np.empty((0, 0)))
    said = {
        name: result_of(detector_of(kind, name, baseline, compatibility="thesis2020"), baseline, outside)
        for name, kind in (("wasserstein", Wasserstein), ("kl", KL), ("js", JS))
    }
    assert [said[name].verdict for name in ("wasserstein", "kl", "js")] == ["nodata", "ok", "ok"]
    assert said["wasserstein"].reason == "a: the test gave no number"


@pytest.mark.parametrize(("kind", "name"), [(KL, "bins"), (JS, "chance"), (Wasserstein, "sampleSize")])
def test_parameters_that_the_thesis_does_not_know_are_refused(kind: Any, name: str) -> None:
    """Nothing is accepted and ignored: what means nothing in the thesis's mode is refused there."""
    with pytest.raises(ValidationError, match=f"gives {name}, which means nothing"):
        kind.Parameters.model_validate({"compatibility": "thesis2020", name: 1})


@pytest.mark.parametrize("parameters", [{"bins": 1}, {"chance": 0.0}, {"chance": 1.5}, {"aspect": "counts"}])
def test_parameters_out_of_range_are_refused(parameters: dict[str, Any]) -> None:
    """A parameter that makes no sense is refused."""
    with pytest.raises(ValidationError):
        PSI.Parameters.model_validate(parameters)
