"""Streams that have been idle for long: what is left of each is as little as it takes to go on exactly.

A stream is idle where it has no open windows, no half of it waits for the other, and its last event arrived so long ago
as a setting says. Its objects are dropped then, and what they would write into a snapshot stays as a few hundred bytes:
its clock, the headers of its windows (where monitors began, what is untold of late rows), what monitors remember, the
requests that were given up. When it comes again, it is as if it had never been away: rows that are late are late, and
no window is partial.

The log decides who is idle: time is the largest arrival of the partition's records, and it is looked at where that
passes from one period of an eighth of the idle time into the next, before the record that does so is taken in. So it
depends neither on a clock nor on how many records are read at once.

What is left is bounded too. Beyond so many bytes, the streams that were idle for longest are forgotten for good: one
that comes again then is a new stream. Their state is deleted, here and in Kafka.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from nilometer_logger.engine import snapshots
from nilometer_logger.engine.snapshots import Change

_PERIODS = 8
# What a dictionary, a string and a bytes object take beside their contents.
_OVERHEAD_BYTES = 200


class DormantWindows(msgspec.Struct, array_like=True, frozen=True):
    """What is left of the windows of one monitor.

    Attributes:
        name, digest: the monitor's.
        header: as a windower writes it.
        memory: as the monitor's memory writes itself.
    """

    name: str
    digest: str
    header: list[Any]
    memory: bytes


class DormantStream(msgspec.Struct, array_like=True, frozen=True):
    """What is left of a stream.

    Attributes:
        arrival: of its last event in Kafka.
        clock: where it stands.
        has_response: whether it has shown a response.
        windows: by monitor.
        pending: chunks of requests that were given up, as `Pairing` writes them.
    """

    arrival: int
    clock: int
    has_response: bool
    windows: list[DormantWindows]
    pending: list[tuple[int, bytes]]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(DormantStream).decode


class Dormant:
    """The dormant streams of one partition, by their texts.

    Args:
        most_bytes: how many bytes they may take, about.

    Attributes:
        bytes: how many they take, about.
    """

    def __init__(self, most_bytes: int) -> None:
        self.bytes = 0
        self._most_bytes = most_bytes
        self._streams: dict[str, bytes] = {}

    def __len__(self) -> int:
        """Returns how many there are."""
        return len(self._streams)

    def __contains__(self, text: str) -> bool:
        """Tells whether a stream is one."""
        return text in self._streams

    def __iter__(self) -> Iterator[str]:
        """Gives their texts."""
        return iter(self._streams)

    def put(self, text: str, stream: DormantStream) -> None:
        """Keeps what is left of a stream."""
        written = self._streams[text] = _encode(stream)
        self.bytes += _size(text, written)

    def pop(self, text: str) -> DormantStream:
        """Takes what is left of a stream, which is no longer one of these."""
        written = self._streams.pop(text)
        self.bytes -= _size(text, written)
        return _decode(written)

    def forget(self) -> Iterator[Change]:
        """Forgets those that were idle for longest while there are too many; gives what deletes them from the state."""
        if self.bytes <= self._most_bytes:
            return
        arrivals = sorted((_decode(written).arrival, text) for text, written in self._streams.items())
        for _, text in arrivals:
            if self.bytes <= self._most_bytes:
                return
            yield from end_of(text, self.pop(text))


def end_of(text: str, stream: DormantStream) -> Iterator[Change]:
    """Gives what deletes a dormant stream from the state."""
    yield snapshots.key("clock", text), None
    for chunk, _ in stream.pending:
        yield snapshots.key("pending", text, chunk), None
    for windows in stream.windows:
        about = windows.name, windows.digest, text
        yield snapshots.key("monitor", *about), None
        yield snapshots.key("memory", *about), None


def period(arrival: int, idle: int) -> int:
    """Returns the number of the period that an arrival lies in; where it changes, idle streams are looked for."""
    return arrival // max(1, idle // _PERIODS)


def _size(text: str, written: bytes) -> int:
    return len(text) + len(written) + _OVERHEAD_BYTES
