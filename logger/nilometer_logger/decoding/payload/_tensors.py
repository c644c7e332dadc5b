"""What the v2 protocol says of tensors, in JSON, in binary and in gRPC: datatypes, shapes and bytes.

A tensor's first dimension counts the rows and the others are its columns, row-major; a tensor of one dimension is one
column. Bytes are little-endian, and elements of BYTES have their length before them. The bytes of a number are not
copied but looked at where they are, with two exceptions: numpy has no BF16, and a BOOL must be made 0 or 1.

INT64 and UINT64 stay what they are here; binding rounds those beyond 2**53 to float64, as all numbers of JSON are.
"""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.decoding.payload._values import kind
from nilometer_logger.errors import PayloadError

_MOST_DIMENSIONS = 32
_LARGEST_SIZE = 2**31
_DTYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype("u1"),
    "UINT8": np.dtype("u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
    "BF16": np.dtype("<u2"),
}


def is_numeric(datatype: str) -> bool:
    """Tells whether values of a datatype are numbers, so that texts among them can only be words for NaN."""
    return datatype in _DTYPES


def check_shape(shape: Any, place: str) -> None:
    """Checks a shape as JSON or protobuf gave it.

    Raises:
        PayloadError: if it is not a list of at least one size, none of them absurd.
    """
    if not isinstance(shape, list):
        raise PayloadError(f"{place}.shape is {kind(shape)}, not a list of sizes")
    if not 0 < len(shape) <= _MOST_DIMENSIONS:
        raise PayloadError(f"{place}.shape has {len(shape)} sizes, not 1 to {_MOST_DIMENSIONS}")
    for size in shape:
        if type(size) is not int or not 0 <= size < _LARGEST_SIZE:
            raise PayloadError(f"{place}.shape has a size that is no count of rows or columns")


def check_count(count: int, shape: list[int], place: str) -> None:
    """Checks that a tensor has as many values as its shape asks for.

    Raises:
        PayloadError: if it has more or fewer.
    """
    if count != (wanted := prod(shape)):
        raise PayloadError(f"{place} has {count} values, but its shape {shape} asks for {wanted}")


def shaped(flat: NDArray[np.generic], shape: list[int], place: str) -> NDArray[np.generic]:
    """Gives a tensor's values their rows.

    Args:
        flat: shape (values,), row-major.
        shape: checked.
        place: what to call the tensor in a message.

    Returns:
        Shape (rows, columns).

    Raises:
        PayloadError: if there are more or fewer values than the shape has places, or rows without values.
    """
    check_count(flat.size, shape, place)
    if prod(shape):
        return flat.reshape(shape[0], -1)
    if shape[0]:
        raise PayloadError(f"{place}.shape {shape} asks for rows without values")
    return np.empty((0, 1))  # beside a zero, the other sizes may be anything


def from_bytes(datatype: str, shape: list[int], raw: bytes | memoryview, place: str) -> NDArray[np.generic]:
    """Reads a tensor's bytes.

    Args:
        datatype: as the message gave it.
        shape: checked.
        raw: the tensor's own bytes.
        place: what to call the tensor in a message.

    Returns:
        Shape (rows, columns); a read-only view of the bytes for most datatypes.

    Raises:
        PayloadError: if the datatype is not known, or the bytes are not those of the shape.
    """
    if datatype == "BYTES":
        return shaped(_texts(bytes(raw), shape, place), shape, place)
    if datatype not in _DTYPES:
        raise PayloadError(f"{place} has a datatype that is none of {', '.join(_DTYPES)}, BYTES")
    dtype = _DTYPES[datatype]
    wanted = prod(shape) * dtype.itemsize
    if len(raw) != wanted:
        raise PayloadError(f"{place} has {len(raw)} bytes, but its shape {shape} of {datatype} asks for {wanted}")
    flat: NDArray[Any] = np.frombuffer(raw, dtype) if wanted else np.empty(0, dtype)
    if datatype == "BOOL":
        flat = flat != 0
    elif datatype == "BF16":
        flat = (flat.astype(np.uint32) << 16).view(np.float32)  # the upper half of a float32
    return shaped(flat, shape, place)


def _texts(raw: bytes, shape: list[int], place: str) -> NDArray[np.object_]:
    texts: list[str] = []
    begin = 0
    wanted = prod(shape)
    while begin < len(raw):
        if len(texts) == wanted:
            raise PayloadError(f"{place} has more values than the {wanted} that its shape {shape} asks for")
        end = begin + 4 + int.from_bytes(raw[begin : begin + 4], "little")
        if begin + 4 > len(raw) or end > len(raw):
            raise PayloadError(f"{place} is BYTES, but element {len(texts)} ends after the tensor's {len(raw)} bytes")
        texts.append(to_text(raw[begin + 4 : end], place))
        begin = end
    return to_objects(texts)


def to_text(raw: bytes, place: str) -> str:
    """Reads an element of BYTES.

    Raises:
        PayloadError: if it is no text, but perhaps an image: no column can be made of that.
    """
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise PayloadError(f"{place} is BYTES that are no text in UTF-8") from None


def to_objects(texts: list[str]) -> NDArray[np.object_]:
    """Makes an array of texts, shape (texts,), without padding them to the longest."""
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array
