"""The body of an event in the JSON format, read: its bytes, as they stand in the document."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.cloudevents import from_json
from nilometer_logger.errors import EventError
from tests.unit.cloudevents.documents import ATTRIBUTES, JSON, document, with_data

ODD = [
    b'{"instances": [[NaN, -Infinity, Infinity]]}',
    b'{"text": "\\ud800"}',  # half a surrogate pair
    b'"\\udc00"',
    b'{"text": "\xff"}',  # no UTF-8
    b'{"text": "a\nb"}',  # a line break within a string
    b"[" * 3000 + b"]" * 3000,
    b"9" * 5000,
    b"1e999",
    b"{a: 'b'}",
]


@pytest.mark.parametrize("data", [b'{"a" :  [1.10, 1e5 ,\n-0.0]}', b"null", b'"text"', b"1", b"[]", b'{"a":1,"a":2}'])
def test_data_are_taken_byte_for_byte(data: bytes) -> None:
    """Blanks, digits and doubled names stay; nothing is read and written anew."""
    assert from_json(with_data(data)).data == data
    assert from_json(with_data(data, datacontenttype="application/vnd.x+json; v=1")).data == data


@pytest.mark.parametrize("data", ODD, ids=range(len(ODD)))
def test_no_event_is_lost_for_strange_data(data: bytes) -> None:
    """Python's servers write a bare NaN; the event keeps it, as it would in binary mode, wherever it stands."""
    event = from_json(with_data(data, last="x"))

    assert event.data == data
    assert event.attributes == {**ATTRIBUTES, "last": "x", "datacontenttype": "application/json"}
    assert from_json(b'{"data":' + data + b", " + document(last="x")[1:]) == event


@given(JSON, st.sampled_from([None, 0, 3]), st.booleans())
def test_data_are_the_value_that_was_sent(value: object, indent: int | None, plain: bool) -> None:
    """Any JSON in any layout comes out as the same JSON, beside data that no parser reads too."""
    data = json.dumps(value, indent=indent, ensure_ascii=plain).encode()
    text = json.dumps({**ATTRIBUTES, "data": value}, indent=indent, ensure_ascii=plain).encode()

    assert json.loads(from_json(text).data) == value
    # The doubled member sends the document to the lenient reader, which must find the same.
    assert from_json(b'{"data": NaN, ' + with_data(data)[1:]) == from_json(with_data(data))


def test_what_is_implied_is_said() -> None:
    """Data without a content type are JSON; in another format they could not be known to be."""
    assert from_json(document(data="I'm just a string"))["datacontenttype"] == "application/json"
    assert from_json(document(data="I'm just a string")).data == b'"I\'m just a string"'
    assert "datacontenttype" not in from_json(document()).attributes


@pytest.mark.parametrize("kind", ["text/plain", "text/csv; header=present", "application/xml", "application/jsonx"])
def test_a_text_is_its_utf8(kind: str) -> None:
    """A string under a type that is not JSON is the text itself."""
    assert from_json(document(datacontenttype=kind, data='<much wow="xml"/> é')).data == '<much wow="xml"/> é'.encode()


@pytest.mark.parametrize("kind", ["application/json", "TEXT/JSON", "application/cloudevents+JSON ; charset=utf-8"])
def test_a_json_string_stays_json(kind: str) -> None:
    """A string under a JSON type is a JSON string, and is not taken for a document within a string."""
    assert from_json(document(datacontenttype=kind, data='{"a": 1}')).data == b'"{\\"a\\": 1}"'


@pytest.mark.parametrize("data", [b'{"a": 1}', b"null", b"NaN", b'"\\ud800"'])
def test_what_is_no_text_stays_json(data: bytes) -> None:
    """Data that do not fit their content type stay as they came, for what sniffs the body anyway."""
    assert from_json(with_data(data, datacontenttype="application/x-www-form-urlencoded")).data == data


@given(st.binary())
def test_base64_is_decoded(data: bytes) -> None:
    """Any bytes come out as they went in, under any content type."""
    text = base64.b64encode(data).decode()

    assert from_json(document(data_base64=text)).data == data
    assert from_json(document(data_base64=text, datacontenttype="application/json")).data == data
    assert "datacontenttype" not in from_json(document(data_base64=text)).attributes


def test_base64_may_be_escaped_as_json_is() -> None:
    """Some writers escape the slash and the equals sign."""
    assert from_json(document()[:-1] + rb', "data_base64": "Pz8\/\/w\u003d\u003d"}').data == b"???\xff"


@pytest.mark.parametrize("text", ["a", "aGk", "a Gk=", "aG\nk=", "aG-_", "é===", 5, True, [], {}])
def test_what_is_no_base64_is_refused(text: object) -> None:
    """Half-decoded bytes would be worse than none."""
    with pytest.raises(EventError, match="data_base64 is no Base64"):
        from_json(document(data_base64=text))


def test_an_event_has_one_body() -> None:
    """Which of the two would be meant? Null is neither."""
    with pytest.raises(EventError, match="both data and data_base64"):
        from_json(document(data="x", data_base64="aGk="))
    assert from_json(document(data=None, data_base64="aGk=")).data == b"hi"
    assert from_json(document(data=1, data_base64=None)).data == b"1"


def test_no_data_are_no_body() -> None:
    """An event needs no body; a null is one."""
    assert from_json(document()).data == b""
    assert from_json(document(data=None)).data == b"null"
    assert from_json(document(data_base64=None)).data == b""
