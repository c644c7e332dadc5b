"""HTTP in binary mode: what KServe's logger and Knative's brokers speak."""

import pytest
from hypothesis import given

from nilometer_logger.cloudevents import CloudEvent, from_http, mode_of, read_http, to_http
from nilometer_logger.errors import EventError
from tests.unit.strategies import events

REQUIRED = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t"}


def read(headers: dict[str, str], body: bytes = b"") -> CloudEvent:
    """Reads an event from headers as they come off the wire."""
    return from_http([(name.encode(), value.encode()) for name, value in headers.items()], body)


@given(events())
def test_whatever_is_written_is_read_again(event: CloudEvent) -> None:
    """Any attribute of any characters, and any body, survive HTTP."""
    headers, body = to_http(event)

    assert mode_of([(name.encode(), value.encode()) for name, value in headers.items()]) == "binary"
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
        ('{"a": "50%25"}', '{"a": "50%25"}'),  # JSON, as KServe writes it
        ("[" * 5000 + "%20", "[" * 5000 + " "),  # neither
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
        ("ce-é", "1", "is no attribute name"),
        ("ce-data", "1", "ce-data is no attribute name: it is what the JSON format calls the body"),
    ],
)
def test_what_is_wrong_is_named(header: str, value: str, reason: str) -> None:
    """Another version, or a name that CloudEvents does not allow, is refused by its name."""
    with pytest.raises(EventError, match=reason):
        read({**REQUIRED, header: value})


def test_a_name_is_refused_every_time() -> None:
    """That a name was seen before does not make it any better."""
    for _ in range(2):
        with pytest.raises(EventError, match="ce-trace-parent is no attribute name"):
            read({**REQUIRED, "ce-trace-parent": "1"})


def test_more_names_than_are_remembered() -> None:
    """Clients make up as many extensions as they like, of any length."""
    for number in range(3000):
        assert read({**REQUIRED, f"ce-x{number}": "1"})[f"x{number}"] == "1"
    assert read({**REQUIRED, "ce-" + "x" * 5000: "1"})["x" * 5000] == "1"


def test_of_two_headers_the_last_holds() -> None:
    """The binding knows no header that is given twice; as on Kafka, the last one counts."""
    headers = [(name.encode(), value.encode()) for name, value in REQUIRED.items()]
    twice = [*headers, (b"ce-id", b"2"), (b"content-type", b"a/b"), (b"content-type", b"application/cloudevents+json")]

    assert from_http(twice, b"")["id"] == "2"
    assert from_http(twice, b"")["datacontenttype"] == "application/cloudevents+json"
    assert mode_of(twice[-2:]) == "structured"


@pytest.mark.parametrize(
    "content_type",
    [
        "application/cloudevents+json",
        "Application/CloudEvents+JSON; charset=utf-8",
        "application/cloudevents-batch+json",
        "APPLICATION/CLOUDEVENTS",
        "application/cloudevents+xml",
    ],
)
def test_kserves_headers_win_over_the_content_type(content_type: str) -> None:
    """KServe repeats what a client claimed: its event is the one that its headers tell, with the body as it came."""
    forged = b'{"specversion": "1.0", "id": "forged", "source": "/f", "type": "t"}'
    headers = [(name.encode(), value.encode()) for name, value in REQUIRED.items()]
    claimed = (b"content-type", content_type.encode())

    [event] = read_http([claimed, *headers], forged)

    assert event == from_http([claimed, *headers], forged)
    assert (event["id"], event["datacontenttype"], event.data) == ("1", content_type, forged)


@pytest.mark.parametrize("missing", REQUIRED)
def test_without_kserves_headers_the_content_type_decides(missing: str) -> None:
    """As the binding says: a structured event may repeat some of its attributes as headers."""
    headers = [(name.encode(), value.encode()) for name, value in REQUIRED.items() if name != missing]
    document = b'{"specversion": "1.0", "id": "2", "source": "/s", "type": "t"}'

    [event] = read_http([*headers, (b"content-type", b"application/cloudevents+json")], document)

    assert event["id"] == "2"


def test_the_content_type_stands_as_it_came() -> None:
    """It is not percent-encoded, so quotes and percent signs in it are its own."""
    event = read({**REQUIRED, "content-type": 'text/plain; charset="utf-8"; x=%20'})

    assert event["datacontenttype"] == 'text/plain; charset="utf-8"; x=%20'
    assert to_http(event)[0]["content-type"] == 'text/plain; charset="utf-8"; x=%20'


def test_a_content_type_of_strange_bytes_loses_no_event() -> None:
    """KServe hands on what a client claimed, whatever bytes that was, and nothing depends on it."""
    headers = [(name.encode(), value.encode()) for name, value in REQUIRED.items()]

    assert from_http([*headers, (b"content-type", b"a/\xff")], b"")["datacontenttype"] == "a/ÿ"


def test_a_content_type_cannot_make_headers_of_its_own() -> None:
    """A line break, which the JSON format can bring, is encoded."""
    headers, _ = to_http(CloudEvent({"datacontenttype": "a/b\r\nx: y"}, b""))

    assert headers == {"content-type": "a/b%0D%0Ax: y"}


def test_the_forbidden_header_is_no_attribute() -> None:
    """The binding has Content-Type in the place of `ce-datacontenttype`, whichever comes first."""
    for headers in ({"content-type": "a/b", "ce-datacontenttype": "c/d"}, {"ce-datacontenttype": "c/d"}):
        assert read({**REQUIRED, **headers}).attributes.get("datacontenttype") == headers.get("content-type")


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
