"""The cells of a table as the values that a client would send.

CSV knows texts only, so a cell is read as what its column is: a number, a truth value, a category, a text. An empty
cell, and a word for nothing in a column of numbers, is missing; what does not fit its column stays as it came, for the
monitor to say so.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np

from nilometer_detectors.baselines.table import Cells, number_of
from nilometer_logger.rows import Column, ColumnType, label

_TRUTH = {"true": True, "false": False}


def json_values(column: Column, cells: Cells) -> list[object]:
    """Gives a column's cells as JSON values."""
    values = cells.values
    if isinstance(values, np.ndarray):
        return [None if math.isnan(value) else value for value in values.tolist()]
    read = _READERS[column.type] if cells.written else _plain
    known: dict[object, object] = {}  # most columns hold few different texts; numbers cost no more for it
    found = []
    for cell in values:
        if cell not in known:
            known[cell] = read(column, cell)
        found.append(known[cell])
    return found


def _plain(_: Column, cell: object) -> object:
    return None if isinstance(cell, float) and math.isnan(cell) else cell


def _numeric(_: Column, cell: object) -> object:
    number = number_of(cell)
    return cell if number is None else None if math.isnan(number) else number


def _boolean(column: Column, cell: object) -> object:
    truth = _TRUTH.get(str(cell).lower())
    return _numeric(column, cell) if truth is None else truth


def _categorical(column: Column, cell: object) -> object:
    if cell in column.categories or not cell:
        return cell or None
    spelled = [str(cell).lower(), label(number_of(cell))]  # True for true, 1.0 for 1
    return next((text for text in spelled if text in column.categories), cell)


def _text(_: Column, cell: object) -> object:
    return cell or None


_READERS: Mapping[ColumnType, Callable[[Column, object], object]] = {
    "numeric": _numeric,
    "boolean": _boolean,
    "categorical": _categorical,
    "text": _text,
}
