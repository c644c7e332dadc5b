"""The v2 protocol's binary tensor extension: the bytes of tensors after a document whose length nobody tells us."""

import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.decoding.payload import decode
from nilometer_logger.errors import PayloadError
from nilometer_logger.rows import Column, Schema, bind
from tests.unit.decoding.payload.encoders import DTYPES, Tensor, check_same, request, response, rest, tensor, tensors


def head(name: str, datatype: str, shape: list[int], size: Any) -> dict[str, Any]:
    """Returns a tensor of a document whose bytes follow it."""
    return {"name": name, "datatype": datatype, "shape": shape, "parameters": {"binary_data_size": size}}


def inputs(*found: dict[str, Any], raw: bytes, **more: Any) -> bytes:
    """Returns a request of tensors and what follows them."""
    return json.dumps({**more, "inputs": found}, ensure_ascii=False).encode() + raw


@given(tensors())
def test_what_kserve_s_client_asks_is_decoded(found: list[Tensor]) -> None:
    """Any tensors, of any datatype and shape, are the same rows that KServe's own encoder was given."""
    payload = decode(rest(request(found)))

    assert payload.half == "request"
    check_same(payload, found)


@given(tensors())
def test_what_kserve_s_server_answers_is_decoded(found: list[Tensor]) -> None:
    """A response is told by its outputs."""
    payload = decode(rest(response(found)))

    assert payload.half == "response"
    check_same(payload, found)


@pytest.mark.parametrize("datatype", [datatype for datatype in DTYPES if datatype not in {"BOOL", "BYTES"}])
def test_one_tensor_is_a_view_of_the_body(datatype: str) -> None:
    """Its numbers keep their datatype and are copied by nobody."""
    table = decode(rest(request([tensor("x", datatype, [[1, 2], [3, 4]])]))).table

    assert table.dtype == DTYPES[datatype]
    assert not table.flags.owndata
    assert not table.flags.writeable


@pytest.mark.parametrize("datatype", [datatype for datatype in DTYPES if datatype != "BYTES"])
@pytest.mark.parametrize("padding", range(8))
def test_a_view_binds_to_a_schema_as_float64(datatype: str, padding: int) -> None:
    """Wherever in the body the numbers begin, the rows are whole, contiguous and aligned float64."""
    body = request([tensor("x", datatype, [[1, 0], [1, 1]])])
    body.id = "r" * padding

    values, unseen = bind(Schema((Column("a"), Column("b"))), ("x.0", "x.1"), decode(rest(body)).table)

    assert values.dtype == np.float64
    assert values.flags.aligned
    assert values.flags.c_contiguous
    assert (values.tolist(), unseen) == ([[1.0, 0.0], [1.0, 1.0]], {})


def test_booleans_and_integers_are_categories() -> None:
    """A class may be answered as INT64 and a flag as BOOL: both are found among a schema's categories."""
    payload = decode(rest(response([tensor("class", "INT64", [2, 7]), tensor("sure", "BOOL", [True, False])])))
    schema = Schema((Column("class", "categorical", ("1", "2")), Column("sure", "categorical", ("false", "true"))))

    assert bind(schema, payload.names, payload.table)[0].tolist() == [[1.0, 1.0], [-1.0, 0.0]]


def test_a_signalling_nan_is_missing() -> None:
    """Any pattern of bits may stand in a float; one that processors complain about is NaN like any other."""
    signalling = struct.pack("<If", 0x7F800001, 1.5)
    payload = decode(inputs(head("x", "FP32", [2], 8), raw=signalling))
    beside = decode(inputs(head("x", "FP32", [2], 8), head("y", "FP64", [2], 16), raw=signalling + bytes(16)))

    for found in (payload, beside):
        assert np.array_equal(
            bind(Schema((Column("x"),)), ("x",), found.table[:, :1])[0], [[np.nan], [1.5]], equal_nan=True
        )


def test_bf16_is_the_upper_half_of_a_float32() -> None:
    """Numpy has no such datatype, and neither has KServe's client; Triton's servers have."""
    raw = np.array([1.5, -2.0, np.inf, np.nan], dtype="<f4").view("<u2")[1::2].tobytes()

    table = decode(inputs(head("x", "BF16", [4], 8), raw=raw)).table

    assert np.array_equal(table, [[1.5], [-2.0], [np.inf], [np.nan]], equal_nan=True)


def test_a_boolean_is_any_byte_but_zero() -> None:
    """What C takes for true is true, and never 255."""
    table = decode(inputs(head("x", "BOOL", [4], 4), raw=b"\x00\x01\x02\xff")).table

    assert table.tolist() == [[False], [True], [True], [True]]


@pytest.mark.parametrize("datatype", ["INT64", "UINT64"])
def test_integers_beyond_2_to_the_53_are_whole_until_they_are_bound(datatype: str) -> None:
    """The table has them to the last digit; the rows have the nearest float64, as they have of any number in JSON."""
    table = decode(rest(request([tensor("x", datatype, [2**53 + 1])]))).table

    assert table.tolist() == [[2**53 + 1]]
    assert bind(Schema((Column("x"),)), None, table)[0].tolist() == [[float(2**53)]]


@given(st.binary(max_size=40), st.text(max_size=10))
def test_the_end_of_the_document_is_found_whatever_stands_around_it(raw: bytes, text: str) -> None:
    """Braces, quotes and white space may stand in the bytes, and all of them in the document's texts."""
    body = inputs(head("{x}", "UINT8", [len(raw) + 1], len(raw) + 1), raw=raw + b"\n", id=f'}}]}}{{"{text}')

    assert decode(body).table.ravel().tolist() == [*raw, 10]


