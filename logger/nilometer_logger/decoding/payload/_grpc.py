"""The gRPC form of the v2 protocol: one frame with a `ModelInferRequest` or a `ModelInferResponse`.

A frame is a byte that says whether the message is compressed, its length in four bytes, and the message. A body of
several frames is a stream: the protocol of KServe has none, another server's may send anything in it, and the first
message alone would be less than what was asked or answered. So it is refused, and no row is lost in silence.

Whether a message was asked or answered stands in its bytes only where it holds raw contents. With typed contents a
request (that asks for all outputs) and a response are the same bytes; then the half is None, and the event's type tells.
"""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.cloudevents.kserve import Half
from nilometer_logger.decoding.payload._compression import inflate, is_gzip, is_zlib
from nilometer_logger.decoding.payload._limits import Limits
from nilometer_logger.decoding.payload._table import Payload, check_parts, side_by_side
from nilometer_logger.decoding.payload._tensors import check_count, check_shape, from_bytes, shaped, to_objects, to_text
from nilometer_logger.errors import PayloadError

_PREFIX = 5
_LONGEST_VARINT = 10
# A tensor, its contents and an output that is asked for are a field each; what a server adds to them are a few.
_MOST_FIELDS = 65_536
_FIXED = {"FP32": "fp32_contents", "FP64": "fp64_contents"}
_VARYING: dict[str, tuple[str, str]] = {
    "BOOL": ("bool_contents", "?"),
    "INT8": ("int_contents", "i4"),
    "INT16": ("int_contents", "i4"),
    "INT32": ("int_contents", "i4"),
    "INT64": ("int64_contents", "i8"),
    "UINT8": ("uint_contents", "u4"),
    "UINT16": ("uint_contents", "u4"),
    "UINT32": ("uint_contents", "u4"),
    "UINT64": ("uint64_contents", "u8"),
}


def frames(body: bytes) -> int:
    """Counts the frames of a body; 0 where it is not made of frames and nothing else."""
    count = begin = 0
    while begin + _PREFIX <= len(body) and body[begin] < 2:
        begin += _PREFIX + int.from_bytes(body[begin + 1 : begin + _PREFIX], "big")
        count += 1
    return count if begin == len(body) else 0


def is_message(body: bytes) -> bool:
    """Tells whether a body is a request or response without its frame."""
    try:
        tensors = _parse(body).tensors
    except ValueError:
        return False
    return any(tensor.name and tensor.datatype for tensor in tensors)


def decode(body: bytes, limits: Limits) -> Payload:
    """Decodes a body of one frame.

    Args:
        body: of one frame.
        limits: of what it may hold.

    Raises:
        PayloadError: if the message has no tensors, or they do not make one table, or it holds too much.
    """
    message = _inflated(body[_PREFIX:], limits.inflated_bytes) if body[0] else memoryview(body)[_PREFIX:]
    if _fields(message, _MOST_FIELDS) > _MOST_FIELDS:
        raise PayloadError(f"the body is a gRPC message with more than {_MOST_FIELDS} fields: more than any model has")
    try:
        inference = _parse(message)
    except ValueError:
        raise PayloadError("the body is a gRPC message, but none of the v2 protocol") from None
    tensors = inference.tensors
    if not tensors:
        raise PayloadError("the body is a gRPC message without tensors: about a state or metadata, not an inference")
    half, raw = _half(inference)
    place = "outputs" if half == "response" else "inputs"
    check_parts(len(tensors), place)
    _check_cells(tensors, place, limits)
    if raw is None:
        if not any(tensor.HasField("contents") for tensor in tensors):
            raise PayloadError(
                "the tensors of the gRPC message have no contents: it is a model's metadata, not an inference"
            )
        return side_by_side(half, place, [_typed(tensor, number) for number, tensor in enumerate(tensors)])
    if len(raw) != len(tensors):
        raise PayloadError(f"the gRPC message has {len(tensors)} tensors, but {len(raw)} raw contents")
    pairs = enumerate(zip(tensors, raw, strict=True))
    return side_by_side(half, place, [_raw(tensor, contents, number) for number, (tensor, contents) in pairs])


def _fields(message: bytes | memoryview, most: int) -> int:
    """Counts the fields of a message, which become objects when it is parsed; stops at one more than `most`.

    A field is a tag and a value (https://protobuf.dev/programming-guides/encoding). What is none ends the count: the
    parser will say so.
    """
    count = place = 0
    while place < len(message) and count <= most:
        tag, place = _varint(message, place)
        match tag & 7:
            case 0:
                _, place = _varint(message, place)
            case 1:
                place += 8
            case 2:
                length, place = _varint(message, place)
                place += length
            case 5:
                place += 4
            case _:
                break
        count += 1
    return count


def _varint(message: bytes | memoryview, place: int) -> tuple[int, int]:
    """Reads a number of at most ten bytes, and where it ends."""
    number = 0
    for shift, byte in enumerate(message[place : place + _LONGEST_VARINT]):
        number |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return number, place + shift + 1
    return number, len(message)


def _check_cells(tensors: Any, place: str, limits: Limits) -> None:
    """Checks, before any is made, how many values the shapes ask for."""
    cells = sum(prod(size for size in tensor.shape if size >= 0) for tensor in tensors if len(tensor.shape))
    if cells > limits.cells:
        raise PayloadError(
            f"the tensors of {place} have {cells} values: {limits.cells} is the most (--max-event-cells); send them in "
            "several requests"
        )


def _parse(message: bytes | memoryview) -> Any:
    """Reads a message; ValueError where it is none."""
    from nilometer_logger.decoding.payload._messages import parse  # noqa: PLC0415 - 6 MB that only who meets gRPC pays for

    return parse(message)


def _inflated(message: bytes, bound: int) -> bytes:
    if not (is_gzip(message) or is_zlib(message)):
        raise PayloadError("the body is a gRPC message, compressed in a way that does not tell itself")
    return inflate(message, bound)


def _half(inference: Any) -> tuple[Half | None, Any]:
    """Tells the half, and the tensors' raw contents where they are not typed."""
    if inference.raw:
        return "request", inference.raw
    if not inference.asked_or_raw:
        return None, None
    if any(tensor.HasField("contents") for tensor in inference.tensors):
        return "request", None  # a response has either typed or raw contents; these are the outputs asked for
    return "response", inference.asked_or_raw


def _head(tensor: Any, number: int) -> tuple[str, list[int]]:
    place = f"tensor {number} ({tensor.name})"
    shape = list(tensor.shape)
    check_shape(shape, place)
    return place, shape


def _raw(tensor: Any, contents: bytes, number: int) -> tuple[str, NDArray[np.generic]]:
    place, shape = _head(tensor, number)
    return tensor.name, from_bytes(tensor.datatype, shape, contents, place)


def _typed(tensor: Any, number: int) -> tuple[str, NDArray[np.generic]]:
    place, shape = _head(tensor, number)
    contents, datatype = tensor.contents, tensor.datatype
    if datatype in _FIXED:
        packed = b"".join(getattr(contents, _FIXED[datatype]))  # a list may come in parts
        return tensor.name, from_bytes(datatype, shape, packed, place)
    if datatype != "BYTES" and datatype not in _VARYING:
        raise PayloadError(f"{place} has a datatype that typed contents do not have")
    field, dtype = _VARYING.get(datatype, ("bytes_contents", ""))
    values = getattr(contents, field)
    check_count(len(values), shape, place)
    if datatype == "BYTES":
        return tensor.name, shaped(to_objects([to_text(raw, place) for raw in values]), shape, place)
    return tensor.name, shaped(np.array(values[:], dtype), shape, place)
