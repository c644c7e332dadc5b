"""Which windows an event time lies in, and how windows are cut into panes.

A window is the half-open interval [start, start + size) with start ≡ offset (mod slide): tumbling where slide = size,
sliding where slide < size (Akidau et al., "The Dataflow Model", VLDB 2015, section 2.2, there "fixed" and "sliding").
Windows are numbered: number k starts at offset + k slide.

Event time is cut wherever a window starts or ends. What lies between two cuts is a *pane*: its rows belong to the very
same windows ("paired windows", Krishnamurthy et al., "On-the-fly sharing for streamed aggregation", SIGMOD 2006). That
is one pane a slide where the slide divides the size, and two otherwise. Panes are numbered as well, from the offset.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.engine.protocol import WindowSpec

_Time = TypeVar("_Time", int, NDArray[np.int64])


def containing(spec: WindowSpec, times: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Finds the windows that contain each of some times.

    Args:
        spec: how event time is cut.
        times: shape (rows,), nanoseconds.

    Returns:
        Starts of windows, shape (rows, ceil(size / slide)), latest first, and a mask of the same shape that is False
        where the window does not contain the time after all (where the size is no multiple of the slide).
    """
    latest = times - (times - spec.offset) % spec.slide
    steps = -(-spec.size // spec.slide)
    starts = latest[:, None] - np.arange(steps, dtype=np.int64)[None, :] * spec.slide
    return starts, starts + spec.size > times[:, None]


class Grid:
    """The numbers and times of the windows and panes of one declaration.

    Args:
        spec: of windows of time.
    """

    def __init__(self, spec: WindowSpec) -> None:
        self._slide, self._size, self._offset = spec.slide, spec.size, spec.offset
        self._cut = spec.size % spec.slide  # where in a slide windows end, if not where they start
        self._panes_a_slide = 2 if self._cut else 1
        self._panes_a_window = self._panes_a_slide * (spec.size // spec.slide) + (1 if self._cut else 0)

    @property
    def is_shared(self) -> bool:
        """Whether a window has more than one pane."""
        return self._panes_a_window > 1

    def ended(self, time: _Time) -> _Time:
        """Returns the number of the last window that ends at a time or before."""
        return (time - (self._offset + self._size)) // self._slide

    def started(self, time: _Time) -> _Time:
        """Returns the number of the last window that starts at a time or before.

        The windows that contain a time, and its pane, are those from `ended` + 1 to `started`.
        """
        return (time - self._offset) // self._slide

    def window(self, number: int) -> tuple[int, int]:
        """Returns a window's start and end."""
        start = self._offset + number * self._slide
        return start, start + self._size

    def ends(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the ends of some windows, shape (windows,)."""
        return numbers * self._slide + (self._offset + self._size)

    def pane(self, time: int) -> tuple[int, int]:
        """Returns start and end of the pane that contains a time."""
        phase = (time - self._offset) % self._slide
        start = time - phase
        if not self._cut:
            return start, start + self._slide
        cut = start + self._cut
        return (start, cut) if time < cut else (cut, start + self._slide)

    def panes_between(self, first: int, last: int) -> int:
        """Returns how many panes there are between two times, at most."""
        return ((last - first) // self._slide + 2) * self._panes_a_slide

    @property
    def panes_a_window(self) -> int:
        """How many panes a window has."""
        return self._panes_a_window

    def panes(self, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the starts of the panes that contain some times, shape (rows,)."""
        phases = (times - self._offset) % self._slide
        starts: NDArray[np.int64] = times - phases
        return starts + np.where(phases >= self._cut, self._cut, 0) if self._cut else starts

    def seam(self, number: int) -> int:
        """Returns the first multiple of a window's number of panes behind its first pane, as a time.

        Every window has exactly one seam behind its start, at its end at the latest. Windows of the same seam share
        what they hold behind it and before it (see `_panes`).
        """
        first = number * self._panes_a_slide
        index = (first // self._panes_a_window + 1) * self._panes_a_window
        slides, cuts = divmod(index, self._panes_a_slide)
        return self._offset + slides * self._slide + cuts * self._cut
