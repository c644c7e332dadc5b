"""Whatever comes from outside, it is an event or an EventError, in time that grows with its length only."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.cloudevents import (
    BATCH_CONTENT_TYPE,
    CloudEvent,
    decode_batch,
    encode_batch,
    from_json,
    from_json_batch,
    read_http,
    read_kafka,
    to_http,
    to_json,
    to_kafka,
)
from nilometer_logger.errors import EventError
from tests.unit.cloudevents.documents import document, with_data

KINDS = [
    b"application/json",
    b"application/cloudevents+json",
    b"application/cloudevents-batch+json",
    b"application/cloudevents+xml",
    BATCH_CONTENT_TYPE.encode(),
]
SEEDS = [
    document(ext="é", endpoint="", data={"instances": [[1, 2.5, None]], "text": 'a"b\\c'}),
    document(data_base64="aGk=", datacontenttype="text/plain"),
    with_data(b'{"a": [NaN, "\\ud800"]}', metadata={"a": ["b"]}),
    b"[" + document(data=1) + b"," + with_data(b"NaN") + b"]",
]
# Bytes that mean something to a reader of JSON.
PIECES = [b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"NaN", b"\\u", b"\xff", b"\x00", b" ", b"null", b"9" * 30]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Damages a valid document in a few places: cuts, repeats, inserts what matters to a parser."""
    text = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 20)))
        piece = draw(st.sampled_from([b"", text[start:end] * 2, *PIECES]) | st.binary(max_size=3))
        text = text[:start] + piece + text[end:]
    return text


def survives(event: CloudEvent) -> None:
    """Checks that an event that was taken can go on through everything that we write."""
    to_http(event)
    assert decode_batch(encode_batch([event])) == [event]
    assert read_kafka(*to_kafka(event))[0].data == event.data
    json.loads(to_json(event), parse_constant=pytest.fail)


@given(st.sampled_from(KINDS), mutated() | st.binary(max_size=60))
def test_a_document_is_events_or_an_event_error(kind: bytes, text: bytes) -> None:
    """Random bytes and damaged documents, by HTTP and from Kafka; what is taken can be written again."""
    for read in (
        lambda: read_http([(b"content-type", kind)], text),
        lambda: read_kafka([("content-type", kind)], text),
        lambda: [from_json(text)],
        lambda: from_json_batch(text),
    ):
        try:
            events = read()
        except EventError:
            continue
        for event in events:
            survives(event)


RAW = st.binary(max_size=12) | st.sampled_from([b"1.0", b'"', b'"a\\', b"{%", b"[" * 9999 + b"%", b"%ff", b'{"a":"%"}'])
HTTP_NAME = st.sampled_from(
    [b"ce-specversion", b"ce-id", b"ce-source", b"ce-type", b"content-type", b"ce-data", b"ce-metadata"]
) | st.binary(max_size=6).map(lambda name: b"ce-" + name)


@given(st.lists(st.tuples(HTTP_NAME, RAW), max_size=12), st.binary(max_size=5))
def test_headers_are_an_event_or_an_event_error(headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Any names and any values, by HTTP and from Kafka."""
    required = [(b"ce-specversion", b"1.0"), (b"ce-id", b"1"), (b"ce-source", b"/s"), (b"ce-type", b"t")]
    for found in (headers, [*headers, *required]):
        kafka = [(name.decode("latin-1").replace("ce-", "ce_"), value) for name, value in found]
        for read in (lambda found=found: read_http(found, body), lambda kafka=kafka: read_kafka(kafka, body)):
            try:
                events = read()
            except EventError:
                continue
            for event in events:
                survives(event)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": "' + b'\\"' * 500_000,  # a string that never ends, at every quote
        b'{"a": ' + b'"\\' * 500_000,
        b'{"data": NaN, ' + b'"a": "b", ' * 50_000 + b"}",
        b"[" + b"{" * 500_000,
        b"[" + b"NaN," * 250_000 + b"NaN]",
        b'{"a"' + b" " * 1_000_000 + b"NaN",
    ],
    ids=["quotes", "backslashes", "members", "braces", "elements", "blanks"],
)
@pytest.mark.parametrize("read", [from_json, from_json_batch])
@pytest.mark.timeout(60)
def test_a_megabyte_takes_no_longer_than_its_length(read: Callable[[bytes], object], text: bytes) -> None:
    """No input makes a reader look at the same bytes over and over: that would stop the logger for everyone.

    It takes milliseconds; a reader that did would take many minutes, and fail by the bound against hanging.
    """
    with pytest.raises(EventError):
        read(text)
