"""What a snapshot writes to the compacted topic `state`, and how it is read again.

Every record belongs to one partition of `inferences` and lies in the same partition of `state`. Keys and values are
MessagePack; a record without a value deletes its key.

| key                                     | value                                                                   |
|-----------------------------------------|-------------------------------------------------------------------------|
| ``["partition"]``                       | ``[version, offset, topic id, partitions, arrival]``: the last record taken in, of which topic, and the largest arrival |
| ``["monitors"]``                        | ``[active, announced]``: digests by name: what runs, what the log said last |
| ``["clock", stream]``                   | ``[event time, arrival, answers, dormant]``: the stream's clock, its last arrival, whether it has shown a response; the last only of one that is dormant |
| ``["monitor", name, digest, stream]``   | the header of a monitor's windows over a stream: see `windows`        |
| ``["pane", name, digest, stream, key]`` | ``[first, last, state, rows]``: see `windows.Pane`; the state is opaque |
| ``["memory", name, digest, stream]``    | ``[memory]``: what a monitor keeps of a stream; opaque                  |
| ``["pending", stream, chunk]``          | halves that wait for the other: see `pairing`                           |
| ``["seen", chunk]``                     | identities of the last events: see `deduplication`                         |

Times are int64 nanoseconds. A change of this format raises `VERSION`, and an older version is then either migrated or
refused with the remedy. A value that is too large for a record lies in several (see `multipart`), which version 3 had
not, nor gaps in the headers of windows, rows of panes, dormant streams and the largest arrival. Version 2 had no `memory`
either. Version 1 had ``["window", …]`` for panes, headers of ``[began, late]``, and neither `monitors` nor what follows
the offset in `partition` either. All are migrated: the first snapshot rewrites what is different.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.errors import StateError
from nilometer_logger.topics import Message

VERSION = 4
_OLDEST = 1
_MANY = 2**32  # rows of a pane, where nobody wrote down how many

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
class Snapshot:
    """All that one transaction of one partition holds.

    Attributes:
        offset: the last record of the input that it includes.
        changes: of the state.
        findings: the events of the windows that closed.
        dead: events for other topics: those that could not be decoded, and late ones where they are asked for.
    """

    offset: int
    changes: list[Change]
    findings: list[CloudEvent]
    dead: list[Message]


@dataclass
class Restored:
    """What the state's records say, by kind of key; the parts of a key after its kind are the keys here.

    Attributes:
        version: of the format that it was written in; that of ours where there was nothing.
        offset: -1 where there was nothing.
        topic: id and number of partitions of the input; None where they were not written.
        arrival: the largest of a record.
        active: digests of the monitors that run, by name.
        announced: what the log said last, alike.
        clocks: clock, last arrival and whether there was a response, by stream.
        dormant: streams that are.
        headers: by name, digest and stream.
        panes: first, last, state and number of rows, by name, digest, stream and key.
        memories: by name, digest and stream.
        pending: by stream and chunk.
        seen: by chunk.
    """

    version: int = VERSION
    offset: int = -1
    topic: tuple[str, int] | None = None
    arrival: int = 0
    active: dict[str, str] = field(default_factory=dict)
    announced: dict[str, str] | None = None
    clocks: dict[str, tuple[int, int, bool]] = field(default_factory=dict)
    dormant: set[str] = field(default_factory=set)
    headers: dict[tuple[str, str, str], list[Any]] = field(default_factory=dict)
    panes: dict[tuple[str, str, str, int], tuple[int, int, bytes, int]] = field(default_factory=dict)
    memories: dict[tuple[str, str, str], bytes] = field(default_factory=dict)
    pending: dict[tuple[str, int], bytes] = field(default_factory=dict)
    seen: dict[int, bytes] = field(default_factory=dict)


def read(changes: Iterable[Change]) -> Restored:
    """Reads the records of a partition of `state`, in their order.

    Raises:
        StateError: if they are not what this version, or one that it migrates, writes.
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
        restored.version, restored.offset, *topic = content
        if not _OLDEST <= restored.version <= VERSION:
            raise StateError(
                f"the state was written in format {restored.version}, and this version reads {_OLDEST} to {VERSION}: "
                "run the version that wrote it, or delete the topic to start with empty windows"
            )
        restored.topic = (topic[0], topic[1]) if topic and topic[0] else None
        restored.arrival = sum(topic[2:])
    elif kind == "monitors":
        restored.active, restored.announced = content
    elif kind == "clock":
        [stream] = parts
        clock, arrival, *answers = content
        restored.clocks[stream] = clock, arrival, answers[:1] == [True]
        if answers[1:] == [True]:
            restored.dormant.add(stream)
    elif kind == "monitor":
        name, digest, stream = parts
        restored.headers[name, digest, stream] = list(content)
        if restored.version == 1:
            restored.active[name] = digest
    elif kind in ("pane", "window"):
        name, digest, stream, number = parts
        first, last, state, *rows = content
        restored.panes[name, digest, stream, number] = first, last, state, rows[0] if rows else _MANY
    elif kind == "memory":
        name, digest, stream = parts
        [restored.memories[name, digest, stream]] = content
    elif kind == "pending":
        stream, chunk = parts
        [restored.pending[stream, chunk]] = content
    elif kind == "seen":
        [chunk] = parts
        [restored.seen[chunk]] = content
    else:
        raise ValueError(f"unknown kind {kind!r}")
