"""The CloudEvent value and its codecs: HTTP binary mode in, Kafka binary mode and our batch records between.

An event's body stays the bytes that came: a body that is no JSON, or JSON with a bare NaN, spoils nothing but itself.
Attributes are text by their CloudEvents names; the content type is the attribute `datacontenttype`, as the
specification has it.

Header values are read as they are meant. The specification percent-encodes them; KServe's logger does not, and writes
raw JSON into `ce-metadata` and `ce-annotations`, where decoding a `%20` would change what a client sent. So a value
that is a JSON object, list or null stays as it is, and any other is percent-decoded.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

import msgspec

from nilometer_logger.errors import EventError

BATCH_CONTENT_TYPE = "application/vnd.nilometer.events+msgpack"
REQUIRED = ("specversion", "id", "source", "type")

_NAME = re.compile(r"[a-z0-9]+", re.ASCII)
_encoder = msgspec.msgpack.Encoder()
_batch_decoder = msgspec.msgpack.Decoder(list[tuple[dict[str, str], bytes]])


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """One event.

    Attributes:
        attributes: context attributes and extensions as text, `datacontenttype` among them.
        data: the body, byte for byte.
    """

    attributes: dict[str, str]
    data: bytes

    def __getitem__(self, name: str) -> str:
        """Returns an attribute; KeyError where the event has none of that name."""
        return self.attributes[name]


def check(attributes: Mapping[str, str], prefix: str = "") -> None:
    """Checks that attributes make a CloudEvent 1.0.

    Args:
        attributes: by their CloudEvents names.
        prefix: what the transport puts before a name, for the message.

    Raises:
        EventError: naming everything that is missing or wrong.
    """
    missing = [prefix + name for name in REQUIRED if not attributes.get(name)]
    if missing:
        raise EventError(f"not a CloudEvent: {', '.join(missing)} missing or empty")
    if attributes["specversion"] != "1.0":
        raise EventError(f"{prefix}specversion is {attributes['specversion']!r}; only 1.0 is understood")
    strange = [name for name in attributes if not _NAME.fullmatch(name)]
    if strange:
        raise EventError(f"{prefix}{strange[0]} is no attribute name: lower-case letters and digits only")


def _header_text(raw: bytes) -> str:
    text = raw.decode("utf-8")
    if b"%" not in raw and not raw.startswith(b'"'):
        return text
    if raw[:1] in b"{[" or raw == b"null":
        try:
            msgspec.json.decode(raw)
        except msgspec.DecodeError:
            pass  # not KServe's raw JSON after all: the specification's encoding holds
        else:
            return text
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    return unquote_to_bytes(text).decode("utf-8")


def from_http(headers: Iterable[tuple[bytes, bytes]], body: bytes) -> CloudEvent:
    """Reads an event in HTTP binary content mode (CloudEvents HTTP protocol binding 1.0.2, section 3.1).

    Args:
        headers: lower-case names and raw values, as ASGI gives them.
        body: the request's body.

    Raises:
        EventError: if the headers make no CloudEvent.
    """
    attributes: dict[str, str] = {}
    for name, value in headers:
        if not value:
            continue  # KServe sends an empty ce-endpoint; the specification has no empty attributes
        if name.startswith(b"ce-"):
            try:
                attributes[name[3:].decode("ascii")] = _header_text(value)
            except UnicodeDecodeError:
                raise EventError(f"header {name.decode('latin-1')} is not UTF-8: {value[:40]!r}") from None
        elif name == b"content-type":
            attributes["datacontenttype"] = value.decode("latin-1")
    check(attributes, "ce-")
    return CloudEvent(attributes, body)


def to_http(event: CloudEvent) -> tuple[dict[str, str], bytes]:
    """Writes an event in HTTP binary content mode.

    Returns:
        Headers, values percent-encoded as section 3.1.3.2 of the binding says, and the body.
    """
    headers = {}
    for name, value in event.attributes.items():
        if name == "datacontenttype":
            headers["content-type"] = value
        else:
            headers[f"ce-{name}"] = quote(value, safe="!#$&'()*+,-./:;<=>?@[\\]^_`{|}~")
    return headers, event.data


def from_kafka(headers: Iterable[tuple[str, bytes | None]], value: bytes | None) -> CloudEvent:
    """Reads an event in Kafka binary content mode (CloudEvents Kafka protocol binding 1.0.2, section 3.2).

    Raises:
        EventError: if the headers make no CloudEvent.
    """
    attributes: dict[str, str] = {}
    for name, content in headers:
        raw = content or b""  # Kafka's headers may be null
        try:
            if name.startswith("ce_"):
                attributes[name[3:]] = raw.decode("utf-8")
            elif name.lower() == "content-type":
                attributes["datacontenttype"] = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise EventError(f"header {name} is not UTF-8: {raw[:40]!r}") from None
    check(attributes, "ce_")
    return CloudEvent(attributes, value or b"")


def to_kafka(event: CloudEvent) -> tuple[list[tuple[str, bytes]], bytes]:
    """Writes an event in Kafka binary content mode.

    Returns:
        Headers and the record's value.
    """
    headers = []
    for name, value in event.attributes.items():
        key = "content-type" if name == "datacontenttype" else f"ce_{name}"
        headers.append((key, value.encode()))
    return headers, event.data


def encode_batch(events: Sequence[CloudEvent]) -> bytes:
    """Writes events as the value of one batch record: MessagePack ``[[attributes, body], …]``."""
    return _encoder.encode([(event.attributes, event.data) for event in events])


def decode_batch(value: bytes) -> list[CloudEvent]:
    """Reads the value of a batch record.

    Raises:
        EventError: if it is not what `encode_batch` writes.
    """
    try:
        return [CloudEvent(attributes, data) for attributes, data in _batch_decoder.decode(value)]
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise EventError(f"not a batch of events: {error}") from None
