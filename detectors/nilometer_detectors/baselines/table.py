"""Reference data as they lie in a file: columns of cells, some rows at a time.

A file may be larger than memory, so it is read in chunks, and twice: what a column is shows only when all of its cells
have been seen. A source is whatever can be read so; all that follows looks at cells alone and knows nothing of formats.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from nilometer_logger.cloudevents.kserve import Half
from nilometer_logger.rows import Column, ColumnType, Floats

CHUNK = 1000
"""Rows that are read at once."""

NOTHING = frozenset({"", "na", "n/a", "nan", "null", "none"})
"""What says, in any case, that a number is missing."""

Progress = Callable[[int], None]
"""Told of every part of a source that has been read, in the source's own units."""


@dataclass(frozen=True)
class TableColumn:
    """A column of a table.

    Attributes:
        column: its name, type and categories.
        values: shape (rows,), as `Rows.values` has them.
    """

    column: Column
    values: Floats


@dataclass(frozen=True)
class SourceColumn:
    """A column of a source.

    Attributes:
        name: as the source has it.
        half: what it belongs to; None where the source does not say.
        type: of its values; None where the source does not say.
        categories: that it may have, whether they occur or not.
    """

    name: str
    half: Half | None = None
    type: ColumnType | None = None
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cells:
    """Some rows of a column.

    Attributes:
        values: numbers with NaN for what is missing; or whatever stands in the cells: numbers, truth values, texts, and
            None for nothing.
        written: whether everything is written as text, as in CSV, so that a text may mean a number or nothing.
    """

    values: Floats | Sequence[object]
    written: bool = False

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.values)

    def numbers(self) -> tuple[Floats, bool]:
        """Reads the cells as numbers.

        Returns:
            Shape (rows,), NaN where a cell holds no finite number; and whether every cell that is not missing holds a
            number, be it infinite.
        """
        if isinstance(self.values, np.ndarray):
            return np.where(np.isfinite(self.values), self.values, np.nan), True
        try:
            found, whole = np.array(list(map(float, self._plain())), dtype=np.float64), True
        except (TypeError, ValueError, OverflowError):
            known = {cell: number_of(cell) for cell in set(self.values)}
            whole = None not in known.values()
            read = [known[cell] for cell in self.values]
            found = np.array([math.nan if number is None else number for number in read], dtype=np.float64)
        return np.where(np.isfinite(found), found, np.nan), whole

    def _plain(self) -> Sequence[float | str]:
        """Gives the cells where Python's own reading of numbers is ours.

        Raises:
            ValueError: where it is not.
        """
        kinds = set(map(type, self.values))
        if kinds <= {float, int, bool} or (self.written and "_" not in "".join(map(str, self.values))):
            return self.values  # type: ignore[return-value] # they are numbers, or texts that may be
        raise ValueError


@dataclass(frozen=True)
class Chunk:
    """Some rows of a source.

    Attributes:
        cells: by column; a column that is not there is missing in all of the rows.
        rows: how many.
        read: how much of the source was read for it, in the source's own units.
    """

    cells: Mapping[SourceColumn, Cells]
    rows: int
    read: int


@dataclass
class Source(ABC):
    """Reference data that can be read again and again.

    Attributes:
        name: of the file, as the user knows it.
        size: of all of it, in the units of `Chunk.read`.
        remarks: what the user should know of its contents, after they have been read.
    """

    name: str
    size: int = 0
    remarks: list[str] = field(default_factory=list)

    @abstractmethod
    def chunks(self) -> Iterator[Chunk]:
        """Reads it from its beginning to its end; at least one row.

        Raises:
            SettingError: naming the file and the place in it, and what helps.
        """


def number_of(cell: object) -> float | None:
    """Reads a cell as a number: NaN where it is missing, None where it is something else."""
    if cell is None:
        return math.nan
    try:
        if isinstance(cell, str):
            if cell.lower() in NOTHING:
                return math.nan
            return float(cell) if "_" not in cell else None
        return float(cell)  # type: ignore[arg-type] # what is no number raises
    except (TypeError, ValueError, OverflowError):
        return None
