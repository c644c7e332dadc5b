"""KServe's v2 protocol (Open Inference Protocol): named tensors in `inputs` (asked) or `outputs` (answered).

A tensor's first dimension counts the rows and the others are its columns, row-major; a tensor of one dimension is one
column. All tensors of a document must have the same number of rows. `data` may be flat or nested.
"""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.errors import PayloadError
from nilometer_logger.kserve import Half
from nilometer_logger.payload._table import Payload, kind, to_table

_MOST_DIMENSIONS = 32
_LARGEST_SIZE = 2**31
_MOST_NAME_CHARACTERS = 10_000_000


def decode(document: dict[str, Any]) -> Payload:
    """Decodes a v2 document, which has `inputs` or `outputs`.

    Raises:
        PayloadError: if a tensor lacks something, or the tensors do not make one table.
    """
    half: Half = "response" if "outputs" in document else "request"
    key = "outputs" if half == "response" else "inputs"
    tensors = document[key]
    if not isinstance(tensors, list) or not tensors:
        raise PayloadError(
            f"{key} is {'without tensors' if tensors == [] else kind(tensors) + ', not a list of tensors'}"
        )
    names: list[str] = []
    tables: list[NDArray[np.generic]] = []
    for number, tensor in enumerate(tensors):
        name, table = _tensor(tensor, f"{key}[{number}]")
        width = table.shape[1]
        if width * len(name) > _MOST_NAME_CHARACTERS:
            raise PayloadError(f"{key}[{number}] has {width} columns and a name of {len(name)} characters")
        names.extend([name] if width == 1 else [f"{name}.{column}" for column in range(width)])
        tables.append(table)
    if len({len(table) for table in tables}) > 1:
        counts = ", ".join(str(len(table)) for table in tables)
        raise PayloadError(f"the tensors of {key} have different numbers of rows: {counts}")
    if len(tables) > 1 and any(table.dtype == object for table in tables):
        tables = [table.astype(object) for table in tables]
    return Payload(half, tuple(names), tables[0] if len(tables) == 1 else np.hstack(tables))


def _tensor(tensor: Any, place: str) -> tuple[str, NDArray[np.generic]]:
    if not isinstance(tensor, dict):
        raise PayloadError(f"{place} is {kind(tensor)}, not a tensor")
    missing = [key for key in ("name", "shape", "data") if key not in tensor]
    if missing:
        raise PayloadError(f"{place} has no {' and no '.join(missing)}")
    shape, data = tensor["shape"], tensor["data"]
    if not (isinstance(shape, list) and 0 < len(shape) <= _MOST_DIMENSIONS and all(map(_is_size, shape))):
        raise PayloadError(f"{place}.shape is {kind(shape)}, not a list of at most {_MOST_DIMENSIONS} sizes")
    if not isinstance(data, list):
        raise PayloadError(f"{place}.data is {kind(data)}, not a list")
    flat = to_table(data, f"{place}.data").ravel()
    if flat.size != prod(shape):
        raise PayloadError(f"{place} has {flat.size} values, but its shape {shape} asks for {prod(shape)}")
    if not flat.size:
        if shape[0]:
            raise PayloadError(f"{place}.shape {shape} asks for rows without values")
        return str(tensor["name"]), np.empty((0, 1))  # beside a zero, the other sizes may be anything
    return str(tensor["name"]), flat.reshape(shape[0], prod(shape[1:]))


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value < _LARGEST_SIZE
