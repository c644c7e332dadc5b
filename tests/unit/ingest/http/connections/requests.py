"""Requests of every kind that is answered, as they go over the wire."""

import json

from tests.unit.ingest.http.connections.clients import post, request
from tests.unit.ingest.http.ingress.asking import BATCH, HEADERS, LARGEST, STRUCTURED, member

EXPECTING = HEADERS | {"expect": "100-continue"}
UPGRADE = HEADERS | {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2-settings": "AAMAAABk"}

KEPT = {
    "binary": post(body=b'{"instances": [[1, 2]]}'),
    "structured": post("structured", b"[1]"),
    "batch": request(BATCH, json.dumps([member(id=one) for one in "abc"]).encode()),
    "no body": request(body=b""),
    "any path": request(line="POST /a/path?with=more HTTP/1.1"),
    "too large": post(body=b"x" * (LARGEST + 1)),
    "too large with attributes": post(body=b"x" * LARGEST),
    "too large in chunks": request(chunks=[b"x" * 3000, b"x" * 3000]),
    "no CloudEvent": request({"content-type": "application/json"}, b"[]"),
    "no JSON": request(STRUCTURED, b'{"id": '),
    "another format": request({"content-type": "application/cloudevents+xml"}, b"<event/>"),
    "foreign": post(namespace="theirs"),
    "chunks": request(chunks=[b"[1", b", 2", b"]"]),
    "structured in chunks": request(STRUCTURED, chunks=[json.dumps(member()).encode()]),
    "expecting": request(EXPECTING, b"[1, 2, 3]"),
    "upgrade": request(UPGRADE, b"[4]"),
    "health": request({}, b"", "GET /healthz HTTP/1.1"),
    "ready": request({}, b"", "HEAD /readyz HTTP/1.1"),
    "head elsewhere": request({}, b"", "HEAD / HTTP/1.1"),
    "get elsewhere": request({}, b"", "GET /events HTTP/1.1"),
    "handshake": request({"WebHook-Request-Origin": "example.com"}, b"", "OPTIONS / HTTP/1.1"),
    "put": request(line="PUT / HTTP/1.1"),
}
CLOSED = {
    "1.0": request(line="POST / HTTP/1.0"),
    "1.0 without a host": b"GET /healthz HTTP/1.0\r\n\r\n",
    "1.0 kept alive": request(HEADERS | {"connection": "keep-alive"}, line="POST / HTTP/1.0"),
    "close": request(HEADERS | {"connection": "close"}),
    "refused and closed": request({"connection": "close"}),
    "get and close": request({"Connection": "close"}, b"", "GET /healthz HTTP/1.1"),
}
ALL = KEPT | CLOSED
