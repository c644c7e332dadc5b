"""Values of the state that are too large for one record of Kafka: written as several, and read as one.

The windows of a wide monitor may take more than a record may hold, in a topic with a low limit most of all. Such a value
is cut into *parts*, records of their own in the same transaction, and its own record says how many they are:

| key                      | value                                                     |
|--------------------------|-----------------------------------------------------------|
| the key of the value     | ``{"parts": n, "bytes": size}``: a map, as no other value is |
| ``["part", i, key]``     | ``[bytes]``: the i-th part, from 0                        |

All are MessagePack. A transaction is read as a whole or not at all, so that the parts of a value always are of one
writing. Parts that a shorter value, or none, leaves behind are deleted with it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from nilometer_logger.errors import StateError

Change = tuple[bytes, bytes | None]

_PART = "part"
_PARTS = "parts"
# What a record holds beside the key and the part: headers of MessagePack.
_OVERHEAD_BYTES, _LEAST_ROOM_BYTES = 32, 1024
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode
# The first bytes of a map of MessagePack with two entries and of a key that names a part.
_A_MAP = _encode({_PARTS: 0, "bytes": 0})[:1]
_A_PART = _encode([_PART, 0, b""])[:6]


class Parts:
    """Which values of one partition's state lie in several records, and in how many."""

    def __init__(self) -> None:
        self._counts: dict[bytes, int] = {}

    def split(self, changes: Iterable[Change], most_bytes: int) -> Iterator[Change]:
        """Cuts what is too large.

        Args:
            changes: of a snapshot.
            most_bytes: that a key and its value may take together.

        Yields:
            The same changes, with values that fit.
        """
        for key, value in changes:
            before = self._counts.pop(key, 0)
            count = 0
            if value is None or len(key) + len(value) <= most_bytes:
                yield key, value
            else:
                room = max(most_bytes - len(key) - _OVERHEAD_BYTES, _LEAST_ROOM_BYTES)
                count = self._counts[key] = -(-len(value) // room)
                for number in range(count):
                    yield _part(key, number), _encode([value[number * room : (number + 1) * room]])
                yield key, _encode({_PARTS: count, "bytes": len(value)})
            for number in range(count, before):
                yield _part(key, number), None

    def join(self, written: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        """Puts parts together again, and takes note of them.

        Args:
            written: the latest value of each key.

        Returns:
            The values before they were cut.

        Raises:
            StateError: if a part is missing.
        """
        joined: dict[bytes, bytes] = {}
        for key, value in written.items():
            if key[: len(_A_PART)] == _A_PART:
                continue
            joined[key] = self._joined(key, value, written) if value[:1] == _A_MAP else value
        return joined

    def _joined(self, key: bytes, head: bytes, written: Mapping[bytes, bytes]) -> bytes:
        try:
            facts: Any = _decode(head)
            count, size = int(facts[_PARTS]), int(facts["bytes"])
            value = b"".join(_decode(written[_part(key, number)])[0] for number in range(count))
        except (msgspec.MsgspecError, KeyError, TypeError, ValueError, IndexError):
            raise StateError(f"the state lacks a part of the record with key {key!r}") from None
        if len(value) != size:
            raise StateError(f"the parts of the record with key {key!r} have {len(value)} bytes in all, not {size}")
        self._counts[key] = count
        return value


def _part(key: bytes, number: int) -> bytes:
    return _encode([_PART, number, key])
