"""The table that a body becomes, before any schema gives it a meaning."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.errors import PayloadError
from nilometer_logger.kserve import Half

_DEEPEST = 32  # numpy's own bound


@dataclass(frozen=True, slots=True)
class Payload:
    """A decoded body.

    Attributes:
        half: whether it holds what was asked of a model or what the model answered.
        names: of the columns; None where they are told by position only.
        table: shape (rows, columns); float64 where every value is a number or null (NaN), object otherwise.
    """

    half: Half
    names: tuple[str, ...] | None
    table: NDArray[np.generic]


def kind(value: object) -> str:
    """Says what a JSON value is, without showing it: what clients send stays out of messages."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def ragged(place: str) -> PayloadError:
    """Makes the error for rows that are no table."""
    return PayloadError(f"{place} do not have one shape: every row needs the same number of single values")


def to_table(rows: Sequence[object], place: str) -> NDArray[np.generic]:
    """Makes a table of a list of rows, each a list of values (of any depth: flattened row-major) or one value.

    Args:
        rows: as JSON gave them.
        place: what to call them in a message.

    Raises:
        PayloadError: if the rows are not alike in shape, or hold objects.
    """
    if not rows:
        return np.empty((0, 0))
    kinds = _kinds(rows, place, 1)
    if dict in kinds:
        raise ragged(place)
    if str in kinds:
        return _mixed(rows, place).reshape(len(rows), -1)
    try:
        return np.array(rows, dtype=np.float64).reshape(len(rows), -1)  # null becomes NaN
    except OverflowError:
        return _mixed(rows, place).astype(np.float64).reshape(len(rows), -1)
    except (ValueError, TypeError):
        raise ragged(place) from None


def _kinds(rows: Sequence[object], place: str, depth: int) -> set[type]:
    """Tells the types of all values, because numpy must not: it pads every text of a table to the longest."""
    kinds: set[type] = set(map(type, rows))
    if list in kinds:
        if depth == _DEEPEST:
            raise ragged(place)
        for row in rows:
            if isinstance(row, list):
                kinds |= _kinds(row, place, depth + 1)
    return kinds


def _mixed(rows: Sequence[object], place: str) -> NDArray[np.generic]:
    """Makes a table of values as they are, texts among them; integers that float64 cannot hold are infinite."""
    table = np.array(rows, dtype=object)
    flat = table.reshape(-1)
    for index, value in enumerate(flat):
        if isinstance(value, list):
            raise ragged(place)
        if isinstance(value, int):
            try:
                float(value)
            except OverflowError:
                flat[index] = math.inf if value > 0 else -math.inf
    return table
