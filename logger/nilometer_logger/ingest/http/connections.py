"""Connections: a short way for whole requests, beside uvicorn's.

Most requests come whole, in one piece. Such a POST is handed to the ingress as soon as it is parsed, and answered when
Kafka has acknowledged, without the task, the events and the messages of ASGI: half of what a request costs. Whatever
comes in parts, pipelined, expecting `100 Continue`, or to be authenticated, takes uvicorn's way. `TasklessRequest` stands where uvicorn keeps
the request that it is answering, so that its pipelining and its shutdown see no difference.
"""

import asyncio

from nilometer_logger.errors import NilometerError, UnavailableError
from nilometer_logger.ingest.http.answers import OK, Answer, HttpRefusal
from nilometer_logger.ingest.http.bounded import Bounded, TasklessRequest

_OK_WIRE = OK.wire(keep_alive=True)
_LONGEST_URL = 65_535  # of what httptools reads as a URL


class Connection(Bounded):
    """One client's connection."""

    def _decide(self) -> None:
        # A target that uvicorn cannot read takes its way here, inside the parser, where it is answered 400.
        readable = self.url.startswith(b"/") and self.url.isascii() and len(self.url) <= _LONGEST_URL
        plain = readable and not self.expect_100_continue
        waiting = self._busy or self.flow.write_paused
        # Only ASGI waits for an authentication.
        at_once = plain and not waiting and self._ingress.authentication is None
        if at_once and self.parser.get_method() == b"POST":
            self._held_back = []
        else:
            self._hand_over()

    def _take_whole(self) -> None:
        body, headers, url = b"".join(self._held_back or ()), self._head, self.url
        self._held_back, self._head = None, []
        keep_alive = self.parser.should_keep_alive() and self.parser.get_http_version() != "1.0" and not self._ending
        short = TasklessRequest(keep_alive=keep_alive)
        self.cycle = short  # type: ignore[assignment]
        try:
            self._ingress.post(headers, body).add_done_callback(lambda done: self._acknowledged(short, url, done))
        except NilometerError as error:
            self._refuse(short, url, HttpRefusal.by(error))
        except HttpRefusal as refused:
            self._refuse(short, url, refused)
        except Exception as error:  # noqa: BLE001 - raised into the parser it would be taken for a client's mistake
            self._answer(short, self._ingress.fail(error))

    def _acknowledged(self, short: TasklessRequest, url: bytes, done: asyncio.Future[None]) -> None:
        error = UnavailableError("the logger ends") if done.cancelled() else done.exception()
        if error is None:
            self._answer(short, OK)
        elif isinstance(error, NilometerError):
            self._refuse(short, url, HttpRefusal.by(error))
        else:
            self._answer(short, self._ingress.fail(error))

    def _refuse(self, short: TasklessRequest, url: bytes, refused: HttpRefusal) -> None:
        path = url.partition(b"?")[0].decode("latin-1")
        self._answer(short, self._ingress.refuse(refused, self.client[0] if self.client else "?", path))

    def _answer(self, short: TasklessRequest, answer: Answer) -> None:
        short.response_complete = True
        if not self.transport.is_closing():
            keep_alive = short.keep_alive
            self.transport.write(_OK_WIRE if keep_alive and answer is OK else answer.wire(keep_alive=keep_alive))
            if not keep_alive:
                self.transport.close()
        self.on_response_complete()
