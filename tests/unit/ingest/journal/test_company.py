"""Adaptive batching: a record waits a moment for company where company is to be expected, and never where it is not."""

from nilometer_logger.errors import UnavailableError
from nilometer_logger.ingest.journal import Journal
from tests.unit.ingest.journal.clock import run, settle, until
from tests.unit.ingest.journal.kafka import Kafka, event, failed, journal

MS = 0.001


async def load(kafka: Kafka, *, took: float = 2 * MS, linger: float = 3 * MS) -> Journal:
    """Returns a journal that has just seen twenty events at once, acknowledged after `took`, one of them back."""
    log = journal(kafka, max_linger_seconds=linger)
    for number in range(20):
        log.append(event(number))
    await until(took)
    log.append(event("back"))
    kafka.acknowledge()
    await settle()
    return log


def test_at_a_high_rate_a_record_waits_for_company() -> None:
    """Clients that were answered together come back together; one that came first waits for the others."""

    async def test() -> None:
        kafka = Kafka()
        log = await load(kafka)
        assert len(kafka.sent) == 1
        await until(3 * MS)
        for number in range(20):
            assert len(kafka.sent) == 1
            log.append(event(f"again-{number}"))
        await settle()
        assert (kafka.sent[1].time, len(kafka.sent[1].ids)) == (3 * MS, 21)
        kafka.acknowledge()
        await log.drain()

    run(test())


def test_no_record_waits_longer_than_the_setting() -> None:
    """Company that does not come is waited for three milliseconds at most."""

    async def test() -> None:
        kafka = Kafka()
        log = await load(kafka, took=10 * MS)
        await until(100 * MS)
        assert kafka.sent[1].time == 13 * MS
        kafka.acknowledge()
        await log.drain()

    run(test())


def test_no_record_waits_longer_than_the_last_one_took() -> None:
    """Where Kafka is faster than that, two small records are faster than the wait for one."""

    async def test() -> None:
        kafka = Kafka()
        log = await load(kafka, took=1 * MS)
        await until(100 * MS)
        assert kafka.sent[1].time == 2 * MS
        kafka.acknowledge()
        await log.drain()

    run(test())


def test_the_wait_can_be_switched_off() -> None:
    """With a setting of 0 nothing ever waits for company."""

    async def test() -> None:
        kafka = Kafka()
        log = await load(kafka, linger=0.0)
        assert kafka.sent[1].time == 2 * MS
        kafka.acknowledge()
        await log.drain()

    run(test())


def test_at_a_low_rate_nothing_waits() -> None:
    """After the clients have gone, an event that comes alone leaves at once, the first as well as the next."""

    async def test() -> None:
        kafka = Kafka()
        log = await load(kafka)
        await until(5 * MS)
        kafka.acknowledge()
        for moment in (1.0, 1.1, 1.2):
            await until(moment)
            log.append(event(moment))
            await settle()
            assert (kafka.sent[-1].time, kafka.sent[-1].ids) == (moment, [str(moment)])
            await until(moment + 2 * MS)
            kafka.acknowledge()
        await log.drain()

    run(test())


def test_a_lone_inference_waits_for_nobody() -> None:
    """A response that comes while its request is on its way to Kafka leaves as soon as that is there."""

    async def test() -> None:
        kafka = Kafka()
        log = journal(kafka, max_linger_seconds=3 * MS)
        for moment in (1.0, 2.0, 3.0):
            await until(moment)
            log.append(event("request"))
            await until(moment + 1 * MS)
            log.append(event("response"))
            await until(moment + 2 * MS)
            kafka.acknowledge()
            await settle()
            assert (kafka.sent[-1].time, kafka.sent[-1].ids) == (moment + 2 * MS, ["response"])
            kafka.acknowledge()
        await log.drain()

    run(test())


def test_what_expires_meanwhile_is_not_waited_for() -> None:
    """An event whose deadline passes while it waits for company is given up, and the partition goes on."""

    async def test() -> None:
        kafka = Kafka()
        log = journal(kafka, max_linger_seconds=1.0, max_held_seconds=0.1)
        held = [log.append(event(number)) for number in range(20)]
        await until(0.01)
        lost = log.append(event("lost"))
        await until(0.09)
        kafka.acknowledge()
        await until(0.17)
        assert len(kafka.sent) == 1  # it would have left at 0.18
        assert failed(lost) is UnavailableError
        assert (log.held_events, log.held_bytes) == (0, 0)

        await until(3.0)
        held.append(log.append(event("next")))
        await settle()
        kafka.acknowledge()
        await log.drain()
        assert kafka.records[1:] == [["next"]]

    run(test())
