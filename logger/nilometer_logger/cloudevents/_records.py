"""Our own records: the events of one partition, together, as MessagePack ``[[attributes, body], …]``."""

from collections.abc import Sequence

import msgspec

from nilometer_logger.cloudevents._event import CloudEvent
from nilometer_logger.errors import EventError

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[CloudEvent])


def encode_batch(events: Sequence[CloudEvent]) -> bytes:
    """Writes events as the value of one record."""
    return _encoder.encode(events)


def decode_batch(value: bytes) -> list[CloudEvent]:
    """Reads the value of a record.

    Raises:
        EventError: if it is not what `encode_batch` writes.
    """
    try:
        return _decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise EventError(f"not a batch of events: {error}") from None
