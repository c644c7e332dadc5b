"""The table that a body becomes, before any schema gives it a meaning.

JSON gives float64 or, where there are texts, objects. Binary tensors keep their own datatype, as a view of the body
where there is only one of them; whoever binds the table to a schema makes float64 of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.errors import PayloadError
from nilometer_logger.kserve import Half

# An image of 224 x 224 x 3 may be named; a megabyte of columns may not.
_MOST_NAME_BYTES = 16_000_000
_NAME_OVERHEAD = 50  # bytes of a text without its characters
# Each tensor or named list is an array of its own, some microseconds and hundreds of bytes.
_MOST_PARTS = 20_000
_KEPT_COLUMNS, _KEPT_CHARACTERS = 1024, 100


@dataclass(frozen=True, slots=True)
class Payload:
    """A decoded body.

    Attributes:
        half: whether it holds what was asked of a model or what the model answered; None where the bytes are the same
            for both (a gRPC message with typed contents).
        names: of the columns; None where they are told by position only.
        table: shape (rows, columns); object where there are texts, and numbers or booleans of any type otherwise. It
            may be a read-only and unaligned view of the body.
    """

    half: Half | None
    names: tuple[str, ...] | None
    table: NDArray[np.generic]


def check_parts(count: int, place: str) -> None:
    """Checks, before any is made, how many tables are to be joined.

    Raises:
        PayloadError: if there are more than any model has.
    """
    if count > _MOST_PARTS:
        raise PayloadError(f"{place} have {count} tensors or named lists: more than {_MOST_PARTS}")


def side_by_side(half: Half | None, place: str, parts: Sequence[tuple[str, NDArray[np.generic]]]) -> Payload:
    """Joins tables of the same rows into one payload; a table of several columns has them numbered.

    Args:
        half: of the payload.
        place: what to call the parts in a message.
        parts: at least one; names and tables of shape (rows, columns).

    Raises:
        PayloadError: if they differ in their number of rows, or are too wide to name.
    """
    if len(parts) == 1:
        [(name, table)] = parts
        return Payload(half, _names(name, table.shape[1], place), table)
    tables = [table for _, table in parts]
    counts = list(map(len, tables))
    if len(set(counts)) > 1:
        shown = ", ".join(map(str, counts[:20])) + (", …" if len(counts) > 20 else "")
        raise PayloadError(f"the tensors of {place} have different numbers of rows: {shown}")
    if sum(table.shape[1] * (len(name) + _NAME_OVERHEAD) for name, table in parts) > _MOST_NAME_BYTES:
        raise _unnameable(place, sum(table.shape[1] for table in tables), max(len(name) for name, _ in parts))
    names = tuple(chain.from_iterable(_names(name, table.shape[1], place) for name, table in parts))
    if any(table.dtype == object for table in tables):
        tables = [table.astype(object) for table in tables]
    with np.errstate(invalid="ignore"):  # a signalling NaN is missing like any other
        return Payload(half, names, np.hstack(tables))


def _names(name: str, width: int, place: str) -> tuple[str, ...]:
    if width == 1:
        return (name,)
    if width <= _KEPT_COLUMNS and len(name) <= _KEPT_CHARACTERS:
        return _kept_names(name, width)
    if width * (len(name) + _NAME_OVERHEAD) > _MOST_NAME_BYTES:
        raise _unnameable(place, width, len(name))
    return tuple(f"{name}.{column}" for column in range(width))


@lru_cache(maxsize=64)  # a model's tensors are the same in every inference
def _kept_names(name: str, width: int) -> tuple[str, ...]:
    return tuple(f"{name}.{column}" for column in range(width))


def _unnameable(place: str, columns: int, longest: int) -> PayloadError:
    return PayloadError(f"{place} have {columns} columns and names of up to {longest} characters: too many to name")
