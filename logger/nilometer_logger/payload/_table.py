"""The table that a body becomes, before any schema gives it a meaning."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.errors import PayloadError
from nilometer_logger.kserve import Half


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
    try:
        table = np.array(rows)
    except ValueError:
        raise ragged(place) from None
    numbers = table.dtype.kind in "biuf"
    return (table.astype(np.float64) if numbers else _mixed(rows, place)).reshape(len(rows), -1)


def _mixed(rows: Sequence[object], place: str) -> NDArray[np.generic]:
    """Makes a table of values that are not all numbers: nulls become NaN, texts stay texts."""
    try:
        table = np.array(rows, dtype=object)
    except ValueError:
        raise ragged(place) from None
    flat = table.ravel()
    if any(isinstance(value, list | dict) for value in flat):
        raise ragged(place)
    if any(isinstance(value, str) for value in flat):
        return table
    return table.astype(np.float64)
