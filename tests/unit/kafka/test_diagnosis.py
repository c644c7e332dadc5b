"""Why Kafka cannot be reached, asked of servers that are none."""

import asyncio

from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError

from nilometer_detectors.demo.stack.processes import free_port
from nilometer_logger.kafka import why
from nilometer_logger.settings import Common

VAGUE = KafkaConnectionError("Unable to bootstrap from [('there', 9092)]")


def told(kafka: str, error: Exception = VAGUE) -> str:
    """Returns the line."""
    return str(asyncio.run(why(Common(kafka=kafka), error)))


def test_what_is_clear_is_not_asked_again() -> None:
    """An error that has its reason is told as it is, without another connection."""
    assert told("nowhere.invalid:9092", TopicAuthorizationFailedError("secrets")).endswith("secrets")


def test_all_servers_are_named_when_none_is_there() -> None:
    """Who gave three addresses reads all three."""
    kafka = f"127.0.0.1:{free_port()},127.0.0.1:{free_port()}"

    assert told(kafka) == f"Kafka at {kafka} cannot be reached"


def test_a_name_that_does_not_resolve_is_told() -> None:
    """A typo is no outage."""
    assert told("nowhere.invalid:9092").startswith("Kafka at nowhere.invalid:9092 cannot be reached: ")


def test_the_server_that_answers_tells_most() -> None:
    """Of several servers the one that closes the connection says more than the one that is away."""

    async def asked() -> tuple[str, int]:
        listening = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        port: int = listening.sockets[0].getsockname()[1]
        async with listening:
            return str(await why(Common(kafka=f"127.0.0.1:{free_port()},127.0.0.1:{port}"), VAGUE)), port

    line, port = asyncio.run(asked())

    assert line.startswith(f"Kafka at 127.0.0.1:{port} closed the connection: it starts or stops, or this port is for")
    assert line.endswith("another --kafka-security than PLAINTEXT")
