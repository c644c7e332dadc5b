"""What every process does with Kafka in the same way: connect, wait for it, and say in one line what is wrong."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    NodeNotReadyError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from nilometer_logger.errors import UnavailableError
from nilometer_logger.kafka import _security as security
from nilometer_logger.settings import Common

_log = structlog.get_logger("nilometer.kafka")
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0
AWAY = "cannot be reached"
_OTHER_NAME = (62, 64)  # OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH

T = TypeVar("T")


def connection(settings: Common) -> dict[str, Any]:
    """Returns the arguments by which every aiokafka client connects: servers, TLS and SASL; never to be logged.

    Raises:
        SettingError: if the settings do not make sense together, or a file does not hold what it should.
    """
    security.check(settings)
    arguments: dict[str, Any] = {"bootstrap_servers": settings.kafka, "security_protocol": settings.kafka_security}
    if security.uses_tls(settings):
        arguments["ssl_context"] = security.context(settings)
    if security.uses_sasl(settings):
        arguments["sasl_mechanism"] = settings.kafka_sasl
        arguments["sasl_plain_username"] = settings.kafka_username
        arguments["sasl_plain_password"] = settings.kafka_password
    return arguments


def unavailable(kafka: str, error: Exception) -> UnavailableError:
    """Makes one clear line, with the address, of what a Kafka client raised."""
    if isinstance(error, KafkaConnectionError) and isinstance(error.__cause__, ssl.SSLError):
        error = error.__cause__  # what came after the handshake, such as that Kafka does not like our certificate
    return UnavailableError(f"Kafka at {kafka} {_told(error)}".rstrip())


def is_vague(error: Exception) -> bool:
    """Tells whether an error says no more than that no broker could be asked, which is all that clients often say."""
    return isinstance(error, KafkaConnectionError | NodeNotReadyError | OSError) or type(error) is KafkaError


def _told(error: Exception) -> str:
    match error:
        case ssl.SSLError():
            return _told_of_tls(error)
        case socket.gaierror():
            return f"{AWAY}: {error.strerror}"
        case SaslAuthenticationFailed():
            words = " ".join(str(word) for word in error.args)
            return f"refuses our user or password; see --kafka-username and --kafka-password: {words}"
        case UnsupportedSaslMechanismError():
            return "does not take our SASL mechanism; choose another --kafka-sasl"
        case IllegalSaslStateError():
            return "takes no SASL on this port; choose another port or --kafka-security"
    return AWAY if is_vague(error) else f"failed: {type(error).__name__} {error}"


def _told_of_tls(error: ssl.SSLError) -> str:
    reason = error.reason or str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        other_name = error.verify_code in _OTHER_NAME
        remedy = "write --kafka as its certificate does" if other_name else "see --kafka-ca-file"
        return f"has a certificate that we do not trust; {remedy}: {error.verify_message}"
    if reason.endswith("CERTIFICATE_REQUIRED"):
        return "wants a certificate of ours; give --kafka-certificate-file and --kafka-key-file"
    if "_ALERT_" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason):
        return f"does not trust our certificate; see --kafka-certificate-file: {reason}"
    return f"and we did not come to TLS; see --kafka-security: {reason}"


async def retrying(attempt: Callable[[], Awaitable[T]], what: str, stop: asyncio.Event | None = None) -> T:
    """Tries until it succeeds, with one log line a failure and growing pauses between.

    A password or a certificate that is refused is tried again like a Kafka that is away: an operator that makes users
    may be slower than we are, and Kafka may be given others.

    Args:
        attempt: raises UnavailableError where a retry may help; any other error ends the tries.
        what: what is waited for, for the log.
        stop: ends the pauses and the tries once it is set.

    Raises:
        UnavailableError: of the last try, if `stop` was set.
    """
    stop = stop or asyncio.Event()
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            return await attempt()
        except UnavailableError as error:
            if stop.is_set():
                raise
            _log.error(f"waiting for {what}", reason=str(error), retry_seconds=pause)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
