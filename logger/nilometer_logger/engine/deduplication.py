"""Which events were there before: the identities of the last ones, for as long as a bound says.

An event may lie in the log twice: a broker delivers again, a producer's acknowledgement is lost, somebody redrives a
topic. Such a duplicate has the same identity (stream, id, half and time, hashed to 64 bits), and is counted once.

Every new identity has the next sequence number, and the numbers are cut into generations, each an eighth of the bound.
When a ninth is full the oldest is forgotten whole. So the answer depends on nothing but the sequence of identities: a
worker that restarts forgets at the very same event as one that does not.

The state is written in chunks of the identities that came since the last call, 8 bytes each, named by the number of the
first; no chunk is ever written again, and it goes when the last of its numbers is forgotten.
"""

import struct
from collections import deque
from collections.abc import Sequence
from itertools import islice

from nilometer_logger.errors import StateError

_GENERATIONS = 8
_LARGEST_CHUNK = 1 << 16
"""Identities in a chunk; half a megabyte, which Kafka takes as one record by default."""
_WIDTH = 8


class Duplicates:
    """Remembers identities.

    The order of insertion into a dictionary is the order of their numbers: the newest are at its end.
    """

    def __init__(self, most: int) -> None:
        """Begins with none.

        Args:
            most: how many of the last identities are remembered at least; up to an eighth more are.
        """
        self._generation = max(1, -(-most // _GENERATIONS))
        self._full = (_GENERATIONS + 1) * self._generation
        self._seen: dict[int, None] = {}
        self._first = 0  # the number of the oldest that is remembered
        self._written = 0  # the number after the last that a chunk holds
        self._chunks: deque[tuple[int, int]] = deque()  # first number, number after the last
        self._loaded: dict[int, tuple[int, ...]] = {}

    def __len__(self) -> int:
        """Returns how many are remembered."""
        self._settle()
        return len(self._seen)

    def add(self, identity: int) -> bool:
        """Takes in an event's identity.

        Args:
            identity: 0 or more and less than 2⁶⁴.

        Returns:
            Whether it is new; an identity that is not keeps its number.
        """
        if self._loaded:
            self._settle()
        seen = self._seen
        if identity in seen:
            return False
        seen[identity] = None
        if len(seen) == self._full:
            for oldest in list(islice(seen, self._generation)):
                del seen[oldest]
            self._first += self._generation
        return True

    def add_all(self, identities: Sequence[int]) -> list[bool]:
        """Takes in the identities of some events, in their order: `add` of each."""
        self._settle()
        new = dict.fromkeys(identities)
        is_room = len(self._seen) + len(new) < self._full
        if is_room and len(new) == len(identities) and self._seen.keys().isdisjoint(new):  # as nearly always
            self._seen.update(new)
            return [True] * len(identities)
        return list(map(self.add, identities))

    def changes(self) -> list[tuple[int, bytes | None]]:
        """Returns the chunks that are new since the last call, and with None those that are gone."""
        self._settle()
        after = self._first + len(self._seen)
        changed: list[tuple[int, bytes | None]] = []
        while self._chunks and self._chunks[0][1] <= self._first:
            changed.append((self._chunks.popleft()[0], None))
        begin = max(self._written, self._first)
        new = list(islice(reversed(self._seen), after - begin))[::-1]
        for place in range(0, len(new), _LARGEST_CHUNK):
            part = new[place : place + _LARGEST_CHUNK]
            changed.append((begin + place, struct.pack(f"<{len(part)}Q", *part)))
            self._chunks.append((begin + place, begin + place + len(part)))
        self._written = after
        return changed

    def load(self, chunk: int, blob: bytes) -> None:
        """Takes up a chunk that an earlier owner wrote; in any order, before anything is added.

        Raises:
            StateError: if it is none.
        """
        if chunk < 0 or len(blob) % _WIDTH:
            raise StateError(f"the state holds identities that cannot be read, in chunk {chunk}")
        self._loaded[chunk] = struct.unpack(f"<{len(blob) // _WIDTH}Q", blob)

    def _settle(self) -> None:
        """Puts what was loaded in the order of numbers, without what was forgotten when it was written."""
        if not self._loaded:
            return
        loaded, self._loaded = sorted(self._loaded.items()), {}
        after = max(first + len(identities) for first, identities in loaded)
        self._first = max(0, after // self._generation - _GENERATIONS) * self._generation
        for first, identities in loaded:
            self._chunks.append((first, first + len(identities)))
            self._seen.update(dict.fromkeys(identities[max(0, self._first - first) :]))
        self._written = after
