"""Reference data as it lies in a file: a CSV table becomes typed columns.

A column's type is inferred from all of its cells: *numeric* where every cell is a number, *boolean* where every cell is
true or false, else *categorical*. Cells that hold nothing, a word for nothing, NaN or infinity are missing in a numeric
or boolean column; in a categorical one only an empty cell is, because `NA` or `none` may be a category.
"""

import csv
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np

from nilometer_logger.errors import SettingError
from nilometer_logger.rows import Column, Floats, encode, label

MOST_CATEGORIES = 1000
_NOTHING = frozenset({"", "na", "n/a", "nan", "null", "none"})
_TRUTH = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True)
class TableColumn:
    """A column of a table.

    Attributes:
        column: its name, type and categories.
        values: shape (rows,), as `Rows.values` has them.
    """

    column: Column
    values: Floats


def read_csv(path: Path, categorical: Collection[str] = ()) -> list[TableColumn]:
    """Reads a CSV file with a header.

    Args:
        path: of a file in UTF-8, separated by commas, quoted as in RFC 4180.
        categorical: columns whose numbers are categories.

    Returns:
        Its columns, in their order.

    Raises:
        SettingError: naming the file, the line or column, and what helps.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            names, rows = _table(path, file)
    except OSError as error:
        raise SettingError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise SettingError(f"{path}: is not UTF-8 (byte {error.start}): save it as UTF-8") from None
    unknown = [name for name in categorical if name not in names]
    if unknown:
        raise SettingError(f"{path}: has no column {unknown[0]!r}; there are {', '.join(names)}")
    cells = zip(*rows, strict=True)
    columns = zip(names, cells, strict=True)
    return [_column(path, name, column, as_category=name in categorical) for name, column in columns]


def _table(path: Path, file: TextIO) -> tuple[list[str], list[list[str]]]:
    """Reads names and rows; every row has a cell for each name."""
    reader = csv.reader(file, strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        _check_names(path, names)
        rows = []
        for row in reader:
            if not row:
                continue  # an empty line, such as the last one of many files
            if len(row) != len(names):
                raise SettingError(
                    f"{path}: line {reader.line_num} has {len(row)} cells, and the header names {len(names)} columns"
                )
            rows.append(row)
    except csv.Error as error:
        raise SettingError(f"{path}: line {reader.line_num}: {error}") from None
    if not rows:
        raise SettingError(f"{path}: has a header and no rows")
    return names, rows


def _check_names(path: Path, names: Sequence[str]) -> None:
    if not names:
        raise SettingError(f"{path}: is empty; its first line must name the columns")
    for place, name in enumerate(names, 1):
        if not name:
            raise SettingError(f"{path}: column {place} has no name; the first line must name every column")
        if _number(name) is not None:
            raise SettingError(f"{path}: column {place} is named {name!r}: the first line must name the columns")
        if name in names[: place - 1]:
            raise SettingError(f"{path}: two columns are named {name!r}")
    if len(names) == 1 and (";" in names[0] or "\t" in names[0]):
        raise SettingError(f"{path}: has one column, {names[0]!r}: separate the cells by commas")


def _column(path: Path, name: str, cells: Sequence[str], *, as_category: bool) -> TableColumn:
    """Infers a column's type and reads its cells."""
    cells = [cell.strip() for cell in cells]
    present = {cell for cell in cells if cell.lower() not in _NOTHING}
    numbers = {cell: number for cell in present if (number := _number(cell)) is not None}
    if not any(number is None or math.isfinite(number) for number in map(numbers.get, present)):
        raise SettingError(f"{path}: column {name!r} holds no value: take it out of the file")
    numeric = len(numbers) == len(present)
    if numeric and not as_category:
        found = Column(name)
        values = np.array([numbers.get(cell, math.nan) for cell in cells])
    elif all(cell.lower() in _TRUTH for cell in present) and not as_category:
        found = Column(name, "boolean")
        values = np.array([_TRUTH.get(cell.lower(), math.nan) for cell in cells])
    else:
        texts = [label(numbers.get(cell)) if numeric else cell or None for cell in cells]
        found = Column(name, "categorical", _categories(path, name, {text for text in texts if text is not None}))
        values, _ = encode(found, texts)
    return TableColumn(found, values)


def _categories(path: Path, name: str, texts: Collection[str]) -> tuple[str, ...]:
    """Orders categories by their number where all are numbers, else by their text."""
    if len(texts) > MOST_CATEGORIES:
        raise SettingError(
            f"{path}: column {name!r} has {len(texts)} different values that are no numbers, such as "
            f"{min(texts)!r}; more than {MOST_CATEGORIES} categories are no categories: take it out of the file"
        )
    numbers = {text: _number(text) for text in texts}
    if all(number is not None for number in numbers.values()):
        return tuple(sorted(texts, key=lambda text: (numbers[text], text)))
    return tuple(sorted(texts))


def _number(cell: str) -> float | None:
    """Reads a number; NaN where it is not finite, None where it is none."""
    try:
        number = float(cell) if "_" not in cell else None
    except ValueError:
        return None
    return math.nan if number is not None and not math.isfinite(number) else number
