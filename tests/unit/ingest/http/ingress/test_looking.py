"""What is no POST: the probes, the metrics, the handshake of CloudEvents webhooks, and 405."""

import pytest

from tests.unit.ingest.http.ingress.asking import ask, asked, made
from tests.unit.ingest.journal.clock import run
from tests.unit.ingest.journal.kafka import Kafka

ORIGIN = {"webhook-request-origin": "eventemitter.example.com"}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_process_lives_before_kafka_is_there(method: str) -> None:
    """/healthz is 200 from the first moment to the last, so that a slow Kafka does not restart the logger."""

    async def test() -> None:
        ingress = made(None)
        assert (await asked(ingress, method, "/healthz")).status == 200
        ingress.draining = True
        assert (await asked(ingress, method, "/healthz")).status == 200

    run(test())


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_it_is_ready_while_events_can_be_taken(method: str) -> None:
    """/readyz is 503 until Kafka is there, 200 from then on, and 503 when the logger ends."""

    async def test() -> None:
        ingress = made(None)
        answer = await asked(ingress, method, "/readyz")
        assert (answer.status, answer.body) == (503, "Kafka is not reachable yet\n")
        ingress.journal = made(Kafka()).journal
        answer = await asked(ingress, method, "/readyz")
        assert (answer.status, answer.body) == (200, "")
        ingress.draining = True
        answer = await asked(ingress, method, "/readyz")
        assert (answer.status, answer.body) == (503, "the logger ends\n")

    run(test())


def test_events_are_taken_to_the_end() -> None:
    """A logger that is not ready any more still takes what comes over connections that are open."""

    async def test() -> None:
        ingress = made(Kafka(at_once=True))
        ingress.draining = True
        assert (await asked(ingress)).status == 200

    run(test())


def test_metrics_count_what_was_refused_by_why() -> None:
    """/metrics has Prometheus's own content type, and each refusal under its reason; probes are none."""

    async def test() -> None:
        ingress = made(Kafka(at_once=True), namespaces="demo")
        await asked(ingress, headers={})
        await asked(ingress, headers={})
        await asked(ingress, "PUT")
        await asked(ingress, "GET", "/readyz")
        answer = await asked(ingress, "GET", "/metrics")
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert int(answer.headers["content-length"]) == len(answer.body.encode())
        counts = [line for line in answer.body.splitlines() if line.startswith("nilometer_logger_refused_total")]
        assert counts == [
            'nilometer_logger_refused_total{reason="invalid"} 2.0',
            'nilometer_logger_refused_total{reason="method"} 1.0',
        ]

    run(test())


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "CONNECT"])
@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics"])
def test_another_method_is_told_to_post(method: str, path: str) -> None:
    """405, with the methods that are allowed, on the paths of the probes as well."""
    answer = ask(method, path)

    assert answer.status == 405
    assert answer.headers["allow"] == "POST, OPTIONS"
    assert "POST a CloudEvent" in answer.body


@pytest.mark.parametrize("path", ["/", "/healthz/", "/metrics/x", "//healthz"])
def test_a_get_elsewhere_is_told_what_there_is(path: str) -> None:
    """405 for who looks with a browser."""
    answer = ask("GET", path)

    assert answer.status == 405
    assert "/healthz" in answer.body


@pytest.mark.parametrize("path", ["/", "/events/default", "/healthz"])
def test_a_webhook_is_allowed_on_any_path(path: str) -> None:
    """The handshake names who asked and grants any rate, or the one that was asked for; nothing is counted as refused."""
    granted = {"allow": "POST, OPTIONS", "webhook-allowed-origin": "eventemitter.example.com", "content-length": "0"}

    answer = ask("OPTIONS", path, headers=ORIGIN)
    assert (answer.status, answer.headers) == (200, granted | {"webhook-allowed-rate": "*"})

    answer = ask("OPTIONS", path, headers={**ORIGIN, "webhook-request-rate": "120"})
    assert (answer.status, answer.headers) == (200, granted | {"webhook-allowed-rate": "120"})


def test_other_options_are_told_what_there_is() -> None:
    """OPTIONS of nobody in particular grants nothing, and says which methods there are."""
    answer = ask("OPTIONS", headers={})

    assert (answer.status, answer.headers) == (200, {"allow": "POST, OPTIONS", "content-length": "0"})
