"""A payload's table gets the columns of a schema: numbers as they are, categories as their codes."""

import math
import struct
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.rows._schema import UNSEEN, Column, Floats, Schema, Sources

Unrecognized = dict[tuple[int, int], str]
# From so many numbers of a column on, it pays to look for those that are alike.
_MANY = 32


def label(value: object) -> str | None:
    """Writes a payload's value as a category: ``0``, ``0.0`` and ``"0"`` are the same one; None where it is missing."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, int | float | np.number):
        number = float(value)
        if math.isnan(number):
            return None
        return str(int(number)) if number.is_integer() else repr(number)
    return None if value is None else str(value)


def encode(column: Column, values: Iterable[object]) -> tuple[Floats, dict[int, str]]:
    """Turns a payload's values of one column into numbers.

    Args:
        column: says what the values mean.
        values: one a row.

    Returns:
        The numbers, shape (rows,), and by row the texts of the values that the column has no number for: unseen
        categories, or what is no number.
    """
    if column.type == "categorical":
        return _encode_categories(column.categories, values)
    if column.type == "text":
        return _encode_texts(values)
    return _encode_numbers(values if isinstance(values, list) else list(values))


def _encode_texts(values: Iterable[object]) -> tuple[Floats, dict[int, str]]:
    """Measures texts; what is neither a text nor missing is kept as one that is strange."""
    lengths: list[float] = []
    unrecognized: dict[int, str] = {}
    for row, value in enumerate(values):
        lengths.append(len(value) if isinstance(value, str) else math.nan)
        text = None if isinstance(value, str) else label(value)
        if text is not None and text.lower() != "nan":
            unrecognized[row] = text
    return np.array(lengths, dtype=np.float64), unrecognized


def _encode_numbers(values: list[object]) -> tuple[Floats, dict[int, str]]:
    numbers = np.empty(len(values))
    unrecognized: dict[int, str] = {}
    try:
        struct.pack_into(f"{len(values)}d", numbers.data, 0, *values)
    except struct.error:  # something among them is no number
        for row, value in enumerate(values):
            if isinstance(value, int | float | np.number | np.bool_):
                numbers[row] = float(value)
                continue
            numbers[row] = math.nan
            text = label(value)
            if text is not None and text.lower() != "nan":  # as those write what is missing who have no null
                unrecognized[row] = text
    return numbers, unrecognized


def _encode_categories(categories: Sequence[str], values: Iterable[object]) -> tuple[Floats, dict[int, str]]:
    codes = {name: float(code) for code, name in enumerate(categories)}
    for word, digit in (("true", "1"), ("false", "0")):  # a table without texts holds booleans as numbers
        if word in codes:
            codes.setdefault(digit, codes[word])
        elif digit in codes:
            codes[word] = codes[digit]
    numbers: list[float] = []
    unrecognized: dict[int, str] = {}
    for row, value in enumerate(values):
        text = label(value)
        if text is None:
            numbers.append(math.nan)
            continue
        code = codes.get(text, UNSEEN)
        if code == UNSEEN:
            unrecognized[row] = text
        numbers.append(code)
    return np.array(numbers, dtype=np.float64), unrecognized


def bind(schema: Schema, names: Sequence[str] | None, table: NDArray[np.generic]) -> tuple[Floats, Unrecognized]:
    """Gives a payload's table, or many that are alike one below the other, the columns of a schema.

    Columns are matched by name where the payload names at least one column of the schema (a column it lacks is missing
    in every row, one that the schema lacks is passed over), and by position otherwise.

    Args:
        schema: the columns wanted.
        names: the payload's names of the table's columns; None where they are positional.
        table: shape (rows, columns), of objects or of any numbers; never changed, and perhaps not to be written to.

    Returns:
        Values of shape (rows, len(schema)), which may be the table itself, and by (row, column) the texts
        of the values that their column has no number for.

    Raises:
        PayloadError: if the columns match neither by name nor in number.
    """
    sources = schema.sources(names, table.shape[1])
    if table.dtype == object or schema.has_texts:
        return _bound(schema, sources, table)
    if sources == tuple(range(table.shape[1])):
        return _floats(table), {}
    return _taken(sources, table), {}


def _taken(sources: Sources, table: NDArray[np.generic]) -> Floats:
    """Puts columns of numbers in the schema's order; those that the table lacks are NaN."""
    found = [place for place, source in enumerate(sources) if source is not None]
    with np.errstate(invalid="ignore"):  # a signalling NaN is missing like any other
        picked = table[:, [sources[place] for place in found]].astype(np.float64)  # type: ignore[index]
    if len(found) == len(sources):
        return picked
    values = np.full((len(table), len(sources)), np.nan)
    values[:, found] = picked
    return values


def _bound(schema: Schema, sources: Sources, table: NDArray[np.generic]) -> tuple[Floats, Unrecognized]:
    """Binds column by column."""
    values = np.full((len(table), len(schema)), np.nan)
    unrecognized: Unrecognized = {}
    for place, (column, source) in enumerate(zip(schema.columns, sources, strict=True)):
        if source is None:
            continue
        cells = table[:, source]
        if table.dtype != object and len(cells) >= _MANY:
            values[:, place], texts = _encode_alike(column, cells)
        else:
            values[:, place], texts = encode(column, cells.tolist())
        unrecognized.update({(row, place): text for row, text in texts.items()})
    return values, unrecognized


def _encode_alike(column: Column, cells: NDArray[np.generic]) -> tuple[Floats, dict[int, str]]:
    """Encodes a column of numbers as `encode` does, each number that occurs once."""
    if column.type not in ("categorical", "text"):
        return _floats(cells), {}
    different, places = np.unique(_floats(cells) if cells.dtype.kind == "f" else cells, return_inverse=True)
    codes, unrecognized = encode(column, different.tolist())
    if not unrecognized:
        return codes[places], {}
    rows = np.flatnonzero(np.isin(places, list(unrecognized))).tolist()
    return codes[places], {row: unrecognized[place] for row, place in zip(rows, places[rows].tolist(), strict=True)}


def _floats(table: NDArray[np.generic]) -> Floats:
    """Makes float64 of numbers; a table that is float64 already is only copied where it lies askew in a body's bytes."""
    flags = table.flags
    if table.dtype == np.float64 and flags.c_contiguous and flags.aligned:
        return table  # type: ignore[return-value]
    with np.errstate(invalid="ignore"):  # a signalling NaN is missing like any other
        return table.astype(np.float64, order="C")
