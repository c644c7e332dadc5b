"""The statistics of one half (features or predictions) of one window: just those that are asked for, each one once."""

from collections.abc import Iterable, Mapping
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.statistics.contract import Block, Layout, Result, Statistic
from nilometer_detectors.statistics.counts import Counts
from nilometer_detectors.statistics.extremes import Extremes
from nilometer_detectors.statistics.histogram import Histogram
from nilometer_detectors.statistics.moments import Moments
from nilometer_detectors.statistics.sample import Sample
from nilometer_logger.errors import StateError
from nilometer_logger.rows import Floats, Rows

KINDS: tuple[type[Statistic], ...] = (Counts, Moments, Extremes, Histogram, Sample)
"""Every statistic there is; the contract tests run over it."""

NAMES: Mapping[str, type[Statistic]] = {name: kind for kind in KINDS for name in kind.names}
"""The statistic behind each name that a monitor may give."""

ALWAYS = Counts.names
"""Always kept and always reported: no other number can be read without them."""

_S = TypeVar("_S", bound=Statistic)


class Summary:
    """Some statistics over the same rows.

    Args:
        layout: the columns; a sample is kept where its `sample` is not 0.
        names: the statistics to keep and report, as a monitor names them.
        needed: others to keep, for the detectors that read them.
    """

    def __init__(self, layout: Layout, names: Iterable[str], needed: Iterable[str] = ()) -> None:
        self.layout = layout
        self._reported = frozenset(names) | frozenset(ALWAYS)
        kinds = {NAMES[name] for name in self._reported.union(needed)} | ({Sample} if layout.sample else set())
        self._statistics: dict[type[Statistic], Statistic] = {kind: kind(layout) for kind in KINDS if kind in kinds}

    def __getitem__(self, kind: type[_S]) -> _S:
        """Gives a statistic by its type; KeyError where it was not asked for."""
        statistic = self._statistics[kind]
        assert isinstance(statistic, kind)  # noqa: S101 - they are kept by their own type
        return statistic

    @property
    def rows(self) -> int:
        """The number of rows taken."""
        return int(self[Counts].rows[0])

    def sample(self, size: int) -> Floats:
        """Gives at most `size` rows with the smallest hashes, shape (rows, columns)."""
        return self[Sample].rows(size)

    def update(self, rows: Rows) -> None:
        """Takes a block of rows."""
        self.take(rows.values, rows.hashes)

    def take(self, values: Floats, hashes: NDArray[np.uint64]) -> None:
        """Takes values of shape (rows, columns) and the hashes of the rows' identities, shape (rows,)."""
        with np.errstate(over="ignore", invalid="ignore"):
            block = Block(values, hashes)
            for statistic in self._statistics.values():
                statistic.update(block)

    def merge(self, other: Self) -> None:
        """Takes all that another summary of the same layout and names has taken."""
        with np.errstate(over="ignore", invalid="ignore"):
            for kind, statistic in self._statistics.items():
                statistic.merge(other[kind])

    def result(self) -> dict[str, Result]:
        """Gives what was asked for, as JSON values, by the names of the columns."""
        columns: list[Result] = [{} for _ in self.layout.schema.columns]
        for statistic in self._statistics.values():
            for column, result in zip(columns, statistic.result(), strict=True):
                column.update({name: value for name, value in result.items() if name in self._reported})
        return dict(zip(self.layout.schema.names, columns, strict=True))

    def state(self) -> dict[str, dict[str, NDArray[Any]]]:
        """Gives the state of every statistic by its name."""
        return {kind.__name__: statistic.state() for kind, statistic in self._statistics.items()}

    def load(self, state: Mapping[str, Mapping[str, NDArray[Any]]]) -> None:
        """Takes the place of the summary that gave a state.

        Raises:
            StateError: if the state is not of these statistics over this layout.
        """
        if set(state) != {kind.__name__ for kind in self._statistics}:
            raise StateError(f"the state of a window holds {', '.join(sorted(state))}, not what its monitor keeps")
        self._statistics = {kind: kind.from_state(self.layout, state[kind.__name__]) for kind in self._statistics}
