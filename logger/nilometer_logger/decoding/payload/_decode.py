"""Tells bodies apart and hands each to its protocol."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from nilometer_logger.decoding.payload import _grpc, _json, _plain, _unrecognized, _v1, _v2
from nilometer_logger.decoding.payload._compression import inflate, is_gzip, is_zlib
from nilometer_logger.decoding.payload._limits import DEFAULT_LIMITS, Limits
from nilometer_logger.decoding.payload._table import NOTHING, Payload
from nilometer_logger.decoding.payload._values import kind
from nilometer_logger.errors import PayloadError


@dataclass(frozen=True, slots=True)
class Decoded:
    """What came of some bodies.

    Attributes:
        payloads: one a body, of as many of the first bodies as were decoded; `NOTHING` for one that is refused.
        refused: the reasons, by the places of the bodies.
        work: what it was, in cells.
    """

    payloads: list[Payload]
    refused: dict[int, PayloadError]
    work: int


def decode_all(bodies: Sequence[bytes], limits: Limits = DEFAULT_LIMITS) -> Decoded:
    """Decodes the bodies of many events, each as `decode` does, until the work for one time has been done."""
    plainly = _plain.decode_all(bodies)
    if None not in plainly and len(max(bodies, key=len, default=b"")) <= limits.small_bytes:
        return Decoded(cast(list[Payload], plainly), {}, 0)
    payloads: list[Payload] = []
    refused: dict[int, PayloadError] = {}
    work = 0
    for place, (body, plain) in enumerate(zip(bodies, plainly, strict=True)):
        found, inflated_bytes = (_checked(plain, limits), 0) if plain else _decoded(body, limits)
        if isinstance(found, PayloadError):
            refused[place] = found
            found = NOTHING
        payloads.append(found)
        if inflated_bytes:
            work += limits.work(found, inflated_bytes)
            if work >= limits.cells:
                break
    return Decoded(payloads, refused, work)


def decode(body: bytes, limits: Limits = DEFAULT_LIMITS) -> Payload:
    """Decodes the body of a request or response event.

    Args:
        body: the bytes that a client sent to a model server, or that the server answered.
        limits: of what it may hold.

    Raises:
        PayloadError: with the reason, if the body is not one that we know, or holds too much.
    """
    plain = _plain.decode(body)
    found = _checked(plain, limits) if plain else _decoded(body, limits)[0]
    if isinstance(found, PayloadError):
        raise found
    return found


def _checked(payload: Payload, limits: Limits) -> Payload | PayloadError:
    try:
        return limits.check(payload)
    except PayloadError as error:
        return error


def _decoded(body: bytes, limits: Limits) -> tuple[Payload | PayloadError, int]:
    """Decodes a body that is not plain as it stands.

    Returns:
        What came of it, and how many bytes it inflated to; 0 where it was not compressed.
    """
    inflated_bytes = 0
    try:
        if not body.startswith(b"{"):  # nothing that is compressed or framed begins like a document
            if _may_be_compressed(body):
                inflated_bytes = limits.inflated_bytes  # at most, and so much where it turns out to be too much
            inner = _uncompressed(body, limits.inflated_bytes)
            if not _is_compressed_frame(inner):
                inflated_bytes = len(inner) if inner is not body else 0
            body = inner
        return limits.check(_unlike_most(body, limits)), inflated_bytes
    except PayloadError as error:
        return error, inflated_bytes


def _unlike_most(body: bytes, limits: Limits) -> Payload:
    """Decodes a body that is not compressed."""
    if not body.startswith(b"{"):
        if not body or body.isspace():
            raise PayloadError("the body is empty")
        if body[0] < 2 and _grpc.frames(body) == 1:
            return _grpc.decode(body, limits)
    limits.check_document(body)
    if (plain := _plain.decode(body)) is not None:
        return plain
    return decode_any(body)


def _may_be_compressed(body: bytes) -> bool:
    return is_gzip(body) or is_zlib(body) or _is_compressed_frame(body)


def _is_compressed_frame(body: bytes) -> bool:
    return body[:1] == b"\x01" and _grpc.frames(body) == 1


def decode_any(body: bytes) -> Payload:
    """Decodes a body of JSON, and what may follow it, of any form.

    Raises:
        PayloadError: with the reason, if the body is not one that we know.
    """
    try:
        document, end = _json.parse(body)
    except ValueError as error:
        raise PayloadError(_unrecognized.of_bytes(body, str(error))) from None
    if isinstance(document, dict):
        return _object(document, body, end)
    if body[end:].strip():  # a line of CSV begins with a number
        raise PayloadError(_unrecognized.of_bytes(body, f"more follows after {kind(document)}"))
    raise PayloadError(f"the body is {kind(document)} in JSON, not an object")


def _uncompressed(body: bytes, bound: int) -> bytes:
    if is_gzip(body):
        body = inflate(body, bound)
        if is_gzip(body):
            raise PayloadError("the body is compressed twice")
    elif is_zlib(body):
        body = _perhaps_inflated(body, bound)
    return body


def _perhaps_inflated(body: bytes, bound: int) -> bytes:
    """Returns what is in zlib's bytes; a text that only begins like them stays as it is."""
    try:
        return inflate(body, bound)
    except PayloadError:
        if not _unrecognized.is_text(body):
            raise
        return body


def _object(document: dict[str, Any], body: bytes, end: int) -> Payload:
    if "instances" in document or "predictions" in document:
        _check_alone(body, end)
        return _v1.decode(document)
    if "inputs" not in document and "outputs" not in document:
        _check_alone(body, end)
        raise PayloadError(_unrecognized.of_document(document))
    half = _v2.half_of(document)
    key = "outputs" if half == "response" else "inputs"
    value = document[key]
    if not value and _unrecognized.is_state(document):  # models that declare no tensors have lists without any
        raise PayloadError(_unrecognized.STATE)
    if isinstance(value, list) and (not value or dict in set(map(type, value))):
        return _v2.decode(half, key, value, body, end)
    _check_alone(body, end)
    if isinstance(value, list | dict):
        return _v1.decode_columns(half, key, value)
    raise PayloadError(f"{key} is {kind(value)}, not tensors, columns or rows")


def _check_alone(body: bytes, end: int) -> None:
    if end == len(body):
        return
    rest = body[end:].lstrip()
    if rest.startswith(b"{"):
        raise PayloadError("the body is several JSON documents, a stream: only one request or response is decoded")
    if rest:
        raise PayloadError(f"{len(rest)} bytes follow the body's JSON")
