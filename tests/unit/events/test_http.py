"""HTTP binary content mode: what KServe's logger and Knative's brokers speak."""

import pytest
from hypothesis import given

from nilometer_logger.errors import EventError
from nilometer_logger.events import CloudEvent, from_http, to_http
from tests.unit.strategies import events

REQUIRED = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t"}


def read(headers: dict[str, str], body: bytes = b"") -> CloudEvent:
    """Reads an event from headers as they come off the wire."""
    return from_http([(name.encode(), value.encode()) for name, value in headers.items()], body)


@given(events())
def test_whatever_is_written_is_read_again(event: CloudEvent) -> None:
    """Any attribute of any characters, and any body, survive HTTP."""
    headers, body = to_http(event)

    assert all(value.isascii() and value.isprintable() for value in headers.values())
    assert read(headers, body) == event


def test_the_content_type_is_an_attribute() -> None:
    """Content-Type is `datacontenttype`, without a prefix, both ways."""
    event = read({**REQUIRED, "content-type": "application/json"})

    assert event["datacontenttype"] == "application/json"
    assert to_http(event)[0]["content-type"] == "application/json"


def test_other_headers_are_no_attributes() -> None:
    """What HTTP adds for itself does not get into the event."""
    event = read({**REQUIRED, "host": "here", "user-agent": "Go-http-client/1.1", "x-ce-id": "2"})

    assert set(event.attributes) == {"specversion", "id", "source", "type"}


def test_values_are_encoded_as_the_binding_says() -> None:
    """Blanks, quotes, percent signs and everything beyond ASCII are percent-encoded, and nothing else."""
    headers, _ = to_http(CloudEvent({"note": 'a "b" 50% é {c}/~'}, b""))

    assert headers == {"ce-note": "a%20%22b%22%2050%25%20%C3%A9%20{c}/~"}


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),  # the specification's own example
        ('"a \\"quoted\\" text"', 'a "quoted" text'),
        ("100%", "100%"),
        ('"', '"'),
        ("{%22a%22:%20%22b%22}", '{"a": "b"}'),  # JSON, encoded as it should be
    ],
)
def test_values_are_decoded_as_the_binding_says(raw: str, meant: str) -> None:
    """Quoted text is unquoted, then percent-encoding is undone once."""
    assert read({**REQUIRED, "ce-note": raw})["note"] == meant


@pytest.mark.parametrize("missing", ["ce-specversion", "ce-id", "ce-source", "ce-type"])
def test_what_is_missing_is_named(missing: str) -> None:
    """A request that is no CloudEvent learns which header it lacks, an empty one included."""
    without = {name: value for name, value in REQUIRED.items() if name != missing}

    with pytest.raises(EventError, match=f"not a CloudEvent: {missing} missing or empty"):
        read(without)
    with pytest.raises(EventError, match=f"not a CloudEvent: {missing} missing or empty"):
        read({**without, missing: ""})


def test_all_that_is_missing_is_named_at_once() -> None:
    """A plain POST is told every header that a CloudEvent needs."""
    with pytest.raises(EventError, match="ce-specversion, ce-id, ce-source, ce-type missing or empty"):
        read({"content-type": "application/json"}, b"{}")


@pytest.mark.parametrize(
    ("header", "value", "reason"),
    [
        ("ce-specversion", "0.3", "ce-specversion is '0.3'; only 1.0 is understood"),
        ("ce-trace-parent", "1", "ce-trace-parent is no attribute name"),
        ("ce-", "1", "ce- is no attribute name"),
    ],
)
def test_what_is_wrong_is_named(header: str, value: str, reason: str) -> None:
    """Another version, or a name that CloudEvents does not allow, is refused by its name."""
    with pytest.raises(EventError, match=reason):
        read({**REQUIRED, header: value})


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"%FF%FE"])
def test_a_value_that_is_no_utf8_is_refused(raw: bytes) -> None:
    """Bytes that no text has are refused with the header's name, raw or percent-encoded."""
    headers = [(name.encode(), value.encode()) for name, value in REQUIRED.items()]

    with pytest.raises(EventError, match="header ce-note is not UTF-8"):
        from_http([*headers, (b"ce-note", raw)], b"")


def test_an_event_knows_its_attributes_by_name() -> None:
    """An attribute is looked up as in a dictionary, and one that is not there is a KeyError."""
    event = read(REQUIRED)

    assert event["id"] == "1"
    with pytest.raises(KeyError):
        event["time"]
