"""`nilometer logger --from-topic` on a real Kafka: what stands in other topics comes to `inferences`, and is not lost."""

import asyncio
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from nilometer_detectors.demo.stack.processes import Process, free_port
from nilometer_logger import topics
from nilometer_logger.cloudevents import CloudEvent, decode_batch
from nilometer_logger.cloudevents.kserve import Stream, stream_of
from nilometer_logger.deadletters import DeadLetter, read_dead_letter
from nilometer_logger.ingest.batch_producer import BatchProducer, Events
from nilometer_logger.ingest.topic_source import TopicSource
from nilometer_logger.kafka import topic_admin
from nilometer_logger.metrics import Metrics
from nilometer_logger.settings import LoggerSettings
from nilometer_logger.times import parse_time
from tests.integration.foreign import Foreign, binary, json_batch, make_topic, own_batch, structured, write
from tests.integration.logging_events import Load
from tests.integration.reading import events_of, records_of
from tests.integration.stack import eventually, nilometer
from tests.unit.logged import event

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

BODIES = (b'{"instances": [[NaN]]}', b"", b"\x00\xff\x1f\x8b", '{"instances": [["é"]]}'.encode())


class Intakes:
    """Loggers on one Kafka that read one topic of others."""

    def __init__(self, kafka: str, prefix: str, directory: Path, started: Callable[[Process], Process]) -> None:
        self.kafka = kafka
        self.prefix = prefix
        self.source = f"{prefix}source"
        self.ports: list[int] = []
        self._directory = directory
        self._started = started

    def start(self, *arguments: object, source: str = "") -> Process:
        """Starts another logger; it is listening, whether or not Kafka is there."""
        self.ports.append(free_port())
        name = f"logger-{len(self.ports)}"
        process = nilometer(
            "logger",
            self._directory / name,
            *("--kafka", self.kafka, "--topic-prefix", self.prefix, "--port", self.ports[-1]),
            *("--from-topic", source or self.source),
            *arguments,
        )
        return self._started(process)

    def write(self, records: Sequence[Foreign], topic: str = "", *, compression: str | None = None) -> None:
        """Writes to the topic of others."""
        write(self.kafka, topic or self.source, records, compression=compression)

    def logged(self) -> list[CloudEvent]:
        """Returns all events in `inferences`."""
        return events_of(self.kafka, f"{self.prefix}inferences")

    def ids(self) -> Counter[str]:
        """Returns how often each id is in `inferences`."""
        return Counter(found["id"] for found in self.logged())

    def wait_for(self, ids: set[str]) -> None:
        """Waits until all ids are in `inferences`."""
        eventually(lambda: set(self.ids()) >= ids, f"{len(ids)} events in inferences", timeout_seconds=120)


@pytest.fixture
def running() -> Iterator[Callable[[Process], Process]]:
    """Starts processes, and stops them after the test."""
    with ExitStack() as stack:
        start: Callable[[Process], Process] = stack.enter_context
        yield start


@pytest.fixture
def intakes(kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path, running: Callable[[Process], Process]) -> Intakes:
    """Loggers that read a topic of three partitions."""
    made = Intakes(kafka.bootstrap, topic_prefix, tmp_path, running)
    make_topic(made.kafka, made.source, 3)
    return made


def stream(service: str, namespace: str = "demo") -> Stream:
    """Returns the stream of a service's predictor."""
    return Stream(namespace, service, "predictor", "")


def numbered(count: int, partitions: int = 3) -> list[Foreign]:
    """Returns events with the ids 0, 1, …, spread over the partitions, of some streams."""
    return [
        binary(event(number, 1.0, id=str(number), stream=stream(f"service-{number % 7}")), number % partitions)
        for number in range(count)
    ]


def test_every_encoding_arrives_byte_for_byte(intakes: Intakes) -> None:
    """Binary, structured, JSON batch and batches of our own, compressed or not, come as they were sent."""
    events = [
        event(number, id=str(number), body=body, stream=stream(f"service-{number % 5}"))
        for number, body in enumerate(BODIES * 4)
    ]
    intakes.write(
        [
            *(binary(one, partition) for partition, one in enumerate(events[:3])),
            *(structured(one, partition) for partition, one in enumerate(events[3:6])),
            json_batch(events[6:10]),
            own_batch(events[10:13], partition=1),
        ]
    )
    for one, compression in zip(events[13:], ["gzip", "snappy", "zstd"], strict=True):
        intakes.write([binary(one)], compression=compression)

    intakes.start()
    intakes.wait_for({one["id"] for one in events})

    by_id = {found["id"]: found for found in intakes.logged()}
    assert [by_id[one["id"]] for one in events] == events


