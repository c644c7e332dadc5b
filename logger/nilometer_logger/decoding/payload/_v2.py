"""KServe's v2 protocol (Open Inference Protocol): named tensors in `inputs` (asked) or `outputs` (answered).

A tensor's values stand in its `data`, flat or nested, or, with the binary tensor extension, after the document: then
`parameters.binary_data_size` says how many bytes are its own, and tensors follow one another in their order. Other
parameters (MLServer's `content_type`, Triton's `binary_data`) say what a server shall make of a tensor, and change
nothing here. All tensors of a document must have the same number of rows.

In JSON the datatype matters in one way: where it is a number's, a text must be a word for NaN or infinity, which Go's
and protobuf's encoders write because JSON has no number for them. FP16 and BF16 have no form in JSON; servers write
numbers all the same.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.cloudevents.kserve import Half
from nilometer_logger.decoding.payload._table import Payload, check_parts, side_by_side
from nilometer_logger.decoding.payload._tensors import check_shape, from_bytes, is_numeric, shaped
from nilometer_logger.decoding.payload._values import kind, to_array
from nilometer_logger.errors import PayloadError


def half_of(document: dict[str, Any]) -> Half:
    """Tells the half of a document with `inputs` or `outputs`.

    A request may name the outputs that it asks for, so outputs without values beside inputs are no answer.
    """
    if "outputs" not in document:
        return "request"
    outputs = document["outputs"]
    asked = isinstance(outputs, list) and not any(map(_has_values, outputs))
    return "request" if asked and "inputs" in document else "response"


def decode(half: Half, key: str, tensors: list[Any], body: bytes, end: int) -> Payload:
    """Decodes the tensors of a document.

    Args:
        half: of the document.
        key: `inputs` or `outputs`.
        tensors: what stands there.
        body: the document and what follows it.
        end: where in the body the document ends.

    Raises:
        PayloadError: if a tensor lacks something, or the tensors do not make one table.
    """
    if not tensors:
        raise PayloadError(f"{key} is without tensors")
    check_parts(len(tensors), key)
    parts = []
    for number, tensor in enumerate(tensors):
        place = f"{key}[{number}]"
        _check(tensor, tensors, key, place)
        name = tensor["name"]
        if tensor.get("data") is None:
            size = _binary_size(tensor, place)
            parts.append((name, _binary(tensor, memoryview(body)[end : end + size], size, place)))
            end += size
        else:
            parts.append((name, _json(tensor, place)))
    if end < len(body) and body[end:].strip():
        raise PayloadError(
            f"{len(body) - end} bytes follow the JSON and the tensors of {key}: nothing says what they are"
        )
    return side_by_side(half, key, parts)


def _check(tensor: Any, tensors: list[Any], key: str, place: str) -> None:
    """Checks that a tensor has all that one needs."""
    if not isinstance(tensor, dict):
        raise PayloadError(f"{place} is {kind(tensor)}, not a tensor")
    if "name" in tensor and "shape" in tensor and _has_values(tensor):
        if not isinstance(tensor["name"], str):
            raise PayloadError(f"{place}.name is {kind(tensor['name'])}, not a text")
        check_shape(tensor["shape"], place)
        return
    if "name" in tensor and not any(map(_has_values, tensors)):
        raise PayloadError(f"the tensors of {key} have no data: the body is a model's metadata, not an inference")
    if tensor.keys() == {"b64"}:
        raise PayloadError(f"{place} holds base64 bytes (b64), which are no columns")
    missing = [name for name in ("name", "shape") if name not in tensor]
    if not _has_values(tensor):
        missing.append("data")
    raise PayloadError(f"{place} has no {' and no '.join(missing)}")


def _datatype(tensor: dict[str, Any]) -> str:
    datatype = tensor.get("datatype")
    return datatype.upper() if isinstance(datatype, str) else ""  # upper, as KServe's own server reads it


def _json(tensor: dict[str, Any], place: str) -> NDArray[np.generic]:
    data = tensor["data"]
    if not isinstance(data, list):
        raise PayloadError(f"{place}.data is {kind(data)}, not a list")
    flat = to_array(data, f"{place}.data", numeric=is_numeric(_datatype(tensor)))
    return shaped(flat, tensor["shape"], place)


def _binary(tensor: dict[str, Any], raw: memoryview, size: int, place: str) -> NDArray[np.generic]:
    place = f"{place} ({tensor['name']})"
    if len(raw) < size:
        raise PayloadError(f"{place} has {size} bytes, but only {len(raw)} follow")
    return from_bytes(_datatype(tensor), tensor["shape"], raw, place)


def _has_values(tensor: Any) -> bool:
    if not isinstance(tensor, dict):
        return False
    if "data" in tensor:
        return True
    parameters = tensor.get("parameters")
    return isinstance(parameters, dict) and "binary_data_size" in parameters


def _binary_size(tensor: dict[str, Any], place: str) -> int:
    parameters = tensor.get("parameters")
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if type(size) is not int or size < 0:
        raise PayloadError(f"{place}.data is null, and its binary_data_size is {kind(size)}, not a count of bytes")
    return size
