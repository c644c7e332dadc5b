"""The demo's stand-in for KServe's agent: the same bytes on the wire as KServe 0.20's, as far as a sink can see."""

import asyncio

import aiohttp
from aiohttp import web

from nilometer_detectors.demo.agent import Agent
from nilometer_detectors.demo.stack.loopback import serving
from nilometer_detectors.demo.stack.processes import free_port
from nilometer_logger.times import parse_time

# Captured from KServe's own logger of v0.20.0, without those that an annotation adds.
KSERVE_HEADERS = {
    "Accept-Encoding",
    "Ce-Component",
    "Ce-Endpoint",
    "Ce-Id",
    "Ce-Inferenceservicename",
    "Ce-Metadata",
    "Ce-Namespace",
    "Ce-Recordedtime",
    "Ce-Source",
    "Ce-Specversion",
    "Ce-Time",
    "Ce-Type",
    "Content-Length",
    "Content-Type",
    "Host",
    "User-Agent",
}
QUESTION, ANSWER = b'{"instances": [[1,2]]}', b'{"predictions": [1, 1]}'
PATH = "/v1/models/iris:predict"

Reported = list[tuple[dict[str, str], bytes]]


def exchange(headers: dict[str, str], *, status: int = 200, sink_status: int = 200) -> tuple[Reported, Agent, bytes]:
    """Sends one request through an agent; returns what its sink got, the agent, and what the client got."""
    reported: Reported = []

    async def model(request: web.Request) -> web.Response:
        assert (request.path, await request.read()) == (PATH, QUESTION)
        return web.Response(status=status, body=ANSWER, content_type="application/json")

    async def sink(request: web.Request) -> web.Response:
        reported.append((dict(request.headers), await request.read()))
        return web.Response(status=sink_status)

    async def run() -> tuple[Agent, bytes]:
        port = free_port()
        async with (
            serving(model, free_port()) as model_url,
            serving(sink, free_port()) as sink_url,
            Agent(model_url, sink_url, "iris", "demo").run(port) as agent,
            aiohttp.ClientSession() as client,
        ):
            async with client.post(f"http://127.0.0.1:{port}{PATH}", data=QUESTION, headers=headers) as answer:
                assert answer.status == status
                body = await answer.read()
            await agent.drain()
            return agent, body

    agent, body = asyncio.run(run())
    return reported, agent, body


def test_both_sides_are_reported_with_kserves_headers() -> None:
    """The sink gets KServe's headers and no others, the bytes as they passed, and one id for both sides."""
    reported, agent, body = exchange({"Content-Type": "application/json", "Ce-Id": "chosen"})

    assert body == ANSWER
    assert sorted(data for _, data in reported) == sorted([QUESTION, ANSWER])
    for headers, data in reported:
        side = "request" if data == QUESTION else "response"
        assert set(headers) == KSERVE_HEADERS
        assert headers["Ce-Type"] == f"org.kubeflow.serving.inference.{side}"
        assert (headers["Ce-Id"], headers["Ce-Source"]) == ("chosen", "http://localhost:9081/")
        assert (headers["Ce-Endpoint"], headers["Ce-Metadata"]) == ("", "{}")
        assert parse_time(headers["Ce-Time"]) > 0
    assert agent.accepted == {"request": 1, "response": 1}


def test_the_requests_content_type_is_on_both_events() -> None:
    """KServe labels the response with the request's content type, even curl's; so do we."""
    reported, _, _ = exchange({"Content-Type": "application/x-www-form-urlencoded"})

    assert {headers["Content-Type"] for headers, _ in reported} == {"application/x-www-form-urlencoded"}


def test_an_error_of_the_model_is_no_response() -> None:
    """Only an answer 200 is reported as a response; the client gets the error all the same."""
    reported, agent, body = exchange({"Content-Type": "application/json"}, status=500)

    assert body == ANSWER
    assert [data for _, data in reported] == [QUESTION]
    assert agent.accepted == {"request": 1}


def test_what_the_sink_refuses_is_lost_and_counted() -> None:
    """An event is sent once; a refusal costs the client nothing and is told."""
    reported, agent, body = exchange({"Content-Type": "application/json"}, sink_status=503)

    assert body == ANSWER
    assert len(reported) == 2
    assert agent.accepted == {}
    assert agent.refused == {"503": 2}
