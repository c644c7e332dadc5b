"""KServe's v1 protocol: `instances` asked, `predictions` answered."""

import json
from typing import Any

import numpy as np
import pytest

from nilometer_logger.errors import PayloadError
from nilometer_logger.payload import Payload, decode
from tests.unit.captures import capture


def instances(*rows: Any) -> Payload:
    """Decodes a request of some instances."""
    return decode(json.dumps({"instances": rows}).encode())


def test_a_request_as_kserve_logs_it() -> None:
    """Lists of values are rows of columns that only their position tells."""
    payload = decode(capture("v1 json", "request").body)

    assert (payload.half, payload.names) == ("request", None)
    assert payload.table.tolist() == [[1.0, 2.0]]


def test_a_response_as_kserve_logs_it() -> None:
    """Single values are rows of one column."""
    payload = decode(capture("v1 json", "response").body)

    assert (payload.half, payload.names) == ("response", None)
    assert payload.table.tolist() == [[1.0], [1.0]]


def test_numbers_are_float64() -> None:
    """A table of numbers is one matrix of float64, whatever JSON wrote."""
    table = instances([1, 2.5, True]).table

    assert table.dtype == np.float64
    assert table.tolist() == [[1.0, 2.5, 1.0]]


def test_null_is_missing() -> None:
    """A null among numbers is NaN, in a row or for a row."""
    assert np.isnan(instances([1, None]).table).tolist() == [[False, True]]
    assert np.isnan(instances(None, None).table).tolist() == [[True], [True]]


def test_texts_stay_texts() -> None:
    """A table with texts keeps its values as they are, for the schema to give them a meaning."""
    assert instances([1, "red", None, True]).table.tolist() == [[1, "red", None, True]]


def test_a_text_that_looks_like_a_number_stays_a_text() -> None:
    """What a client wrote in quotes is not taken for a number."""
    assert instances(["1.5"]).table.tolist() == [["1.5"]]


def test_nested_lists_are_flattened_by_rows() -> None:
    """An image is a row of as many columns as it has pixels, row-major."""
    assert instances([[1, 2], [3, 4]]).table.tolist() == [[1.0, 2.0, 3.0, 4.0]]


def test_objects_name_their_columns() -> None:
    """The columns of objects are all their names, in the order of their first mention; a name they lack is null."""
    payload = instances({"length": 1, "width": 2}, {"width": 3, "colour": 4})

    assert payload.names == ("length", "width", "colour")
    assert np.array_equal(payload.table, [[1, 2, np.nan], [np.nan, 3, 4]], equal_nan=True)


def test_objects_may_hold_lists_of_one() -> None:
    """TensorFlow's clients wrap each value in a list; it is the same value."""
    assert instances({"length": [1.0], "width": [2.0]}).table.tolist() == [[1.0, 2.0]]


def test_no_instances_are_no_rows() -> None:
    """An empty request is a table without rows, and no fault."""
    assert len(instances().table) == 0


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([[1, 2], [3]], "instances do not have one shape"),
        ([1, [2]], "instances do not have one shape"),
        (["a", ["b"]], "instances do not have one shape"),
        ([None, [1]], "instances do not have one shape"),
        ([[1, {"x": 1}]], "instances do not have one shape"),
        ([["red", {"x": 1}]], "instances do not have one shape"),
        ([{"a": 1}, [2]], "instances mix objects with a list"),
        ([{"a": {"b": 1}}], "instances do not have one shape"),
        ([{"a": [1, 2], "b": [3, 4]}], "instances hold lists under a name"),
        ("text", "instances is a text, not a list of rows"),
        (None, "instances is null, not a list of rows"),
        (7, "instances is a number, not a list of rows"),
    ],
)
def test_rows_that_are_no_table_are_refused(rows: Any, reason: str) -> None:
    """Ragged, nested or mixed rows are refused with what is wrong, and never guessed at."""
    with pytest.raises(PayloadError, match=reason):
        decode(json.dumps({"instances": rows}).encode())


def test_predictions_win() -> None:
    """A model that echoes its instances has answered all the same."""
    payload = decode(b'{"instances": [[1, 2]], "predictions": [3]}')

    assert payload.half == "response"
    assert payload.table.tolist() == [[3.0]]
