"""The attributes of an event in the JSON format."""

import json

import pytest

from nilometer_logger.cloudevents import from_json
from nilometer_logger.errors import EventError
from tests.unit.cloudevents.documents import ATTRIBUTES, document


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('"text"', "text"),
        ('"\\u20ac \\/ \\u0000"', "€ / \0"),
        ("true", "true"),
        ("false", "false"),
        ("42", "42"),
        ("-1", "-1"),
        ("-0", "0"),
        ("9223372036854775808", "9223372036854775808"),
    ],
)
def test_a_value_is_its_canonical_text(written: str, meant: str) -> None:
    """Booleans and integers are written as the type system of CloudEvents writes them."""
    assert from_json(document()[:-1] + f', "ext": {written}}}'.encode())["ext"] == meant


@pytest.mark.parametrize("value", [None, ""])
def test_null_and_empty_are_absent(value: str | None) -> None:
    """Null is unset, says the specification; and KServe's empty `endpoint` comes through a broker as an empty text."""
    assert from_json(document(endpoint=value, time=value, datacontenttype=value)).attributes == ATTRIBUTES


@pytest.mark.parametrize("value", [1.5, 1.0, [], {}, ["x"]])
def test_anything_else_is_named(value: object) -> None:
    """An attribute that is a list, an object or a fraction refuses the event, and says which it is."""
    with pytest.raises(EventError, match="ext is no string, boolean or integer: "):
        from_json(document(ext=value))


@pytest.mark.parametrize("name", ["metadata", "annotations"])
def test_kserves_json_may_be_given_as_json(name: str) -> None:
    """KServe's own writing is JSON in a text; whoever writes the object itself means the same."""
    value = {"X-Request-Id": ["a b%20cé"]}

    assert json.loads(from_json(document(**{name: json.dumps(value)}))[name]) == value
    assert json.loads(from_json(document(**{name: value}))[name]) == value


@pytest.mark.parametrize("name", ["id", "source", "type", "time", "subject", "datacontenttype", "dataschema"])
@pytest.mark.parametrize("value", [25, True])
def test_the_specifications_own_attributes_are_strings(name: str, value: object) -> None:
    """An id of 25 is not the id "25": its type is given."""
    with pytest.raises(EventError, match=f"{name} is no string: {json.dumps(value)}"):
        from_json(document(**{name: value}))


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type"])
def test_what_is_missing_is_named(name: str) -> None:
    """Missing, null or empty: the event needs it."""
    without = {key: value for key, value in ATTRIBUTES.items() if key != name}
    for members in (without, {**without, name: None}, {**without, name: ""}):
        with pytest.raises(EventError, match=f"not a CloudEvent: {name} missing or empty"):
            from_json(json.dumps(members).encode())


def test_only_the_version_is_understood_that_is() -> None:
    """Another version may mean anything by its attributes."""
    with pytest.raises(EventError, match=r"specversion is '0.3'; only 1.0 is understood"):
        from_json(document(specversion="0.3"))


@pytest.mark.parametrize("name", ["MyExtension", "my.extension", "my_extension", "é", "", "data_base32"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    """Lower-case letters and digits, even where the value is null."""
    for value in ("bad", None):
        with pytest.raises(EventError, match="is no attribute name: lower-case letters and digits only"):
            from_json(document(**{name: value}))


def test_of_two_members_the_last_holds() -> None:
    """JSON leaves it open; the last one counts, as with headers."""
    assert from_json(b'{"id": "0", ' + document()[1:-1] + b', "id": "2"}')["id"] == "2"


@pytest.mark.parametrize("value", [b'"\\ud800"', b'"\xff"', b'"a\nb"', b"NaN", b"9" * 5000, b"[" * 5000 + b"]" * 5000])
def test_an_attribute_that_cannot_be_read_is_named(value: bytes) -> None:
    """What a body may be, an attribute may not: it would be lost or changed on its way."""
    with pytest.raises(EventError, match="ext is no string, boolean or integer: "):
        from_json(document()[:-1] + b', "ext": ' + value + b"}")


@pytest.mark.parametrize("name", [b'"\\ud800"', b'"\xff"'])
def test_a_name_that_cannot_be_read_is_told(name: bytes) -> None:
    """A name is text as well."""
    with pytest.raises(EventError, match="not a CloudEvent: a name in it cannot be read"):
        from_json(document()[:-1] + b", " + name + b": 1}")


def test_strange_metadata_are_named() -> None:
    """A text that is no UTF-8 is none even where an object may stand."""
    with pytest.raises(EventError, match="metadata is not UTF-8"):
        from_json(document()[:-1] + b', "metadata": {"a": "\xff"}}')


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "truncated"),
        (b"null", "Expected `object`, got `null`"),
        (b"[]", "Expected `object`, got `array`"),
        (b'"text"', "Expected `object`, got `str`"),
        (b"{}", "specversion, id, source, type missing or empty"),
        (document() + b"x", "trailing characters"),
        (document()[:-1], "truncated"),
        (document()[:-1] + b",}", "malformed"),
        (document()[:-1] + b', "ext":}', "malformed"),
        (document()[:-1] + b", NaN: 1}", "malformed"),
        (b"[" * 5000 + b"]" * 5000, "Expected `object`, got `array`"),
        (b'{"id": ' * 5000 + b"}" * 5000, "id is no string, boolean or integer"),
        (document().decode().encode("utf-16"), "malformed"),
    ],
)
def test_what_is_no_event_says_why(text: bytes, reason: str) -> None:
    """Broken JSON, or JSON that is no object, is an error with a reason and never another exception."""
    with pytest.raises(EventError, match=reason):
        from_json(text)


def test_a_byte_order_mark_is_no_matter() -> None:
    """Some writers begin a file with one."""
    assert from_json(b"\xef\xbb\xbf" + document()).attributes == ATTRIBUTES
