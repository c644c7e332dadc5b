"""How the halves that wait are written: in bags of what came between two snapshots and still matters.

A chunk is written when it is closed, and again, smaller, whenever some of what it holds has met its other half or is
forgotten; so a snapshot costs what has changed. Nothing that is told of halves depends on which chunk they lie in.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec

from nilometer_logger.cloudevents.kserve import Half
from nilometer_logger.errors import StateError

LARGEST_CHUNK = 4096
"""Halves in a chunk, about; some hundred kilobytes, which Kafka takes as one record by default."""

Waiting = tuple[int, int, int, Half, str, int]
"""A half that waits: arrival, sequence number, event time, half, id, chunk. So the smallest is the oldest."""


@dataclass(slots=True)
class _Chunk:
    """What a chunk holds: halves that wait, by sequence number, and how many were given up, by event time."""

    waiting: dict[int, Waiting] = field(default_factory=dict)
    given_up: dict[int, int] = field(default_factory=dict)


class _Written(msgspec.Struct, array_like=True):
    waiting: list[tuple[int, int, int, Half, str]]
    given_up: dict[int, int]


_decode = msgspec.msgpack.Decoder(_Written).decode
_encode = msgspec.msgpack.Encoder().encode


def _written(chunk: _Chunk) -> bytes:
    return _encode([[half[:5] for half in chunk.waiting.values()], chunk.given_up])


class Chunks:
    """The chunks of one stream.

    Attributes:
        open: the number of the one that takes what comes.
        fresh: the halves that came into it; some of them may have met the other by now.
    """

    def __init__(self) -> None:
        self.open = 0
        self.fresh: list[Waiting] = []
        self._chunks: dict[int, _Chunk] = {0: _Chunk()}
        self._changed: set[int] = set()

    def remove(self, half: Waiting) -> None:
        """Takes away a half that waits no longer, from a chunk that is closed."""
        del self._chunks[half[5]].waiting[half[1]]
        self._changed.add(half[5])

    def expire(self, time: int) -> int:
        """Puts the event time of a request that was given up into the open chunk, and returns its number."""
        times = self._chunks[self.open].given_up
        times[time] = times.get(time, 0) + 1
        return self.open

    def drop(self, time: int, number: int) -> None:
        """Takes an event time away from a chunk again."""
        times = self._chunks[number].given_up
        times[time] -= 1
        if not times[time]:
            del times[time]
        if number != self.open:
            self._changed.add(number)

    @property
    def is_full(self) -> bool:
        """Whether the open chunk should be closed soon."""
        return len(self.fresh) >= LARGEST_CHUNK or len(self._chunks[self.open].given_up) >= LARGEST_CHUNK

    def close(self, waits: Callable[[Waiting], bool], most: int = 0) -> None:
        """Drops what has met the other from the open chunk, and closes it where it holds more than so many still."""
        self.fresh = [half for half in self.fresh if waits(half)]
        chunk = self._chunks[self.open]
        if len(self.fresh) > most or len(chunk.given_up) > most:
            chunk.waiting = {half[1]: half for half in self.fresh}
            self._changed.add(self.open)
            self.fresh = []
            self.open += 1
            self._chunks[self.open] = _Chunk()

    def numbers(self) -> list[int]:
        """Returns the numbers of the closed chunks."""
        return [number for number in self._chunks if number != self.open]

    def dump(self) -> Iterator[tuple[int, bytes]]:
        """Gives all closed chunks that hold anything, as they are written."""
        for number, chunk in sorted(self._chunks.items()):
            if number != self.open and (chunk.waiting or chunk.given_up):
                yield number, _written(chunk)

    def changes(self) -> Iterator[tuple[int, bytes | None]]:
        """Gives the closed chunks that have changed since the last call; None for one that is gone."""
        changed, self._changed = sorted(self._changed), set()
        for number in changed:
            chunk = self._chunks[number]
            if chunk.waiting or chunk.given_up:
                yield number, _written(chunk)
            else:
                del self._chunks[number]
                yield number, None

    def load(self, number: int, blob: bytes) -> tuple[list[Waiting], dict[int, int]]:
        """Takes up a chunk that was written.

        Returns:
            The halves that wait, and how many requests were given up, by event time.

        Raises:
            StateError: if it is none.
        """
        try:
            written = _decode(blob)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise StateError(f"the state holds halves that cannot be read, in chunk {number}: {error}") from None
        if number >= self.open:
            del self._chunks[self.open]
            self.open = number + 1
            self._chunks[self.open] = _Chunk()
        waiting: list[Waiting] = [(*half, number) for half in written.waiting]
        self._chunks[number] = _Chunk({half[1]: half for half in waiting}, written.given_up)
        return waiting, written.given_up
