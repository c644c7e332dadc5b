"""Knative's delivery contract, kept by the real process: what a broker retries, what it gives up, and what it takes."""

import json
from collections import Counter
from dataclasses import dataclass, field

import pytest
from prometheus_client.parser import text_string_to_metric_families

from nilometer_detectors.demo.stack.processes import free_port
from tests.integration.loggers import Logger, Start
from tests.integration.logging_events import Answer, body_of, headers_of, send

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

# What a broker tries again (knative/specs, data plane); everything else that is no 2xx is a dead letter at once.
RETRIED = {404, 408, 409, 429, *range(500, 600)}
JSON = {"content-type": "application/cloudevents+json"}
BATCH = {"content-type": "application/cloudevents-batch+json"}
EVENT = {"specversion": "1.0", "id": "s", "source": "s", "type": "t", "namespace": "demo", "data": {"a": 1}}
BROKER = {
    "Prefer": "reply",
    "Kn-Namespace": "demo",
    "Traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "Ce-Knativearrivaltime": "2026-11-23T08:52:21.2Z",
    "Ce-Knativebrokerttl": "255",
}
LIMITS = ("--max-event-bytes", 2000, "--max-body-bytes", 5000, "--max-header-bytes", 4096, "--namespaces", "demo")


@dataclass(frozen=True)
class Cause:
    """A request that is refused for a cause that no retry mends."""

    status: int
    reason: str
    headers: dict[str, str] = field(default_factory=lambda: headers_of("1"))
    body: bytes = b"{}"
    method: str = "POST"


CAUSES = {
    "no CloudEvent": Cause(400, "invalid", {"content-type": "application/json"}),
    "another version": Cause(400, "invalid", headers_of("1") | {"Ce-Specversion": "0.3"}),
    "no JSON": Cause(400, "invalid", JSON, b"{"),
    "one of a batch is none": Cause(400, "invalid", BATCH, json.dumps([EVENT, {}]).encode()),
    "another namespace": Cause(403, "forbidden", headers_of("1") | {"Ce-Namespace": "other"}),
    "another method": Cause(405, "method", method="PUT"),
    "a large event": Cause(413, "too_large", body=b"x" * 2001),
    "a large attribute": Cause(413, "too_large", headers_of("1") | {"Ce-Long": "x" * 1000}, b"x" * 1500),
    "a large batch": Cause(413, "too_large", BATCH, b" " * 5001),
    "another format": Cause(415, "format", {"content-type": "application/cloudevents+xml"}),
    "a large head": Cause(431, "head_too_large", headers_of("1") | {"Ce-Long": "x" * 5000}),
}


def asked(logger: Logger, cause: Cause) -> Answer:
    """Sends what is refused."""
    return send(f"{logger.url}/any/path", cause.headers, cause.body, cause.method)


def samples(logger: Logger) -> dict[str, dict[str, float]]:
    """Scrapes /metrics: values by name, and by the labels' values in the order of their names."""
    answer = send(f"{logger.url}/metrics", method="GET")
    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, "text/plain")
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(answer.body.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})["/".join(sample.labels[name] for name in sorted(sample.labels))] = (
                sample.value
            )
    return found


def test_what_no_retry_mends_is_a_dead_letter_at_once(start: Start) -> None:
    """Each cause has its status, none of them one that is retried, says why, and is counted; nothing is in Kafka."""
    logger = start(*LIMITS)

    answers = {name: asked(logger, cause) for name, cause in CAUSES.items()}

    assert {name: answer.status for name, answer in answers.items()} == {n: cause.status for n, cause in CAUSES.items()}
    assert RETRIED.isdisjoint(answer.status for answer in answers.values())
    assert all(answer.body.endswith(b"\n") and "retry-after" not in answer.headers for answer in answers.values())
    assert answers["another method"].headers["allow"] == "POST, OPTIONS"
    assert samples(logger)["nilometer_logger_refused_total"] == Counter(cause.reason for cause in CAUSES.values())
    assert logger.logged() == {}


def test_a_delivery_is_answered_empty(start: Start) -> None:
    """A broker asks for a reply and adds its own; the answer is 200 without a body, for it would take one for an event.

    It may also deliver an event again, which is taken as well.
    """
    logger = start(*LIMITS)
    deliveries = [
        (headers_of("b") | BROKER, body_of("b")),
        (headers_of("b") | BROKER, body_of("b")),
        (JSON | BROKER, json.dumps(EVENT).encode()),
        (BATCH, json.dumps([EVENT | {"id": "x"}, EVENT | {"id": "y"}]).encode()),
    ]

    for headers, body in deliveries:
        answer = send(logger.url, headers, body)
        assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "0")
        assert not [name for name in answer.headers if name.startswith(("ce-", "content-type"))]

    assert logger.logged() == {"b": body_of("b"), "s": b'{"a": 1}', "x": b'{"a": 1}', "y": b'{"a": 1}'}
    found = samples(logger)
    assert found["nilometer_logger_events_total"] == {"predictor//iris/demo": 2, "//s/demo": 3}
    assert "nilometer_logger_refused_total" not in found
    assert found["nilometer_logger_held_events"] == found["nilometer_logger_held_bytes"] == {"": 0}
    assert found["nilometer_logger_acknowledgement_seconds_count"] == {"": 5}
    assert found["nilometer_logger_record_events_sum"] == {"": 5}
    assert found["nilometer_logger_record_bytes_sum"][""] > 0
    assert found["nilometer_logger_ready"] == {"": 1}


def test_options_says_what_is_taken(start: Start) -> None:
    """POST; and a webhook's question whether it may send is answered yes."""
    logger = start()

    plain = send(logger.url, method="OPTIONS")
    asking = {"WebHook-Request-Origin": "eventemitter.example.com", "WebHook-Request-Rate": "120"}
    webhook = send(logger.url, asking, method="OPTIONS")

    assert (plain.status, plain.headers["allow"], plain.body) == (200, "POST, OPTIONS", b"")
    assert webhook.headers["webhook-allowed-origin"] == "eventemitter.example.com"
    assert webhook.headers["webhook-allowed-rate"] == "120"


def test_who_may_not_send_is_not_retried(start: Start) -> None:
    """401 without the token, with the challenge; 200 with it; probes and metrics need none."""
    logger = start("--token", "secret")

    assert send(logger.url, headers_of("1") | {"Authorization": "Bearer secret"}, b"{}").status == 200
    for headers in (headers_of("2"), headers_of("2") | {"Authorization": "Bearer other"}):
        answer = send(logger.url, headers, b"{}")
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")

    assert samples(logger)["nilometer_logger_refused_total"] == {"unauthenticated": 2}
    assert set(logger.logged()) == {"1"}


def test_while_kafka_is_away_a_broker_is_to_try_again(start: Start) -> None:
    """503 with Retry-After for what a retry mends; what it does not mend is refused for good all the same.

    How much of an event fits into a record nobody knows before Kafka is there.
    """
    logger = start(*LIMITS, address=f"127.0.0.1:{free_port()}")

    away = [send(logger.url, headers_of(str(number)) | BROKER, b"{}") for number in range(3)]
    never = {name: asked(logger, cause).status for name, cause in CAUSES.items()}

    assert [(answer.status, answer.headers["retry-after"]) for answer in away] == [(503, "1")] * 3
    assert never == {name: cause.status for name, cause in CAUSES.items()} | {"a large attribute": 503}
    found = samples(logger)
    assert found["nilometer_logger_ready"] == {"": 0}
    assert found["nilometer_logger_refused_total"]["unavailable"] == 4
    assert "nilometer_logger_events_total" not in found
