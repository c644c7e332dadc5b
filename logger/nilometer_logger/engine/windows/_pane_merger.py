"""The value of a sliding window as the merge of its panes.

To merge the K panes of a window anew for every window would cost K merges a slide. So time is cut by *seams* at every K-th pane, of which each
window has one behind its start: a window is what its panes before the seam merge to (a *suffix* of the block of K panes
before the seam) and what those behind it do (a *prefix* of the next block). All suffixes of a block are made once, from
the back to the front, and the prefix grows with each window: about four merges a slide, whatever K is (van Herk, "A fast
algorithm for local minimum and maximum filters", 1992; Gil and Werman, "Computing 2-D min, median, and max filters",
1993).

Floating-point merges are not associative, so the order matters to the bits of a value. Here it depends on nothing but
the numbers of panes and which of them hold rows. Suffixes and the prefix are no part of the state: whoever lost them, by
a restart or by a row that came late into a pane, makes the very same again.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence

from nilometer_logger.engine.protocol import Monitor, WindowState
from nilometer_logger.engine.windows._pane import Pane

_NOWHERE = -(2**63)  # before every pane


class PaneMerger:
    """Merges panes to windows, which must be asked for in the order of their ends.

    Args:
        monitor: makes empty states.
        panes: those that hold rows, by their start; whoever changes one says so.
    """

    def __init__(self, monitor: Monitor, panes: Mapping[int, Pane]) -> None:
        self._monitor = monitor
        self._panes = panes
        self.forget()

    def forget(self) -> None:
        """Drops all that was merged."""
        self._seam = self._until = _NOWHERE
        self._suffixes: dict[int, WindowState] = {}  # by their first pane
        self._prefix: WindowState | None = None
        self._folded = _NOWHERE  # the last pane in the prefix

    def changed(self, start: int) -> None:
        """Drops what was merged of a pane, because it has taken rows since."""
        if start >= self._until:
            return
        if start >= self._seam:
            self._prefix, self._folded = None, _NOWHERE
        else:
            for first in [first for first in self._suffixes if first <= start]:
                del self._suffixes[first]

    def value(self, starts: Sequence[int], seam: int, end: int) -> WindowState:
        """Merges the panes of a window.

        Args:
            starts: of the window's panes that hold rows, ascending; at least one.
            seam: the window's seam.
            end: where the window ends.

        Returns:
            A state that nobody else holds.
        """
        if seam != self._seam:
            self.forget()
            self._seam = seam
        self._until = end
        middle = bisect_left(starts, seam)
        prefix = self._prefix_of(starts[middle:])
        if not middle:
            assert prefix is not None  # noqa: S101 - for the type: a window has a pane on one side of its seam
            return self._copy(prefix)
        suffix = self._suffix_of(starts[:middle])
        del self._suffixes[starts[0]]  # it becomes the value itself; hardly ever does a later window begin with it too
        if prefix is not None:
            suffix.merge(prefix)
        return suffix

    def _suffix_of(self, starts: Sequence[int]) -> WindowState:
        rest: WindowState | None = None
        for start in reversed(starts):
            suffix = self._suffixes.get(start)
            if suffix is None:
                suffix = self._suffixes[start] = self._copy(self._panes[start].state)
                if rest is not None:
                    suffix.merge(rest)
            rest = suffix
        assert rest is not None  # noqa: S101 - for the type: `starts` is not empty
        return rest

    def _prefix_of(self, starts: Sequence[int]) -> WindowState | None:
        for start in starts[bisect_right(starts, self._folded) :]:
            if self._prefix is None:
                self._prefix = self._monitor.open()
            self._prefix.merge(self._panes[start].state)
            self._folded = start
        return self._prefix

    def _copy(self, state: WindowState) -> WindowState:
        copy = self._monitor.open()
        copy.merge(state)
        return copy
