"""Finds and reads the JSON document that a body begins with.

Most bodies are one strict document, which msgspec reads. The others are read with Python's own parser, for two reasons.
Python's servers write bare NaN and Infinity, which strict JSON does not have. And with the binary tensor extension the
raw bytes of the tensors follow the document, while the header that would say where it ends is not forwarded: only a
parser that stops at the end of the first value can tell. Python's does, but on text; Latin-1 makes each byte one
character, so that positions are the same, and no byte above 127 means anything to JSON outside of a string.
"""

import json
import re
from typing import Any

import msgspec

# Before binary tensors the document is short. Taking it first spares the copy of a megabyte of tensors as text.
_HEAD_BYTES = 4096
_LAST = b"}] \t\r\n"
_BEFORE = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*")  # a byte order mark, from clients on Windows
_scan = json.JSONDecoder().raw_decode


def parse(body: bytes) -> tuple[Any, int]:
    """Reads the document at the beginning of a body.

    Args:
        body: not empty.

    Returns:
        The document, and where in the body it ends.

    Raises:
        ValueError: with a parser's message, which shows nothing of the body, if it does not begin with JSON.
    """
    if body[-1] in _LAST:  # or else there is more than a document, and no need to try
        try:
            return msgspec.json.decode(body), len(body.rstrip())
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass  # it may be Python's JSON, with NaN in it, which the slower parser below reads
        except RecursionError:
            raise ValueError("nested too deeply") from None
    try:
        return _first(body)
    except (ValueError, RecursionError):
        raise ValueError(_reason(body)) from None


def _first(body: bytes) -> tuple[Any, int]:
    begin = 0 if body.startswith(b"{") else _BEFORE.match(body).end()  # type: ignore[union-attr] # it may be empty
    try:
        document, length = _scan(body[begin : begin + _HEAD_BYTES].decode("latin-1"))
    except ValueError:
        document, length = _scan(body[begin:].decode("latin-1"))
    piece = body[begin : begin + length]
    if not piece.isascii():
        document = json.loads(piece.decode())
    if b"\\u" in piece:
        json.dumps(document, ensure_ascii=False).encode()  # half a surrogate pair is no text: nobody could write it
    return document, begin + length


def _reason(body: bytes) -> str:
    """Returns what msgspec has to say: unlike an error of Python's, it never shows a part of what was read."""
    try:
        msgspec.json.decode(body)
    except UnicodeDecodeError:
        return "it is not in UTF-8"
    except (msgspec.DecodeError, RecursionError) as error:
        return str(error)
    return "it cannot be read"
