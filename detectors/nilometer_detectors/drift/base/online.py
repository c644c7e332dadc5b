"""Drift detectors that remember: they take every row in the order of the log, and answer when a window closes.

An online detector finds a change sooner than a test of one window can, because what it has seen adds up. What it
remembers of a stream is a few arrays of bounded size, part of the snapshot like the windows themselves, so that a
restart changes nothing. It takes late rows too, in the order in which they came.
"""

from abc import abstractmethod
from typing import Any, TypeVar

from numpy.typing import NDArray

from nilometer_detectors.drift.base.contract import DriftDetector, DriftParameters, DriftResult, Window
from nilometer_logger.rows import Floats, Rows

Memory = dict[str, NDArray[Any]]
O = TypeVar("O", bound=DriftParameters)  # noqa: E741 - one letter, as the other type variables


class OnlineDrift(DriftDetector[O]):
    """A detector with a memory of each stream.

    The memory is made by `begin`, changed by `observe` and `judge_stream` alone, and never grows beyond a bound. The
    same rows in the same order make the same memory, to the bit, however they are cut into blocks.
    """

    @abstractmethod
    def begin(self) -> Memory:
        """Makes the memory of a stream that was never seen; names, types and shapes of its arrays never change."""

    @abstractmethod
    def observe(self, memory: Memory, values: Floats) -> None:
        """Takes rows.

        Args:
            memory: changed in place.
            values: shape (rows, columns of the half that is judged), in the order of the log.
        """

    @abstractmethod
    def judge_stream(self, memory: Memory, window: Window) -> DriftResult:
        """Answers for the rows since the last answer.

        Args:
            memory: changed in place: an alarm that was told is not told again.
            window: the one that has closed; its rows are among those that were observed.
        """

    def take(self, memory: Memory, rows: Rows) -> None:
        """Takes a block of rows of either half."""
        if rows.half == self.half and len(rows):
            self.observe(memory, rows.values)

    def judge(self, window: Window) -> DriftResult:
        """Judges a window as if the stream began with it."""
        memory = self.begin()
        half = window.half(self.of)
        if half.layout.sample:
            self.observe(memory, half.sample(half.layout.sample))
        return self.judge_stream(memory, window)
