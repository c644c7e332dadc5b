"""KServe's v2 protocol in JSON: tensors in `inputs` asked, in `outputs` answered."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from nilometer_logger.decoding.payload import Payload, decode
from nilometer_logger.errors import PayloadError
from tests.unit.decoding.payload.encoders import Tensor, check_same, request, tensors

NUMBERS = ["INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "FP16", "FP32", "FP64", "BF16"]


def tensor(name: str, shape: list[Any], data: list[Any], datatype: str = "FP64", **more: Any) -> dict[str, Any]:
    """Returns a tensor in JSON."""
    return {"name": name, "shape": shape, "datatype": datatype, "data": data, **more}


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
    payload = inputs(tensor("colour", [2], ["red", None], "BYTES"), tensor("length", [2], [1, None]))

    assert payload.table[0].tolist() == ["red", 1.0]
    assert payload.table[1, 0] is None
    assert np.isnan(payload.table[1, 1])


@given(tensors())
def test_what_kserve_s_client_asks_is_decoded(found: list[Tensor]) -> None:
    """Any tensors, of any datatype and shape, are the same rows that KServe's own encoder was given."""
    message = request(found, binary=False)
    document = {"inputs": [one.to_dict() for one in message.inputs]}  # to_rest refuses FP16, which other clients write

    payload = decode(json.dumps(document).encode())

    assert payload.half == "request"
    check_same(payload, found)


@pytest.mark.parametrize("datatype", NUMBERS)
def test_numbers_of_every_datatype_are_numbers(datatype: str) -> None:
    """FP16 and BF16 among them, for which the protocol has no form in JSON, and which servers write all the same."""
    table = inputs(tensor("x", [3], [1, 0, None], datatype)).table

    assert table.dtype == np.float64
    assert np.array_equal(table, [[1], [0], [np.nan]], equal_nan=True)


@pytest.mark.parametrize("data", [[True, False], [1, 0]])
def test_booleans_are_words_or_numbers(data: list[Any]) -> None:
    """Servers write BOOL either way."""
    assert inputs(tensor("x", [2], data, "BOOL")).table.tolist() == [[1.0], [0.0]]


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64", "BF16", "fp32"])
def test_words_for_nan_and_infinity_are_numbers_where_the_datatype_is(datatype: str) -> None:
    """Go's encoder refuses them as numbers, so Go's servers write them as texts, or null."""
    words = ["NaN", "Infinity", "-Infinity", "+Inf", "-Inf", "inf", "nan", None, 1.5]

    table = inputs(tensor("x", [9], words, datatype)).table

    inf = np.inf
    assert table.dtype == np.float64
    assert np.array_equal(table.ravel(), [np.nan, inf, -inf, inf, -inf, inf, np.nan, np.nan, 1.5], equal_nan=True)


def test_the_same_words_are_texts_where_the_datatype_is() -> None:
    """A category may be called NaN."""
    assert inputs(tensor("x", [2], ["NaN", "Inf"], "BYTES")).table.tolist() == [["NaN"], ["Inf"]]


def test_a_text_among_numbers_is_refused() -> None:
    """A datatype is the client's own word, and the reason does not repeat the text."""
    with pytest.raises(PayloadError) as refused:
        inputs(tensor("x", [2], [1, "secret"], "FP32"))

    assert str(refused.value) == "inputs[0].data hold a text, but their datatype is a number's"


@pytest.mark.parametrize("datatype", [{}, {"datatype": None}, {"datatype": "STRING"}, {"datatype": 7}])
def test_a_datatype_that_says_nothing_changes_nothing(datatype: dict[str, Any]) -> None:
    """JSON tells numbers and texts by itself."""
    found = [{"name": "x", "shape": [2], "data": data, **datatype} for data in ([1, 2], ["a", "NaN"])]

    assert inputs(*found).table.tolist() == [[1, "a"], [2, "NaN"]]


