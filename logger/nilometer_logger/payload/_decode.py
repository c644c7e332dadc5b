"""Tells bodies apart and hands each to its protocol."""

import json
from typing import Any

import msgspec

from nilometer_logger.errors import PayloadError
from nilometer_logger.payload import _v1, _v2
from nilometer_logger.payload._table import Payload, kind

_GZIP = b"\x1f\x8b"


def decode(body: bytes) -> Payload:
    """Decodes the body of a request or response event.

    Args:
        body: the bytes that a client sent to a model server, or that the server answered.

    Raises:
        PayloadError: with the reason, if the body is not one that we know.
    """
    if not body.strip():
        raise PayloadError("the body is empty")
    document = _json(body)
    if not isinstance(document, dict):
        raise PayloadError(f"the body is {kind(document)} in JSON, not an object")
    if "instances" in document or "predictions" in document:
        return _v1.decode(document)
    if "inputs" in document or "outputs" in document:
        return _v2.decode(document)
    raise PayloadError("the body's JSON has none of instances, predictions (v1), inputs, outputs (v2)")


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        strict = error
    except RecursionError:
        raise PayloadError("the body's JSON is nested too deeply") from None
    if body.startswith(_GZIP):
        raise PayloadError("the body is compressed with gzip, which is not decoded")
    try:
        text = body.decode("utf-8-sig")
        document = json.loads(text)  # servers write bare NaN and Infinity, which strict JSON does not have
        if "\\u" in text:
            json.dumps(document, ensure_ascii=False).encode()  # half a surrogate pair is no text: nobody could write it
    except (ValueError, RecursionError):
        raise PayloadError(f"the body is no JSON: {strict}") from None
    return document
