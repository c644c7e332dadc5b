"""Quantiles of a stream of values, by a KLL sketch whose coins are no chance."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.statistics.base.contract import OBJECT_BYTES, Arrays, Block, Layout, Result, Statistic, plain
from nilometer_logger.errors import StateError
from nilometer_logger.rows import Floats

PROBABILITIES = {"p1": 0.01, "p5": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95, "p99": 0.99}
_BUFFER = 512  # values that are kept as they are
_ITEMS = 768  # at most so many on all levels above
_SHRINK = 2 / 3  # the room of a level, as a share of that above it
_LEVELS = 48


class Quantiles(Statistic):
    """Quantiles of the finite values, and the range between the quartiles (iqr = p75 - p25).

    The sketch of Karnin, Lang and Liberty ("Optimal quantile approximation in streams", FOCS 2016): an item on level h
    stands for 2^h values. Values are gathered on level 0; whenever there are 512, they are sorted, and every other one
    goes up a level. While the levels above have more than 768 items, the lowest that has more than its room is halved
    in the same way; the room of a level is two thirds of that above it. Whether the items at even or odd places go up,
    a coin tells: a hash of the column and the number of its values so far, and every second time the opposite of the coin before (Ivkin
    et al., "Streaming quantiles algorithms with small space and update time", 2019). So the same values in the same
    order give the same bits; datasketches' KLL, the well-kept library there is, tosses coins that cannot be seeded.

    Up to 512 values are exact: `numpy.quantile` of them by linear interpolation. Beyond, the rank of what is given for
    a quantile is within 1 % of n of the true one, n being the finite values of the column: the standard error of the
    rank was measured as 0.1 % of n for 10⁴ values and 0.2 % for 10⁶ and more. Another order or batching, and merging,
    gives other values within the same bound.

    State: 8 bytes an item, at most 10 KiB a column. A block costs a copy of its values, every 512 values of a column
    a sort of them: 6 million values/s a core in blocks of 100 rows and 20 columns, half of it where values are missing.
    """

    __slots__ = ("_buffer", "_filled", "_levels", "_numeric")

    names = ("quantiles", "iqr")

    grows = frozenset({"items"})

    def __init__(self, layout: Layout) -> None:
        """Makes the sketch of no rows."""
        super().__init__(layout)
        self._numeric = np.array(layout.numeric, dtype=np.intp)
        self._buffer: Floats = np.empty((len(self._numeric), 0))
        self._filled = np.zeros(len(self._numeric), dtype=np.int64)
        self._levels: list[list[Floats]] = [[] for _ in self._numeric]

    def update(self, block: Block) -> None:
        """Takes the finite values of a block."""
        if not len(self._numeric):
            return
        values = block.values[:, self._numeric] + 0.0  # which makes +0 of -0
        finite = None if block.whole else block.finite[:, self._numeric]
        first = 0
        while first < len(values):
            last = min(len(values), first + _BUFFER - int(self._filled.max()))
            self._gather(values[first:last], None if finite is None else finite[first:last])
            self._empty_full()
            first = last

    def _gather(self, values: Floats, finite: NDArray[np.bool_] | None) -> None:
        """Puts values into the buffers, which have room for them."""
        self._make_room(int(self._filled.max()) + len(values))
        start = int(self._filled[0])
        if finite is None and (self._filled == start).all():
            self._buffer[:, start : start + len(values)] = values.T
            self._filled += len(values)
            return
        if finite is None:
            finite = np.ones(values.shape, dtype=bool)
        rows, columns = finite.nonzero()
        places = np.add.accumulate(finite, axis=0, dtype=np.int64) + (self._filled - 1)
        self._buffer[columns, places[rows, columns]] = values[rows, columns]
        self._filled += np.add.reduce(finite, axis=0, dtype=np.int64)

    def _make_room(self, needed: int) -> None:
        if needed > self._buffer.shape[1]:
            room = min(_BUFFER, max(needed, 32, 2 * self._buffer.shape[1]))
            more = np.empty((len(self._buffer), room - self._buffer.shape[1]))
            self._buffer = np.concatenate([self._buffer, more], axis=1)

    def _empty_full(self) -> None:
        """Sends what is in a full buffer up."""
        full = np.flatnonzero(self._filled == _BUFFER)
        if len(full):
            for column, items in zip(full.tolist(), np.sort(self._buffer[full], axis=1), strict=True):
                number = self._count(column)
                self._filled[column] = 0
                _put(self._levels[column], 1, items[_coin(column, number, 0) :: 2])
                _settle(self._levels[column], column, number)

    def _count(self, column: int) -> int:
        """Gives how many values a column has taken."""
        above = sum(len(items) << height for height, items in enumerate(self._levels[column], 1))
        return int(self._filled[column]) + above

    def merge(self, other: Self) -> None:
        """Takes the other's items, level by level."""
        for column, (levels, theirs) in enumerate(zip(self._levels, other._levels, strict=True)):
            values = other._buffer[column, : other._filled[column]]
            room = _BUFFER - int(self._filled[column])
            for part in (values[:room], values[room:]):
                start, end = int(self._filled[column]), int(self._filled[column]) + len(part)
                self._make_room(end)
                self._buffer[column, start:end] = part
                self._filled[column] = end
                self._empty_full()
            for height, items in enumerate(theirs, 1):
                _put(levels, height, items)
            _settle(levels, column, self._count(column))

    def quantiles(self, probabilities: Any) -> Floats:
        """Gives quantiles of every column of numbers.

        Args:
            probabilities: shape (k,), of 0 to 1.

        Returns:
            Shape (columns of numbers, k); NaN where there are no values.
        """
        wanted = np.asarray(probabilities, dtype=np.float64)
        found = np.full((len(self._numeric), len(wanted)), np.nan)
        for column, levels in enumerate(self._levels):
            parts = [self._buffer[column, : self._filled[column]], *levels]
            items = np.concatenate(parts)
            if len(items):
                weights = np.repeat(1 << np.arange(len(parts)), [len(part) for part in parts])
                found[column] = _read(items, weights, wanted)
        return found

    def result(self) -> list[Result]:
        """Gives p1 to p99 and iqr of the columns of numbers; null where there are no values."""
        results: list[Result] = [{} for _ in self.layout.schema.columns]
        with np.errstate(over="ignore"):
            for place, found in zip(self._numeric.tolist(), self.quantiles([*PROBABILITIES.values()]), strict=True):
                named = {name: plain(value) for name, value in zip(PROBABILITIES, found, strict=True)}
                results[place] = {"quantiles": named, "iqr": plain(found[4] - found[2])}
        return results

    def state(self) -> Arrays:
        """Gives the items of one column after the other, from the lowest level on, and how many there are of each."""
        sizes = np.zeros((len(self._numeric), _LEVELS), dtype=np.int64)
        items: list[Floats] = [np.empty(0)]
        for column, levels in enumerate(self._levels):
            parts = [self._buffer[column, : self._filled[column]], *levels]
            sizes[column, : len(parts)] = [len(part) for part in parts]
            items += parts
        return {"sizes": sizes, "items": np.concatenate(items)}

    @classmethod
    def budget_bytes(cls, layout: Layout) -> int:
        """Gives 8 bytes for each item that a column can have, and 4 a level for their number."""
        return (8 * (_BUFFER + _ITEMS) + 4 * _LEVELS) * len(layout.numeric)

    @classmethod
    def memory_bytes(cls, layout: Layout, rows: int) -> int:
        """Gives the room of its values, which grows with them, and of the items on the levels above."""
        values = max(32, min(2 * rows, _BUFFER))
        # Beside their items, levels take what numpy keeps of an array, and room for items that have gone up.
        levels = 14 * min(rows, _ITEMS)
        return (8 * values + levels + 64) * len(layout.numeric) + OBJECT_BYTES

    def restore(self, state: Arrays) -> None:
        """Takes the items.

        Raises:
            StateError: if there are not as many as they are said to be, or more than can be.
        """
        sizes, items = state["sizes"], state["items"]
        above = sizes[:, 1:].sum(axis=1)
        fits = (sizes >= 0).all() and (sizes[:, 0] < _BUFFER).all() and (above <= _ITEMS).all()
        if not fits or sizes.sum() != len(items):
            raise StateError("the state of Quantiles does not fit: its items are not as many as they should be")
        self._filled = sizes[:, 0].copy()
        if len(self._numeric):
            self._make_room(int(self._filled.max()))
        parts = iter(np.split(items, np.cumsum(sizes.ravel())[:-1]))
        for column, lengths in enumerate(sizes):
            self._buffer[column, : lengths[0]] = next(parts)
            levels = [next(parts).copy() for _ in lengths[1:]]
            self._levels[column] = levels[: int(np.max(np.flatnonzero(lengths[1:]), initial=-1)) + 1]


