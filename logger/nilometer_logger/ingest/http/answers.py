"""The answers of the ingress, as they go over the wire.

They follow Knative's delivery contract (knative/specs, eventing data plane): 503 for what a retry can mend, and for what
it cannot a 4xx other than 404, 408, 409 and 429, which are retried.

| answer | when                                                                             | metric's `reason` |
|--------|----------------------------------------------------------------------------------|-------------------|
| 200    | Kafka has acknowledged; always empty                                             |                   |
| 400    | not HTTP, no Host, not a CloudEvent, or a batch with a non-event; it says why    | `invalid`         |
| 401    | no token, or an invalid one                                                      | `unauthenticated` |
| 403    | a namespace that is not on the list, or a token's subject that is not            | `forbidden`       |
| 405    | not POST, OPTIONS, or GET of /healthz, /readyz or /metrics                       | `method`          |
| 413    | an event or a body larger than the settings or Kafka allow                       | `too_large`       |
| 415    | a structured event in a format other than JSON                                   | `format`          |
| 431    | a request's head larger than the settings allow; the connection is closed        | `head_too_large`  |
| 503    | Kafka is away, too much waits for it, or the logger is ending; with Retry-After  | `unavailable`     |

Three refusals get no HTTP response: `slow`, a client that took longer over a request, or
over taking its answer, than `read_seconds`; `connections`, one connection more than `max_connections`; and `pipelined`,
more requests at once over one connection than any client has a use for.

500 is no refusal but a bug of ours: empty, with a traceback in the log.
"""

from dataclasses import dataclass
from http import HTTPStatus

from nilometer_logger.errors import EventError, NilometerError, TooLargeError, UnsupportedFormat

Headers = list[tuple[bytes, bytes]]

TEXT = (b"content-type", b"text/plain; charset=utf-8")
_EXTRA: dict[int, Headers] = {
    405: [(b"allow", b"POST, OPTIONS")],
    503: [(b"retry-after", b"1")],
}


class HttpRefusal(Exception):
    """A request that is not taken.

    Args:
        status: of the answer.
        reason: the word of the metric.
        text: a sentence for the client and the log.
        challenge: how to authenticate (RFC 6750, section 3), where that was what was wrong.
    """

    def __init__(self, status: int, reason: str, text: str, challenge: bytes = b"") -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason
        self.challenge = challenge

    @classmethod
    def by(cls, error: NilometerError) -> "HttpRefusal":
        """Returns the refusal that an error amounts to."""
        match error:
            case UnsupportedFormat():
                return cls(415, "format", str(error))
            case EventError():
                return cls(400, "invalid", str(error))
            case TooLargeError():
                return cls(413, "too_large", str(error))
            case _:
                return cls(503, "unavailable", str(error))


@dataclass(frozen=True)
class Answer:
    """A response, whole.

    Attributes:
        status: its code.
        headers: without its length, which is added.
        body: empty, or for people and Prometheus.
    """

    status: int
    headers: Headers
    body: bytes = b""

    @classmethod
    def refusing(cls, refused: HttpRefusal) -> "Answer":
        """Says no, and why."""
        headers = [TEXT, *_EXTRA.get(refused.status, [])]
        if refused.challenge:
            headers.append((b"www-authenticate", refused.challenge))
        return cls(refused.status, headers, f"{refused}\n".encode())

    def all_headers(self) -> Headers:
        """Returns the headers with the length."""
        return [*self.headers, (b"content-length", b"%d" % len(self.body))]

    def wire(self, *, keep_alive: bool) -> bytes:
        """Returns the response as HTTP/1.1 has it."""
        lines = [b"HTTP/1.1 %d %s" % (self.status, HTTPStatus(self.status).phrase.encode())]
        lines += [name + b": " + value for name, value in self.all_headers()]
        if not keep_alive:
            lines.append(b"connection: close")
        return b"\r\n".join([*lines, b"", self.body])


OK = Answer(200, [])
FAILED = Answer(500, [])
