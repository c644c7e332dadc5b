"""Waiting for Kafka: one line a try, for as long as a retry may help."""

import asyncio
import socket
import ssl

import pytest
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    NodeNotReadyError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth
from structlog.testing import capture_logs

from nilometer_logger.errors import StateError, UnavailableError
from nilometer_logger.kafka import _connection as kafka
from nilometer_logger.settings import Common
from nilometer_logger.worker.faust_app import credentials


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets tries follow each other without a pause."""
    monkeypatch.setattr(kafka, "_FIRST_PAUSE_SECONDS", 0.0)


class Attempt:
    """Fails in turn with some errors, then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)

    async def __call__(self) -> str:
        """Tries once."""
        if self._errors:
            raise self._errors.pop(0)
        return "connected"


def away() -> UnavailableError:
    """Returns what is raised while Kafka is away."""
    return UnavailableError("Kafka at here:9092 cannot be reached")


def test_it_tries_until_it_succeeds_and_says_so_each_time() -> None:
    """Each failure is one line with its reason."""
    with capture_logs() as lines:
        assert asyncio.run(kafka.retrying(Attempt(away(), away()), "Kafka")) == "connected"

    assert [(line["event"], line["reason"]) for line in lines] == [("waiting for Kafka", str(away()))] * 2


def test_what_no_retry_can_mend_ends_it() -> None:
    """Another error is raised at once."""
    with pytest.raises(StateError, match="does not fit"):
        asyncio.run(kafka.retrying(Attempt(StateError("does not fit"), away()), "Kafka"))


def test_it_stops_when_it_is_told_to() -> None:
    """A process that is asked to end does not try for ever."""

    async def told() -> None:
        stop = asyncio.Event()
        stop.set()
        await kafka.retrying(Attempt(away(), away()), "Kafka", stop)

    with pytest.raises(UnavailableError):
        asyncio.run(told())


@pytest.mark.parametrize(
    "error",
    [
        KafkaConnectionError("no"),
        KafkaError("Unable to get cluster metadata over all known brokers"),
        NodeNotReadyError("not ready"),
        ConnectionRefusedError(),
        TimeoutError(),
    ],
)
def test_a_kafka_that_is_away_is_told_by_its_address(error: Exception) -> None:
    """Nobody needs to know how the client put it."""
    assert str(kafka.unavailable("here:9092", error)) == "Kafka at here:9092 cannot be reached"


def test_a_name_that_nobody_knows_is_told() -> None:
    """A typo in an address is not an outage."""
    told = str(kafka.unavailable("here:9092", socket.gaierror(-2, "Name or service not known")))

    assert told == "Kafka at here:9092 cannot be reached: Name or service not known"


def test_a_kafka_that_refuses_is_told_by_its_reason() -> None:
    """What the broker said is what an operator can look up."""
    told = str(kafka.unavailable("here:9092", TopicAuthorizationFailedError("topic secret")))

    assert told.startswith("Kafka at here:9092 failed: TopicAuthorizationFailedError")
    assert "topic secret" in told


def tls_error(reason: str) -> ssl.SSLError:
    """Makes the error of a handshake as OpenSSL tells it."""
    error = ssl.SSLError(1, f"[SSL: {reason}] (_ssl.c:1006)")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (SaslAuthenticationFailed("Authentication failed"), "refuses our user or password; see --kafka-username and"),
        (UnsupportedSaslMechanismError(), "does not take our SASL mechanism; choose another --kafka-sasl"),
        (IllegalSaslStateError(), "takes no SASL on this port; choose another port or --kafka-security"),
        (tls_error("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "wants a certificate of ours; give --kafka-certificate-file"),
        (
            tls_error("SSLV3_ALERT_CERTIFICATE_UNKNOWN"),
            "does not trust our certificate; see --kafka-certificate-file: SS",
        ),
        (tls_error("TLSV1_ALERT_UNKNOWN_CA"), "does not trust our certificate; see --kafka-certificate-file: TLSV1"),
        (tls_error("WRONG_VERSION_NUMBER"), "and we did not come to TLS; see --kafka-security: WRONG_VERSION_NUMBER"),
    ],
)
def test_what_a_kafka_with_other_security_answers_names_the_setting(error: Exception, told: str) -> None:
    """The remedy stands in the line."""
    assert str(kafka.unavailable("here:9092", error)).startswith(f"Kafka at here:9092 {told}")


def test_what_tls_said_is_told_where_the_client_wrapped_it() -> None:
    """With TLS 1.3 a certificate is refused after the handshake, when the client only sees a connection that closed."""
    wrapped = KafkaConnectionError("Connection at here:9092 closed")
    wrapped.__cause__ = tls_error("TLSV13_ALERT_CERTIFICATE_REQUIRED")

    assert "wants a certificate of ours" in str(kafka.unavailable("here:9092", wrapped))


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"])
def test_fausts_own_clients_get_what_ours_get(protocol: str) -> None:
    """The worker's consumer is Faust's: its protocol, context, mechanism, user and password are ours."""
    user = {"kafka_username": "alice", "kafka_password": "correct horse"} if protocol.startswith("SASL") else {}
    given = kafka.connection(Common(kafka_security=protocol, **user))

    taken = credentials_to_aiokafka_auth(credentials(given))

    assert {name: value for name, value in taken.items() if value is not None} == {
        name: value for name, value in given.items() if name != "bootstrap_servers"
    }
