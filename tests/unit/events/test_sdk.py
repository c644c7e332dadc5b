"""The CloudEvents SDK reads what we write and writes what we read, but for what it is known to do wrong.

Its faults, at 1.13: it percent-encodes and decodes nothing; it takes the time of now for a missing one; it needs a
content type on Kafka; and it takes `partitionkey` out of the event. Each has a test here that fails once it is mended.
"""

import pytest
from cloudevents.conversion import to_binary
from cloudevents.http import CloudEvent as Theirs
from cloudevents.http import from_http as their_from_http
from cloudevents.kafka import KafkaMessage
from cloudevents.kafka import from_binary as their_from_kafka
from cloudevents.kafka import to_binary as their_to_kafka
from hypothesis import given

from nilometer_logger.events import CloudEvent, from_http, from_kafka, to_http, to_kafka
from tests.unit.strategies import PLAIN, events

TIMED = events(PLAIN).filter(lambda event: "time" in event.attributes)
TYPED = TIMED.filter(lambda event: "datacontenttype" in event.attributes and "partitionkey" not in event.attributes)
REQUIRED = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "time": "2026-11-23T08:52:21Z"}


def theirs(event: CloudEvent) -> Theirs:
    """Returns our event as one of the SDK's."""
    return Theirs(dict(event.attributes), event.data)


def same(event: Theirs, ours: CloudEvent) -> bool:
    """Tells whether an event of the SDK's is ours."""
    return dict(event.get_attributes()) == ours.attributes and (event.get_data() or b"") == ours.data


@given(TIMED)
def test_it_reads_our_http(event: CloudEvent) -> None:
    """An event that we POST is the same event to the SDK."""
    assert same(their_from_http(*to_http(event), data_unmarshaller=lambda body: body), event)


@given(TIMED)
def test_we_read_its_http(event: CloudEvent) -> None:
    """An event that the SDK POSTs is the same event to us."""
    headers, body = to_binary(theirs(event), data_marshaller=lambda data: data)

    assert from_http([(name.encode(), value.encode()) for name, value in headers.items()], body) == event


@given(TYPED)
def test_it_reads_our_kafka(event: CloudEvent) -> None:
    """A record that we write is the same event to the SDK."""
    headers, body = to_kafka(event)

    assert same(their_from_kafka(KafkaMessage(dict(headers), None, body), data_unmarshaller=lambda data: data), event)


@given(TYPED)
def test_we_read_its_kafka(event: CloudEvent) -> None:
    """A record that the SDK writes is the same event to us."""
    message = their_to_kafka(theirs(event), data_marshaller=lambda data: data)

    assert from_kafka(message.headers.items(), message.value) == event


def test_it_neither_encodes_nor_decodes() -> None:
    """The SDK leaves percent-encoding alone, so it does not read what the binding makes us write."""
    event = CloudEvent({**REQUIRED, "note": "a b"}, b"")

    assert their_from_http(*to_http(event))["note"] == "a%20b"
    assert to_binary(theirs(event), data_marshaller=lambda data: data)[0]["ce-note"] == "a b"


def test_it_makes_up_a_time() -> None:
    """To the SDK an event without a time happened now; to us it has none."""
    event = CloudEvent({name: value for name, value in REQUIRED.items() if name != "time"}, b"")

    assert "time" in their_from_http(*to_http(event))
    assert "time" not in from_kafka(*to_kafka(event)).attributes


def test_it_takes_the_partition_key_out_of_the_event() -> None:
    """The SDK makes the attribute the record's key only, against the binding; ours stays in the event."""
    event = CloudEvent({**REQUIRED, "datacontenttype": "text/plain", "partitionkey": "demo/iris"}, b"")

    assert "ce_partitionkey" not in their_to_kafka(theirs(event), data_marshaller=lambda data: data).headers
    assert from_kafka(*to_kafka(event))["partitionkey"] == "demo/iris"


def test_it_needs_a_content_type_on_kafka() -> None:
    """An event without one, which KServe sends where the client sent none, is a KeyError to the SDK."""
    with pytest.raises(KeyError, match="datacontenttype"):
        their_to_kafka(theirs(CloudEvent(REQUIRED, b"")))
