"""Kafka in binary mode: one CloudEvent a record."""

import pytest
from hypothesis import given

from nilometer_logger.cloudevents import CloudEvent, from_kafka, to_kafka
from nilometer_logger.errors import EventError
from tests.unit.strategies import events

REQUIRED = [("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"/s"), ("ce_type", b"t")]


@given(events())
def test_whatever_is_written_is_read_again(event: CloudEvent) -> None:
    """Any attribute of any characters, and any body, survive Kafka."""
    assert from_kafka(*to_kafka(event)) == event


def test_attributes_are_utf8_without_any_encoding() -> None:
    """The Kafka binding percent-encodes nothing: a value stands in its header as it is."""
    required = {name[3:]: value.decode() for name, value in REQUIRED}
    headers, body = to_kafka(CloudEvent({**required, "note": "50% é", "datacontenttype": "text/plain"}, b"body"))

    assert headers == [*REQUIRED, ("ce_note", "50% é".encode()), ("content-type", b"text/plain")]
    assert body == b"body"


def test_a_percent_sign_is_a_percent_sign() -> None:
    """A value is not decoded either."""
    assert from_kafka([*REQUIRED, ("ce_note", b"a%20b")], b"")["note"] == "a%20b"


def test_the_key_stays_an_attribute() -> None:
    """`partitionkey` may become a record's key, but it must not leave the event."""
    headers, _ = to_kafka(CloudEvent({"partitionkey": "demo/iris"}, b""))

    assert ("ce_partitionkey", b"demo/iris") in headers


def test_headers_of_others_are_no_attributes() -> None:
    """What a broker or a tracer adds does not get into the event."""
    event = from_kafka([*REQUIRED, ("traceparent", b"00-1"), ("nilometer-reason", b"none")], b"")

    assert set(event.attributes) == {"specversion", "id", "source", "type"}


def test_the_content_type_may_be_written_in_any_case() -> None:
    """Producers write `Content-Type` as well."""
    assert from_kafka([*REQUIRED, ("Content-Type", b"text/plain")], b"")["datacontenttype"] == "text/plain"


def test_a_value_that_is_null_is_an_empty_body() -> None:
    """Knative writes an event without data, such as KServe's of a GET, as a record without a value."""
    assert from_kafka(REQUIRED, None).data == b""


def test_an_empty_header_is_no_attribute() -> None:
    """KServe's empty `endpoint` comes through KafkaSink as an empty header, and CloudEvents has no empty attributes."""
    assert "endpoint" not in from_kafka([*REQUIRED, ("ce_endpoint", b"")], b"").attributes


def test_of_two_headers_the_last_holds() -> None:
    """Kafka's own clients take the last of several headers with one name."""
    assert from_kafka([*REQUIRED, ("ce_id", b"2")], b"")["id"] == "2"


@pytest.mark.parametrize("name", ["ce_trace-parent", "ce_", "ce_Id", "ce_data"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    """A name that CloudEvents does not allow is told."""
    with pytest.raises(EventError, match=f"{name} is no attribute name"):
        from_kafka([*REQUIRED, (name, b"1")], b"")


def test_a_content_type_of_strange_bytes_loses_no_event() -> None:
    """Nothing depends on what a client claimed, so no event is lost for it."""
    assert from_kafka([*REQUIRED, ("content-type", b"a/\xff")], b"")["datacontenttype"] == "a/ÿ"


def test_what_is_missing_is_named() -> None:
    """A record that is no CloudEvent says which headers it lacks, a null one included."""
    with pytest.raises(EventError, match="not a CloudEvent: ce_id, ce_type missing or empty"):
        from_kafka([("ce_specversion", b"1.0"), ("ce_source", b"/s"), ("ce_id", None)], b"")


def test_a_header_that_is_no_utf8_is_refused() -> None:
    """Bytes that no text has are refused with the header's name."""
    with pytest.raises(EventError, match="header ce_note is not UTF-8"):
        from_kafka([*REQUIRED, ("ce_note", b"\xff")], b"")
