"""Why Kafka cannot be reached: what its clients keep to themselves.

A client tries the bootstrap servers in turn and says that it reached none; whether the password was wrong, or the
authority unknown, only its own log tells, a line for each of its own tries. So when a client has failed we connect once
more, by hand, to whatever the client would have connected to: the bootstrap servers, and the brokers that they name.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka.conn import AIOKafkaConnection, collect_hosts, create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.protocol.metadata import MetadataRequest

from nilometer_logger.errors import UnavailableError
from nilometer_logger.kafka._connection import AWAY, connection, is_vague, unavailable
from nilometer_logger.settings import Common

_ANSWER_MILLISECONDS = 5000

Address = tuple[str, int]


async def why(settings: Common, error: Exception) -> UnavailableError:
    """Finds the reason of a client's failure.

    Args:
        settings: by which the client connected.
        error: what the client raised.

    Returns:
        One clear line; of `error` itself where it tells enough, or where Kafka can be reached by now.
    """
    if not is_vague(error):
        return unavailable(settings.kafka, error)
    arguments = connection(settings)
    servers = [(host, port) for host, port, _ in collect_hosts(arguments.pop("bootstrap_servers"), randomize=False)]
    brokers, failures = await _ask(servers, arguments)
    if brokers:
        _, failures = await _ask(brokers, arguments)
    reason = _clearest(settings, failures)
    if reason is None or (AWAY in str(reason) and len(failures) == len(servers) > 1):
        return unavailable(settings.kafka, error)
    if not failures.keys() <= set(servers):  # who reads an address that nobody gave must know where it comes from
        return UnavailableError(f"{reason} ({settings.kafka} advertises that address)")
    return reason


async def _ask(
    servers: Iterable[Address], arguments: Mapping[str, Any]
) -> tuple[list[Address], dict[Address, Exception]]:
    """Asks servers for the brokers of their cluster, all at once; returns what one said, and who failed of what."""
    servers = list(servers)
    answers = await asyncio.gather(*(_brokers(*server, arguments) for server in servers), return_exceptions=True)
    failures: dict[Address, Exception] = {}
    brokers: list[Address] = []
    for server, answer in zip(servers, answers, strict=True):
        if isinstance(answer, KafkaError | OSError):
            failures[server] = answer
        elif isinstance(answer, BaseException):
            raise answer
        else:
            brokers = answer
    return brokers, failures


async def _brokers(host: str, port: int, arguments: Mapping[str, Any]) -> list[Address]:
    connected: AIOKafkaConnection = await create_conn(host, port, request_timeout_ms=_ANSWER_MILLISECONDS, **arguments)
    try:
        metadata = await connected.send(MetadataRequest([]))
        return [(broker[1], broker[2]) for broker in metadata.brokers]
    finally:
        await connected.close()


def _clearest(settings: Common, failures: Mapping[Address, Exception]) -> UnavailableError | None:
    """Returns the reason that tells most: what Kafka itself did says more than that nobody was there."""
    reasons = [_reason(f"{host}:{port}", error, settings.kafka_security) for (host, port), error in failures.items()]
    told = [reason for reason in reasons if AWAY not in str(reason)]
    return next(iter(told or reasons), None)


def _reason(kafka: str, error: Exception, protocol: str) -> UnavailableError:
    cause = error.__cause__ if isinstance(error, KafkaConnectionError) else error
    if isinstance(cause, EOFError | ConnectionResetError | BrokenPipeError):
        return UnavailableError(
            f"Kafka at {kafka} closed the connection: it starts or stops, or this port is for another "
            f"--kafka-security than {protocol}"
        )
    return unavailable(kafka, error)
