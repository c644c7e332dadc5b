"""KServe's v1 protocol, which is TensorFlow Serving's: written by rows or by columns."""

import json
from typing import Any

import numpy as np
import pytest

from nilometer_logger.decoding.payload import Payload, decode
from nilometer_logger.errors import PayloadError
from nilometer_logger.rows import Column, Schema, bind
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


def test_a_list_under_a_name_is_numbered_columns() -> None:
    """TensorFlow's own example has a text and a signal of several values in each instance."""
    payload = instances({"tag": "foo", "signal": [1, 2]}, {"tag": "bar", "signal": [3, 4]})

    assert payload.names == ("tag", "signal.0", "signal.1")
    assert payload.table.tolist() == [["foo", 1, 2], ["bar", 3, 4]]


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Inf"])
def test_a_word_for_no_number_stays_a_text(word: str) -> None:
    """Without a datatype nobody knows whether it is one; a numeric column will find it missing."""
    payload = instances([1.5, word])

    assert payload.table.tolist() == [[1.5, word]]
    assert np.isnan(bind(Schema((Column("a"), Column("b"))), None, payload.table)[0]).tolist() == [[False, True]]


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
        ([[1], 2], "instances do not have one shape"),
        ([[1, {"x": 1}]], "instances hold an object where a single value is needed"),
        ([["red", {"x": 1}]], "instances hold an object where a single value is needed"),
        ([1, {"x": 1}], "instances hold an object where a single value is needed"),
        ([{"a": 1}, [2]], "instances mix objects with a list"),
        ([{"a": {"b": 1}}], "instances hold an object where a single value is needed"),
        ([{"a": [1, 2]}, {"a": [3]}], "instances do not have one shape"),
        ([{"a": [1, 2]}, {"b": 3}], "instances do not have one shape"),
        ([{"b64": "aGk="}], "instances hold base64 bytes"),
        ([{"image": {"b64": "aGk="}, "key": 1}], "instances hold base64 bytes"),
        ([{}, {}], "instances are 2 objects without names"),
        ([[], []], "instances are 2 rows without values"),
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


@pytest.mark.parametrize("value", [{"class": [1, 2]}, {"class": 1}, 1, "cat", True, None])
def test_predictions_that_are_no_list_are_refused(value: Any) -> None:
    """Whether an object were a row or columns, and a single value a row, would be a guess."""
    with pytest.raises(PayloadError, match=r"predictions is .*, not a list of rows"):
        decode(json.dumps({"predictions": value}).encode())


@pytest.mark.parametrize(("key", "half"), [("inputs", "request"), ("outputs", "response")])
def test_columns_may_be_named(key: str, half: str) -> None:
    """TensorFlow's columnar form has each tensor under its name; one of several columns has them numbered."""
    columns = {"tag": ["foo", "bar"], "signal": [[1, 2], [3, 4]], "flag": [True, None]}
    payload = decode(json.dumps({"signature_name": "s", key: columns}).encode())

    assert (payload.half, payload.names) == (half, ("tag", "signal.0", "signal.1", "flag"))
    assert payload.table[0].tolist() == ["foo", 1, 2, 1]
    assert payload.table[1, :3].tolist() == ["bar", 3, 4]


@pytest.mark.parametrize(("key", "half"), [("inputs", "request"), ("outputs", "response")])
def test_the_only_tensor_may_stand_bare(key: str, half: str) -> None:
    """A list without objects is no list of v2's tensors, but the rows of TensorFlow's only one."""
    for rows, table in (([[1, 2], [3, 4]], [[1, 2], [3, 4]]), ([1, 2], [[1], [2]]), (["a", "b"], [["a"], ["b"]])):
        payload = decode(json.dumps({key: rows}).encode())
        assert (payload.half, payload.names, payload.table.tolist()) == (half, None, table)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({}, "inputs is an object without columns"),
        ({"a": 1}, "column 0 of inputs is a number, not a list with a value for each row"),
        ({"a": [1], "b": "x"}, "column 1 of inputs is a text, not a list"),
        ({"a": [1], "b": [1, 2]}, "of inputs have different numbers of rows: 1, 2"),
        ({"a": [[1], [2, 3]]}, "column 0 of inputs do not have one shape"),
        ({"image": [{"b64": "aGk="}]}, "column 0 of inputs hold base64 bytes"),
        ("text", "inputs is a text, not tensors, columns or rows"),
        (7, "inputs is a number, not tensors, columns or rows"),
        (None, "inputs is null, not tensors, columns or rows"),
    ],
)
def test_columns_that_are_no_table_are_refused(value: Any, reason: str) -> None:
    """The reason names the place and what stands there."""
    with pytest.raises(PayloadError, match=reason):
        decode(json.dumps({"inputs": value}).encode())
