"""Batch records: the events of one partition, together, each as it came."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.cloudevents import CloudEvent, decode_batch, encode_batch
from nilometer_logger.errors import EventError
from tests.unit.strategies import events


@given(st.lists(events(), max_size=5))
def test_whatever_is_written_is_read_again(batch: list[CloudEvent]) -> None:
    """Events come back all, in their order, attributes and bodies as they were."""
    assert decode_batch(encode_batch(batch)) == batch


def test_a_body_spoils_nothing_but_itself() -> None:
    """Broken JSON, a bare NaN and raw tensors lie side by side as bytes."""
    bodies = [b'{"instances": [[NaN]]}', b"{", b"\x00\x00\x80?\xff", b""]

    batch = encode_batch([CloudEvent({"id": str(number)}, body) for number, body in enumerate(bodies)])

    assert [event.data for event in decode_batch(batch)] == bodies


def test_the_format_is_messagepack_of_pairs() -> None:
    """Any MessagePack library reads a batch: a list of pairs, a map of texts and bytes."""
    batch = encode_batch([CloudEvent({"id": "1"}, b"body")])

    assert msgspec.msgpack.decode(batch) == [[{"id": "1"}, b"body"]]


@given(st.binary(max_size=50))
def test_anything_else_is_refused(value: bytes) -> None:
    """Whatever bytes come, they are an EventError, unless they happen to be a batch."""
    try:
        batch = decode_batch(value)
    except EventError:
        return
    assert decode_batch(encode_batch(batch)) == batch


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{}",
        msgspec.msgpack.encode([[{"id": 1}, b""]]),  # an attribute that is no text
        msgspec.msgpack.encode([[{"id": "1"}, "text"]]),  # a body that is text
        msgspec.msgpack.encode([[{"id": "1"}]]),
        b"\x91\x92\x81\xa1a\xa1\xff\xc4\x00",  # text that is no UTF-8
        encode_batch([CloudEvent({"id": "1"}, b"body")])[:-1],
    ],
)
def test_almost_a_batch_is_none(value: bytes) -> None:
    """A damaged batch is refused as a whole, with the reason."""
    with pytest.raises(EventError, match="not a batch of events: "):
        decode_batch(value)
