"""JSON's values become arrays.

Numbers become float64: null is NaN, true and false are 1 and 0, and an integer beyond 2**53 is the nearest float64, as
it would be in every statistic. Where there are texts, every value stays what it is, for a schema to give it a meaning.
"""

import math
import struct
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.errors import PayloadError

_DEEPEST = 32  # numpy's own bound
# As Python, Go, C++ and protobuf's JSON mapping write what JSON has no number for.
_WORDS = {"nan": math.nan, "inf": math.inf, "infinity": math.inf} | {
    sign + word: float(sign + word) for sign in "+-" for word in ("nan", "inf", "infinity")
}


def kind(value: object) -> str:
    """Says what a JSON value is, without showing it: what clients send stays out of messages."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def ragged(place: str) -> PayloadError:
    """Makes the error for rows that are no table."""
    return PayloadError(f"{place} do not have one shape: every row needs the same number of single values")


def to_table(rows: Sequence[Any], place: str) -> NDArray[np.generic]:
    """Makes a table of a list of rows, each a list of values (of any depth: flattened row-major) or one value.

    Args:
        rows: as JSON gave them.
        place: what to call them in a message.

    Returns:
        Shape (rows, columns), float64 or object.

    Raises:
        PayloadError: if the rows are not alike in shape, or hold objects or nothing.
    """
    if not rows:
        return np.empty((0, 1))
    flat = to_array(rows, place)
    if not flat.size:
        raise PayloadError(f"{place} are {len(rows)} rows without values")
    return flat.reshape(len(rows), -1)


def to_array(values: Sequence[Any], place: str, *, numeric: bool = False) -> NDArray[np.generic]:
    """Makes one dimension of values, or of lists of one shape in lists, row-major.

    Args:
        values: as JSON gave them.
        place: what to call them in a message.
        numeric: that they are said to be numbers, so that a text must be a word for NaN or infinity.

    Returns:
        Shape (values,), float64 or object.

    Raises:
        PayloadError: if the lists are not alike in shape, or hold objects or unexpected texts.
    """
    depth = 0
    while values and type(values[0]) is list:
        depth += 1
        if depth == _DEEPEST or set(map(type, values)) != {list} or len(set(map(len, values))) > 1:
            raise ragged(place)
        values = list(chain.from_iterable(values))
    try:
        return _pack(values)
    except (struct.error, OverflowError):
        return _mixed(values, place, numeric)


def _pack(values: Sequence[Any]) -> NDArray[np.float64]:
    """Converts numbers and booleans, and raises for all else; three times as fast as numpy, which looks at each twice."""
    array = np.empty(len(values))
    struct.pack_into(f"{len(values)}d", array.data, 0, *values)
    return array


def _mixed(values: Sequence[Any], place: str, numeric: bool) -> NDArray[np.generic]:
    kinds = set(map(type, values))
    if dict in kinds:
        raise _objects(values, place)
    if list in kinds:
        raise ragged(place)
    if str not in kinds:
        return _pack([math.nan if value is None else _bounded(value) for value in values])
    if numeric:
        return _pack([_number(value, place) for value in values])
    array = np.empty(len(values), dtype=object)  # told so, because numpy would pad every text to the longest
    array[:] = [_bounded(value) for value in values]
    return array


def _objects(values: Sequence[Any], place: str) -> PayloadError:
    if any(isinstance(value, dict) and value.keys() == {"b64"} for value in values):
        return PayloadError(f"{place} hold base64 bytes (b64), which are no columns")
    return PayloadError(f"{place} hold an object where a single value is needed")


def _bounded(value: Any) -> Any:
    """Gives an integer that float64 cannot hold as infinite: the largest number that JSON can write is not ours."""
    if isinstance(value, int):
        try:
            float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    return value


def _number(value: Any, place: str) -> Any:
    if value is None:
        return math.nan
    if not isinstance(value, str):
        return _bounded(value)
    if len(value) < 10 and value.lower() in _WORDS:
        return _WORDS[value.lower()]
    raise PayloadError(f"{place} hold a text, but their datatype is a number's")
