"""Detectors of faults: unseen categories, missing values, values of a wrong type."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from nilometer_detectors.detector import Context, InvalidDetector
from nilometer_detectors.outliers.base.faults import FaultDetector
from nilometer_detectors.outliers.missing import Missing
from nilometer_detectors.outliers.types import Types
from nilometer_detectors.outliers.unseen import Unseen
from nilometer_logger.rows import UNSEEN, Rows, bind
from tests.judging import INF, NAN, numbers, rows_of, schema_of

SCHEMA = schema_of("numeric", "categorical", "boolean")


def bound(*table: list[object]) -> Rows:
    """Returns the rows that a payload of some values becomes."""
    values, unrecognized = bind(SCHEMA, None, np.array(table, dtype=object))
    return rows_of(values, SCHEMA, unrecognized=unrecognized)


def judged(kind: type[FaultDetector], rows: Rows, **parameters: Any) -> tuple[list[float], list[Any]]:
    """Returns the scores of rows, and what is said of the flagged ones."""
    detector = kind(kind.Parameters.model_validate(parameters), Context("mine", "fault", rows.schema, None))
    scores = detector.score(rows)
    return scores.score.tolist(), [detector.explain(rows, scores, row) for row in np.flatnonzero(scores.flagged)]


def test_an_unseen_category_is_told_with_its_text() -> None:
    """The finding gives the text that came and the categories that there are."""
    scores, told = judged(Unseen, bound([1.0, "blue", True], [None, "red", None]))
    assert scores == [1.0, 0.0]
    assert told == [
        {"b": {"value": "blue", "expected": ["red", "green"], "reason": "an unseen category", "score": 1.0}}
    ]


def test_many_categories_are_not_all_told() -> None:
    """Of a column with hundreds of categories the finding shows some, and says so."""
    schema = schema_of("categorical", categories=tuple(map(str, range(300))))
    _, [told] = judged(Unseen, rows_of([[UNSEEN]], schema, unrecognized={(0, 0): "x"}))
    assert len(told["a"]["expected"]) == 20
    assert told["a"]["reason"] == "an unseen category; 20 of the 300 expected are shown"


def test_a_missing_value_is_told_with_what_was_expected() -> None:
    """The finding names every feature that is missing, and its type; infinity and unseen categories are there."""
    scores, told = judged(Missing, bound([None, "red", None], [INF, "blue", True]))
    assert scores == [2.0, 0.0]
    assert told == [
        {
            "a": {"value": None, "expected": "numeric", "reason": "the value is missing", "score": 1.0},
            "c": {"value": None, "expected": "boolean", "reason": "the value is missing", "score": 1.0},
        }
    ]


def test_a_value_of_a_wrong_type_is_missing_as_well() -> None:
    """It cannot be used, so it is missing; the reason tells the two apart."""
    _, [told] = judged(Missing, bound(["much", "red", True]))
    assert told["a"] == {
        "value": "much",
        "expected": "numeric",
        "reason": "the value is of a wrong type",
        "score": 1.0,
    }


def test_some_missing_values_can_be_allowed() -> None:
    """With a threshold, rows with so many missing values are normal; one more is an outlier."""
    rows = bound([None, "red", True], [None, None, True])
    assert len(judged(Missing, rows, threshold=1)[1]) == 1
    assert len(judged(Missing, rows, features=["a", "c"])[1]) == 2


def test_a_type_violation_is_told_apart_from_a_missing_value() -> None:
    """A text among numbers is a violation; null and NaN are not."""
    scores, told = judged(Types, bound(["1.5", "red", "yes"], [None, None, None], [NAN, "red", 1.0]))
    assert np.array_equal(scores, [2.0, NAN, 0.0], equal_nan=True)
    assert told == [
        {
            "a": {"value": "1.5", "expected": "numeric", "reason": "not a number", "score": 1.0},
            "c": {"value": "yes", "expected": "boolean", "reason": "not a truth value", "score": 1.0},
        }
    ]


def test_a_text_may_be_missing_or_a_number() -> None:
    """A column of texts is judged like the others, and any text, an empty one among them, is one."""
    schema = schema_of("text")
    values, unrecognized = bind(schema, None, np.array([["long"], [""], [None], [7.5]], dtype=object))
    rows = rows_of(values, schema, unrecognized=unrecognized)
    expected = {"expected": "text", "score": 1.0}
    assert judged(Missing, rows) == (
        [0.0, 0.0, 1.0, 1.0],
        [
            {"a": {"value": None, "reason": "the value is missing", **expected}},
            {"a": {"value": "7.5", "reason": "the value is of a wrong type", **expected}},
        ],
    )
    scores, told = judged(Types, rows)
    assert np.array_equal(scores, [0.0, 0.0, NAN, 1.0], equal_nan=True)
    assert told == [{"a": {"value": "7.5", "reason": "not a text", **expected}}]


@pytest.mark.parametrize(("value", "told"), [(0.5, 0.5), (2.0, 2.0), (INF, None)])
def test_a_boolean_feature_holds_truth_values(value: float, told: float | None) -> None:
    """A number other than 0 and 1 in a boolean column is a violation."""
    _, [said] = judged(Types, rows_of([[0.0, 0.0, value], [5.0, 0.0, 1.0]], SCHEMA))
    assert said["c"]["value"] == told
    assert said["c"]["reason"] == "a number where a truth value is expected"


def test_violations_of_other_features_are_not_judged() -> None:
    """With `features`, a text elsewhere flags nothing."""
    scores, told = judged(Types, bound(["much", "red", True]), features=["c"])
    assert (scores, told) == ([0.0], [])


def test_a_long_text_is_cut() -> None:
    """A megabyte in one value does not make a finding that fits into no record."""
    _, [told] = judged(Types, bound(["x" * 1_000_000, "red", True]))
    assert told["a"]["value"] == "x" * 199 + "…"


def test_a_schema_without_such_features_is_refused() -> None:
    """Where there is nothing to judge, the monitor is told."""
    with pytest.raises(InvalidDetector, match="judges categorical features, and the schema has none"):
        Unseen(Unseen.Parameters(), Context("mine", "unseen", numbers(2), None))


@pytest.mark.parametrize("threshold", [-1, 0.5, "1"])
def test_a_threshold_is_a_count(threshold: object) -> None:
    """A threshold that is no count is refused."""
    with pytest.raises(ValidationError):
        Missing.Parameters.model_validate({"threshold": threshold})


@pytest.mark.parametrize(("kind", "threshold", "judged"), [(Missing, 3, 3), (Types, 2, 2), (Unseen, 10**30, 1)])
def test_a_threshold_that_no_row_exceeds_is_refused(kind: type[FaultDetector], threshold: int, judged: int) -> None:
    """A row has no more wrong values than are judged; one fewer is the largest threshold that makes sense."""
    context = Context("mine", "fault", SCHEMA, None)
    with pytest.raises(InvalidDetector, match=f"is {threshold}: {judged} of a row's values are judged"):
        kind(kind.Parameters.model_validate({"threshold": threshold}), context)
    assert kind(kind.Parameters.model_validate({"threshold": judged - 1}), context)
