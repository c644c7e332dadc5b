"""What came too late, and what came twice, since the last window that told of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.engine.protocol import LATE_BOUNDS
from nilometer_logger.engine.windows._windows import Grid


def _none() -> list[int]:
    return [0] * (len(LATE_BOUNDS) + 1)


@dataclass
class Lateness:
    """The late rows and the duplicates of one stream, told once: by the first window that closes after them.

    Attributes:
        by: pairs of a late row and a window that it missed, by how late it was: up to each of `LATE_BOUNDS`, or beyond.
        latest: how late the latest was, in nanoseconds.
        duplicates: events that were passed over.
    """

    by: list[int] = field(default_factory=_none)
    latest: int = 0
    duplicates: int = 0

    def count(
        self, grid: Grid, watermarks: NDArray[np.int64], missed: NDArray[np.int64], last: NDArray[np.int64]
    ) -> None:
        """Counts late rows, each for every window that it missed.

        Args:
            grid: how the windows lie.
            watermarks: shape (rows,); what the watermark was before each row's event.
            missed: shape (rows,); the number of the first window that each row missed.
            last: shape (rows,); that of the last.
        """
        up_to = [
            int(np.maximum(last - np.maximum(grid.ended(watermarks - (bound + 1)), missed - 1), 0).sum())
            for bound in LATE_BOUNDS
        ]
        counts = np.diff([0, *up_to, int((last - missed + 1).sum())]).tolist()
        self.by = [before + more for before, more in zip(self.by, counts, strict=True)]
        self.latest = max(self.latest, int((watermarks - grid.ends(missed)).max()))

    @property
    def is_empty(self) -> bool:
        """Whether nothing came late, and nothing twice."""
        return not (any(self.by) or self.duplicates)

    def take(self) -> tuple[int, tuple[int, ...], int, int]:
        """Returns the number of late rows, by how late, the latest, and the duplicates; all are 0 from then on."""
        taken = sum(self.by), tuple(self.by), self.latest, self.duplicates
        self.by, self.latest, self.duplicates = _none(), 0, 0
        return taken

    def header(self) -> list[Any]:
        """Returns what a snapshot must hold."""
        return [list(self.by), self.latest, self.duplicates]

    @classmethod
    def read(cls, header: Sequence[Any]) -> "Lateness":
        """Reads what `header` has returned."""
        by, latest, duplicates = header
        return cls(list(by), latest, duplicates)
