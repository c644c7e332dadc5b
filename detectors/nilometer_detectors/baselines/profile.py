"""What a column of reference data is, told from all of its cells.

A column is *numeric* where every cell is a number, *boolean* where every cell is true or false, *text* where it has more
different texts than there can be categories, or more than half of its cells have one that no other has; else it is
*categorical*. Cells that hold nothing, a word for nothing, NaN or infinity are missing in a column of numbers or truth
values; in one of texts only an empty cell is, because `NA` or `none` may be a category. Whoever knows better says so.

Two kinds of column are pointed out. One whose every value is another, an integer or a single word, is an *id*: it is
left out unless it is kept. One of a single value is *constant*: any other value in a window is news, but there is
nothing to measure its distance by.
"""

import math
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np

from nilometer_detectors.baselines.table import NOTHING, Cells, SourceColumn, number_of
from nilometer_detectors.statistics.uniqueness import UniquenessSketch, hashes_of_numbers, hashes_of_texts
from nilometer_logger.errors import SettingError
from nilometer_logger.rows import Column, ColumnType, Floats, encode, label

MOST_CATEGORIES = 1000
LEAST_IDS = 100
"""Values from which on it is no accident that every one is another."""

_TRUTH = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True)
class ColumnProfile:
    """What a column was found to be.

    Attributes:
        source: where it stands.
        column: its name, type and categories.
        low: the smallest of its numbers, or of its texts' lengths.
        high: the largest.
        is_id: whether every value is another one, and nobody has said that it is no id.
        is_constant: whether it has one value.
        of_numbers: whether the categories are numbers, however they are written.
    """

    source: SourceColumn
    column: Column
    low: float
    high: float
    is_id: bool
    is_constant: bool
    of_numbers: bool

    def encode(self, cells: Cells) -> Floats:
        """Turns cells into values, as `Rows.values` has them.

        Returns:
            Shape (rows,).
        """
        kind, values = self.column.type, cells.values
        if kind == "numeric":
            return cells.numbers()[0]
        if kind == "boolean":
            return np.array([_truth(cell) for cell in values], dtype=np.float64)
        if isinstance(values, np.ndarray) or (kind == "categorical" and cells.written and self.of_numbers):
            different, places = np.unique(cells.numbers()[0], return_inverse=True)
            return encode(self.column, different.tolist())[0][places]
        return encode(self.column, [cell or None for cell in values] if cells.written else values)[0]


def _truth(cell: object) -> float:
    """Reads a truth value, or a number that stands for one; NaN for anything else."""
    if isinstance(cell, str) and cell.lower() in _TRUTH:
        return _TRUTH[cell.lower()]
    number = number_of(cell)
    return number if number in (0.0, 1.0) else math.nan


