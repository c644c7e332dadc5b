"""Kafka with the CloudEvents SDK: it reads what we write and writes what we read, but for what it does wrong.

Its faults, at 1.13, each of which has a test here that fails once it is mended. In binary mode it needs a content type,
writes no numbers, reads bodies as JSON, and takes `partitionkey` out of the event or puts the record's key in its place.
In structured mode it does not say that a record is structured, and takes all headers for attributes.
"""

import json

import pytest
from cloudevents.exceptions import DataUnmarshallerError
from cloudevents.http import CloudEvent as Theirs
from cloudevents.kafka import KafkaMessage, from_structured, to_structured
from cloudevents.kafka import from_binary as their_from_kafka
from cloudevents.kafka import to_binary as their_to_kafka
from hypothesis import given

from nilometer_logger.cloudevents import CloudEvent, from_kafka, read_kafka, to_json, to_kafka
from nilometer_logger.errors import EventError
from tests.unit.cloudevents.oracle import REQUIRED, identity, means, theirs, timed

TYPED = timed().filter(lambda event: "datacontenttype" in event.attributes and "partitionkey" not in event.attributes)
STRUCTURED = ("content-type", b"application/cloudevents+json")


@given(TYPED)
def test_it_reads_our_binary_mode(event: CloudEvent) -> None:
    """A record that we write is the same event to the SDK."""
    headers, body = to_kafka(event)
    read = their_from_kafka(KafkaMessage(dict(headers), None, body), data_unmarshaller=identity)

    assert (dict(read.get_attributes()), read.get_data()) == (event.attributes, event.data)


@given(TYPED)
def test_we_read_its_binary_mode(event: CloudEvent) -> None:
    """A record that the SDK writes is the same event to us."""
    message = their_to_kafka(theirs(event), data_marshaller=identity)

    assert read_kafka(list(message.headers.items()), message.value) == [event]


@given(TYPED)
def test_it_reads_our_structured_mode(event: CloudEvent) -> None:
    """Our document is the same event to the SDK, once the header that it pollutes the event with is gone."""
    read = from_structured(KafkaMessage({}, None, to_json(event)))

    assert dict(read.get_attributes()) == event.attributes
    assert means(read.get_data(), event)


@given(TYPED)
def test_we_read_its_structured_mode(event: CloudEvent) -> None:
    """Its document is the same event to us, once the record says that it is structured."""
    message = to_structured(theirs(event))

    assert read_kafka([STRUCTURED], message.value) == [event]


def test_it_needs_a_content_type() -> None:
    """An event without one, which KServe sends where the client sent none, is a KeyError to the SDK."""
    with pytest.raises(KeyError, match="datacontenttype"):
        their_to_kafka(theirs(CloudEvent(REQUIRED, b"")))
    assert from_kafka(*to_kafka(CloudEvent(REQUIRED, b""))).attributes == REQUIRED


def test_it_writes_no_numbers() -> None:
    """An integer is an AttributeError to the SDK; ours are texts by then."""
    with pytest.raises(AttributeError):
        their_to_kafka(Theirs({**REQUIRED, "datacontenttype": "a/b", "seq": 42}, b""), data_marshaller=identity)
    assert ("ce_seq", b"42") in to_kafka(read_kafka([STRUCTURED], json.dumps({**REQUIRED, "seq": 42}).encode())[0])[0]


def test_it_takes_the_partition_key_out_of_the_event() -> None:
    """The SDK makes the attribute the record's key only, against the binding; ours stays in the event."""
    event = CloudEvent({**REQUIRED, "datacontenttype": "text/plain", "partitionkey": "demo/iris"}, b"")

    assert "ce_partitionkey" not in their_to_kafka(theirs(event), data_marshaller=identity).headers
    assert from_kafka(*to_kafka(event))["partitionkey"] == "demo/iris"


def test_it_puts_the_key_in_the_place_of_the_partition_key() -> None:
    """A record's key is the record's; to the SDK it is the event's `partitionkey`, whatever that was."""
    headers, body = to_kafka(CloudEvent({**REQUIRED, "partitionkey": "mine"}, b"1"))

    assert their_from_kafka(KafkaMessage(dict(headers), "other", body))["partitionkey"] == "other"
    assert from_kafka(headers, body)["partitionkey"] == "mine"


def test_it_reads_a_body_as_json() -> None:
    """Bytes that are no JSON are an exception to the SDK, unless it is told to leave them; to us they are bytes."""
    headers, body = to_kafka(CloudEvent(REQUIRED, b"\x00\x01"))

    with pytest.raises(DataUnmarshallerError):
        their_from_kafka(KafkaMessage(dict(headers), None, body))
    assert from_kafka(headers, body).data == b"\x00\x01"


def test_it_does_not_say_that_a_record_is_structured() -> None:
    """Its record has the content type of the data, against the binding; we do not guess what a value might be."""
    message = to_structured(Theirs({**REQUIRED, "datacontenttype": "application/json"}, {"a": 1}))

    assert message.headers == {"content-type": b"application/json"}
    with pytest.raises(EventError, match="ce_specversion, ce_id, ce_source, ce_type missing"):
        read_kafka(list(message.headers.items()), message.value)


def test_it_takes_all_headers_for_attributes() -> None:
    """A tracer's header, and the content type of the envelope, get into the SDK's event; not into ours."""
    event = CloudEvent({**REQUIRED, "datacontenttype": "text/plain"}, b"x")
    headers = [STRUCTURED, ("traceparent", b"00-1")]

    read = from_structured(KafkaMessage(dict(headers), None, to_json(event)))
    assert (read["traceparent"], read["datacontenttype"]) == ("00-1", "application/cloudevents+json")
    assert read_kafka(headers, to_json(event)) == [event]
