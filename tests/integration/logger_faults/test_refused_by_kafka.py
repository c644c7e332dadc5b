"""Kafka refuses a record for good: the event that is to blame is refused, and no other."""

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tests.integration.logger_faults.loggers import Logger, Make
from tests.integration.logger_faults.report import Record
from tests.integration.logger_faults.traffic import Traffic
from tests.integration.logger_faults.wire import ask, request_of
from tests.integration.reading import events_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

LOWERED_BYTES = 100_000
LARGE_BYTES = 150_000
LARGE_EVENTS = 20


@pytest.mark.parametrize("record_format", ["batch", "cloudevents"])
def test_an_event_too_large_for_kafka_harms_no_other(make: Make, record: Record, record_format: str) -> None:
    """Its answer is 413, its neighbours' in the same record 200, and the partition goes on.

    Kafka's idempotent producer counts its records; one that was refused for good leaves a gap that Kafka takes no
    later record over, so that this is where a logger loses a partition until somebody restarts it.
    """
    logger = make("--partitions", 2, "--record-format", record_format)
    logger.start()
    with Traffic(logger.port, clients=32, services=4) as traffic:
        traffic.wait(more=100)
        asyncio.run(_lower(logger))
        for _ in range(LARGE_EVENTS):
            answer = asyncio.run(ask(logger.port, request_of("large", b"x" * LARGE_BYTES, "service-0")))
            assert answer is not None
            assert answer.status == 413
            assert b"more than the broker takes" in answer.body
        traffic.wait(more=500)

    row = logger.account(f"record refused by Kafka, {record_format}", LARGE_EVENTS, traffic)
    record(row)
    assert row.kept
    assert traffic.answers.keys() == {200}
    assert "large" not in {event["id"] for event in events_of(logger.kafka, logger.topic)}
    logger.process.wait_for_line("producer replaced")


async def _lower(logger: Logger) -> None:
    """Makes the topic take less than it took when the logger asked."""
    admin = AIOKafkaAdminClient(bootstrap_servers=logger.kafka)
    await admin.start()
    try:
        bound = {"max.message.bytes": str(LOWERED_BYTES)}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, logger.topic, configs=bound)])
    finally:
        await admin.close()
