"""503 while Kafka is away, and what the probes say."""

import pytest

from nilometer_logger.ingress import Ingress
from tests.unit.ingress.asking import HEADERS, Journal, ask, ready


def waiting() -> Ingress:
    """Returns an ingress that Kafka has not been reached for yet."""
    return Ingress(max_event_bytes=1000, max_held_seconds=0.01)


@pytest.mark.parametrize(
    ("ingress", "reason"),
    [
        (waiting(), "Kafka is not reachable yet"),
        (ready(Journal(refuses="64 bytes wait for Kafka; 63 is the most")), "64 bytes wait for Kafka; 63 is the most"),
        (ready(Journal(hangs=True)), "Kafka did not acknowledge within 0.01 s"),
    ],
    ids=["not connected", "full", "no acknowledgement"],
)
def test_an_event_that_kafka_does_not_have_is_never_acknowledged(ingress: Ingress, reason: str) -> None:
    """503 with the reason, and when to come back."""
    answer = ask(ingress)

    assert (answer.status, answer.body) == (503, f"{reason}\n")
    assert answer.headers["retry-after"] == "1"


def test_what_is_wrong_is_said_before_what_is_away() -> None:
    """A request that no retry can mend is refused as such, Kafka or not."""
    assert ask(waiting(), headers={"ce-id": "1"}).status == 400
    assert ask(waiting(), headers={**HEADERS, "content-type": "application/cloudevents+json"}).status == 415


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_process_lives_before_kafka_is_there(method: str) -> None:
    """/healthz is 200 from the first moment, so that a slow Kafka does not restart the logger."""
    assert ask(waiting(), method, "/healthz").status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_it_is_ready_once_kafka_is_there(method: str) -> None:
    """/readyz is 503 until events can be acknowledged, and 200 from then on."""
    ingress = waiting()
    before = ask(ingress, method, "/readyz")
    ingress.journal = Journal()
    after = ask(ingress, method, "/readyz")

    assert (before.status, before.body) == (503, "Kafka is not reachable yet\n")
    assert (after.status, after.body) == (200, "")
