"""What every statistic is: kept over all columns of a block at once, mergeable, of bounded size.

A statistic object holds its state for *all* columns of one half (features or predictions) of one window, because then
a block of rows costs a handful of numpy calls whatever the number of columns. The contract:

* `update(block)` takes rows; the same rows in the same order give the same bits, however they are cut into blocks, so
  that a result does not depend on how much of the log was read at once; another order changes a result by no more than
  its `tolerance`, or by the error that its sketch states, but for what is `ordered` by nature;
* `merge(other)` takes all that another object of the same layout has taken; `other` is left as it is;
* `result()` reads it, as JSON values, one dictionary a column;
* `state()` and `from_state()` carry it through a snapshot, to the bit: arrays of float64, uint64, or int64 and uint8
  counts that are never negative, small and mostly zero where there are few rows (`packing` makes use of that);
* `budget_bytes()` states the most that a written state takes, whatever the traffic, and `memory_bytes()` what it takes
  of memory by the number of rows.

Answers to bad input, the same for all: NaN is *missing*; an infinite value is counted as `infinite` and takes no part
elsewhere; a categorical column has no moments and extremes.
A result that does not exist (the mean of nothing, the standard deviation of one value) or does not fit into float64 is
null.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.statistics.base.bins import Bins
from nilometer_logger.errors import StateError
from nilometer_logger.rows import Floats, Schema

OBJECT_BYTES = 800
"""What a statistic takes beside the elements of its arrays: itself, and what numpy keeps of each array."""

Arrays = dict[str, NDArray[Any]]
Result = dict[str, object]


class Block:
    """The values of some rows, and what several statistics want to know of them, computed once.

    Attributes:
        values: shape (rows, columns).
        hashes: shape (rows,), uint64; of the rows' identities.
        unrecognized: by (row, column), the text of a value that its column has no number for, as `Rows.unrecognized` has it.
        whole: whether every value is finite (a sum too large for float64 reads as not whole, which costs only time).
    """

    def __init__(
        self, values: Floats, hashes: NDArray[np.uint64], unrecognized: Mapping[tuple[int, int], str] | None = None
    ) -> None:
        """Takes values as they are, without a copy: a statistic must not keep a view of them."""
        self.values = values
        self.hashes = hashes
        self.unrecognized = unrecognized or {}
        # One sum tells faster than isfinite and all whether there is any NaN or infinity.
        self.whole = math.isfinite(np.add.reduce(values, axis=None))

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.values)

    @cached_property
    def finite(self) -> NDArray[np.bool_]:
        """Where the values are finite, shape (rows, columns)."""
        return np.isfinite(self.values)

    @cached_property
    def finite_counts(self) -> NDArray[np.int64]:
        """The number of finite values, shape (columns,)."""
        counts: NDArray[np.int64] = np.add.reduce(self.finite, axis=0, dtype=np.int64)
        return counts


@dataclass(frozen=True)
class Layout:
    """What statistics are kept of.

    Attributes:
        schema: the columns.
        edges: the edges of each column's histogram, ascending; None where a column has none.
        sample: how many rows a sample holds.
    """

    schema: Schema
    edges: Sequence[Floats | None] = ()
    sample: int = 0

    @cached_property
    def numeric(self) -> tuple[int, ...]:
        """The places of the columns whose values are numbers: numeric and boolean ones."""
        return tuple(place for place, column in enumerate(self.schema.columns) if column.type != "categorical")

    @cached_property
    def bins(self) -> Bins:
        """Where the histograms count."""
        return Bins(self.schema.columns, self.edges)


class Statistic(ABC):
    """One statistic, or a few that share a state, of all columns."""

    __slots__ = ("layout",)

    names: ClassVar[tuple[str, ...]]
    """What `result` gives, by the names that a monitor uses; empty for what only detectors read."""

    grows: ClassVar[frozenset[str]] = frozenset()
    """The arrays of its state that have more elements the more rows there are, up to a bound."""

    ordered: ClassVar[bool] = False
    """Whether it is about the order of the rows, so that another order is another result."""

    tolerance: ClassVar[float] = 0.0
    """By how much rounding may change a result in another order or batching, relative to the largest value there is."""

    most_columns: ClassVar[int | None] = None
    """Over how many columns of numbers it can be kept; a monitor of more that asks for it is refused."""

    def __init__(self, layout: Layout) -> None:
        """Makes the state of no rows."""
        self.layout = layout

    @abstractmethod
    def update(self, block: Block) -> None:
        """Takes the rows of a block."""

    @abstractmethod
    def merge(self, other: Self) -> None:
        """Takes all that `other` has taken."""

    @abstractmethod
    def result(self) -> list[Result]:
        """Reads the statistic: one dictionary a column, from a name of `names` to a JSON value."""

    @abstractmethod
    def state(self) -> Arrays:
        """Gives the state as arrays, to be written before the next update."""

    @abstractmethod
    def restore(self, state: Arrays) -> None:
        """Takes the place of the statistic that gave a state, whose names, shapes and types fit this one."""

    @classmethod
    @abstractmethod
    def budget_bytes(cls, layout: Layout) -> int:
        """Gives the most bytes that its state takes when it is written, besides 64 that do not depend on the layout."""

    @classmethod
    def memory_bytes(cls, layout: Layout, rows: int) -> int:  # noqa: ARG003 - for those that grow
        """Tells what it takes of memory once it has taken so many rows, from above and not by much.

        It never falls where there are more rows, and two of some rows each take no less than one of all of them.
        """
        return cls.budget_bytes(layout) + OBJECT_BYTES

    @classmethod
    def from_state(cls, layout: Layout, state: Mapping[str, NDArray[Any]]) -> Self:
        """Makes a statistic from what `state` gave.

        Raises:
            StateError: if the arrays are not those of this statistic and layout.
        """
        statistic = cls(layout)
        found: Arrays = {}
        for name, array in statistic.state().items():
            stored = state.get(name)
            fits = stored is not None and stored.dtype == array.dtype
            if stored is None or not fits or not (name in cls.grows or stored.shape == array.shape):
                raise StateError(f"the state of {cls.__name__} does not fit: {name} is missing or of another shape")
            found[name] = stored
        statistic.restore(found)
        return statistic


def plain(value: float) -> float | None:
    """Gives a number as JSON can hold it: null where it is NaN or infinite."""
    return float(value) if math.isfinite(value) else None
