"""What every outlier detector promises; it runs over all entry points, so that none can be left out.

Detectors judge different things, so the rows of this contract are abnormal, or normal, in everything that one can judge.
"""

import json
from functools import cache
from typing import Any

import numpy as np
import pytest

from nilometer_detectors.fitting.prepare import prepare
from nilometer_detectors.monitors.findings import FindingFactory
from nilometer_detectors.monitors.outlier_tally import Tally
from nilometer_detectors.outliers.base.contract import Scores
from nilometer_detectors.outliers.base.faults import FaultDetector
from nilometer_logger.rows import UNSEEN, Rows
from tests.contract.detectors import COLUMNS, KINDS, mixed
from tests.judging import INF, NAN, STREAM, baseline_of, detector_of, rows_of

OUTLIER = {name: kind for name, kind in KINDS.items() if kind.kind == "outlier"}
NUMBERS = [name for name, kind in OUTLIER.items() if not issubclass(kind, FaultDetector)]
CALIBRATED = [name for name, kind in OUTLIER.items() if kind.calibrates]
every_outlier_detector = pytest.mark.parametrize("name", OUTLIER)
REFERENCE, _ = prepare(baseline_of(mixed(2000, seed=1), COLUMNS))

# Two numbers far out, of which the rest of the row must hide nothing: one that is missing because a text stands there,
# an unseen category, a missing truth value.
ABNORMAL, TEXTS = [1e6, -1e6, NAN, UNSEEN, NAN], {2: "much", 3: "blue"}


@cache
def built(name: str) -> Any:
    """Returns a detector with default parameters; they have no state, so one serves all tests."""
    return detector_of(OUTLIER[name], name, REFERENCE)


def scored(name: str, values: Any) -> Scores:
    """Returns what a detector says about rows of some values."""
    scores = built(name).score(rows_of(values, COLUMNS))
    assert isinstance(scores, Scores)
    return scores


def abnormal(before: int = 0) -> Rows:
    """Returns one abnormal row after some normal ones."""
    values = np.vstack([np.zeros((before, 5)), [ABNORMAL]])
    return rows_of(values, COLUMNS, unrecognized={(before, column): text for column, text in TEXTS.items()})


def finding(name: str, rows: Rows) -> Any:
    """Returns the event of the only finding of a detector on some rows, and its body, read by a reader without NaN."""
    (event,) = FindingFactory("demo/iris", "sha256:0", STREAM).outliers(
        rows, built(name), built(name).score(rows), Tally()
    )
    return event, json.loads(event.data, parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))


@every_outlier_detector
def test_normal_rows_are_normal(name: str) -> None:
    """Of rows like the baseline's, at most a few in a hundred are flagged."""
    assert scored(name, mixed(1000, seed=2)).flagged.mean() <= 0.02


@every_outlier_detector
def test_an_abnormal_row_is_found(name: str) -> None:
    """A row is flagged among others for what is abnormal in it, though other values of it are missing."""
    assert built(name).score(abnormal(before=3)).flagged.tolist() == [False, False, False, True]


@every_outlier_detector
def test_a_finding_tells_what_it_is_about(name: str) -> None:
    """A finding names the request, and for each feature to blame its value, what was expected and its score."""
    rows = abnormal(before=3)
    event, body = finding(name, rows)
    assert event["causationid"] == body["request"] == "request-3"
    assert body["detector"] == {"name": "mine", "type": name}
    assert body["features"]
    for feature, said in body["features"].items():
        place = COLUMNS.names.index(feature)
        value = TEXTS.get(place, None if np.isnan(ABNORMAL[place]) else ABNORMAL[place])
        assert said["value"] == value
        assert said["expected"] is not None
        assert said["score"] > 0


