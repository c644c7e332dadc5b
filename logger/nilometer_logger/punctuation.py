"""Records that the worker itself writes into the log, so that the log decides and not a clock.

A stream that falls silent has windows that no event will close. Whether it is silent is a matter of the clock on the
wall, which a replay would read differently; so the worker writes what it saw into the input partition, and obeys it
when it reads it there, in the order of offsets, as any later reader will.
"""

import msgspec

from nilometer_logger.errors import EventError

CONTENT_TYPE = "application/vnd.nilometer.punctuation+msgpack"


class Quiet(msgspec.Struct, tag="quiet", frozen=True):
    """Streams that were silent while the clock went on.

    Attributes:
        clocks: what each stream's clock is moved to, in nanoseconds, by stream.
    """

    clocks: dict[str, int]


_decoder = msgspec.msgpack.Decoder(Quiet)


def encode(punctuation: Quiet) -> bytes:
    """Writes the value of a punctuation record."""
    return msgspec.msgpack.encode(punctuation)


def decode(value: bytes) -> Quiet:
    """Reads the value of a punctuation record.

    Raises:
        EventError: if it is none.
    """
    try:
        return _decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise EventError(f"not a punctuation record: {error}") from None
