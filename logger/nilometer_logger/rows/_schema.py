"""Columns, and the schema that gives the numbers of a block their meaning."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.errors import PayloadError

UNSEEN = -1.0

ColumnType = Literal["numeric", "categorical", "boolean", "text"]
Floats = NDArray[np.float64]
Sources = tuple[int | None, ...]

# A model's columns are the same in every inference; a client may name others each time, and as many as it likes.
_MOST_KEPT, _MOST_NAMES, _MOST_CHARACTERS = 64, 1024, 100_000
_MOST_SHOWN, _LONGEST_SHOWN = 8, 64


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

    @cached_property
    def has_texts(self) -> bool:
        """Whether a column is categorical or text, so that values must be looked at one by one."""
        return any(column.type in ("categorical", "text") for column in self.columns)

    def __len__(self) -> int:
        """The number of columns."""
        return len(self.columns)

    def sources(self, names: Sequence[str] | None, width: int) -> Sources:
        """Finds the columns of the schema among those of a table.

        Args:
            names: of the table's columns; None where they are positional.
            width: the number of the table's columns.

        Returns:
            For each column of the schema the table's, or None where the table lacks it.

        Raises:
            PayloadError: if the columns match neither by name nor in number.
        """
        key = (None if names is None else tuple(names), width)
        found = self._found.get(key)
        if found is None:
            found = self._match(names, width)
            if not names or (len(names) <= _MOST_NAMES and sum(map(len, names)) <= _MOST_CHARACTERS):
                if len(self._found) >= _MOST_KEPT:
                    self._found.clear()
                self._found[key] = found
        return found

    @cached_property
    def _found(self) -> dict[tuple[tuple[str, ...] | None, int], Sources]:
        return {}

    def _match(self, names: Sequence[str] | None, width: int) -> Sources:
        places = {name: place for place, name in enumerate(names)} if names is not None else {}
        if any(name in places for name in self.names):
            return tuple(places.get(name) for name in self.names)
        if width == len(self):
            return tuple(range(width))
        named = f" ({_listed(names)})" if names else ""
        raise PayloadError(
            f"{width} columns{named} do not match the schema's {len(self)} ({_listed(self.names)}): "
            "name them alike, or send as many in the same order"
        )


def _listed(names: Sequence[str]) -> str:
    """Names the first few, of which a client's may be as long as it likes."""
    shown = [name if len(name) <= _LONGEST_SHOWN else f"{name[:_LONGEST_SHOWN]}…" for name in names[:_MOST_SHOWN]]
    return ", ".join([*shown, *(["…"] if len(names) > _MOST_SHOWN else [])])
