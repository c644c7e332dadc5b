"""The halves of one stream that have not met the other.

The halves of an inference share an id, and come in either order. A client may send the same id for ever; then a half
takes, of the other halves that wait, the one that is nearest in event time. A pair that has formed is forgotten at
once, so that what is kept is what waits, and the halves that wait under one id are all of one kind.

A half waits until it is given up: when the log says so (`PairingTable.expire`), or when there is no room, and then the
oldest goes. A response that is given up is of no use; a request that is given up stays unanswered for good, and only
its event time is kept, until the windows that it may count in have closed (`PairingTable.forget`). A stream that has never
shown a response is probably one whose requests alone are logged: a few of them wait, and more are passed over.

All of this is a function of the sequence of calls, whatever is written in between, and whoever goes on from what was
written: ties go by a sequence number that is written too.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from heapq import heapify, heappop, heappush
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from nilometer_logger.cloudevents.kserve import Half
from nilometer_logger.engine.pairing._chunks import LARGEST_CHUNK, Chunks, Waiting
from nilometer_logger.engine.pairing._pool import Pool

OF_ONE_ID = 64
"""How many halves of one id wait, at most."""
OF_A_SILENT_STREAM = 1024
"""How many requests wait, at most, while the stream has never shown a response; more are passed over."""
_LONGEST_ID = 64


class PairingTable:
    """The halves of one stream that have not met the other.

    Args:
        most: how many halves wait at most, and how many given-up requests are remembered at most, those with the
            largest event times; 1 or more.
        pool: the room that it shares with other streams; it alone has all of it where none is given.

    Attributes:
        has_response: whether the stream has ever shown a response; a restart must set it again.
        overflowed: how often there was no room: halves given up too early, and given-up requests that are no longer
            counted; since this object was made.
    """

    def __init__(self, most: int, pool: Pool | None = None) -> None:
        self._pool = pool or Pool(2 * most)
        self.has_response = False
        self.overflowed = 0
        self._most = most
        self._few = min(most, OF_A_SILENT_STREAM)
        self._waiting: dict[str, Waiting | list[Waiting]] = {}
        self._count = 0
        self._sequence = 0
        self._queue: list[Waiting] = []  # a heap, in which also stand halves that have met the other by now
        self._given_up: list[tuple[int, int]] = []  # a heap of event times, each with its chunk
        self._times: list[int] | None = None  # of all that is unanswered, in order; None when it must be found anew
        self._chunks = Chunks()

    def __len__(self) -> int:
        """Returns how many halves wait."""
        return self._count

    def put(self, id: str, half: Half, time: int, arrival: int) -> None:  # noqa: A002 - the attribute's own name
        """Takes in a half: it meets the other, or waits.

        Args:
            id: the inference's.
            half: request or response.
            time: of the event, in nanoseconds.
            arrival: of the record it stood in, in nanoseconds.
        """
        if len(id) > _LONGEST_ID:
            id = blake2b(id.encode(errors="surrogatepass"), digest_size=32).hexdigest()  # noqa: A001 - it may be long
        self._times = None
        if half == "response":
            self.has_response = True
        found = self._waiting.get(id)
        if found is not None:
            if isinstance(found, tuple):
                if found[3] != half:  # as nearly always
                    del self._waiting[id]
                    self._count -= 1
                    self._pool.count -= 1
                    if found[5] != self._chunks.open:
                        self._chunks.remove(found)
                    return
            elif found[0][3] != half:
                self._remove(min(found, key=lambda other: (abs(other[2] - time), other[1])))
                return
        if self._count >= self._few and not self.has_response:
            return
        if isinstance(found, list) and len(found) == OF_ONE_ID:
            self._overflow(min(found))
        elif self._count >= self._most:
            self.oldest_arrival()
            self._overflow(self._queue[0])
        elif self._pool.room <= 0 and not self._make_room():
            self.overflowed += 1
            return
        self._sequence += 1
        waits = (arrival, self._sequence, time, half, id, self._chunks.open)
        if found is None:
            self._waiting[id] = waits
            self._count += 1
            self._pool.count += 1
        else:
            self._keep(waits)
        heappush(self._queue, waits)
        self._chunks.fresh.append(waits)
        if len(self._chunks.fresh) >= LARGEST_CHUNK:
            self._close_chunk()

    def put_all(
        self, ids: Sequence[str], are_requests: NDArray[np.bool_], times: NDArray[np.int64], arrival: int
    ) -> None:
        """Takes in the halves of one record, in their order, to the same end as `put` of each.

        Those that meet in the record itself never wait: they cost a few operations on sets.

        Args:
            ids: of the inferences.
            are_requests: shape (halves,).
            times: shape (halves,); of the events, in nanoseconds.
            arrival: of the record, in nanoseconds.
        """
        met = self._met(ids, are_requests)
        if met:
            self.has_response = True
        if 2 * len(met) == len(ids):
            return
        for id_, is_request, time in zip(ids, are_requests.tolist(), times.tolist(), strict=True):
            if id_ not in met:
                self.put(id_, "request" if is_request else "response", time, arrival)

    def _met(self, ids: Sequence[str], are_requests: NDArray[np.bool_]) -> set[str]:
        """Finds the ids of a record whose halves meet each other, whatever waits or comes between.

        None where an id comes twice in a half, or is long, or where there might be no room for all to wait.
        """
        room = min((self._most if self.has_response else self._few) - self._count, self._pool.room)
        if len(ids) > room or max(map(len, ids), default=0) > _LONGEST_ID:
            return set()
        asked = set(compress(ids, are_requests.tolist()))
        answered = set(compress(ids, (~are_requests).tolist()))
        if len(asked) + len(answered) < len(ids):
            return set()
        return (asked & answered).difference(self._waiting)

    def expire(self, arrived_before: int) -> int:
        """Lets halves wait no longer.

        Args:
            arrived_before: the arrival of the youngest that is given up.

        Returns:
            How many were.
        """
        count = 0
        while (oldest := self.oldest_arrival()) is not None and oldest <= arrived_before:
            self._expire(self._queue[0])
            count += 1
        return count

    def forget(self, time_before: int) -> None:
        """Drops the given-up requests whose event time is smaller: no window will ask for them."""
        while self._given_up and self._given_up[0][0] < time_before:
            self._drop_earliest()

    def unanswered(self, start: int, end: int) -> int | None:
        """Counts requests without a response.

        Args:
            start: the first event time that counts.
            end: the first after it that does not.

        Returns:
            How many wait or were given up; None while the stream has never shown a response.
        """
        if not self.has_response:
            return None
        if self._times is None:
            self._times = [time for time, _ in self._given_up]
            self._times += [half[2] for half in self._all() if half[3] == "request"]
            self._times.sort()
        return bisect_left(self._times, end) - bisect_left(self._times, start)

    def oldest_arrival(self) -> int | None:
        """Returns the smallest arrival of the halves that wait."""
        while self._queue and not self._waits(self._queue[0]):
            heappop(self._queue)
        return self._queue[0][0] if self._queue else None

    def changes(self) -> list[tuple[int, bytes | None]]:
        """Returns the chunks that have changed since the last call; None for one that is gone."""
        self._chunks.close(self._waits)
        self._tidy()
        return list(self._chunks.changes())

    def chunks(self) -> list[int]:
        """Returns the numbers of the chunks that `changes` may have written and not said to be gone."""
        return self._chunks.numbers()

    def dump(self) -> list[tuple[int, bytes]]:
        """Returns all chunks as they are written, once `changes` was called; `load` takes them up."""
        return list(self._chunks.dump())

    def load(self, chunk: int, blob: bytes) -> None:
        """Takes up a chunk that an earlier owner wrote; in any order, before anything is put.

        Raises:
            StateError: if it is none.
        """
        waiting, given_up = self._chunks.load(chunk, blob)
        for half in waiting:
            self._keep(half)
            heappush(self._queue, half)
            self._sequence = max(self._sequence, half[1])
        for time, count in given_up.items():
            for _ in range(count):
                heappush(self._given_up, (time, chunk))
                self._pool.count += 1
        self._times = None

    def release(self) -> None:
        """Gives the room back to the other streams, because this one ends."""
        self._pool.count -= self._count + len(self._given_up)

    def _all(self) -> Iterator[Waiting]:
        for found in self._waiting.values():
            if isinstance(found, tuple):
                yield found
            else:
                yield from found

    def _waits(self, half: Waiting) -> bool:
        found = self._waiting.get(half[4])
        return found is half or (isinstance(found, list) and half in found)

    def _keep(self, half: Waiting) -> None:
        found = self._waiting.get(half[4])
        if found is None:
            self._waiting[half[4]] = half
        elif isinstance(found, tuple):
            self._waiting[half[4]] = [found, half]
        else:
            found.append(half)
        self._count += 1
        self._pool.count += 1

    def _make_room(self) -> bool:
        """Gives up the oldest half of the stream, since others have taken the room; False where it has none."""
        if self.oldest_arrival() is None:
            return False
        self._overflow(self._queue[0])
        return True

    def _remove(self, half: Waiting) -> None:
        """Takes away a half that waits; the queue and the open chunk find out later."""
        found = self._waiting[half[4]]
        if isinstance(found, list) and len(found) > 1:
            found.remove(half)
        else:
            del self._waiting[half[4]]
        self._count -= 1
        self._pool.count -= 1
        if half[5] != self._chunks.open:
            self._chunks.remove(half)

    def _overflow(self, half: Waiting) -> None:
        self._expire(half)
        self.overflowed += 1

    def _expire(self, half: Waiting) -> None:
        self._remove(half)
        if half[3] == "response":
            return
        heappush(self._given_up, (half[2], self._chunks.expire(half[2])))
        self._pool.count += 1
        if len(self._given_up) > self._most or self._pool.room <= 0:
            self._drop_earliest()
            self.overflowed += 1
        if self._chunks.is_full:
            self._close_chunk()

    def _drop_earliest(self) -> None:
        self._chunks.drop(*heappop(self._given_up))
        self._pool.count -= 1
        self._times = None

    def _close_chunk(self) -> None:
        self._chunks.close(self._waits, LARGEST_CHUNK // 2)
        self._tidy()

    def _tidy(self) -> None:
        """Drops from the queue the halves that have met the other, once they are the most of it."""
        if len(self._queue) > 2 * self._count + LARGEST_CHUNK:
            self._queue = [half for half in self._queue if self._waits(half)]
            heapify(self._queue)