def test_integers_beyond_2_to_the_53_are_the_nearest_float64() -> None:
    """As every number is from here on; none is wrapped or refused."""
    assert inputs(tensor("x", [2], [2**53 + 1, 2**64 - 1], "UINT64")).table.tolist() == [[float(2**53)], [float(2**64)]]


@pytest.mark.parametrize(
    "parameters",
    [None, {}, {"content_type": "pd"}, {"content_type": "base64"}, {"binary_data_size": 16}, {"binary_data": False}, 7],
)
def test_parameters_disturb_nothing(parameters: Any) -> None:
    """MLServer's content types and what is left of a binary tensor say nothing of data that stand in the document."""
    found = tensor("x", [2], [1, 2], parameters=parameters)
    document = {"id": "1", "parameters": parameters, "inputs": [found], "outputs": [{"name": "y"}]}

    payload = decode(json.dumps(document).encode())

    assert (payload.half, payload.names, payload.table.tolist()) == ("request", ("x",), [[1.0], [2.0]])


def test_a_response_may_repeat_its_request() -> None:
    """Outputs with values are an answer, whatever stands beside them."""
    document = {"inputs": [tensor("x", [1], [1])], "outputs": [tensor("y", [1], [2])]}

    assert decode(json.dumps(document).encode()).names == ("y",)


@pytest.mark.parametrize("more", [{"platform": "sklearn", "versions": ["1"]}, {}])
def test_a_model_s_metadata_is_no_inference(more: dict[str, Any]) -> None:
    """It has tensors with shapes and datatypes, and no data in any of them."""
    found = [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}]

    with pytest.raises(PayloadError, match="the tensors of inputs have no data: the body is a model's metadata"):
        decode(json.dumps({"name": "m", **more, "inputs": found, "outputs": found}).encode())


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
        ({"shape": [1]}, r"inputs\[0\] has no name and no data"),
        ({"name": "x", "data": [1]}, r"inputs\[0\] has no shape"),
        ({"b64": "aGk="}, r"inputs\[0\] holds base64 bytes"),
        ({"name": ["x"], "shape": [1], "data": [1]}, r"inputs\[0\].name is a list, not a text"),
        (tensor("x", [3], [1, 2]), r"inputs\[0\] has 2 values, but its shape \[3\] asks for 3"),
        (tensor("x", [2], [[1], [2, 3]]), r"inputs\[0\].data do not have one shape"),
        (tensor("x", [1], [{"a": 1}]), r"inputs\[0\].data hold an object"),
        (tensor("x", [1], [{"b64": "aGk="}]), r"inputs\[0\].data hold base64 bytes"),
        (tensor("x", [-1], [1]), r"inputs\[0\].shape has a size that is no count"),
        (tensor("x", [], [1]), r"inputs\[0\].shape has 0 sizes, not 1 to 32"),
        (tensor("x", [1] * 33, [1]), r"inputs\[0\].shape has 33 sizes, not 1 to 32"),
        (tensor("x", [1.0], [1]), r"inputs\[0\].shape has a size that is no count"),
        (tensor("x", [True], [1]), r"inputs\[0\].shape has a size that is no count"),
        ({"name": "x", "shape": 1, "data": [1]}, r"inputs\[0\].shape is a number, not a list"),
        ({"name": "x", "shape": [1], "data": 1}, r"inputs\[0\].data is a number, not a list"),
        ({"name": "x", "shape": [1], "data": None}, r"inputs\[0\].data is null, and its binary_data_size is null"),
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


def test_what_is_no_tensor_beside_one_is_refused() -> None:
    """A list with an object in it is a list of tensors, and all must be."""
    with pytest.raises(PayloadError, match=r"inputs\[1\] is a text, not a tensor"):
        inputs(tensor("x", [1], [1]), "text")
    with pytest.raises(PayloadError, match=r"inputs\[1\] has no data"):
        inputs(tensor("x", [1], [1]), {"name": "y", "shape": [1]})


def test_no_tensors_are_refused() -> None:
    """An empty list says nothing of rows."""
    with pytest.raises(PayloadError, match="inputs is without tensors"):
        inputs()