class Profile:
    """What is known of a column after some of its cells; bounded, however many they are.

    Args:
        source: the column.
        wanted: the type that the user gave; None for the source's own, or for one that is to be found.
        keep: whether the user wants it even if every value is another.
    """

    def __init__(self, source: SourceColumn, wanted: ColumnType | None = None, *, keep: bool = False) -> None:
        self._source = source
        self._wanted = wanted or source.type
        self._keep = keep or self._wanted is not None
        self._numeric = self._boolean = True
        self._numbers, self._truths, self._lengths = _Range(), _Range(), _Range()
        self._count = 0
        self._single = True  # whether every number is an integer, and every text one word
        self._texts: set[str] | None = set(source.categories)  # None when they are too many for categories
        self._one_of_many = ""
        self._different = UniquenessSketch()

    def take(self, cells: Cells) -> None:
        """Takes some cells."""
        numbers, numeric = cells.numbers()
        finite = numbers[~np.isnan(numbers)]
        self._numeric &= numeric
        self._numbers.take(finite)
        if isinstance(cells.values, np.ndarray):
            self._boolean &= not len(finite)
            self._truths.take(finite[(finite == 0) | (finite == 1)])
            self._look_for_ids(finite, None)
            if self._texts is not None:
                self._collect({str(label(number)) for number in np.unique(finite).tolist()})
            return
        words = {cell for cell in cells.values if isinstance(cell, str)} - ({""} if cells.written else set())
        others = [cell for cell in cells.values if not isinstance(cell, str)] if self._texts is not None else []
        texts = words | {text for text in map(label, others) if text}
        self._boolean &= all(text.lower() in _TRUTH for text in _without_nothing(texts))
        self._lengths.take(np.array([len(word) for word in words], dtype=np.float64))
        truths = np.array([_truth(text) for text in texts], dtype=np.float64)
        self._truths.take(truths[~np.isnan(truths)])
        self._look_for_ids(finite, None if numeric else [cell for cell in map(label, cells.values) if cell])
        self._collect(texts)

    def _collect(self, texts: AbstractSet[str]) -> None:
        if self._texts is not None:
            self._texts |= texts
            if len(self._texts) > MOST_CATEGORIES:
                self._one_of_many = min(self._texts)
                self._texts = None

    def _look_for_ids(self, numbers: Floats, texts: list[str] | None) -> None:
        self._count += len(numbers if texts is None else texts)
        if self._different.repeated or not self._single:
            return
        if texts is None:
            self._single = bool((numbers == np.trunc(numbers)).all())
            self._different.take(hashes_of_numbers(numbers))
        else:
            self._single = not any(" " in text for text in texts)
            self._different.take(hashes_of_texts(texts))

    def found(self, file: str) -> ColumnProfile:
        """Tells what the column is.

        Args:
            file: as the user knows it.

        Raises:
            SettingError: if it holds nothing of its type, or too many categories.
        """
        name = self._source.name
        kind = self._wanted or self._kind()
        if kind == "categorical" and self._texts is None:
            raise SettingError(
                f"{file}: column {name!r} has more than {MOST_CATEGORIES} different values, such as "
                f"{self._one_of_many!r}, and those are no categories: take --text {name}, or --ignore {name}"
            )
        texts = self._texts or set()
        extent = {"text": self._lengths, "boolean": self._truths}.get(kind, self._numbers)
        if not texts if kind == "categorical" else extent.is_empty:
            what = f"no value that is {kind}" if self._wanted else "no value"
            raise SettingError(f"{file}: column {name!r} holds {what}: leave it out with --ignore {name}")
        has_numbers = self._numeric and not self._numbers.is_empty
        return ColumnProfile(
            source=self._source,
            column=Column(name, kind, _categories(texts, numeric=has_numbers) if kind == "categorical" else ()),
            low=extent.low,
            high=extent.high,
            is_id=not self._keep and kind != "boolean" and self._is_id,
            is_constant=len(texts) == 1 if kind in ("categorical", "text") else extent.low == extent.high,
            of_numbers=has_numbers,
        )

    @property
    def _is_id(self) -> bool:
        return self._single and not self._different.repeated and self._count >= LEAST_IDS

    def _kind(self) -> ColumnType:
        if self._boolean and _without_nothing(self._texts or set()):
            return "boolean"
        if self._numeric:
            return "numeric"
        many = self._texts is None or (self._count >= LEAST_IDS and len(self._texts) > self._count / 2)
        return "text" if many else "categorical"


class _Range:
    """The smallest and the largest of some numbers."""

    def __init__(self) -> None:
        self.low, self.high = math.inf, -math.inf

    @property
    def is_empty(self) -> bool:
        """Whether there were no numbers."""
        return self.low > self.high

    def take(self, numbers: Floats) -> None:
        """Takes numbers, none of which is NaN."""
        if len(numbers):
            self.low, self.high = min(self.low, float(numbers.min())), max(self.high, float(numbers.max()))


def _without_nothing(texts: AbstractSet[str]) -> set[str]:
    return {text for text in texts if text.lower() not in NOTHING}


def _categories(texts: AbstractSet[str], *, numeric: bool) -> tuple[str, ...]:
    """Orders categories by their number where all are numbers, else by their text."""
    if not numeric:
        return tuple(sorted(texts))
    numbers = {number for text in texts if (number := number_of(text)) is not None and math.isfinite(number)}
    return tuple(str(label(number)) for number in sorted(numbers))