@every_outlier_detector
def test_scores_depend_on_the_row_alone(name: str) -> None:
    """A row's score is the same in any order and batch, and at any time, whatever is missing in it or in others."""
    values = mixed(60, seed=2, shift=3.0)
    values[::7, 0] = values[::5, 2] = values[::3, 3] = NAN
    whole, backwards = scored(name, values), scored(name, values[::-1])
    alone = [scored(name, values[row : row + 1]) for row in range(60)]
    assert np.array_equal(whole.score, backwards.score[::-1], equal_nan=True)
    assert np.array_equal(whole.score, [scores.score[0] for scores in alone], equal_nan=True)
    assert whole.flagged.tolist() == [scores.flagged[0] for scores in alone]


@every_outlier_detector
def test_flagged_means_larger_than_the_threshold(name: str) -> None:
    """A row is flagged exactly if its score is larger than the threshold, so NaN is never flagged."""
    scores = scored(name, np.vstack([mixed(200, seed=3, shift=2.0), [[NAN] * 5]]))
    assert scores.flagged.tolist() == (scores.score > scores.threshold).tolist()


@pytest.mark.parametrize("name", CALIBRATED)
def test_the_threshold_changes_no_score(name: str) -> None:
    """A threshold may be any quantile of the scores: they stay the same, and the share that is flagged is as asked."""
    values = mixed(400, seed=4)
    values[::9, 1] = NAN
    scores = scored(name, values).score
    chosen = float(np.quantile(scores, 0.75))
    again = detector_of(OUTLIER[name], name, REFERENCE, threshold=chosen).score(rows_of(values, COLUMNS))
    assert again.score.tolist() == scores.tolist()
    assert again.threshold == chosen
    assert again.flagged.sum() == (scores > chosen).sum() > 0


@every_outlier_detector
def test_no_rows_no_scores(name: str) -> None:
    """A block without rows gets no scores and no complaint."""
    scores = scored(name, np.empty((0, 5)))
    assert (len(scores.score), len(scores.flagged)) == (0, 0)


@every_outlier_detector
def test_a_row_of_nothing_is_not_judged(name: str) -> None:
    """A row in which all is missing has no score; or it is flagged, by a detector of missing values."""
    scores = scored(name, [[NAN] * 5])
    assert bool(np.isnan(scores.score[0])) != bool(scores.flagged[0])


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [INF, -INF])
def test_an_infinite_value_is_an_outlier(name: str, value: float) -> None:
    """An infinite value is flagged by whoever judges numbers, and its finding is valid JSON that says why."""
    _, body = finding(name, rows_of([[0.0, value, 0, 0, 0]], COLUMNS))
    assert body["features"]["b"]["reason"] == "the value is infinite"
    assert body["features"]["b"]["value"] is None


@every_outlier_detector
@pytest.mark.parametrize("value", [1e300, -1e300, 5e-324])
def test_extreme_values_are_no_obstacle(name: str, value: float) -> None:
    """Values at the ends of float64 are judged without a warning, and findings on them are valid JSON."""
    rows = rows_of([[value, -value, value, 0, 0]], COLUMNS)
    scores = built(name).score(rows)
    assert not np.isnan(scores.score[0])
    if scores.flagged[0]:
        assert finding(name, rows)[1]["features"]


@every_outlier_detector
def test_a_constant_feature_of_the_baseline(name: str) -> None:
    """A feature that is constant in the baseline takes nothing away: the same value is normal."""
    values = mixed(2000, seed=1)
    values[:, 0] = 0.1
    detector = detector_of(OUTLIER[name], name, baseline_of(values, COLUMNS))
    assert detector.score(rows_of([[0.1, 0, 0, 0, 0]], COLUMNS)).flagged.tolist() == [False]
    assert detector.score(abnormal()).flagged.tolist() == [True]


@every_outlier_detector
def test_rows_are_left_alone(name: str) -> None:
    """Scoring does not change the rows, and they may be read-only."""
    rows = rows_of(mixed(20, seed=3, shift=4.0), COLUMNS)
    before = rows.values.tobytes()
    rows.values.setflags(write=False)
    built(name).score(rows)
    assert rows.values.tobytes() == before
