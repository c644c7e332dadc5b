"""Punctuation: what a worker saw of the clock and of its files, written into the log."""

import pytest

from nilometer_logger.cloudevents import CloudEvent, encode_batch
from nilometer_logger.engine import punctuation
from nilometer_logger.engine.punctuation import Configure, ExpirePending, Idle
from nilometer_logger.errors import EventError


def test_what_is_written_is_read_again() -> None:
    """Times come back by stream, to the nanosecond; monitors with their digests."""
    orders = [
        Idle({"demo/iris/predictor/": 2**60 + 1, "demo/größe/predictor/": -1}),
        ExpirePending({"demo/iris/predictor/": 2**60 + 1}),
        Configure({"demo/iris": "sha256:00"}),
    ]

    assert [punctuation.decode(punctuation.encode(order)) for order in orders] == orders


@pytest.mark.parametrize(
    "value", [b"", b"{}", b"\xff", encode_batch([CloudEvent({}, b"")]), punctuation.encode(Idle({"s": 1}))[:-1]]
)
def test_anything_else_is_refused(value: bytes) -> None:
    """A record that says it is punctuation and is none is an EventError with the reason."""
    with pytest.raises(EventError, match="not a punctuation record: "):
        punctuation.decode(value)


def test_a_stream_that_is_no_text_is_refused() -> None:
    """Bytes that are no UTF-8 are no stream."""
    damaged = punctuation.encode(Idle({"stream": 1})).replace(b"stream", b"str\xffam")

    with pytest.raises(EventError, match="not a punctuation record: "):
        punctuation.decode(damaged)
