"""Kafka binary content mode: one CloudEvent a record."""

import pytest
from hypothesis import given

from nilometer_logger.errors import EventError
from nilometer_logger.events import CloudEvent, from_kafka, to_kafka
from tests.unit.strategies import events

REQUIRED = [("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"/s"), ("ce_type", b"t")]


@given(events())
def test_whatever_is_written_is_read_again(event: CloudEvent) -> None:
    """Any attribute of any characters, and any body, survive Kafka."""
    assert from_kafka(*to_kafka(event)) == event


def test_attributes_are_utf8_without_any_encoding() -> None:
    """The Kafka binding percent-encodes nothing: a value stands in its header as it is."""
    headers, body = to_kafka(CloudEvent({"note": "50% é", "datacontenttype": "text/plain"}, b"body"))

    assert headers == [("ce_note", "50% é".encode()), ("content-type", b"text/plain")]
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


def test_a_tombstone_has_an_empty_body() -> None:
    """A record without a value is an event without data."""
    assert from_kafka(REQUIRED, None).data == b""


def test_what_is_missing_is_named() -> None:
    """A record that is no CloudEvent says which headers it lacks, a null one included."""
    with pytest.raises(EventError, match="not a CloudEvent: ce_id, ce_type missing or empty"):
        from_kafka([("ce_specversion", b"1.0"), ("ce_source", b"/s"), ("ce_id", None)], b"")


def test_a_header_that_is_no_utf8_is_refused() -> None:
    """Bytes that no text has are refused with the header's name."""
    with pytest.raises(EventError, match="header ce_note is not UTF-8"):
        from_kafka([*REQUIRED, ("ce_note", b"\xff")], b"")
