"""Tells bodies apart and hands each to its protocol."""

from collections.abc import Sequence
from typing import Any, cast

from nilometer_logger.errors import PayloadError
from nilometer_logger.payload import _grpc, _json, _plain, _strangers, _v1, _v2
from nilometer_logger.payload._compression import INFLATED_BOUND, inflate, is_gzip, is_zlib
from nilometer_logger.payload._table import NOTHING, Payload
from nilometer_logger.payload._values import kind


def decode_all(bodies: Sequence[bytes]) -> tuple[list[Payload], dict[int, PayloadError]]:
    """Decodes the bodies of many events, each as `decode` does.

    Returns:
        A payload for each, and the reasons why some are `NOTHING`, by their places.
    """
    payloads: list[Payload] = []
    refused: dict[int, PayloadError] = {}
    plainly = _plain.decode_all(bodies)
    if None not in plainly:
        return cast(list[Payload], plainly), refused
    for place, plain in enumerate(plainly):
        try:
            payloads.append(plain or _unlike_most(bodies[place], INFLATED_BOUND))
        except PayloadError as error:
            refused[place] = error
            payloads.append(NOTHING)
    return payloads, refused


def decode(body: bytes, inflated_bound: int = INFLATED_BOUND) -> Payload:
    """Decodes the body of a request or response event.

    Args:
        body: the bytes that a client sent to a model server, or that the server answered.
        inflated_bound: the most bytes that a compressed body may inflate to.

    Raises:
        PayloadError: with the reason, if the body is not one that we know.
    """
    return _plain.decode(body) or _unlike_most(body, inflated_bound)


def _unlike_most(body: bytes, inflated_bound: int) -> Payload:
    """Decodes a body that is not plain as it stands."""
    if not body.startswith(b"{"):  # nothing that is compressed or framed begins like a document
        body = _uncompressed(body, inflated_bound)
        if not body or body.isspace():
            raise PayloadError("the body is empty")
        if body[0] < 2 and _grpc.frames(body) == 1:
            return _grpc.decode(body, inflated_bound)
        if (plain := _plain.decode(body)) is not None:
            return plain
    return decode_any(body)


def decode_any(body: bytes) -> Payload:
    """Decodes a body of JSON, and what may follow it, of any form.

    Raises:
        PayloadError: with the reason, if the body is not one that we know.
    """
    try:
        document, end = _json.parse(body)
    except ValueError as error:
        raise PayloadError(_strangers.of_bytes(body, str(error))) from None
    if isinstance(document, dict):
        return _object(document, body, end)
    if body[end:].strip():  # a line of CSV begins with a number
        raise PayloadError(_strangers.of_bytes(body, f"more follows after {kind(document)}"))
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
        if not _strangers.is_text(body):
            raise
        return body


def _object(document: dict[str, Any], body: bytes, end: int) -> Payload:
    if "instances" in document or "predictions" in document:
        _check_alone(body, end)
        return _v1.decode(document)
    if "inputs" not in document and "outputs" not in document:
        _check_alone(body, end)
        raise PayloadError(_strangers.of_document(document))
    half = _v2.half_of(document)
    key = "outputs" if half == "response" else "inputs"
    value = document[key]
    if not value and _strangers.is_state(document):  # models that declare no tensors have lists without any
        raise PayloadError(_strangers.STATE)
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
