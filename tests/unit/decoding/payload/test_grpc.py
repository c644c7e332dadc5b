"""gRPC: a frame with a request or response of the v2 protocol, as KServe's own generated messages write it."""

import gzip
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from kserve.protocol.grpc.grpc_predict_v2_pb2 import (
    ModelInferRequest,
    ModelInferResponse,
    ModelMetadataResponse,
    ModelReadyRequest,
    ServerLiveRequest,
    ServerLiveResponse,
)

from nilometer_logger.decoding.payload import Limits, decode
from nilometer_logger.errors import PayloadError
from tests.unit.decoding.payload.encoders import TYPED, Tensor, check_same, frame, request, response, tensor, tensors

X = tensor("x", "FP32", [[1.5, 2.5]])
HEAD: dict[str, Any] = {"name": "x", "datatype": "FP32", "shape": [1, 2]}


@given(tensors())
def test_raw_contents_are_decoded(found: list[Tensor]) -> None:
    """Bytes beside the tensors are what KServe's client and server send by default; they tell the half as well."""
    for message, half in ((request(found), "request"), (response(found), "response")):
        payload = decode(frame(message.to_grpc()))
        assert payload.half == half
        check_same(payload, found)


@given(tensors(TYPED))
def test_typed_contents_are_decoded(found: list[Tensor]) -> None:
    """Values in the fields of their types are the same rows, but a request and a response of them are the same bytes."""
    for message in (request(found, binary=False), response(found, binary=False)):
        payload = decode(frame(message.to_grpc()))
        assert payload.half is None
        check_same(payload, found)


@pytest.mark.parametrize("binary", [True, False])
def test_outputs_that_are_asked_for_tell_a_request(binary: bool) -> None:
    """A response has raw contents where a request has the names of outputs."""
    message = request([X], binary=binary).to_grpc()
    message.outputs.add(name="y")

    payload = decode(frame(message))

    assert payload.half == "request"
    check_same(payload, [X])


def test_raw_contents_are_a_view() -> None:
    """The only tensor's numbers keep their datatype and are not taken apart."""
    table = decode(frame(request([X]).to_grpc())).table

    assert table.dtype == np.float32
    assert not table.flags.owndata


def test_bf16_is_decoded() -> None:
    """It has no field of its own and comes in raw contents."""
    message = ModelInferRequest(inputs=[{**HEAD, "datatype": "BF16"}], raw_input_contents=[b"\xc0\x3f\x20\x40"])

    assert decode(frame(message)).table.tolist() == [[1.5, 2.5]]


def test_parameters_disturb_nothing() -> None:
    """Of the message or of a tensor, and the metadata of the model, they are passed over."""
    message = response([X]).to_grpc()
    message.parameters["binary_data_size"].int64_param = 7
    message.outputs[0].parameters["content_type"].string_param = "np"

    check_same(decode(frame(message)), [X])


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_a_compressed_message_is_decoded(compress: Any) -> None:
    """The frame says that it is, and its bytes say how: gzip, or what gRPC calls deflate."""
    check_same(decode(frame(compress(request([X]).to_grpc().SerializeToString()), flag=1)), [X])


def test_a_compressed_message_has_a_bound() -> None:
    """A thousand times a thousand zeros are not inflated."""
    message = gzip.compress(bytes(10**6))

    with pytest.raises(PayloadError, match="inflates to more than 1000 bytes"):
        decode(frame(message, flag=1), Limits(inflated_bytes=1000))


def test_a_stream_is_refused() -> None:
    """KServe's protocol has one message a call; the first of several would be less than what was asked."""
    with pytest.raises(PayloadError, match="3 gRPC messages, a stream"):
        decode(frame(request([X]).to_grpc()) * 3)


