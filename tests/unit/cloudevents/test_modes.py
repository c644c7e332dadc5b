"""Content modes: the Content-Type tells them, and any of them is read."""

import pytest

from nilometer_logger.cloudevents import CloudEvent, mode_of, read_http, read_kafka, to_http, to_json, to_json_batch
from nilometer_logger.errors import EventError, UnsupportedFormat
from tests.unit.cloudevents.documents import ATTRIBUTES

EVENT = CloudEvent({**ATTRIBUTES, "datacontenttype": "application/json"}, b'{"instances": [[1, 2]]}')


def headers(**found: str) -> list[tuple[bytes, bytes]]:
    """Returns headers as ASGI gives them."""
    return [(name.replace("_", "-").encode(), value.encode()) for name, value in found.items()]


@pytest.mark.parametrize(
    ("content_type", "mode"),
    [
        ("application/json", "binary"),
        ("application/octet-stream", "binary"),
        ("", "binary"),
        ("application/cloud", "binary"),
        ("application/cloudevents+json", "structured"),
        ("application/cloudevents+json; charset=utf-8", "structured"),
        ("Application/CloudEvents+JSON;charset=UTF-8", "structured"),
        ("application/cloudevents", "structured"),
        ("application/cloudevents-batch+json", "batch"),
        ("APPLICATION/cloudevents-batch+json; charset=utf-8", "batch"),
        ("application/cloudevents-batch", "batch"),
    ],
)
def test_the_content_type_tells_the_mode(content_type: str, mode: str) -> None:
    """Its beginning decides, in any case and with any parameters."""
    assert mode_of(headers(host="here", content_type=content_type)) == mode


def test_without_a_content_type_it_is_binary() -> None:
    """KServe's events have none where the client sent none."""
    assert mode_of(headers(host="here", ce_id="1")) == "binary"


def test_the_content_type_decides_even_beside_attributes_in_headers() -> None:
    """Structured mode may repeat attributes as headers for those on the way; the document is the event."""
    repeated = headers(ce_specversion="1.0", ce_id="other", content_type="application/cloudevents+json")

    assert read_http(repeated, to_json(EVENT)) == [EVENT]


@pytest.mark.parametrize("suffix", ["+avro", "+protobuf", "+xml", "-batch+protobuf", "+jsonseq", "s"])
def test_another_format_is_said_to_be_unsupported(suffix: str) -> None:
    """Avro, Protobuf and XML are told from what is no event at all, so that HTTP can answer 415."""
    kind = f"application/cloudevents{suffix}"
    with pytest.raises(UnsupportedFormat, match=r"is not understood: send JSON or binary mode"):
        read_http(headers(content_type=kind), b"")
    with pytest.raises(UnsupportedFormat):
        read_kafka([("content-type", kind.encode())], b"")


def test_every_mode_of_http_is_the_same_event() -> None:
    """However an event is sent, it is read as the same."""
    written, body = to_http(EVENT)
    binary = [(name.encode(), value.encode()) for name, value in written.items()]

    assert read_http(binary, body) == [EVENT]
    assert read_http(headers(content_type="application/cloudevents+json"), to_json(EVENT)) == [EVENT]
    batch = headers(content_type="application/cloudevents-batch+json")
    assert read_http(batch, to_json_batch([EVENT] * 3)) == [EVENT] * 3


def test_a_plain_post_is_no_event() -> None:
    """A document of an event under another content type is not guessed at: it is binary mode without attributes."""
    with pytest.raises(EventError, match="ce-specversion, ce-id, ce-source, ce-type missing or empty"):
        read_http(headers(content_type="application/json"), to_json(EVENT))
