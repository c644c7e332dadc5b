"""The table that a body becomes, before any schema gives it a meaning.

JSON gives float64 or, where there are texts, objects. Binary tensors keep their own datatype, as a view of the body
where there is only one of them; whoever binds the table to a schema makes float64 of it.

Most bodies are JSON of one row, and an array for each would cost more than all else. So where JSON holds nothing but
numbers their bytes are kept, and many payloads with the same columns become one array (`alike`).
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain, repeat

import msgspec
import numpy as np
from numpy.typing import NDArray

from nilometer_logger.cloudevents.kserve import Half
from nilometer_logger.errors import PayloadError

# An image of 224 x 224 x 3 may be named; a megabyte of columns may not.
_MOST_NAME_BYTES = 16_000_000
_NAME_OVERHEAD = 50  # bytes of a text without its characters
# Each tensor or named list is an array of its own, some microseconds and hundreds of bytes.
_MOST_PARTS = 20_000
_KEPT_COLUMNS, _KEPT_CHARACTERS = 1024, 100


class Payload(
    msgspec.Struct,
    frozen=True,
    eq=False,  # arrays have no one answer to it
    gc=False,  # nothing in it could lead back to it
):
    """A decoded body.

    Attributes:
        half: whether it holds what was asked of a model or what the model answered; None where the bytes are the same
            for both (a gRPC message with typed contents).
        names: of the columns; None where they are told by position only.
        rows: how many there are.
        width: how many columns there are.
        cells: the table, or, where it is float64, perhaps the bytes of one, row-major.
    """

    half: Half | None
    names: tuple[str, ...] | None
    rows: int
    width: int
    cells: bytes | NDArray[np.generic]

    @classmethod
    def of_table(cls, half: Half | None, names: tuple[str, ...] | None, table: NDArray[np.generic]) -> "Payload":
        """Makes the payload of a table that is an array."""
        rows, width = table.shape
        return cls(half, names, rows, width, table)

    @property
    def table(self) -> NDArray[np.generic]:
        """Shape (rows, columns); object where there are texts, and numbers or booleans of any type otherwise.

        It may be a view of the body, read-only and unaligned.
        """
        if isinstance(self.cells, bytes):
            return np.frombuffer(self.cells).reshape(self.rows, self.width)
        return self.cells


NOTHING = Payload(None, None, 0, 1, b"")
"""No rows: stands in for what could not be decoded."""


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
        return Payload.of_table(half, column_names(name, table.shape[1], place), table)
    tables = [table for _, table in parts]
    counts = list(map(len, tables))
    if len(set(counts)) > 1:
        shown = ", ".join(map(str, counts[:20])) + (", …" if len(counts) > 20 else "")
        raise PayloadError(f"the tensors of {place} have different numbers of rows: {shown}")
    names = joined_names([name for name, _ in parts], [table.shape[1] for table in tables], place)
    if any(table.dtype == object for table in tables):
        tables = [table.astype(object) for table in tables]
    with np.errstate(invalid="ignore"):  # a signalling NaN is missing like any other
        return Payload.of_table(half, names, np.hstack(tables))


def joined_names(names: Sequence[str], widths: Sequence[int], place: str) -> tuple[str, ...]:
    """Names the columns of tensors side by side.

    Args:
        names: of the tensors.
        widths: how many columns each has.
        place: what to call the tensors in a message.

    Raises:
        PayloadError: if they are too wide to name.
    """
    if max(widths) == 1 and len("".join(names)) + len(names) * _NAME_OVERHEAD <= _MOST_NAME_BYTES:
        return tuple(names)
    if sum(width * (len(name) + _NAME_OVERHEAD) for name, width in zip(names, widths, strict=True)) > _MOST_NAME_BYTES:
        raise _unnameable(place, sum(widths), max(map(len, names)))
    return tuple(chain.from_iterable(map(column_names, names, widths, repeat(place))))


def column_names(name: str, width: int, place: str) -> tuple[str, ...]:
    """Names the columns of a tensor: as the tensor if there is one, and numbered otherwise.

    Raises:
        PayloadError: if they are too wide to name.
    """
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
