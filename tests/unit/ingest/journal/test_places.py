"""What is known of an event before Kafka is asked: its partition, and a bound of its size."""

import pytest
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.producer.message_accumulator import BatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.cloudevents import CloudEvent, encode_batch, to_kafka
from nilometer_logger.cloudevents.kserve import Stream, stream_of
from nilometer_logger.ingest.batch_producer import size_of
from nilometer_logger.ingest.journal import partition_of
from tests.unit.strategies import TEXT, events

LENGTHS = [0, 31, 32, 255, 256, 65_535, 65_536]
# What Kafka's client writes once a produce request, and not once an event.
BATCH_HEADER_BYTES = 61


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


@pytest.mark.parametrize("length", LENGTHS)
def test_the_bound_holds_where_headers_grow(length: int) -> None:
    """MessagePack's headers grow with the lengths of texts and bodies; the bound grows first."""
    event = CloudEvent({"source": "s", "note": "é" * length}, b"x" * length)

    assert len(encode_batch([event])) <= size_of(event) + 1


def as_kafka_record(event: CloudEvent) -> int:
    """Returns the bytes of a record of Kafka's that is the event, keyed by its stream."""
    batch = BatchBuilder(1, 0)
    headers, value = to_kafka(event)
    batch.append(timestamp=None, key=str(stream_of(event.attributes)).encode(), value=value, headers=headers)
    return len(batch._build()) - BATCH_HEADER_BYTES


@given(events(), st.dictionaries(st.sampled_from(["namespace", "inferenceservicename", "component"]), TEXT))
def test_the_bound_holds_for_an_event_a_record(event: CloudEvent, names: dict[str, str]) -> None:
    """A record that is one event, in Kafka's binary mode, is no larger than the event's size."""
    named = CloudEvent({**event.attributes, **names}, event.data)

    assert as_kafka_record(named) <= size_of(named)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("name", ["source", "namespace", "inferenceservicename", "component", "endpoint", "note"])
def test_the_bound_holds_where_the_key_is_long(name: str, length: int) -> None:
    """The key of a record repeats the names of the stream."""
    event = CloudEvent({"source": "s", name: "é" * length}, b"x" * length)

    assert as_kafka_record(event) <= size_of(event)