def _put(levels: list[Floats], height: int, items: Floats) -> None:
    """Adds items to a level."""
    while len(levels) < height:
        levels.append(np.empty(0))
    levels[height - 1] = np.sort(np.concatenate([levels[height - 1], items]))


def _settle(levels: list[Floats], column: int, number: int) -> None:
    """Halves the levels of a column that has taken so many values, until there are no more items than there may be."""
    while sum(map(len, levels)) > _ITEMS:
        rooms = (_ITEMS * (1 - _SHRINK) * _SHRINK ** (len(levels) - height) for height in range(1, len(levels) + 1))
        # All rooms together are less than there may be, so one of them is too small.
        height = next(at for at, (items, room) in enumerate(zip(levels, rooms, strict=True), 1) if len(items) > room)
        items = levels[height - 1]
        odd = len(items) % 2  # one stays below, so that all weights add up to the number of values
        levels[height - 1] = items[:odd].copy()  # and not a view, which would keep all of them
        _put(levels, height + 1, items[odd + _coin(column, number, height) :: 2])


def _coin(column: int, number: int, height: int) -> int:
    """Tells whether the items at even (0) or odd (1) places of a level go up, when a column has taken so many values."""
    turn = number // (_BUFFER << height)
    # splitmix64, as in `hashes_of`
    mixed = ((turn >> 1) * 64 + height + (column << 40) + 1) * 0x9E3779B97F4A7C15 & (1 << 64) - 1
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & (1 << 64) - 1
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & (1 << 64) - 1
    return (mixed ^ mixed >> 31 ^ turn) & 1


def _read(items: Floats, weights: NDArray[np.int64], wanted: Floats) -> Floats:
    """Reads quantiles off items that stand for some values each: an item in the middle of their ranks."""
    order = np.argsort(items, kind="stable")
    items, weights = items[order], weights[order]
    ends = np.cumsum(weights)
    ranks = ends - 0.5 * (weights + 1)  # from 0
    at = np.interp(wanted * (ends[-1] - 1), ranks, np.arange(len(items)))
    low = at.astype(np.intp)
    share, high = at - low, np.minimum(low + 1, len(items) - 1)
    # A product each, because the distance between two values need not fit into float64.
    return np.where(items[low] == items[high], items[low], items[low] * (1 - share) + items[high] * share)
