"""How many findings one outlier detector makes of a stream, and what becomes of the flagged rows beyond.

A request may hold a hundred thousand rows, all of them outliers, and a broken client sends it ten times a second: a
finding for each would say the same a million times. So of one request `PER_EVENT` rows have a finding each, and of a
stream `PER_WINDOW` until its next window closes. What is left is summarised in one more finding of the same shape: that
of the worst row among the rest, with a block `summarises` that says how many rows it stands for. The rest of a request
is summarised at once, and what passes the second bound when the window closes.

A tally is part of the monitor's memory of a stream, and so of the worker's state: a worker that restarts makes the same
findings of the same log.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.outliers.base.contract import Scores
from nilometer_logger.rows import Rows

PER_EVENT = 100
PER_WINDOW = 1000

Places = NDArray[np.intp]


class Rest(msgspec.Struct, array_like=True):
    """Flagged rows without a finding of their own, since a window closed.

    Attributes:
        rows: how many.
        requests: of how many requests.
        first_time: the smallest event time among them, in nanoseconds.
        last_time: the largest.
        score: of the worst among them.
        worst: what the finding of that row would have said, as JSON.
        request: its id.
        time: its event time.
    """

    rows: int
    requests: int
    first_time: int
    last_time: int
    score: float
    worst: bytes
    request: str
    time: int


class Tally(msgspec.Struct, array_like=True):
    """What one outlier detector has found on one stream since a window closed.

    Attributes:
        told: how many findings it has made.
        rest: the flagged rows that had none; None where there are none.
    """

    told: int = 0
    rest: Rest | None = None

    @property
    def is_full(self) -> bool:
        """Whether no more findings are made until a window closes."""
        return self.told >= PER_WINDOW

    def leave(self, rest: Rest) -> None:
        """Counts rows that have no finding."""
        before = self.rest
        if before is None:
            self.rest = rest
            return
        before.rows += rest.rows
        before.requests += rest.requests
        before.first_time = min(before.first_time, rest.first_time)
        before.last_time = max(before.last_time, rest.last_time)
        if rest.score > before.score:
            before.score, before.worst, before.request, before.time = rest.score, rest.worst, rest.request, rest.time


def by_event(rows: Rows, flagged: Places) -> Iterator[Places]:
    """Yields the flagged rows of each request that has any.

    Args:
        rows: of whole requests, those of each one behind the other.
        flagged: places of rows, ascending; one at least.
    """
    starts = np.flatnonzero(rows.numbers == 0)
    requests = np.searchsorted(starts, flagged, side="right")
    yield from np.split(flagged, np.flatnonzero(np.diff(requests)) + 1)


def worst_of(scores: Scores, places: Places) -> int:
    """Returns the place of the row with the largest score."""
    return int(places[np.argmax(scores.score[places])])


def requests_of(rows: Rows, places: Places) -> int:
    """Counts the requests that some rows are of."""
    starts = np.flatnonzero(rows.numbers == 0)
    return len(np.unique(np.searchsorted(starts, places, side="right")))


def read(written: Any) -> dict[str, Tally]:
    """Reads tallies by the names of their detectors, as MessagePack's values.

    Raises:
        msgspec.ValidationError: if they are none.
    """
    return msgspec.convert(written, dict[str, Tally])
