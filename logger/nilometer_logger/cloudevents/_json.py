"""The CloudEvents JSON format 1.0.2: structured mode, and batches of it.

`data` is opaque, as a body is in binary mode: its bytes are taken as they stand between the braces. So numbers keep
their digits, and a bare NaN (as Python's servers write), half a surrogate pair or a nesting without end is the body's
own trouble: the event is told apart all the same, and so are its neighbours in a batch.

What `data` becomes is told by `datacontenttype` (section 3.1): JSON where that says JSON or nothing, and then it is said
explicitly, as section 3.1.2 asks; the text itself of a string under any other type. Where the two do not fit together,
the JSON stays as it came. Written, a body is `data` where it is JSON and meant to be, a string where its type is text in
UTF-8, and `data_base64` otherwise: our bodies are bytes, and Base64 is the one form that every reader turns into the
same bytes again.

Attributes are strings, booleans or integers, null being none; those that the specification itself defines are strings.
`metadata` and `annotations` hold JSON by KServe's own custom, so an object in their place is taken as its text.
"""

from collections.abc import Iterable

import msgspec
from msgspec import Raw

from nilometer_logger.cloudevents._event import CloudEvent, Names, check_name, check_required
from nilometer_logger.cloudevents._split import split_array, split_object
from nilometer_logger.errors import EventError

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_JSON = "application/json"
_STRINGS = frozenset({"specversion", "id", "source", "type", "time", "subject", "datacontenttype", "dataschema"})
_JSON_VALUED = frozenset({"metadata", "annotations"})
_SHOWN = 40

_encoder = msgspec.json.Encoder()
_object = msgspec.json.Decoder(dict[str, Raw])
_array = msgspec.json.Decoder(list[Raw])
_any = msgspec.json.Decoder()
_scalar = msgspec.json.Decoder(str | bool | int | None)
_string = msgspec.json.Decoder(str)
_base64 = msgspec.json.Decoder(bytes)
_names: Names[str] = Names(check_name)
# What msgspec raises where it does not like what it reads.
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def from_json(document: bytes) -> CloudEvent:
    """Reads an event (sections 2 and 3).

    Raises:
        EventError: if the document is no CloudEvent.
    """
    document = document.removeprefix(_BYTE_ORDER_MARK)
    try:
        members = _object.decode(document)
    except msgspec.ValidationError as error:
        raise EventError(f"not a CloudEvent: {error}") from None
    except _UNREADABLE as error:
        members = _members(document, error)
    data, encoded = members.pop("data", None), members.pop("data_base64", None)
    attributes = {}
    for member, raw in members.items():
        name = _names[member]
        if text := _attribute(name, raw):
            attributes[name] = text
    check_required(attributes)
    return CloudEvent(attributes, _body(attributes, data, encoded))


def from_json_batch(document: bytes) -> list[CloudEvent]:
    """Reads a batch of events (section 4).

    Raises:
        EventError: if the document is no array of CloudEvents, with the position (from 0) of the first that is none.
    """
    document = document.removeprefix(_BYTE_ORDER_MARK)
    try:
        elements = _array.decode(document)
    except msgspec.ValidationError as error:
        raise EventError(f"not a batch of CloudEvents: {error}") from None
    except _UNREADABLE as error:
        parts = split_array(document)
        if parts is None:
            raise EventError(f"not a batch of CloudEvents: {error}") from None
        elements = [Raw(part) for part in parts]
    events = []
    for number, element in enumerate(elements):
        try:
            events.append(from_json(bytes(element)))
        except EventError as error:
            raise EventError(f"event {number}: {error}") from None
    return events


def _members(document: bytes, error: Exception) -> dict[str, Raw]:
    parts = split_object(document)
    if parts is None:
        raise EventError(f"not a CloudEvent: {error}")
    try:
        return {_string.decode(name): Raw(value) for name, value in parts}
    except _UNREADABLE as unreadable:
        raise EventError(f"not a CloudEvent: a name in it cannot be read: {unreadable}") from None


def _attribute(name: str, raw: Raw) -> str:
    try:
        value = _scalar.decode(raw)
    except _UNREADABLE:
        shown = bytes(raw)
        if name in _JSON_VALUED and shown[:1] in (b"{", b"["):
            return _json_text(name, shown)
        raise EventError(f"{name} is no string, boolean or integer: {_show(shown)}") from None
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if name in _STRINGS:
        raise EventError(f"{name} is no string: {_show(bytes(raw))}")
    return str(value).lower()  # 42, or true as JSON and CloudEvents write it


def _json_text(name: str, raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise EventError(f"{name} is not UTF-8: {raw[:_SHOWN]!r}") from None


def _body(attributes: dict[str, str], data: Raw | None, encoded: Raw | None) -> bytes:
    if encoded is not None and bytes(encoded) != b"null":
        if data is not None and bytes(data) != b"null":
            raise EventError("both data and data_base64: an event has one body")
        try:
            return _base64.decode(encoded)
        except _UNREADABLE as error:
            raise EventError(f"data_base64 is no Base64: {error}") from None
    if data is None:
        return b""
    if not _is_json(attributes.setdefault("datacontenttype", _JSON)):
        try:
            return _string.decode(data).encode()
        except _UNREADABLE:
            pass  # no text, whatever it is said to be: kept as it came
    return bytes(data)


def _show(raw: bytes) -> str:
    return raw[:_SHOWN].decode("utf-8", "replace")


def to_json(event: CloudEvent) -> bytes:
    """Writes an event (sections 2 and 3); JSON data stand in it byte for byte, line breaks and all."""
    document: dict[str, object] = {**event.attributes}
    if event.data:
        name, value = _data(event)
        document[name] = value
    return _encoder.encode(document)


def to_json_batch(events: Iterable[CloudEvent]) -> bytes:
    """Writes events as a batch (section 4)."""
    return b"[" + b",".join(map(to_json, events)) + b"]"


def _data(event: CloudEvent) -> tuple[str, Raw | str | bytes]:
    content_type = event.attributes.get("datacontenttype", _JSON).lower()
    try:
        if _is_json(content_type):
            _any.decode(event.data)
            return "data", Raw(event.data)
        if content_type.startswith("text/") and ("charset=" not in content_type or "charset=utf-8" in content_type):
            return "data", event.data.decode()
    except _UNREADABLE:
        pass  # not what it is said to be
    return "data_base64", event.data  # msgspec writes bytes as Base64


def _is_json(content_type: str) -> bool:
    """Tells whether a content type declares JSON: ``*/json`` or ``*/*+json`` (section 3.1.1)."""
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type.endswith(("/json", "+json"))
