"""What a snapshot writes to the compacted topic `state`, and how it is read again.

Every record belongs to one partition of `inferences` and lies in the same partition of `state`. Keys and values are
MessagePack; a record without a value deletes its key.

| key                                         | value                                                              |
|---------------------------------------------|--------------------------------------------------------------------|
| ``["partition"]``                           | ``[version, offset]``: the last record of the input taken in       |
| ``["clock", stream]``                       | ``[event time, arrival]``: the stream's clock, its last arrival    |
| ``["monitor", name, digest, stream]``       | ``[began, late]``: see `Windower`                                  |
| ``["window", name, digest, stream, start]`` | ``[first, last, state]``: see `OpenWindow`; the state is opaque    |

Times are int64 nanoseconds. A change of this format raises `VERSION`, and an older version is then either migrated or
refused with the remedy.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from nilometer_logger.errors import StateError
from nilometer_logger.events import CloudEvent

VERSION = 1

Change = tuple[bytes, bytes | None]

_encode = msgspec.msgpack.Encoder().encode
_key_decoder = msgspec.msgpack.Decoder(list[str | int])


def key(*parts: str | int) -> bytes:
    """Writes a key."""
    return _encode(parts)


def value(*parts: object) -> bytes:
    """Writes a value."""
    return _encode(parts)


@dataclass(frozen=True)
class Message:
    """A record to be written to another topic in the same transaction.

    Attributes:
        topic: without prefix.
        key: by which Kafka partitions it; None for any.
        value: as it stands.
        headers: as they stand.
    """

    topic: str
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]


@dataclass(frozen=True)
class Snapshot:
    """All that one transaction of one partition holds.

    Attributes:
        offset: the last record of the input that it includes.
        changes: of the state.
        findings: the events of the windows that closed.
        dead: events that could not be decoded.
    """

    offset: int
    changes: list[Change]
    findings: list[CloudEvent]
    dead: list[Message]


@dataclass
class Restored:
    """What the state's records say, by kind of key; the parts of a key after its kind are the keys here."""

    offset: int = -1
    clocks: dict[str, tuple[int, int]] = field(default_factory=dict)
    monitors: dict[tuple[str, str, str], tuple[int | None, int]] = field(default_factory=dict)
    windows: dict[tuple[str, str, str, int], tuple[int, int, bytes]] = field(default_factory=dict)


def read(changes: Iterable[Change]) -> Restored:
    """Reads the records of a partition of `state`, in their order.

    Raises:
        StateError: if they are not what this version writes.
    """
    latest: dict[bytes, bytes] = {}
    for name, content in changes:
        if content is None:
            latest.pop(name, None)
        else:
            latest[name] = content
    restored = Restored()
    # The version first: it says more than a key that it does not have.
    for name, content in sorted(latest.items(), key=lambda item: item[0] != key("partition")):
        try:
            kind, *parts = _key_decoder.decode(name)
            _place(restored, str(kind), tuple(parts), msgspec.msgpack.decode(content))
        except (msgspec.MsgspecError, ValueError, TypeError) as error:
            raise StateError(f"the state holds a record that is not ours, with key {name!r}: {error}") from None
    return restored


def _place(restored: Restored, kind: str, parts: Any, content: Any) -> None:
    if kind == "partition":
        version, restored.offset = content
        if version != VERSION:
            raise StateError(
                f"the state was written in format {version}, and this version reads {VERSION}: run the version that "
                "wrote it, or delete the topic to start with empty windows"
            )
    elif kind == "clock":
        [stream] = parts
        clock, arrival = content
        restored.clocks[stream] = clock, arrival
    elif kind == "monitor":
        name, digest, stream = parts
        began, late = content
        restored.monitors[name, digest, stream] = began, late
    elif kind == "window":
        name, digest, stream, start = parts
        first, last, state = content
        restored.windows[name, digest, stream, start] = first, last, state
    else:
        raise ValueError(f"unknown kind {kind!r}")