def test_a_stream_comes_together_from_all_partitions(intakes: Intakes) -> None:
    """Request and response of an inference that stood apart lie in one partition, whatever their keys were."""
    services = [f"service-{number}" for number in range(12)]
    intakes.write(
        [
            binary(event(number, 1.0, half=half, id=service, stream=stream(service)), (number + place) % 3)
            for number, service in enumerate(services)
            for place, half in enumerate(("request", "response"))
        ]
    )

    intakes.start("--partitions", 4)
    eventually(lambda: len(intakes.logged()) == 2 * len(services), "requests and responses")

    places: dict[str, set[int]] = {}
    for record in records_of(intakes.kafka, f"{intakes.prefix}inferences"):
        for found in decode_batch(record.value):
            places.setdefault(str(stream_of(found.attributes)), set()).add(record.partition)
    assert len(places) == len(services)
    assert all(len(found) == 1 for found in places.values())
    assert len({place for found in places.values() for place in found}) > 1


def test_a_partition_is_appended_in_its_order(intakes: Intakes) -> None:
    """What one partition held of a stream is read from `inferences` in the same order."""
    intakes.write([binary(event(number, 1.0, id=str(number)), 2) for number in range(2000)])

    intakes.start()
    intakes.wait_for({str(number) for number in range(2000)})

    assert [found["id"] for found in intakes.logged()] == [str(number) for number in range(2000)]


def test_an_event_without_a_time_has_its_record_s(intakes: Intakes) -> None:
    """It belongs into the window of when it was written, however late it is read."""
    timeless = binary(event(None, 1.0, id="timeless"))
    intakes.write([Foreign(0, timeless.value, timeless.headers, timestamp=1_700_000_000_123)])

    intakes.start()
    intakes.wait_for({"timeless"})

    [found] = intakes.logged()
    assert parse_time(found["time"]) == 1_700_000_000_123_000_000


def test_poison_spoils_nothing(intakes: Intakes) -> None:
    """Each record that is no event lies in inferences-dead as it was, with reason and place; the others arrive once."""
    make_topic(intakes.kafka, f"{intakes.prefix}large", 1, max_message_bytes=str(8 * 2**20))
    large = binary(event(1, id="large", body=b"x" * 3_000_000))
    poison = [
        Foreign(1, b"not ours", [("color", b"red"), ("none", None)]),
        Foreign(1, None, []),
        Foreign(1, b"\xc1", [("content-type", b"application/vnd.nilometer.events+msgpack")]),
        Foreign(1, b"{", [("content-type", b"application/cloudevents+json")]),
    ]
    good = [binary(event(number, 1.0, id=str(number)), 1) for number in range(10)]
    mixed = [record for pair in zip(good[:4], poison, strict=True) for record in pair] + good[4:]
    intakes.write(mixed)
    intakes.write([large, binary(event(2, 1.0, id="after"))], f"{intakes.prefix}large")

    logger = intakes.start(source=f"{intakes.source},{intakes.prefix}large")
    wanted = {"after", *(str(number) for number in range(10))}
    intakes.wait_for(wanted)
    dead = eventually(lambda: len(found := _dead(intakes)) == 5 and found, "the dead letters")
    logger.stop()
    again = intakes.start(source=f"{intakes.source},{intakes.prefix}large")
    intakes.write([binary(event(20, 1.0, id="later"))])
    intakes.wait_for({"later"})

    assert intakes.ids() == dict.fromkeys([*wanted, "later"], 1)
    assert len(_dead(intakes)) == 5
    letters = {letter.position: letter for letter in dead}
    for number, record in enumerate(poison):
        letter = letters[f"{intakes.source}/1@{2 * number + 1}"]
        assert letter.reason
        assert (letter.value, letter.headers) == (record.value or b"", record.headers)
    cut = letters[f"{intakes.prefix}large/0@0[0]"]
    assert "is the most" in cut.reason
    assert cut.is_cut
    assert large.value.startswith(cut.value)
    for process in (logger, again):
        assert "Traceback" not in process.output()


def _dead(intakes: Intakes) -> list[DeadLetter]:
    records = records_of(intakes.kafka, f"{intakes.prefix}inferences-dead")
    return [read_dead_letter(record.headers, record.value) for record in records]


