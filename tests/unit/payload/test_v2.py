"""KServe's v2 protocol: tensors in `inputs` asked, in `outputs` answered."""

import json
from typing import Any

import numpy as np
import pytest

from nilometer_logger.errors import PayloadError
from nilometer_logger.payload import Payload, decode


def tensor(name: str, shape: list[Any], data: list[Any]) -> dict[str, Any]:
    """Returns a tensor in JSON."""
    return {"name": name, "shape": shape, "datatype": "FP64", "data": data}


def inputs(*tensors: Any) -> Payload:
    """Decodes a request of some tensors."""
    return decode(json.dumps({"id": "1", "inputs": tensors}).encode())


def test_a_tensor_of_one_dimension_is_a_column() -> None:
    """Its name is the column's."""
    payload = inputs(tensor("length", [3], [1, 2, 3]))

    assert (payload.half, payload.names) == ("request", ("length",))
    assert payload.table.tolist() == [[1.0], [2.0], [3.0]]


def test_a_matrix_is_numbered_columns() -> None:
    """The first dimension counts the rows; the columns are the name and a number."""
    payload = inputs(tensor("x", [2, 2], [1, 2, 3, 4]))

    assert payload.names == ("x.0", "x.1")
    assert payload.table.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_a_column_of_a_matrix_keeps_its_name() -> None:
    """A shape [n, 1] is a column like any other."""
    assert inputs(tensor("length", [2, 1], [1, 2])).names == ("length",)


@pytest.mark.parametrize("data", [[1, 2, 3, 4, 5, 6, 7, 8], [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]])
def test_data_may_be_flat_or_nested(data: list[Any]) -> None:
    """Both ways to write a tensor are the same rows, row-major."""
    assert inputs(tensor("x", [2, 2, 2], data)).table.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]


def test_tensors_stand_side_by_side() -> None:
    """The columns of all tensors, in their order, are one table."""
    payload = inputs(tensor("a", [2], [1, 2]), tensor("b", [2, 2], [3, 4, 5, 6]))

    assert payload.names == ("a", "b.0", "b.1")
    assert payload.table.tolist() == [[1, 3, 4], [2, 5, 6]]


def test_texts_and_numbers_stand_side_by_side() -> None:
    """A tensor of texts does not change the numbers of another, and a null among them stays one."""
    payload = inputs(tensor("colour", [2], ["red", None]), tensor("length", [2], [1, None]))

    assert payload.table[0].tolist() == ["red", 1.0]
    assert payload.table[1, 0] is None
    assert np.isnan(payload.table[1, 1])


def test_outputs_are_a_response() -> None:
    """What a model answers is in `outputs`, whatever else the document holds."""
    payload = decode(json.dumps({"model_name": "m", "outputs": [tensor("class", [1], [2])]}).encode())

    assert (payload.half, payload.names) == ("response", ("class",))


@pytest.mark.parametrize("shape", [[0], [0, 4], [0, 1_000_000_000]])
def test_a_tensor_without_rows_is_no_rows(shape: list[int]) -> None:
    """An empty request is a table without rows, however wide it says it is."""
    assert len(inputs(tensor("x", shape, [])).table) == 0


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ("text", r"inputs\[0\] is a text, not a tensor"),
        ({"shape": [1]}, r"inputs\[0\] has no name and no data"),
        ({"name": "x", "shape": [1], "parameters": {"binary_data_size": 8}}, r"inputs\[0\] has no data"),
        (tensor("x", [3], [1, 2]), r"inputs\[0\] has 2 values, but its shape \[3\] asks for 3"),
        (tensor("x", [2], [[1], [2, 3]]), r"inputs\[0\].data do not have one shape"),
        (tensor("x", [-1], [1]), r"inputs\[0\].shape is a list, not a list of at most 32 sizes"),
        (tensor("x", [], [1]), r"inputs\[0\].shape is a list, not a list of at most 32 sizes"),
        (tensor("x", [1.0], [1]), r"inputs\[0\].shape is a list, not a list of at most 32 sizes"),
        (tensor("x", [True], [1]), r"inputs\[0\].shape is a list, not a list of at most 32 sizes"),
        ({"name": "x", "shape": 1, "data": [1]}, r"inputs\[0\].shape is a number, not a list"),
        ({"name": "x", "shape": [1], "data": 1}, r"inputs\[0\].data is a number, not a list"),
        (tensor("x", [2, 0], []), r"inputs\[0\].shape \[2, 0\] asks for rows without values"),
    ],
)
def test_a_tensor_that_is_none_is_refused(found: Any, reason: str) -> None:
    """What a tensor lacks, or says wrongly, is named with its place."""
    with pytest.raises(PayloadError, match=reason):
        inputs(found)


def test_tensors_of_different_lengths_are_refused() -> None:
    """Rows that do not belong together are not joined."""
    with pytest.raises(PayloadError, match="the tensors of inputs have different numbers of rows: 2, 3"):
        inputs(tensor("a", [2], [1, 2]), tensor("b", [3], [1, 2, 3]))


@pytest.mark.parametrize(
    ("found", "reason"), [([], "without tensors"), ({"a": [1]}, "an object"), (None, "null"), ("text", "a text")]
)
def test_inputs_that_are_no_tensors_are_refused(found: Any, reason: str) -> None:
    """TensorFlow's columnar form, or nothing at all, is no list of tensors."""
    with pytest.raises(PayloadError, match=f"inputs is {reason}"):
        decode(json.dumps({"inputs": found}).encode())
