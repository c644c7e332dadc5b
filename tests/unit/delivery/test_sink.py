"""The sink's URL, and what its answers mean."""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web

from nilometer_detectors.delivery import Delivery
from nilometer_detectors.delivery._sink import NO_ANSWER, UNREADABLE, Answer, Sink, checked, public
from nilometer_detectors.delivery.counters import DeliveryCounters
from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.errors import SettingError
from nilometer_logger.settings import DeliverySettings

ATTRIBUTES = {"specversion": "1.0", "id": "1", "source": "/x", "type": "io.nilometer.drift"}


@pytest.mark.parametrize(
    "sink",
    [
        *("", "broker", "ftp://broker/", "http://", "http:///path", "https://:8080/", "http://a:99999/", "http://a:0/"),
        *("http://a b/", "http://a/\r\nX: y", " http://a/", "http://a/\x7f", "http://[::1/", "http://a:x/"),
        "http://a/" + "x" * 2000,
    ],
)
def test_a_sink_must_be_a_url(sink: str) -> None:
    """Without a sink that can be posted to, delivery does not start, and says in a line where one comes from."""
    with pytest.raises(SettingError, match="SinkBinding") as raised:
        Delivery(DeliverySettings(sink=sink))
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize("sink", ["http://broker/", "https://user:pass@[::1]:8443/a?b=c", "http://bücher.example"])
def test_a_url_is_taken_as_it_is(sink: str) -> None:
    """With a path, a query, a user, an address in brackets or a name of other letters."""
    assert checked(sink) == sink


def test_no_password_is_shown() -> None:
    """What is logged and kept of a sink is its address and path."""
    assert public("https://user:secret@host:8443/a/b?token=x#y") == "https://host:8443/a/b"


@pytest.mark.parametrize(
    ("status", "is_taken", "is_final"),
    [
        *(("200", True, True), ("202", True, True), ("299", True, True)),
        *((status, False, False) for status in ("404", "408", "409", "429", "500", "503", NO_ANSWER)),
        *((status, False, True) for status in ("301", "400", "401", "403", "413", "415", "431", UNREADABLE)),
    ],
)
def test_answers_mean_what_knative_says(status: str, is_taken: bool, is_final: bool) -> None:
    """Taken, tried again or final."""
    answer = Answer(status, "")
    assert answer.is_taken == is_taken
    assert answer.is_final == is_final


async def answered(handle: Callable[[web.Request], Awaitable[web.StreamResponse]], event: CloudEvent) -> Answer:
    """Posts an event to a server that answers so."""
    application = web.Application()
    application.router.add_post("/{rest:.*}", handle)
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/a%2Fb?c=d"
        counters = DeliveryCounters()
        async with aiohttp.ClientSession() as session:
            answer = await Sink(checked(url), session, counters).post(event)
        assert sum(counters.attempt_seconds.counts) == 1
        return answer
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("", None), ("soon", None), ("-1", None), ("9" * 5000, 999_999_999.0)],
)
def test_an_answer_may_say_when_to_come_again(header: str, seconds: float | None) -> None:
    """`Retry-After` in seconds is understood, and anything else is as if it were not there."""

    async def handle(_: web.Request) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": header} if header else {})

    answer = asyncio.run(answered(handle, CloudEvent(ATTRIBUTES, b"{}")))
    assert answer == Answer("503", "the sink answered 503", seconds)


def test_a_redirect_is_not_followed() -> None:
    """It would lose the event's headers."""

    async def handle(_: web.Request) -> web.Response:
        return web.Response(status=301, headers={"Location": "/elsewhere"})

    assert asyncio.run(answered(handle, CloudEvent(ATTRIBUTES, b"{}"))).status == "301"


def test_a_connection_that_breaks_is_no_answer() -> None:
    """It is tried again."""

    async def handle(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    answer = asyncio.run(answered(handle, CloudEvent(ATTRIBUTES, b"{}")))
    assert answer.status == NO_ANSWER
    assert not answer.is_final


def test_what_no_header_can_hold_is_final() -> None:
    """A finding that cannot be written as HTTP stops nothing behind it."""

    async def handle(_: web.Request) -> web.Response:
        return web.Response()

    answer = asyncio.run(answered(handle, CloudEvent({**ATTRIBUTES, "subject": "\ud800"}, b"{}")))
    assert answer.status == UNREADABLE
    assert "cannot be sent by HTTP" in answer.reason