def test_kill_9_in_the_middle_loses_nothing(intakes: Intakes) -> None:
    """Every event comes, whenever the process dies: a few may come twice, as the same events."""
    records = numbered(20_000)
    intakes.write(records)
    logger = intakes.start()
    eventually(intakes.ids, "some events")
    logger.kill()

    intakes.start()
    intakes.wait_for({str(number) for number in range(len(records))})

    assert len({(found["id"], found["time"]) for found in intakes.logged()}) == len(records)


def test_nothing_is_committed_before_kafka_has_it(intakes: Intakes) -> None:
    """While a record is on its way to `inferences`, the topic that it came from does not count as read."""
    intakes.write(numbered(30))
    settings = LoggerSettings(kafka=intakes.kafka, topic_prefix=intakes.prefix, from_topic=intakes.source)

    async def story() -> tuple[int, int]:
        arrived, released, stop = asyncio.Event(), asyncio.Event(), asyncio.Event()

        class Held(BatchProducer):
            """Writes when it is let."""

            async def send(self, partition: int, events: Events) -> int:
                """Waits."""
                arrived.set()
                await released.wait()
                return await super().send(partition, events)

        producer = AIOKafkaProducer(bootstrap_servers=intakes.kafka, enable_idempotence=True)
        await producer.start()
        count = await topic_admin.ensure(settings, (topics.INFERENCES,))
        producing = Held(
            never, producer, f"{intakes.prefix}inferences", count, max_record_bytes=1000, one_event_a_record=False
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(TopicSource(settings, producing, Metrics(10)).run(stop))
            await arrived.wait()
            before = await _committed(intakes)
            released.set()
            stop.set()
        await producing.close()
        return before, await _committed(intakes)

    before, after = asyncio.run(story())
    assert before == 0
    assert after == len(intakes.logged()) > 0


async def never() -> AIOKafkaProducer:
    """Is not needed: nothing is refused."""
    raise AssertionError


async def _committed(intakes: Intakes) -> int:
    """Returns how many records count as read."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=intakes.kafka, group_id=f"{intakes.prefix}nilometer-logger", enable_auto_commit=False
    )
    await consumer.start()
    try:
        found = [await consumer.committed(TopicPartition(intakes.source, number)) for number in range(3)]
        return sum(offset or 0 for offset in found)
    finally:
        await consumer.stop()


def test_sigterm_in_the_middle_repeats_nothing(intakes: Intakes) -> None:
    """It finishes what it has in hand, commits that and leaves: the next one begins exactly there, at once."""
    records = numbered(20_000)
    before = 0
    for part in range(4):
        intakes.write(records[part * 5000 : (part + 1) * 5000])
        logger = intakes.start()
        eventually(lambda before=before: len(intakes.ids()) > before, "some more events")
        logger.stop(grace_seconds=60)
        assert logger.wait() == 0
        before = len(intakes.ids())
    intakes.start()
    wanted = {str(number) for number in range(len(records))}
    intakes.wait_for(wanted)

    assert intakes.ids() == dict.fromkeys(wanted, 1)


def test_two_share_and_hand_over(intakes: Intakes) -> None:
    """A second logger gets some of the partitions in the middle of the work; nothing is missing and nothing twice."""
    records = numbered(20_000)
    intakes.write(records)
    first = intakes.start()
    eventually(intakes.ids, "some events")
    second = intakes.start()
    second.wait_for_line(r"partitions assigned.*source/")
    first.wait_for_line(r"partitions assigned(.|\n)*partitions assigned.*source/")
    wanted = {str(number) for number in range(len(records))}
    intakes.wait_for(wanted)
    first.kill()
    intakes.write([binary(event(0, id=f"late-{number}"), number) for number in range(3)])
    intakes.wait_for({f"late-{number}" for number in range(3)})

    counts = intakes.ids()
    assert {name: counts[name] for name in wanted} == dict.fromkeys(wanted, 1)


def test_one_that_was_paused_is_no_trouble(intakes: Intakes) -> None:
    """Another takes over what it had; when it goes on it commits nothing that is not its own, and takes part again."""
    records = numbered(20_000)
    intakes.write(records)
    paused = intakes.start()
    eventually(intakes.ids, "some events")
    paused.signal(signal.SIGSTOP)
    second = intakes.start()
    intakes.wait_for({str(number) for number in range(len(records))})
    paused.signal(signal.SIGCONT)
    paused.wait_for_line(r"partitions assigned(.|\n)*partitions assigned")
    second.stop(grace_seconds=60)
    intakes.write([binary(event(0, id=f"late-{number}"), number) for number in range(3)])

    intakes.wait_for({f"late-{number}" for number in range(3)})
    assert "Traceback" not in paused.output()


def test_it_outlives_kafka(tmp_path: Path, topic_prefix: str, running: Callable[[Process], Process]) -> None:
    """A Kafka that dies in the middle is waited for, longer than an event by HTTP waits, and nothing is missing."""
    with EmbeddedKafka(tmp_path / "kafka") as broker:
        intakes = Intakes(broker.bootstrap, topic_prefix, tmp_path, running)
        make_topic(intakes.kafka, intakes.source, 3)
        intakes.write(numbered(20_000))
        logger = intakes.start("--max-held-seconds", 0.5)
        eventually(intakes.ids, "some events")

        broker.kill()
        broker.start()
        intakes.write([binary(event(0, id="after"), partition) for partition in range(3)])

        intakes.wait_for({"after", *(str(number) for number in range(20_000))})
        logger.stop(grace_seconds=60)
        assert logger.wait() == 0
        assert "Traceback" not in logger.output()


def test_it_stops_while_kafka_is_away(tmp_path: Path, topic_prefix: str, running: Callable[[Process], Process]) -> None:
    """SIGTERM ends it in order, and what it had not committed comes again."""
    with EmbeddedKafka(tmp_path / "kafka") as broker:
        intakes = Intakes(broker.bootstrap, topic_prefix, tmp_path, running)
        make_topic(intakes.kafka, intakes.source, 3)
        intakes.write(numbered(20_000))
        logger = intakes.start("--grace-seconds", 2, "--max-held-seconds", 1)
        eventually(intakes.ids, "some events")
        broker.kill()
        logger.signal(signal.SIGTERM)
        assert logger.wait() == 0
        assert "Traceback" not in logger.output()

        broker.start()
        intakes.start()
        intakes.wait_for({str(number) for number in range(20_000)})


def test_a_topic_that_is_not_there_yet_is_waited_for(intakes: Intakes) -> None:
    """The log says which; the other topics are read meanwhile, and it is read from its beginning once it is there."""
    late = f"{intakes.prefix}late"
    intakes.write([binary(event(1, id="present"))])
    logger = intakes.start(source=f"{late}, {intakes.source}")
    intakes.wait_for({"present"})
    logger.wait_for_line(f"topic missing.*{late}")

    make_topic(intakes.kafka, late, 1)
    intakes.write([binary(event(1, id="late"))], late)

    intakes.wait_for({"late"})
    assert intakes.ids() == {"present": 1, "late": 1}


def test_no_topic_at_all_is_waited_for(intakes: Intakes) -> None:
    """HTTP goes on meanwhile; a line says what is waited for."""
    late = f"{intakes.prefix}late"
    logger = intakes.start(source=late)
    logger.wait_for_line(f"waiting for events in other topics.*there is no topic {late} yet")

    make_topic(intakes.kafka, late, 1)
    intakes.write([binary(event(1, id="late"))], late)

    intakes.wait_for({"late"})
    assert intakes.ids() == {"late": 1}


def test_events_of_other_namespaces_are_passed_over(intakes: Intakes) -> None:
    """`--namespaces` holds for topics as it does for HTTP: what is not named is neither taken nor set aside."""
    intakes.write(
        [
            binary(event(1, id="theirs", stream=stream("iris", namespace="secret"))),
            json_batch([event(1, id="nobody's", stream=stream("iris", namespace="")), event(1, id="ours")]),
        ]
    )
    intakes.start("--namespaces", "demo,other")
    intakes.wait_for({"ours"})

    assert intakes.ids() == {"ours": 1}
    assert _dead(intakes) == []


def test_http_has_its_room_whatever_is_read(intakes: Intakes) -> None:
    """A backlog of megabytes does not fill the room in which events by HTTP wait: none of them is refused."""
    intakes.write(numbered(20_000))
    logger = intakes.start("--max-held-events", 40)
    logger.wait_for_line(r"partitions assigned")
    load = Load(f"http://127.0.0.1:{intakes.ports[0]}", clients=16)

    load.run(1000)

    assert len(load.acknowledged) == 1000
    intakes.wait_for({str(number) for number in range(20_000)} | set(load.acknowledged))


@pytest.mark.parametrize("name", ["inferences", "inferences-dead", "findings"])
def test_our_own_topics_are_refused(intakes: Intakes, name: str) -> None:
    """A logger that would read what it writes ends at once, with one line that names the flag."""
    logger = intakes.start(source=intakes.prefix + name)

    assert logger.wait() == 1
    [line] = logger.output().splitlines()
    assert line.startswith(f"error: --from-topic names {intakes.prefix}{name}")
