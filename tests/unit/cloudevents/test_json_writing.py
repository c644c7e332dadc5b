"""The JSON format, written: what `data` is, and that it is read again."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.cloudevents import CloudEvent, from_json, to_json
from tests.unit.cloudevents.documents import ATTRIBUTES, JSON
from tests.unit.strategies import events


def members(data: bytes, kind: str | None = None) -> dict[str, object]:
    """Returns what is written of a body, read as strictly as JSON is."""
    attributes = {**ATTRIBUTES, "datacontenttype": kind} if kind else ATTRIBUTES
    found = json.loads(to_json(CloudEvent(attributes, data)), parse_constant=pytest.fail)
    assert {name: found.pop(name) for name in attributes} == attributes
    return found


@pytest.mark.parametrize("kind", [None, "application/json", "text/json", "application/vnd.x+json; v=1"])
def test_json_is_data(kind: str | None) -> None:
    """What is JSON, and is said to be or said to be nothing, is a JSON value."""
    assert members(b' {"instances": [[1, 2.50]]}\n', kind) == {"data": {"instances": [[1, 2.5]]}}
    assert members(b"null", kind) == {"data": None}


def test_json_is_written_as_it_stands() -> None:
    """No digit is lost, and no blank."""
    assert b'"data":{"a" : 2.50}' in to_json(CloudEvent(ATTRIBUTES, b'{"a" : 2.50}'))


@pytest.mark.parametrize("kind", [None, "application/json"])
@pytest.mark.parametrize(
    "data",
    [b"{", b'{"a": NaN}', b'"\\ud800"', b'"\xff"', b'{"a": 1}\x00\x00\x80?', b"\x1f\x8b\x08", b"1e999", b"[" * 9999],
)
def test_what_is_no_json_is_base64(kind: str | None, data: bytes) -> None:
    """What a strict reader would refuse, or read as something else, cannot spoil the document."""
    assert members(data, kind) == {"data_base64": base64.b64encode(data).decode()}


@pytest.mark.parametrize("kind", ["text/plain", "text/csv; header=present", "Text/Plain; Charset=UTF-8"])
def test_text_is_text(kind: str) -> None:
    """A person can read it, and every reader turns it into the same bytes."""
    assert members("é\n{".encode(), kind) == {"data": "é\n{"}


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("text/plain", b"\xe9"),
        ("text/plain; charset=iso-8859-1", b"e"),  # a reader might turn it into other bytes
        ("application/x-www-form-urlencoded", b'{"instances": []}'),  # what `curl -d` says of its JSON
        ("application/octet-stream", b"text"),
    ],
)
def test_anything_else_is_base64(kind: str, data: bytes) -> None:
    """Bytes are bytes, and Base64 is the form in which they come out as they went in."""
    assert members(data, kind) == {"data_base64": base64.b64encode(data).decode()}


def test_no_body_is_no_member() -> None:
    """An event without data has neither of the two."""
    assert members(b"") == {}


@given(events())
def test_whatever_is_written_is_read_again(event: CloudEvent) -> None:
    """Any attributes and any body survive; what is JSON without saying so says so afterwards."""
    read = from_json(to_json(event))

    said = {"datacontenttype": read.attributes.get("datacontenttype", ""), **event.attributes}
    assert read.attributes == {name: value for name, value in said.items() if value}
    assert read.data in (event.data, event.data.strip(b" \t\r\n"))


@given(events(), JSON, st.sampled_from([None, 2]))
def test_json_is_read_again_byte_for_byte(event: CloudEvent, value: object, indent: int | None) -> None:
    """A JSON body is the same bytes afterwards, whatever its layout."""
    data = json.dumps(value, indent=indent).encode()

    assert from_json(to_json(CloudEvent(event.attributes, data))).data == data
