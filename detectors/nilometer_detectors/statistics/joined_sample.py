"""Requests and responses of a window as one row each, for detectors that judge both halves together.

No request is held back until its response comes, and not all rows are kept. Each half keeps the k rows whose hashes of
(id of the inference, number of the row in it) are the smallest. Both halves choose by the same hash, so they choose the
same inferences: samples that are *coordinated* (Cohen and Kaplan, "Leveraging discarded samples for tighter estimation
of multiple-set aggregates", SIGMETRICS 2009; "What you can do with coordinated samples", RANDOM 2013). They are joined
when the window is judged, row n of a request with row n of its response. So the halves come in any order, the panes of
sliding windows merge first and are joined afterwards, the bound in time is the window, and the bound in memory is k.

* Where an id repeats, the two halves that are nearest in event time meet first, then the nearest of the others; of those
  that are equally near, the earlier ones. Neither order of arrival nor batches nor merging change the result.
* A half whose other half lies in another window, or was never logged, is *unpaired*. It is counted where its hash is
  smaller than the last one of a sample that is full: beyond that, the other half may just not have been kept.
* Rows of one id have one hash, so of many inferences with the same id the sample holds the earliest, and is not uniform.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.statistics.base.bottomk import BottomK
from nilometer_detectors.statistics.base.contract import OBJECT_BYTES
from nilometer_detectors.statistics.nearest import nearest
from nilometer_detectors.statistics.uniqueness import hashes_of_texts
from nilometer_logger.errors import StateError
from nilometer_logger.rows import Floats, Rows, Schema, hashes_of

_TIMES, _VALUES = 1, 2
_Kept = list[NDArray[Any]]


@dataclass(frozen=True)
class Joined:
    """What the halves of a window's sample are together.

    Attributes:
        values: shape (pairs, features + predictions), in the order of the rows' hashes.
        unpaired_requests: rows of requests in the sample whose response is not in the window.
        unpaired_responses: rows of responses in the sample whose request is not in the window.
    """

    values: Floats
    unpaired_requests: int
    unpaired_responses: int

    @property
    def facts(self) -> dict[str, object]:
        """What a finding says of it, as JSON values."""
        return {
            "rows": len(self.values),
            "unpairedRequests": self.unpaired_requests,
            "unpairedResponses": self.unpaired_responses,
        }


def told_apart(features: Schema, predictions: Schema) -> Schema:
    """Puts the columns of both halves into one schema, features first.

    A name that both halves have becomes ``features.NAME`` and ``predictions.NAME``. Where that is another column's name,
    all columns are named so.
    """
    halves = (("features", features), ("predictions", predictions))
    common = set(features.names) & set(predictions.names)
    columns = [
        replace(column, name=f"{half}.{column.name}" if column.name in common else column.name)
        for half, schema in halves
        for column in schema.columns
    ]
    if len({column.name for column in columns}) < len(columns):
        columns = [
            replace(column, name=f"{half}.{column.name}") for half, schema in halves for column in schema.columns
        ]
    return Schema(tuple(columns))


class JoinedSample:
    """The coordinated samples of a window's two halves.

    Args:
        size: how many rows of each half are kept.
        features: how many columns a request has.
        predictions: how many columns a response has.

    Attributes:
        size: as given.
    """

    __slots__ = ("_requests", "_responses", "size")

    def __init__(self, size: int, features: int, predictions: int) -> None:
        self.size = size
        self._requests, self._responses = (
            BottomK(size, np.empty(0, dtype=np.int64), np.empty((0, width))) for width in (features, predictions)
        )

    def update(self, rows: Rows) -> None:
        """Takes a block of rows of either half."""
        half = self._requests if rows.half == "request" else self._responses
        half.take(hashes_of(_hashes_of_ids(rows.ids), rows.numbers), rows.times, rows.values)

    def merge(self, other: Self) -> None:
        """Takes all that another one of the same monitor has taken; the other is left as it is."""
        self._requests.merge(other._requests)
        self._responses.merge(other._responses)

    def join(self, size: int) -> Joined:
        """Joins the halves.

        Args:
            size: how many rows of each half take part, those with the smallest hashes: the same give the same, however
                many more are kept. At most as many are joined.
        """
        requests, responses = ([array[:size] for array in half.kept()] for half in (self._requests, self._responses))
        pairs = np.array(list(_pairs(requests, responses)), dtype=np.intp).reshape(-1, 2)
        left, right = pairs.T
        full = [half[0][-1] for half in (requests, responses) if len(half[0]) == size]
        return Joined(
            np.concatenate([requests[_VALUES][left], responses[_VALUES][right]], axis=1),
            *(_unpaired(half[0], met, full) for half, met in ((requests, left), (responses, right))),
        )

    def dump(self) -> list[int | bytes]:
        """Writes the samples: k, then hashes, times and values of requests, then those of responses."""
        return [self.size, *(array.tobytes() for half in (self._requests, self._responses) for array in half.kept())]

    def restore(self, written: Sequence[int | bytes]) -> None:
        """Takes the place of what `dump` wrote.

        Raises:
            ValueError: if it does not fit.
            StateError: if it is that of another monitor.
        """
        size, *arrays = written
        if size != self.size:
            raise StateError("the state of a window holds another sample of both halves, not what its monitor keeps")
        halves = (self._requests, self._responses)
        kinds = [array for half in halves for array in half.kept()]
        found = [_array(data, kind) for data, kind in zip(arrays, kinds, strict=True)]
        kept = found[:3], found[3:]
        for hashes, *others in kept:
            if len(hashes) > self.size or any(len(other) != len(hashes) for other in others):
                raise ValueError("a sample of both halves has too many rows, or arrays of different lengths")
        for half, arrays_of_half in zip(halves, kept, strict=True):
            half.take(*arrays_of_half)

    def memory_bytes(self, rows: int) -> int:
        """Tells what it takes of memory once each half has taken so many rows, from above."""
        halves = (self._requests, self._responses)
        widths = [half.kept()[_VALUES].shape[1] for half in halves]
        return sum(BottomK.memory_bytes(self.size, 8 * (width + 1), rows) for width in widths) + 2 * OBJECT_BYTES

    @staticmethod
    def budget_bytes(size: int, features: int, predictions: int) -> int:
        """Gives the most bytes that it takes when it is written, besides 64: 8 a value, 8 a hash and 8 a time."""
        return 8 * size * (features + predictions + 4)


def _hashes_of_ids(ids: Sequence[str]) -> NDArray[np.uint64]:
    """Hashes ids, each that occurs once, because all rows of an inference have the same."""
    different = {text: place for place, text in enumerate(dict.fromkeys(ids))}
    hashes = hashes_of_texts(list(different))
    return hashes if len(different) == len(ids) else hashes[[different[text] for text in ids]]


def _array(data: int | bytes, kind: NDArray[Any]) -> NDArray[Any]:
    if not isinstance(data, bytes):
        raise TypeError("an array is a number")
    return np.frombuffer(data, kind.dtype).reshape(-1, *kind.shape[1:])


def _unpaired(hashes: NDArray[np.uint64], met: NDArray[np.intp], full: Sequence[np.uint64]) -> int:
    """Counts rows whose other half would have been kept as well.

    Args:
        hashes: of the rows, ascending.
        met: the places of those that are joined.
        full: the largest hash of each sample that is full.
    """
    known = np.searchsorted(hashes, min(full)) if full else len(hashes)
    return int(known - np.count_nonzero(met < known))


def _pairs(requests: _Kept, responses: _Kept) -> Iterator[tuple[int, int]]:
    """Gives the places of the rows that meet, in the order of their hashes and then of the requests' times."""
    shared = np.intersect1d(requests[0], responses[0])
    bounds = [np.searchsorted(half[0], shared, side) for half in (requests, responses) for side in ("left", "right")]
    for first, last, other_first, other_last in np.stack(bounds, axis=1).tolist():
        if last - first == other_last - other_first == 1:
            yield first, other_first
            continue
        times = requests[_TIMES][first:last].tolist(), responses[_TIMES][other_first:other_last].tolist()
        yield from ((first + left, other_first + right) for left, right in nearest(*times))
