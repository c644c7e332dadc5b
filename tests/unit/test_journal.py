"""What the journal knows before Kafka is asked: which partition, and how large."""

import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.events import CloudEvent, encode_batch
from nilometer_logger.journal import partition_of, size_of
from nilometer_logger.kserve import Stream
from tests.unit.strategies import events


@given(st.text(), st.integers(1, 64))
def test_a_stream_lies_where_kafka_would_put_its_key(name: str, partitions: int) -> None:
    """Any producer that keys its records by the stream's text writes to the same partition."""
    stream = Stream("demo", name, "predictor", "")
    everywhere = list(range(partitions))

    assert partition_of(stream, partitions) == DefaultPartitioner()(str(stream).encode(), everywhere, everywhere)


@given(events())
def test_the_size_of_an_event_is_bounded_from_above(event: CloudEvent) -> None:
    """A record of events that fit by their sizes fits into Kafka."""
    assert len(encode_batch([event])) <= size_of(event) + 1  # the list's own header


@pytest.mark.parametrize("length", [0, 31, 32, 255, 256, 65_535, 65_536])
def test_the_bound_holds_where_headers_grow(length: int) -> None:
    """MessagePack's headers grow with the lengths of texts and bodies; the bound grows first."""
    event = CloudEvent({"note": "é" * length}, b"x" * length)

    assert len(encode_batch([event])) <= size_of(event) + 1
