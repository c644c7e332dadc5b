"""The statistics of one half (features or predictions) of one window: just those that are asked for, each one once."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.statistics.autocorrelation import Autocorrelation
from nilometer_detectors.statistics.base.contract import Block, Layout, Result, Statistic
from nilometer_detectors.statistics.base.packing import pack, unpack
from nilometer_detectors.statistics.counts import Counts
from nilometer_detectors.statistics.covariance import Covariance
from nilometer_detectors.statistics.distinct import Distinct
from nilometer_detectors.statistics.extremes import Extremes
from nilometer_detectors.statistics.histogram import Histogram
from nilometer_detectors.statistics.moments import Moments
from nilometer_detectors.statistics.quantiles import Quantiles
from nilometer_detectors.statistics.sample import Sample
from nilometer_detectors.statistics.shape import Shape
from nilometer_detectors.statistics.top import Top
from nilometer_logger.errors import StateError
from nilometer_logger.rows import Floats, Rows

KINDS: tuple[type[Statistic], ...] = (
    Counts,
    Moments,
    Extremes,
    Histogram,
    Sample,
    Shape,
    Distinct,
    Quantiles,
    Covariance,
    Top,
    Autocorrelation,
)
"""Every statistic there is, in the order of the bits by which a window's state names them: others follow at the end."""

DEFAULT = frozenset({"count", "missing", "infinite", "mean", "stddev", "min", "max", "histogram"})
"""What a monitor reports that does not say: what costs next to nothing."""

NAMES: Mapping[str, type[Statistic]] = {name: kind for kind in KINDS for name in kind.names}
"""The statistic behind each name that a monitor may give."""

_S = TypeVar("_S", bound=Statistic)


@lru_cache(maxsize=256)
def _chosen(
    names: frozenset[str], needed: frozenset[str], *, sampled: bool
) -> tuple[frozenset[str], tuple[type[Statistic], ...]]:
    """Gives what is reported and what is kept, in the order of `KINDS`: one object for all windows of a monitor."""
    reported = names.union(Counts.names)  # without those, no other number can be read
    kinds = {NAMES[name] for name in reported | needed} | ({Sample} if sampled else set())
    return reported, tuple(kind for kind in KINDS if kind in kinds)


class Summary:
    """Some statistics over the same rows; it has none of them before the first row, so that an empty one costs nothing.

    Args:
        layout: the columns; a sample is kept where its `sample` is not 0.
        names: the statistics to keep and report, as a monitor names them.
        needed: others to keep, for the detectors that read them.

    Attributes:
        layout: as given.
        kinds: the statistics that are kept, in the order of `KINDS`.
    """

    __slots__ = ("_reported", "_statistics", "kinds", "layout")

    def __init__(self, layout: Layout, names: Iterable[str], needed: Iterable[str] = ()) -> None:
        self.layout = layout
        self._reported, self.kinds = _chosen(frozenset(names), frozenset(needed), sampled=layout.sample > 0)
        self._statistics: tuple[Statistic, ...] = ()

    def _kept(self) -> tuple[Statistic, ...]:
        """Gives the statistics, in the order of `kinds`; they are made when they are first wanted."""
        if not self._statistics:
            self._statistics = tuple(kind(self.layout) for kind in self.kinds)
        return self._statistics

    def __getitem__(self, kind: type[_S]) -> _S:
        """Gives a statistic by its type; KeyError where it was not asked for."""
        for statistic in self._kept():
            if isinstance(statistic, kind):
                return statistic
        raise KeyError(kind)

    @property
    def reported(self) -> frozenset[str]:
        """The statistics that `result` gives."""
        return self._reported

    @property
    def rows(self) -> int:
        """The number of rows taken."""
        return self[Counts].rows if self._statistics else 0

    def sample(self, size: int) -> Floats:
        """Gives at most `size` rows with the smallest hashes, shape (rows, columns)."""
        return self[Sample].rows(size)

    def update(self, rows: Rows) -> None:
        """Takes a block of rows."""
        self.take(rows.values, rows.hashes, rows.unrecognized)

    def take(
        self, values: Floats, hashes: NDArray[np.uint64], unrecognized: Mapping[tuple[int, int], str] | None = None
    ) -> None:
        """Takes values of shape (rows, columns), the hashes of the rows' identities, and the texts of strange values."""
        with np.errstate(over="ignore", invalid="ignore"):
            block = Block(values, hashes, unrecognized)
            for statistic in self._kept():
                statistic.update(block)

    def merge(self, other: Self) -> None:
        """Takes all that another summary of the same layout and names has taken."""
        if not other.rows:
            return
        with np.errstate(over="ignore", invalid="ignore"):
            for statistic, theirs in zip(self._kept(), other._statistics, strict=True):
                statistic.merge(theirs)

    def result(self) -> dict[str, Result]:
        """Gives what was asked for, as JSON values, by the names of the columns."""
        columns: list[Result] = [{} for _ in self.layout.schema.columns]
        for statistic in self._kept():
            if self._reported.isdisjoint(statistic.names):
                continue  # it is kept for a detector
            for column, result in zip(columns, statistic.result(), strict=True):
                column.update({name: value for name, value in result.items() if name in self._reported})
        return dict(zip(self.layout.schema.names, columns, strict=True))

    def memory_bytes(self, rows: int) -> int:
        """Tells what it takes of memory once it has taken so many rows, from above and not by much."""
        return sum(kind.memory_bytes(self.layout, rows) for kind in self.kinds) if rows else 0

    def state(self) -> dict[str, dict[str, NDArray[Any]]]:
        """Gives the state of every statistic by its name."""
        return {type(statistic).__name__: statistic.state() for statistic in self._kept()}

    def load(self, state: Mapping[str, Mapping[str, NDArray[Any]]]) -> None:
        """Takes the place of the summary that gave a state.

        Raises:
            StateError: if the state is not of these statistics over this layout.
        """
        if set(state) != {kind.__name__ for kind in self.kinds}:
            raise StateError(f"the state of a window holds {', '.join(sorted(state))}, not what its monitor keeps")
        self._statistics = tuple(kind.from_state(self.layout, state[kind.__name__]) for kind in self.kinds)

    def dump(self) -> list[bytes]:
        """Writes the state as `packing` has it; nothing at all where there are no rows."""
        return pack(self._statistics) if self.rows else []

    def restore(self, packed: Sequence[bytes]) -> None:
        """Takes the place of the summary that `dump` wrote, of the same layout and kinds.

        Raises:
            ValueError: if the bytes do not fit.
            StateError: likewise.
        """
        self._statistics = unpack(self.kinds, self.layout, packed) if packed else ()