def test_a_message_without_its_frame_is_refused() -> None:
    """It is told what it is."""
    with pytest.raises(PayloadError, match="a protobuf message without gRPC's frame"):
        decode(request([X]).to_grpc().SerializeToString())


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (ServerLiveRequest(), "a gRPC message without tensors"),
        (ServerLiveResponse(live=True), "a gRPC message without tensors"),
        (ModelReadyRequest(name="m"), "a gRPC message without tensors"),
        (
            ModelMetadataResponse(
                name="m", platform="p", outputs=[{"name": "y", "datatype": "FP32", "shape": [-1, 2]}]
            ),
            "the tensors of the gRPC message have no contents: it is a model's metadata",
        ),
        (ModelInferResponse(model_name="m"), "a gRPC message without tensors"),
    ],
)
def test_other_calls_are_set_aside(message: Any, reason: str) -> None:
    """KServe's agent logs questions for the state and the metadata of a model as well."""
    with pytest.raises(PayloadError, match=reason):
        decode(frame(message))


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (ModelInferRequest(inputs=[HEAD, HEAD], raw_input_contents=[bytes(8)]), "has 2 tensors, but 1 raw contents"),
        (ModelInferRequest(inputs=[HEAD], raw_input_contents=[bytes(4)]), r"\(x\) has 4 bytes, .* FP32 asks for 8"),
        (
            ModelInferResponse(outputs=[{**HEAD, "contents": {"fp32_contents": [1]}}]),
            r"tensor 0 \(x\) has 4 bytes, but its shape \[1, 2\] of FP32 asks for 8",
        ),
        (
            ModelInferResponse(outputs=[{**HEAD, "datatype": "INT8", "contents": {"fp32_contents": [1, 2]}}]),
            r"\(x\) has 0 values, but its shape \[1, 2\] asks for 2",
        ),
        (
            ModelInferResponse(outputs=[{**HEAD, "datatype": "FP16", "contents": {"fp32_contents": [1, 2]}}]),
            "a datatype that typed contents do not have",
        ),
        (ModelInferRequest(inputs=[{"name": "x"}], raw_input_contents=[b""]), r"shape has 0 sizes"),
        (
            ModelInferRequest(inputs=[{**HEAD, "shape": [-1, 2]}], raw_input_contents=[bytes(8)]),
            "shape has a size that is no count",
        ),
        (
            ModelInferResponse(
                outputs=[{"name": "x", "datatype": "BYTES", "shape": [1], "contents": {"bytes_contents": [b"\xff"]}}]
            ),
            r"\(x\) is BYTES that are no text",
        ),
    ],
)
def test_messages_that_do_not_fit_together_are_refused(message: Any, reason: str) -> None:
    """The reason names the tensor, what it says, and what there is."""
    with pytest.raises(PayloadError, match=reason):
        decode(frame(message))


def test_numbers_that_are_not_packed_are_refused() -> None:
    """No encoder of proto3 writes them so; they are not taken for a tensor of fewer numbers."""
    contents = b"".join(b"\x35" + value.tobytes() for value in np.array([1, 2], "<f4"))
    tensor_bytes = b"\x0a\x01x\x12\x04FP32\x1a\x02\x01\x02\x2a" + bytes([len(contents)]) + contents
    message = b"\x2a" + bytes([len(tensor_bytes)]) + tensor_bytes

    assert list(ModelInferRequest.FromString(message).inputs[0].contents.fp32_contents) == [1, 2]
    with pytest.raises(PayloadError, match=r"\(x\) has 0 bytes, but its shape \[1, 2\] of FP32 asks for 8"):
        decode(frame(message))


def test_a_frame_of_something_else_is_refused() -> None:
    """A frame says nothing of what is in it."""
    with pytest.raises(PayloadError, match="a gRPC message, but none of the v2 protocol"):
        decode(frame(b"\x07\x07\x07"))
    with pytest.raises(PayloadError, match="compressed in a way that does not tell itself"):
        decode(frame(b"\x07\x07\x07", flag=1))


def test_kserve_s_messages_and_ours_live_side_by_side() -> None:
    """Both are declared in this process; neither took the other's names."""
    message = request([X]).to_grpc()

    assert decode(frame(message)).table.tolist() == [[1.5, 2.5]]
    assert ModelInferRequest.FromString(message.SerializeToString()) == message
