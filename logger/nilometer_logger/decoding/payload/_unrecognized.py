"""Says what a body is that holds no rows: these words reach the person who looks at the dead letters.

KServe's logger passes on everything that goes through its agent: health checks and metadata, chats with a language
model, and whatever a proxy answered. None of it is a fault of the monitor's, and each is told apart so that a person
sees at once whether to worry. Nothing of the body itself is shown.
"""

import re
from typing import Any

from nilometer_logger.decoding.payload._grpc import frames, is_message

_SSE = re.compile(rb"\s*(?:data|event|id|retry)?:[^\r\n]*[\r\n]")
_HTML = re.compile(rb"\s*(?:<!--.*?-->\s*)?<(?:!doctype html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_XML = re.compile(rb"\s*<[?!a-zA-Z]")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_NUMBER = re.compile(rb"\s*[-+.\d][-+.\deE]*\s*")
_HEAD_BYTES = 1024
_MAGIC = {
    b"\x28\xb5\x2f\xfd": "compressed with zstd, which is not decoded",
    b"\x04\x22\x4d\x18": "compressed with LZ4, which is not decoded",
    b"BZh": "compressed with bzip2, which is not decoded",
    b"PK\x03\x04": "a ZIP archive",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"RIFF": "a RIFF file: sound or an image",
    b"%PDF": "a PDF document",
    b"\x93NUMPY": "an array in numpy's format",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
}
STATE = "the body is the state or metadata of a model or server, not an inference"
_NONE = "the body's JSON has none of instances, predictions (v1), inputs, outputs (v2)"


def of_document(document: dict[str, Any]) -> str:
    """Says what a JSON object is that has neither rows nor tensors."""
    kind = document.get("object")
    if "choices" in document or (isinstance(kind, str) and kind.startswith(("chat.completion", "text_completion"))):
        return "the body is a completion (OpenAI's protocol), which has no rows"
    if "messages" in document or "prompt" in document:
        return "the body asks for a completion (OpenAI's protocol), and has no rows"
    if kind == "list" or ("model" in document and "input" in document):
        return "the body is a list or a question of OpenAI's protocol, such as of embeddings, and has no rows"
    if document.keys() & {"error", "errors", "detail"}:
        return "the body is an error that a server answered, not an inference"
    if is_state(document):
        return STATE
    return _NONE if document else "the body is an empty JSON object"


def is_state(document: dict[str, Any]) -> bool:
    """Tells whether a document is what a server says of a model or of itself; it may list tensors, or none."""
    if document.keys() & {"ready", "live", "model_version_status"}:
        return True
    return "name" in document and bool(document.keys() & {"versions", "platform", "extensions", "state"})


def of_bytes(body: bytes, error: str) -> str:
    """Says what bytes are that are no JSON.

    Args:
        body: not empty.
        error: what a parser of JSON says of it, which shows nothing of the body.
    """
    for magic, name in _MAGIC.items():
        if body.startswith(magic):
            return f"the body is {name}"
    if _SSE.match(body):
        return "the body is a stream of server-sent events, which has no rows"
    if _HTML.match(body):
        return "the body is an HTML page, such as a proxy's error"
    if _XML.match(body):
        return "the body is XML"
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        return f"the body is no JSON: {error}"
    if is_message(body):
        return "the body is a protobuf message without gRPC's frame"
    count = frames(body)
    if count > 1:
        return f"the body is {count} gRPC messages, a stream: only one request or response is decoded"
    if not is_text(body):
        return f"the body is {len(body)} bytes of an unknown kind, neither text nor JSON"
    return "the body is CSV, not JSON" if _is_csv(body) else f"the body is text, not JSON: {error}"


def is_text(body: bytes) -> bool:
    """Tells whether a body begins as text in UTF-8."""
    head = body[:_HEAD_BYTES]
    if _CONTROL.search(head):
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4 and len(head) < len(body)  # a character may be cut in two
    return True


def _is_csv(body: bytes) -> bool:
    """Tells whether lines have separators, all the same number, or one line does after a number."""
    lines = body[:_HEAD_BYTES].split(b"\n")[:3]
    if len(lines) > 1 and (len(body) > _HEAD_BYTES or not lines[-1]):
        lines.pop()  # cut, or after the last line
    for mark in (b",", b";", b"\t"):
        first, found, _ = lines[0].partition(mark)
        if found and len({line.count(mark) for line in lines}) == 1 and (len(lines) > 1 or _NUMBER.fullmatch(first)):
            return True
    return False
