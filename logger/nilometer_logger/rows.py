"""The block of rows that every later stage speaks, and the schema that gives its columns their meaning.

A block is one float64 matrix, whatever its columns mean, because then every statistic is one numpy expression over all
columns at once. A numeric or boolean column holds its values; a categorical column holds the index of the category in
its schema. Two values are set apart:

* NaN means *missing*: null, absent, not a number, or of the wrong type;
* `UNSEEN` in a categorical column means a category that the schema does not name; its text is kept in `Rows.unseen`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.errors import PayloadError
from nilometer_logger.kserve import Half

UNSEEN = -1.0

ColumnType = Literal["numeric", "categorical", "boolean"]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Column:
    """One feature or prediction.

    Attributes:
        name: as the payload names it, or any name where payloads are positional.
        type: what its values are.
        categories: the values of a categorical column, in the order of their codes; empty for the other types.
    """

    name: str
    type: ColumnType = "numeric"
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schema:
    """The columns of a block, in their order.

    Attributes:
        columns: one a feature, or one a prediction.
    """

    columns: tuple[Column, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in their order."""
        return tuple(column.name for column in self.columns)

    def __len__(self) -> int:
        """The number of columns."""
        return len(self.columns)


@dataclass(frozen=True)
class Rows:
    """A block of instances, decoded from one or many inferences of one stream.

    Attributes:
        half: features come from requests, predictions from responses.
        schema: the columns of `values`.
        values: shape (rows, columns).
        times: event times, shape (rows,), int64 nanoseconds.
        ids: the id of the inference of each row.
        numbers: shape (rows,), int64; the row's place in its inference, from 0.
        hashes: shape (rows,), uint64; a hash of the row's identity, the same wherever and however often it is read.
        unseen: the text of a category that the schema does not name, by (row, column).
    """

    half: Half
    schema: Schema
    values: Floats
    times: NDArray[np.int64]
    ids: Sequence[str]
    numbers: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    unseen: Mapping[tuple[int, int], str] = field(default_factory=dict)

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.values)

    def take(self, indices: NDArray[np.intp]) -> "Rows":
        """Returns the rows at some indices, in the order of the indices."""
        unseen: dict[tuple[int, int], str] = {}
        if self.unseen:
            place = {int(old): new for new, old in enumerate(indices)}
            unseen = {(place[row], column): text for (row, column), text in self.unseen.items() if row in place}
        return Rows(
            self.half,
            self.schema,
            self.values[indices],
            self.times[indices],
            [self.ids[index] for index in indices],
            self.numbers[indices],
            self.hashes[indices],
            unseen,
        )

    @classmethod
    def concatenate(cls, blocks: Sequence[Self]) -> "Rows":
        """Joins blocks of one half and one schema, in their order; `blocks` must not be empty."""
        if len(blocks) == 1:
            return blocks[0]
        first, unseen, offset = blocks[0], {}, 0
        for block in blocks:
            unseen.update({(row + offset, column): text for (row, column), text in block.unseen.items()})
            offset += len(block)
        return Rows(
            first.half,
            first.schema,
            np.concatenate([block.values for block in blocks]),
            np.concatenate([block.times for block in blocks]),
            [name for block in blocks for name in block.ids],
            np.concatenate([block.numbers for block in blocks]),
            np.concatenate([block.hashes for block in blocks]),
            unseen,
        )


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
        The numbers, shape (rows,), and the texts of unseen categories by row.
    """
    if column.type == "categorical":
        return _encode_categories(column.categories, values)
    numbers: list[float] = []
    for value in values:
        usable = isinstance(value, int | float | np.number | np.bool_)
        numbers.append(float(value) if usable else float("nan"))  # type: ignore[arg-type]
    return np.array(numbers, dtype=np.float64), {}


def _encode_categories(categories: Sequence[str], values: Iterable[object]) -> tuple[Floats, dict[int, str]]:
    codes = {name: float(code) for code, name in enumerate(categories)}
    for word, digit in (("true", "1"), ("false", "0")):  # a table without texts holds booleans as numbers
        if word in codes:
            codes.setdefault(digit, codes[word])
        elif digit in codes:
            codes[word] = codes[digit]
    numbers: list[float] = []
    unseen: dict[int, str] = {}
    for row, value in enumerate(values):
        text = label(value)
        if text is None:
            numbers.append(float("nan"))
            continue
        code = codes.get(text, UNSEEN)
        if code == UNSEEN:
            unseen[row] = text
        numbers.append(code)
    return np.array(numbers, dtype=np.float64), unseen


def bind(
    schema: Schema, names: Sequence[str] | None, table: NDArray[np.generic]
) -> tuple[Floats, dict[tuple[int, int], str]]:
    """Gives a payload's table the columns of a schema.

    Columns are matched by name where the payload names at least one column of the schema (a column it lacks is missing
    in every row, one that the schema lacks is passed over), and by position otherwise.

    Args:
        schema: the columns wanted.
        names: the payload's names of the table's columns; None where they are positional.
        table: shape (rows, columns), of objects or of any numbers; never changed, and perhaps not to be written to.

    Returns:
        Values of shape (rows, len(schema)), which may be the table itself, and the texts of unseen categories by
        (row, column).

    Raises:
        PayloadError: if the columns match neither by name nor in number.
    """
    places = {name: place for place, name in enumerate(names)} if names is not None else {}
    if any(name in places for name in schema.names):
        order: list[int | None] = [places.get(name) for name in schema.names]
    elif table.shape[1] == len(schema):
        order = list(range(len(schema)))
    else:
        named = f" ({', '.join(names[:8])}{', …' if len(names) > 8 else ''})" if names else ""
        raise PayloadError(
            f"{table.shape[1]} columns{named} do not match the schema's {len(schema)} ({', '.join(schema.names)}): "
            "name them alike, or send as many in the same order"
        )
    plain = table.dtype != object and all(column.type != "categorical" for column in schema.columns)
    if plain and order == list(range(table.shape[1])):
        return _floats(table), {}
    values = np.full((len(table), len(schema)), np.nan)
    unseen: dict[tuple[int, int], str] = {}
    for place, (column, source) in enumerate(zip(schema.columns, order, strict=True)):
        if source is None:
            continue
        values[:, place], strange = encode(column, table[:, source].tolist())
        unseen.update({(row, place): text for row, text in strange.items()})
    return values, unseen


def _floats(table: NDArray[np.generic]) -> Floats:
    """Makes float64 of numbers; a table that is float64 already is only copied where it lies askew in a body's bytes."""
    flags = table.flags
    if table.dtype == np.float64 and flags.c_contiguous and flags.aligned:
        return table  # type: ignore[return-value]
    with np.errstate(invalid="ignore"):  # a signalling NaN is missing like any other
        return table.astype(np.float64, order="C")


def row_hashes(identity: int, rows: int) -> NDArray[np.uint64]:
    """Hashes each row of one event, so that samples can be drawn by the smallest hashes.

    Args:
        identity: a 64-bit hash of the event's identity.
        rows: how many rows the event has.

    Returns:
        Shape (rows,): splitmix64 (Steele et al., "Fast splittable pseudorandom number generators", 2014) of the
        identity and the row's number.
    """
    with np.errstate(over="ignore"):
        state = np.uint64(identity) + np.arange(1, rows + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed: NDArray[np.uint64] = state ^ (state >> np.uint64(31))
    return mixed
