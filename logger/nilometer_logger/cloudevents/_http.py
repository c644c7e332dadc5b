"""CloudEvents over HTTP (HTTP protocol binding 1.0.2). `from_http` is the hot path: KServe sends nothing else.

Header values are read as they are meant. The binding percent-encodes them; KServe's logger does not, and writes raw
JSON into `ce-metadata` and `ce-annotations`, where decoding a `%20` would change what a client sent. So a value that
is a JSON object or list stays as it is, and any other is percent-decoded.

`Content-Type` is the attribute `datacontenttype`; `ce-datacontenttype`, which the binding forbids, is no attribute.

The binding lets `Content-Type` alone decide on the mode (section 3). KServe's logger writes binary mode with the
Content-Type of the request that it reports, which a model's client chose: taken at its word,
``application/cloudevents+json`` would let that client write events of its own, and lose the honest one. So here a
request that has all required attributes as `ce-` headers is in binary mode, whatever its Content-Type claims.
"""

import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote, unquote_to_bytes

import msgspec

from nilometer_logger.cloudevents._event import REQUIRED, CloudEvent, Names, check_name, check_required, text_of
from nilometer_logger.cloudevents._json import from_json, from_json_batch
from nilometer_logger.cloudevents._modes import STRUCTURED_PREFIX, Mode, mode_of_content_type

Header = tuple[bytes, bytes]

_PREFIX = STRUCTURED_PREFIX.encode()
_PREFIX_LENGTH = len(_PREFIX)
_REQUIRED_HEADERS = frozenset(f"ce-{name}".encode() for name in REQUIRED)
_ESCAPED = re.compile(r"\\(.)")
# Printable ASCII without blank, quote and percent sign stands for itself (section 3.1.3.2).
_PLAIN = "!#$&'()*+,-./:;<=>?@[\\]^_`{|}~"
_json = msgspec.json.Decoder(msgspec.Raw)


def _attribute_of(header: bytes) -> str:
    if header == b"content-type":
        return "datacontenttype"
    if not header.startswith(b"ce-") or header == b"ce-datacontenttype":
        return ""
    return check_name(header[3:].decode("latin-1"), "ce-")


_names: Names[bytes] = Names(_attribute_of)


def mode_of(headers: Sequence[Header]) -> Mode:
    """Returns the content mode of a request: binary where it has the required `ce-` headers, else by its Content-Type.

    Args:
        headers: lower-case names and raw values, as ASGI gives them.

    Raises:
        UnsupportedFormat: if it is an event in a format other than JSON.
    """
    for name, value in reversed(headers):
        if name == b"content-type":
            if value[:_PREFIX_LENGTH].lower() != _PREFIX or {header for header, _ in headers} >= _REQUIRED_HEADERS:
                return "binary"
            return mode_of_content_type(value.decode("latin-1"))
    return "binary"


def read_http(headers: Sequence[Header], body: bytes) -> list[CloudEvent]:
    """Reads the events of a request in any content mode.

    Args:
        headers: lower-case names and raw values, as ASGI gives them.
        body: the request's body.

    Returns:
        One event, or as many as a batch holds: perhaps none.

    Raises:
        UnsupportedFormat: if it is an event in a format other than JSON.
        EventError: if it is no CloudEvent; one wrong event of a batch refuses all of it.
    """
    mode = mode_of(headers)
    if mode == "binary":
        return [from_http(headers, body)]
    return [from_json(body)] if mode == "structured" else from_json_batch(body)


def from_http(headers: Iterable[Header], body: bytes) -> CloudEvent:
    """Reads an event in binary content mode (section 3.1).

    Args:
        headers: lower-case names and raw values, as ASGI gives them.
        body: the request's body.

    Raises:
        EventError: if the headers make no CloudEvent.
    """
    attributes: dict[str, str] = {}
    for header, value in headers:
        name = _names[header]
        if not name or not value:
            continue
        try:
            text = value.decode()
            if "%" in text or text[0] == '"':
                text = _decoded(name, text)
        except UnicodeDecodeError:
            text = text_of(header.decode("latin-1"), name, value)
        attributes[name] = text
    check_required(attributes, "ce-")
    return CloudEvent(attributes, body)


def _decoded(name: str, text: str) -> str:
    if name == "datacontenttype" or (text[0] in "{[" and _is_json(text)):
        return text
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = _ESCAPED.sub(r"\1", text[1:-1])
    return unquote_to_bytes(text).decode()


def _is_json(text: str) -> bool:
    try:
        _json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def to_http(event: CloudEvent) -> tuple[dict[str, str], bytes]:
    """Writes an event in binary content mode.

    Returns:
        Headers, values percent-encoded as section 3.1.3.2 says, and the body.
    """
    headers = {}
    for name, value in event.attributes.items():
        if name == "datacontenttype":
            # Stands as it is; only what no header may hold, a line break first of all, is encoded.
            headers["content-type"] = quote(value, safe=_PLAIN + ' "%')
        else:
            headers[f"ce-{name}"] = quote(value, safe=_PLAIN)
    return headers, event.data
