"""Records that the worker itself writes into the log, so that the log decides and not a clock or a file.

Some of what happens to windows depends on a clock on the wall or on configuration, which a replay would read
differently. So the worker writes what it saw into the input partition, and obeys it when it reads it there, in the order
of offsets, as any later reader will:

* *quiet*: a stream has been silent, and its clock goes on without an event, since no event would close its windows;
* *give up*: requests and responses have waited their time for one another, and pair no more;
* *configure*: these monitors, each with this digest, run from here on.

A header that no event can set marks these records (`events.kind_of`). And whoever wrote one, its clocks may not lie
further ahead of the record itself than an event's time may: a worker whose own clock is wrong must not move a stream's
to where nothing ever comes.
"""

import msgspec

from nilometer_logger.errors import EventError
from nilometer_logger.times import SECOND

_MILLISECOND = SECOND // 1000


class Idle(msgspec.Struct, tag="quiet", frozen=True):
    """Streams that were silent while the clock went on.

    Attributes:
        clocks: what each stream's clock is moved to, in nanoseconds, by stream.
    """

    clocks: dict[str, int]


class ExpirePending(msgspec.Struct, tag="giveUp", frozen=True):
    """Streams whose pending halves have waited their time.

    Attributes:
        streams: by stream, in nanoseconds: what arrived then or before waits no longer.
    """

    streams: dict[str, int]


class Configure(msgspec.Struct, tag="configure", frozen=True):
    """The monitors that run from here on.

    Attributes:
        monitors: digests by name.
    """

    monitors: dict[str, str]


Punctuation = Idle | ExpirePending | Configure

_decoder: msgspec.msgpack.Decoder[Punctuation] = msgspec.msgpack.Decoder(Punctuation)


def encode(punctuation: Punctuation) -> bytes:
    """Writes the value of a punctuation record."""
    return msgspec.msgpack.encode(punctuation)


def decode(value: bytes) -> Punctuation:
    """Reads the value of a punctuation record.

    Raises:
        EventError: if it is none.
    """
    try:
        return _decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise EventError(f"not a punctuation record: {error}") from None


def check_clocks(punctuation: Punctuation, arrival: int, future_bound: int) -> None:
    """Checks that no clock lies too far ahead.

    Args:
        punctuation: that was read.
        arrival: the time of its record, in nanoseconds; Kafka cuts it to milliseconds.
        future_bound: how far a clock may lie after it, in nanoseconds.

    Raises:
        EventError: if one does.
    """
    match punctuation:
        case Idle(clocks) | ExpirePending(clocks):
            ahead = max(clocks.values(), default=arrival) - arrival
        case _:
            return
    if ahead >= future_bound + _MILLISECOND:
        raise EventError(
            f"a punctuation record moves a clock {ahead // SECOND} s ahead of itself, and {future_bound / SECOND:g} s is "
            "the most: set the clock of the worker that wrote it"
        )
