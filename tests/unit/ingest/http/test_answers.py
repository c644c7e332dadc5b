"""What the ingress answers: the form on the wire, and the statuses that its table promises."""

import re

import pytest
from httptools import HttpResponseParser

from nilometer_logger import errors
from nilometer_logger.errors import NilometerError
from nilometer_logger.ingest.http import answers
from nilometer_logger.ingest.http.answers import FAILED, OK, Answer, HttpRefusal

ROWS = dict(re.findall(r"^\| (\d{3}) +\|.*\| (?:`(\w+)`)? +\|$", answers.__doc__ or "", re.MULTILINE))
BY = {
    errors.EventError: 400,
    errors.UnsupportedFormat: 415,
    errors.TooLargeError: 413,
    errors.UnavailableError: 503,
}
RETRIED_BY_KNATIVE = {404, 408, 409, 429}


class Reading:
    """Reads an answer with a parser of somebody else's."""

    def __init__(self, wire: bytes) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        self.whole = False
        self.keep_alive = False
        self._parser = HttpResponseParser(self)
        self._parser.feed_data(wire)
        self.status = self._parser.get_status_code()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Takes a header."""
        self.headers[name] = value

    def on_body(self, body: bytes) -> None:
        """Takes a part of the body."""
        self.body += body

    def on_message_complete(self) -> None:
        """Ends."""
        assert not self.whole
        self.whole = True
        self.keep_alive = self._parser.should_keep_alive()


@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize(
    "answer",
    [
        OK,
        FAILED,
        Answer(200, [(b"content-type", b"text/plain")], b"# HELP\r\n\r\nmore\n"),
        *(
            Answer.refusing(HttpRefusal(int(status), "why", "a reason, with an \u00e9"))
            for status in ROWS
            if status > "4"
        ),
    ],
    ids=lambda answer: str(getattr(answer, "status", answer)),
)
def test_an_answer_is_http(answer: Answer, keep_alive: bool) -> None:
    """Another parser reads what was meant, to the byte, and whether the connection goes on."""
    read = Reading(answer.wire(keep_alive=keep_alive))

    assert read.whole
    assert (read.status, read.body, read.keep_alive) == (answer.status, answer.body, keep_alive)
    assert set(answer.all_headers()) <= set(read.headers.items())


def test_an_acknowledgement_to_the_byte() -> None:
    """The answer of the hot path holds nothing that is not needed."""
    assert OK.wire(keep_alive=True) == b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    assert OK.wire(keep_alive=False) == b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def test_a_refusal_to_the_byte() -> None:
    """One line that says why, as text, and what belongs to its status."""
    assert Answer.refusing(HttpRefusal(503, "unavailable", "not yet")).wire(keep_alive=True) == (
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\nretry-after: 1\r\n"
        b"content-length: 8\r\n\r\nnot yet\n"
    )
    assert dict(Answer.refusing(HttpRefusal(405, "method", "POST")).headers)[b"allow"] == b"POST, OPTIONS"
    challenged = Answer.refusing(HttpRefusal(401, "unauthenticated", "no token", b"Bearer"))
    assert dict(challenged.headers)[b"www-authenticate"] == b"Bearer"


EVERY = [found for found in vars(errors).values() if isinstance(found, type) and issubclass(found, NilometerError)]


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_every_error_has_its_status(kind: type[NilometerError]) -> None:
    """A client's mistake is its own 4xx; whatever else goes wrong is ours, and a retry may help."""
    arguments = ("feature", "extra") if kind is errors.ExtraMissing else ("why",)
    refused = HttpRefusal.by(kind(*arguments))

    assert refused.status == BY.get(kind, 503)
    assert ROWS[str(refused.status)] == refused.reason
    assert str(refused) == str(kind(*arguments))


def test_the_table_keeps_knatives_contract() -> None:
    """No 4xx that Knative retries stands for what no retry can mend, and only what one can has Retry-After."""
    assert set(ROWS) == {"200", "400", "401", "403", "405", "413", "415", "431", "503"}
    for status in map(int, ROWS):
        assert status not in RETRIED_BY_KNATIVE
        refusing = dict(Answer.refusing(HttpRefusal(status, "why", "text")).headers)
        assert (b"retry-after" in refusing) == (status == 503)


def test_every_reason_stands_in_the_table() -> None:
    """No two statuses share a reason, and acknowledgements have none."""
    reasons = [reason for reason in ROWS.values() if reason]

    assert len(reasons) == len(set(reasons)) == len(ROWS) - 1
    assert ROWS["200"] == ""