@pytest.mark.parametrize("raw", [b"}", b"]", b" ", b"\n\n\n\n", b"}]}", b'"', b"{}"])
def test_bytes_that_look_like_json_are_bytes(raw: bytes) -> None:
    """A tensor of white space or braces does not lengthen the document."""
    assert decode(inputs(head("x", "INT8", [len(raw)], len(raw)), raw=raw)).table.ravel().tolist() == list(raw)


def test_the_document_may_be_long() -> None:
    """A hundred tensors, or texts of many characters in any alphabet, are found to their end."""
    found = [head(f"wärme{number}", "INT8", [1], 1) for number in range(100)]

    payload = decode(inputs(*found, raw=bytes(range(100)), id="Ω" * 5000))

    assert payload.names == tuple(f"wärme{number}" for number in range(100))
    assert payload.table.tolist() == [list(range(100))]


def test_tensors_in_json_and_in_bytes_stand_side_by_side() -> None:
    """Bytes belong to the tensors that claim them, in their order; the others have data."""
    found = [
        {"name": "a", "datatype": "FP32", "shape": [2], "data": [1.5, float("nan")]},
        head("b", "INT16", [2, 2], 8),
        {"name": "c", "datatype": "BYTES", "shape": [2], "data": ["red", "}"]},
        head("d", "BYTES", [2], 11),
    ]
    raw = struct.pack("<4h", 1, 2, 3, 4) + struct.pack("<I3sI", 3, b"sun", 0)

    payload = decode(inputs(*found, raw=raw))

    assert payload.names == ("a", "b.0", "b.1", "c", "d")
    assert payload.table[0].tolist() == [1.5, 1, 2, "red", "sun"]
    assert payload.table[1, 1:].tolist() == [3, 4, "}", ""]


def test_outputs_that_are_asked_for_do_not_make_a_response() -> None:
    """A request may name the outputs that it wants, and how; it holds inputs all the same."""
    found = [tensor("x", "FP32", [[1, 2]])]

    payload = decode(rest(request(found, asks=["y", "z"])))

    assert payload.half == "request"
    check_same(payload, found)


def test_a_tensor_without_rows_is_no_rows() -> None:
    """KServe's client writes null for its data, and its size is none."""
    document, _ = request([tensor("x", "INT8", np.empty((0, 4)))]).to_rest()

    assert document["inputs"][0]["data"] is None
    assert len(decode(json.dumps(document).encode()).table) == 0


@pytest.mark.parametrize(
    ("found", "raw", "reason"),
    [
        (head("x", "FP32", [2], 8), b"1234", r"inputs\[0\] \(x\) has 8 bytes, but only 4 follow"),
        (head("x", "FP32", [2], 8), b"", r"inputs\[0\] \(x\) has 8 bytes, but only 0 follow"),
        (head("x", "FP32", [3], 8), bytes(8), r"\(x\) has 8 bytes, but its shape \[3\] of FP32 asks for 12"),
        (head("x", "FP64", [1], 4), bytes(4), r"\(x\) has 4 bytes, but its shape \[1\] of FP64 asks for 8"),
        (head("x", "FP32", [1], 4), bytes(9), r"5 bytes follow the JSON and the tensors of inputs"),
        (head("x", "FP128", [1], 16), bytes(16), r"\(x\) has a datatype that is none of BOOL, .*, BYTES"),
        ({"name": "x", "shape": [1], "parameters": {"binary_data_size": 1}}, b"1", "has a datatype that is none of"),
        (head("x", "FP32", [1], -4), bytes(4), "its binary_data_size is a number, not a count"),
        (head("x", "FP32", [1], 4.0), bytes(4), "its binary_data_size is a number, not a count"),
        (head("x", "FP32", [1], True), bytes(4), "its binary_data_size is a boolean, not a count"),
        (head("x", "FP32", [1], "4"), bytes(4), "its binary_data_size is a text, not a count"),
        (head("x", "FP32", [2**31 - 1] * 32, 4), bytes(4), "asks for "),
        (head("x", "BYTES", [1], 6), b"\x09\0\0\0ab", "is BYTES, but element 0 ends after the tensor's 6 bytes"),
        (head("x", "BYTES", [1], 2), b"\x09\0", "is BYTES, but element 0 ends after the tensor's 2 bytes"),
        (head("x", "BYTES", [2], 6), b"\x02\0\0\0ab", r"has 1 values, but its shape \[2\] asks for 2"),
        (head("x", "BYTES", [1], 6), b"\x02\0\0\0\xff\xd8", r"\(x\) is BYTES that are no text in UTF-8"),
    ],
)
def test_bytes_that_are_not_the_tensor_s_are_refused(found: dict[str, Any], raw: bytes, reason: str) -> None:
    """The reason names the tensor, what it says, and what there is."""
    with pytest.raises(PayloadError, match=reason):
        decode(inputs(found, raw=raw))


def test_bytes_after_a_document_that_claims_none_are_refused() -> None:
    """Rows that somebody appended in a way unknown to us are not lost in silence."""
    for document in (b'{"instances": [1]}', b'{"inputs": [1]}', b'{"inputs": {"a": [1]}}'):
        with pytest.raises(PayloadError, match="4 bytes follow the body's JSON"):
            decode(document + b"\0\0\0\0")


def test_several_documents_are_a_stream() -> None:
    """One body is one request or one response."""
    with pytest.raises(PayloadError, match="several JSON documents, a stream"):
        decode(b'{"instances": [1]}\n{"instances": [2]}\n')
