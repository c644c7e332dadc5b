"""The short way for the bodies that most clients send: JSON of numbers, in their simplest form.

Such a body costs little more than its parsing, because msgspec checks types while it reads and passes over what is not
needed, and because no array is made for a row. What is decoded here is decoded to the very same by the long way (`_v1`,
`_v2`). Whatever is not plain, a null, a text, a value of another type or anything wrong, is left to that: nothing is
refused here for a reason that the long way does not have.
"""

import math
import struct
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import chain
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from nilometer_logger.cloudevents.kserve import Half
from nilometer_logger.decoding.payload import _v1
from nilometer_logger.decoding.payload._table import Payload, column_names, joined_names, side_by_side
from nilometer_logger.errors import PayloadError

# More tensors, or columns in a row of several, than a model has whose client writes each number as JSON.
_MOST_PARTS = 1024
_KEPT_VALUES = 1024


class _Tensor(msgspec.Struct, gc=False):
    name: Annotated[str, msgspec.Meta(max_length=100)]
    shape: Annotated[tuple[int, ...], msgspec.Meta(max_length=8)]
    data: list[float]


class _Document(msgspec.Struct, gc=False):
    """What may stand in a body; a null is not the same as nothing."""

    inputs: list[_Tensor] | UnsetType = UNSET
    outputs: list[_Tensor] | UnsetType = UNSET
    instances: list[Any] | UnsetType = UNSET
    predictions: list[Any] | UnsetType = UNSET


_read = msgspec.json.Decoder(_Document).decode


def decode(body: bytes) -> Payload | None:
    """Decodes a body, whatever it is; None if it is not plain."""
    return decode_all([body])[0]


def decode_all(bodies: Iterable[bytes]) -> list[Payload | None]:
    """Decodes bodies, whatever they are; gives None for each that is not plain.

    A body of one tensor is decoded in the loop itself, because calls for its steps would cost as much as its parsing.
    """
    payloads: list[Payload | None] = []
    forms: dict[tuple[str, tuple[int, ...], int, Half], _Form | None] = {}
    for body in bodies:
        payload: Payload | None = None
        if body[-1:] == b"}":  # or else it is no document, or one with something behind it
            try:
                if not body.isascii():
                    body.decode()  # the parser does not look whether what it passes over is text
                document = _read(body)
                inputs, outputs = document.inputs, document.outputs
                half: Half = "request" if outputs is UNSET else "response"
                tensors = inputs if outputs is UNSET else outputs
                is_v1 = document.instances is not document.predictions  # which are the same only where both are unset
                if is_v1 or not tensors or len(tensors) > 1 or (inputs is not UNSET and outputs is not UNSET):
                    payload = _payload(document)
                else:
                    [tensor] = tensors
                    data = tensor.data
                    about = tensor.name, tensor.shape, len(data), half
                    if about not in forms:
                        forms[about] = (_kept_form if len(data) <= _KEPT_VALUES else _form)(*about)
                    if form := forms[about]:
                        payload = Payload(half, form.names, form.rows, form.width, form.pack(*data))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, PayloadError):
                pass  # for which the long way has the reason
        payloads.append(payload)
    return payloads


def _payload(document: _Document) -> Payload | None:
    """Makes a payload of what is not one tensor."""
    if document.predictions is not UNSET:
        return _rows("response", "predictions", document.predictions)
    if document.instances is not UNSET:
        return _rows("request", "instances", document.instances)
    inputs, outputs = document.inputs, document.outputs
    if outputs is UNSET:
        return _tensors("request", "inputs", inputs) if inputs else None
    return _tensors("response", "outputs", outputs) if inputs is UNSET and outputs else None


def _tensors(half: Half, key: str, tensors: list[_Tensor]) -> Payload | None:
    if len(tensors) > _MOST_PARTS:
        return None
    widths = [_width(tensor.shape, len(tensor.data)) for tensor in tensors]
    if not all(widths):
        return None
    if any(tensor.shape[0] != 1 for tensor in tensors) or sum(widths) > _MOST_PARTS:
        return side_by_side(half, key, [(tensor.name, _array(tensor)) for tensor in tensors])
    return _one_row(half, key, tensors, widths)


class _Form(NamedTuple):
    """What is the same for all tensors of one name and shape."""

    names: tuple[str, ...]
    rows: int
    width: int
    pack: Callable[..., bytes]


def _form(name: str, shape: tuple[int, ...], count: int, half: Half) -> _Form | None:
    width = _width(shape, count)
    if not width:
        return None
    names = column_names(name, width, "inputs" if half == "request" else "outputs")
    return _Form(names, shape[0], width, struct.Struct(f"{count}d").pack)


_kept_form = lru_cache(maxsize=256)(_form)  # a model's tensors are alike in all inferences, but for the number of rows


def _width(shape: tuple[int, ...], count: int) -> int:
    """Returns the number of a tensor's columns; 0 if it has no rows, or its values are not those of its shape."""
    if len(shape) == 2:
        rows, width = shape
        return width if rows > 0 and width > 0 and rows * width == count else 0
    if len(shape) == 1:
        return 1 if shape[0] == count and count else 0
    return count // shape[0] if shape and len(shape) < 32 and min(shape) > 0 and math.prod(shape) == count else 0


def _one_row(half: Half, key: str, tensors: list[_Tensor], widths: list[int]) -> Payload:
    names = joined_names([tensor.name for tensor in tensors], widths, key)
    values = list(chain.from_iterable([tensor.data for tensor in tensors]))
    return Payload(half, names, 1, len(values), _packer(len(values))(*values))


def _array(tensor: _Tensor) -> NDArray[np.float64]:
    data = tensor.data
    return np.frombuffer(_packer(len(data))(*data)).reshape(tensor.shape[0], -1)


def _rows(half: Half, key: str, rows: list[Any]) -> Payload:
    """Decodes v1's rows."""
    names: tuple[str, ...] | None = None
    values: list[Any] | None = rows
    width = 1
    if rows and type(rows[0]) is list:
        width = len(rows[0])
        values = _values_of_lists(rows, width)
    elif rows and type(rows[0]) is dict:
        names = tuple(rows[0])
        width = len(names)
        values = _values_of_objects(rows, names)
    if values:
        try:
            return Payload(half, names, len(rows), width, _packer(len(values))(*values))
        except (struct.error, OverflowError):
            pass  # not all are numbers, or one is too large
    return _v1.decode({key: rows})


def _values_of_lists(rows: list[Any], width: int) -> list[Any] | None:
    if len(rows) == 1:
        return rows[0]  # type: ignore[no-any-return]
    if set(map(type, rows)) != {list} or set(map(len, rows)) != {width}:
        return None
    return list(chain.from_iterable(rows))


def _values_of_objects(rows: list[Any], names: tuple[str, ...]) -> list[Any] | None:
    if names == ("b64",) or len(names) * len(rows) > _v1.MOST_CELLS:
        return None
    values: list[Any] = []
    for row in rows:
        if type(row) is not dict or tuple(row) != names:
            return None
        values.extend(row.values())
    return values


@lru_cache(maxsize=1024)
def _packer(count: int) -> Callable[..., bytes]:
    return struct.Struct(f"{count}d").pack
