"""What KServe's logger passes on besides inferences is set aside, and the reason says what it is."""

import json
from typing import Any

import pytest

from nilometer_logger.decoding.payload import decode
from nilometer_logger.errors import PayloadError

SSE = "a stream of server-sent events"
COMPLETION = r"a completion \(OpenAI's protocol\)"
ASKED = r"asks for a completion \(OpenAI's protocol\)"
ERROR = "an error that a server answered"
STATE = "the state or metadata of a model or server"
HTML = "an HTML page, such as a proxy's error"


def check(body: bytes, reason: str) -> None:
    """Checks that a body is refused for a reason."""
    with pytest.raises(PayloadError, match=f"^the body (is )?{reason}"):
        decode(body)


@pytest.mark.parametrize("body", [b"", b" ", b"\n\r\n\t"])
def test_nothing(body: bytes) -> None:
    """A GET has no body, and its event has none."""
    check(body, "empty$")


@pytest.mark.parametrize(
    "body",
    [
        b'data: {"a":1}\n\ndata: [DONE]\n\n',
        b'data:{"id":"1","object":"chat.completion.chunk","choices":[]}\r\n\r\n',
        b"event: message_start\ndata: {}\n\n",
        b": keep-alive\n\n",
        b"id: 1\nretry: 10\ndata: 1\n\n",
        b"\n\ndata: 1\n\n",
    ],
)
def test_server_sent_events(body: bytes) -> None:
    """A language model's answer comes as one body when all of it has been streamed."""
    check(body, SSE)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"id": "c", "object": "chat.completion", "choices": [{"message": {"content": "hi"}}]}, COMPLETION),
        ({"object": "text_completion", "choices": [{"text": "hi"}]}, COMPLETION),
        ({"object": "chat.completion.chunk"}, COMPLETION),
        ({"model": "m", "messages": [{"role": "user", "content": "hi"}]}, ASKED),
        ({"model": "m", "prompt": "hi", "max_tokens": 5}, ASKED),
        ({"model": "m", "input": ["hi"]}, "a list or a question of OpenAI's protocol"),
        ({"object": "list", "data": [{"embedding": [0.1]}]}, "a list or a question of OpenAI's protocol"),
        ({"error": "bad"}, ERROR),
        ({"error": {"message": "bad"}, "code": 400}, ERROR),
        ({"detail": [{"loc": ["body"]}]}, ERROR),
        ({"name": "m", "ready": True}, STATE),
        ({"live": True}, STATE),
        ({"name": "kserve", "version": "0.20", "extensions": ["model_repository_extension"]}, STATE),
        ({"name": "m", "versions": ["1"], "platform": "sklearn"}, STATE),
        ({"model_version_status": [{"version": "1", "state": "AVAILABLE"}]}, STATE),
        ({"name": "m", "platform": "", "inputs": [], "outputs": []}, STATE),
        ({"x": 1}, r"'s JSON has none of instances, predictions \(v1\), inputs, outputs \(v2\)"),
        ({"stream": True}, "'s JSON has none of instances, predictions"),
        ({"name": "only"}, "'s JSON has none of instances, predictions"),
        ({}, "an empty JSON object"),
    ],
)
def test_documents_of_other_protocols(document: Any, reason: str) -> None:
    """Each is told by the names that its protocol has."""
    with pytest.raises(PayloadError, match=reason):
        decode(json.dumps(document).encode())


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>",
        b"\n <!doctype HTML>\n",
        b"<html>\r\n<head><title>503</title></head>",
        b"<!-- proxy -->\n<html>",
        b"<BODY>no",
    ],
)
def test_html(body: bytes) -> None:
    """A proxy's error page is what came in place of an answer."""
    check(body, HTML)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'<?xml version="1.0"?><a/>', "XML"),
        (b"<soap:Envelope/>", "XML"),
        (b"5.1,3.5,1.4,0.2\n4.9,3.0,1.4,0.2\n", "CSV, not JSON"),
        (b"5.1,3.5,1.4,0.2", "CSV, not JSON"),
        (b"5.1;3.5\n", "CSV, not JSON"),
        (b'"length","width"\n1,2\n', "CSV, not JSON"),
        (b"length\twidth\n1\t2\n3\t4", "CSV, not JSON"),
        (b"a,b\n" + b"1.5,2.5\n" * 1000, "CSV, not JSON"),
        (b"OK, whatever", "text, not JSON: JSON is malformed"),
        (b"one, two\nthree\n", "text, not JSON"),
        (b"nothing found", "text, not JSON"),
        ("größer".encode() * 1000, "text, not JSON"),
        (b"1 2 3", "text, not JSON: more follows after a number"),
        (b'{"instances": [[1, 2', "no JSON: Input data was truncated"),
        (b'{"instances": [[1, 2]]', "no JSON: Input data was truncated"),
        (b"{'instances': [[1]]}", "no JSON: JSON is malformed"),
        (b'[{"a": 1}, ', "no JSON: Input data was truncated"),
        (b'\xef\xbb\xbf{"instances": 1, }', "no JSON"),
        (b'{"instances": ["\xff"]}', "no JSON: it is not in UTF-8"),
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"\xff\xd8\xff\xe0", "a JPEG image"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\x93NUMPY\x01\x00", "an array in numpy's format"),
        (b"\x80\x04\x95\x00", "4 bytes of an unknown kind"),
        (b"\x00\x01\x02", "3 bytes of an unknown kind"),
        (b"\xff" * 10, "10 bytes of an unknown kind"),
        (b"gr\xc3", "3 bytes of an unknown kind"),
        (b"[1, 2]", "a list in JSON, not an object"),
        (b"null", "null in JSON, not an object"),
    ],
)
def test_what_is_no_json_object(body: bytes, reason: str) -> None:
    """Its first bytes tell, or at least whether it is text."""
    check(body, reason)


def test_a_reason_shows_nothing_of_the_body() -> None:
    """Kinds, places and sizes are shown; what a client wrote is not, and no parser repeats it."""
    for body in (
        b"secret",
        b"secret,secret\n1,2",
        b'{"secret',
        b'["secret"] secret',
        b'data: "secret"\n',
        b'{"secret": 1}',
    ):
        with pytest.raises(PayloadError) as refused:
            decode(body)
        assert "secret" not in str(refused.value)
