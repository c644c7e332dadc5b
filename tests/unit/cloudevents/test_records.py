"""Kafka records of any kind: our own batches, binary mode, structured mode, batches of JSON."""

import pytest

from nilometer_logger.cloudevents import (
    BATCH_CONTENT_TYPE,
    CloudEvent,
    encode_batch,
    read_kafka,
    to_json,
    to_json_batch,
    to_kafka,
)
from nilometer_logger.errors import EventError
from tests.unit.cloudevents.documents import ATTRIBUTES

EVENTS = [
    CloudEvent({**ATTRIBUTES, "id": name, "datacontenttype": "application/json"}, b'{"instances": []}')
    for name in "abc"
]
OURS = [("content-type", BATCH_CONTENT_TYPE.encode())]
STRUCTURED = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
BATCH = [("content-type", b"application/cloudevents-batch+json")]


def test_our_own_record_is_its_events() -> None:
    """What the logger writes, everyone reads."""
    assert read_kafka(OURS, encode_batch(EVENTS)) == EVENTS


def test_a_record_in_binary_mode_is_one_event() -> None:
    """The Knative Kafka Broker and KafkaSink write this."""
    assert read_kafka(*to_kafka(EVENTS[0])) == [EVENTS[0]]


@pytest.mark.parametrize("name", ["content-type", "Content-Type", "CONTENT-TYPE"])
def test_a_structured_record_is_one_event(name: str) -> None:
    """KafkaSink writes this with `contentMode: structured`, as Java's client spells the header."""
    assert read_kafka([(name, b"application/cloudevents+json")], to_json(EVENTS[0])) == [EVENTS[0]]


def test_a_batch_of_json_is_its_events() -> None:
    """The binding knows no batch on Kafka; one that comes is read all the same, an empty one too."""
    assert read_kafka(BATCH, to_json_batch(EVENTS)) == EVENTS
    assert read_kafka(BATCH, b"[]") == []


def test_headers_are_no_attributes_of_a_structured_event() -> None:
    """What a tracer or a broker adds, or repeats for filters, does not get into the event."""
    repeated = [("ce_id", b"other"), ("traceparent", b"00-1"), *STRUCTURED]

    assert read_kafka(repeated, to_json(EVENTS[0])) == [EVENTS[0]]


@pytest.mark.parametrize("headers", [OURS, STRUCTURED, BATCH], ids=["ours", "structured", "batch"])
def test_a_tombstone_is_said_to_be_one(headers: list[tuple[str, bytes | None]]) -> None:
    """A compacted topic may hold records without a value; they are no events."""
    with pytest.raises(EventError, match=r"a tombstone: the record is said to be application/.* and has no value"):
        read_kafka(headers, None)


@pytest.mark.parametrize("headers", [[], [("content-type", None)], [("content-type", b"application/json")]])
@pytest.mark.parametrize("value", [None, b"", b"{}", to_json(EVENTS[0])])
def test_a_record_without_attributes_says_what_it_lacks(
    headers: list[tuple[str, bytes | None]], value: bytes | None
) -> None:
    """Whatever else stands in a topic is no event, and nothing is guessed."""
    with pytest.raises(EventError, match="ce_specversion, ce_id, ce_source, ce_type missing or empty"):
        read_kafka(headers, value)


@pytest.mark.parametrize(
    ("headers", "value"),
    [(OURS, encode_batch(EVENTS)[:-1]), (STRUCTURED, to_json(EVENTS[0])[:-1]), (BATCH, to_json_batch(EVENTS)[:-1])],
    ids=["ours", "structured", "batch"],
)
def test_a_damaged_record_is_refused_with_its_reason(headers: list[tuple[str, bytes | None]], value: bytes) -> None:
    """A record cut short is no event, whatever its kind."""
    with pytest.raises(EventError, match=r"not a (batch of events|batch of CloudEvents|CloudEvent): .*truncated"):
        read_kafka(headers, value)
