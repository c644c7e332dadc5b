"""What every outlier detector promises; it runs over all entry points, so that none can be left out."""

import json

import numpy as np
import pytest

from nilometer_detectors.findings import Finder
from tests.contract.detectors import COLUMNS, built, every_outlier_detector, mixed
from tests.judging import INF, NAN, STREAM, rows_of


@every_outlier_detector
def test_scores_depend_on_the_row_alone(name: str) -> None:
    """A row's score is the same in any order and batch, and at any time."""
    values = mixed(60, seed=2, shift=3.0)
    whole = built(name).score(rows_of(values, COLUMNS))
    backwards = built(name).score(rows_of(values[::-1], COLUMNS))
    alone = [built(name).score(rows_of(values[row : row + 1], COLUMNS)) for row in range(60)]
    assert whole.score.tolist() == backwards.score[::-1].tolist()
    assert whole.score.tolist() == [scores.score[0] for scores in alone]
    assert whole.flagged.tolist() == [scores.flagged[0] for scores in alone]


@every_outlier_detector
def test_no_rows_no_scores(name: str) -> None:
    """A block without rows gets no scores and no complaint."""
    scores = built(name).score(rows_of(np.empty((0, 5)), COLUMNS))
    assert (len(scores.score), len(scores.flagged)) == (0, 0)


@every_outlier_detector
def test_a_missing_value_hides_nothing(name: str) -> None:
    """A row is flagged for one value though another is missing; a row of nothing is not flagged."""
    scores = built(name).score(rows_of([[NAN, 1e6, 0, 0, 0], [NAN] * 5, [0.0, 0, 0, NAN, NAN]], COLUMNS))
    assert scores.flagged.tolist() == [True, False, False]
    assert np.isnan(scores.score[1])


@every_outlier_detector
@pytest.mark.parametrize("value", [INF, -INF])
def test_an_infinite_value_is_an_outlier(name: str, value: float) -> None:
    """An infinite value is flagged, and its finding is valid JSON that says why."""
    rows = rows_of([[0.0, value, 0, 0, 0]], COLUMNS)
    scores = built(name).score(rows)
    (event,) = Finder("demo/iris", "sha256:0", STREAM).outliers(rows, built(name), scores)
    body = json.loads(event.data, parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))
    assert body["features"]["b"]["reason"] == "the value is infinite"


@every_outlier_detector
def test_rows_are_left_alone(name: str) -> None:
    """Scoring does not change the rows."""
    rows = rows_of(mixed(20, seed=3), COLUMNS)
    before = rows.values.tobytes()
    built(name).score(rows)
    assert rows.values.tobytes() == before
