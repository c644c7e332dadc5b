"""Dead letters from end to end: set aside, looked at, and sent through again when what was wrong has been mended."""

import asyncio
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from nilometer_detectors.demo.stack.processes import Process, free_port
from nilometer_logger import topics
from nilometer_logger.cloudevents import CloudEvent, to_http, to_kafka
from nilometer_logger.cloudevents.kserve import Stream, stream_of
from nilometer_logger.deadletters import REDRIVEN, dead_letter
from nilometer_logger.ingest.journal import partition_of
from nilometer_logger.ingest.redrive import Redrive
from nilometer_logger.kafka import topic_admin
from nilometer_logger.settings import RedriveSettings, Topics
from nilometer_logger.topics import Message
from tests.integration.logging_events import send
from tests.integration.reading import events_of, records_of
from tests.integration.stack import eventually, nilometer
from tests.integration.worker.feeding import Sent, beginning, last_words, make_baseline, write_monitors
from tests.integration.worker.working import PATIENCE, Workers
from tests.unit.logged import event

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

PARTITIONS = 3


class Installation:
    """The topics of one prefix, and the commands that a person on call has."""

    def __init__(self, kafka: str, prefix: str, directory: Path) -> None:
        self.kafka = kafka
        self.prefix = prefix
        self._directory = directory
        self._runs = 0

    def process(self, name: str, *arguments: object) -> Process:
        """Makes a command's process, that is not started yet."""
        self._runs += 1
        common = ("--kafka", self.kafka, "--topic-prefix", self.prefix)
        return nilometer(name, self._directory / f"{name}-{self._runs}", *common, *arguments)

    def run(self, name: str, *arguments: object) -> list[str]:
        """Runs a command that ends by itself, and returns the lines that it prints."""
        process = self.process(name, *arguments, "--log-level", "error").start()
        assert process.wait(timeout_seconds=120) == 0, process.output()
        # Kafka's client may log that the coordinator of a group is just being made; that is no line of the command's.
        return [line for line in process.output().splitlines() if not re.match(r"\S+ \[(warning|error) *\]", line)]

    def bury(self, letters: Sequence[Message]) -> None:
        """Writes dead letters; makes the topics if they are not there."""

        async def write() -> None:
            settings = Topics(kafka=self.kafka, topic_prefix=self.prefix, partitions=PARTITIONS)
            await topic_admin.ensure(settings, (topics.INFERENCES, topics.DEAD))
            producer = AIOKafkaProducer(bootstrap_servers=self.kafka, acks="all", linger_ms=5)
            await producer.start()
            try:
                name = self.prefix + topics.DEAD
                sent = [await producer.send(name, letter.value, headers=letter.headers) for letter in letters]
                await asyncio.gather(*sent)
            finally:
                await producer.stop()

        asyncio.run(write())

    def logged(self) -> list[CloudEvent]:
        """Returns all events in `inferences`."""
        return events_of(self.kafka, self.prefix + topics.INFERENCES)

    def ids(self) -> Counter[str]:
        """Returns how often each id is in `inferences`."""
        return Counter(found["id"] for found in self.logged())

    def dead(self) -> list[CloudEvent]:
        """Returns the dead letters that are events."""
        return events_of(self.kafka, self.prefix + topics.DEAD)


@pytest.fixture
def installation(kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path) -> Installation:
    """An installation that nobody else uses."""
    return Installation(kafka.bootstrap, topic_prefix, tmp_path)


@pytest.fixture
def running() -> Iterator[Callable[[Process], Process]]:
    """Starts processes, and stops them after the test."""
    with ExitStack() as stack:
        start: Callable[[Process], Process] = stack.enter_context
        yield start


def letter(name: str, reason: str = "the body is no JSON", service: str = "iris") -> Message:
    """Returns the dead letter of an event of an id."""
    one = event(1, 1.0, id=name, stream=Stream("demo", service, "predictor", ""))
    return dead_letter(reason, f"inferences/0@1[{name}]", *to_kafka(one))


def letters(count: int) -> list[Message]:
    """Returns dead letters with the ids 0, 1, …, of some streams."""
    return [letter(str(number), service=f"service-{number % 7}") for number in range(count)]


def make_wide_baseline(directory: Path) -> Path:
    """Makes a baseline of three columns, where the requests have two."""
    chance = random.Random(3)
    lines = [f"{chance.gauss(1, 1)},{chance.gauss(2, 1)},{chance.gauss(3, 1)}" for _ in range(100)]
    (directory / "wide.csv").write_text("\n".join(["x,y,z", *lines]))
    made = nilometer("baseline", directory, directory / "wide.csv", "--out", directory / "wide").start()
    assert made.wait() == 0, made.output()
    return directory / "wide"


def test_a_mended_monitor_gets_what_it_could_not_use(
    installation: Installation, tmp_path: Path, running: Callable[[Process], Process]
) -> None:
    """From the logger to the dead letters; a redrive too early brings them back; after the mending they are rows."""
    right, wrong = make_baseline(tmp_path), make_wide_baseline(tmp_path)
    monitors = write_monitors(tmp_path, wrong, ["service-0"], size="2s", delay="3s")
    workers = Workers(installation.kafka, installation.prefix, monitors, tmp_path)
    start = beginning()
    sent = [Sent(f"request-{number}", "service-0", start + number, (10.0, 20.0)) for number in range(5)]
    port = free_port()
    logger = running(installation.process("logger", "--port", port))
    logger.wait_for_line(r"\bready\b")
    worker = running(workers.make())

    def log(some: Sequence[Sent]) -> None:
        for one in some:
            headers, body = to_http(one.event)
            assert send(f"http://127.0.0.1:{port}/", headers, body).status == 200

    log(sent)
    eventually(lambda: len(installation.dead()) == 5, "dead letters", timeout_seconds=PATIENCE)
    shown = installation.run("events", "--dead", "--no-follow")
    assert len(shown) == 5
    assert all("demo/service-0/predictor monitor demo/service-0: 2 columns" in line for line in shown)
    assert all('… | {"instances": [[' in line for line in shown)

    [told, *_] = installation.run("redrive")
    assert told == "5 of 5 dead letters sent through again"
    eventually(lambda: len(installation.dead()) == 10, "the same again", timeout_seconds=PATIENCE)
    assert sorted(found.attributes.get(REDRIVEN, "0") for found in installation.dead()) == ["0"] * 5 + ["1"] * 5

    worker.stop(grace_seconds=60)
    path = monitors / "service-0.yaml"
    path.write_text(path.read_text().replace(str(wrong), str(right)))
    running(workers.make()).wait_for_line(r"\bready\b", timeout_seconds=PATIENCE)
    [told, *_] = installation.run("redrive", "--reason", "MONITOR demo/service-0")
    assert told == "5 of 5 dead letters sent through again"
    log(last_words(start, 20, ["service-0"]))

    [(service, window)] = eventually(workers.windows, "the window", timeout_seconds=PATIENCE)
    assert (service, window["rows"]) == ("service-0", len(sent))
    assert len(installation.dead()) == 10


def test_each_goes_once_by_its_stream(installation: Installation) -> None:
    """The next redrive takes what is new; --again takes all; every event lies where its stream does."""
    installation.bury(letters(30))
    assert installation.run("redrive")[0] == "30 of 30 dead letters sent through again"
    assert installation.run("redrive") == [
        "0 of 0 dead letters sent through again",
        "older ones were handled by an earlier redrive; --again begins with the oldest",
    ]
    installation.bury([letter("new")])
    assert installation.run("redrive")[0] == "1 of 1 dead letters sent through again"
    assert installation.ids() == dict.fromkeys([*map(str, range(30)), "new"], 1)

    assert installation.run("redrive", "--again")[0] == "31 of 31 dead letters sent through again"
    assert installation.ids() == dict.fromkeys([*map(str, range(30)), "new"], 2)
    assert installation.run("redrive", "--again", "--limit", 1)[0].startswith("1 of ")
    assert installation.run("redrive")[0] == "0 of 0 dead letters sent through again"
    for record in records_of(installation.kafka, f"{installation.prefix}inferences"):
        attributes = {name[3:]: value.decode() for name, value in record.headers}
        assert record.partition == partition_of(stream_of(attributes), PARTITIONS)


def test_a_dry_run_changes_nothing(installation: Installation) -> None:
    """It tells what there is of which reason, and the redrive after it does that."""
    installation.bury([*(letter(str(number)) for number in range(3)), letter("other", "monitor demo/iris: 3 columns")])

    told = installation.run("redrive", "--dry-run")

    assert told == [
        "4 of 4 dead letters would be sent through again",
        "       3  the body is no JSON",
        "       1  monitor demo/iris: 3 columns",
    ]
    assert installation.ids() == {}
    assert installation.run("redrive", "--dry-run") == told
    assert installation.run("redrive")[0] == "4 of 4 dead letters sent through again"
    assert installation.run("redrive", "--dry-run", "--again")[0] == told[0]


def test_a_reason_and_a_limit_choose(installation: Installation) -> None:
    """One to try with, then the rest of its kind; what was passed over is there for --again."""
    installation.bury([*(letter(str(number)) for number in range(5)), letter("other", "monitor demo/iris: 3 columns")])

    assert installation.run("redrive", "--reason", "NO JSON", "--limit", 1)[0].startswith("1 of ")
    installation.run("redrive", "--reason", "no json")
    assert installation.ids() == {str(number): 1 for number in range(5)}
    assert installation.run("redrive", "--again", "--reason", "demo/iris")[-2:] == [
        "5 left",
        "       5  another reason than the one asked for",
    ]
    assert installation.ids() == {"other": 1, **{str(number): 1 for number in range(5)}}


def test_what_cannot_be_sent_is_left_and_told(installation: Installation) -> None:
    """Bytes without a stream, half a body, and the second monitor's letter of one event."""
    installation.bury(
        [
            dead_letter("not a CloudEvent", "others/0@1", [("color", b"red")], b"not ours"),
            dead_letter("large", "others/0@2", *to_kafka(event(1, id="cut", body=b"x" * 1000)), most_bytes=800),
            letter("twice", "monitor demo/a: 3 columns"),
            letter("twice", "monitor demo/b: 3 columns"),
        ]
    )
    told = installation.run("redrive")

    assert told[0] == "1 of 4 dead letters sent through again"
    assert told[2] == "3 left"
    assert all(text in str(told) for text in ("no event that could go by its stream", "cut,", "the same event"))
    assert installation.ids() == {"twice": 1}
    documents = [json.loads(line) for line in installation.run("events", "--dead", "--no-follow", "--output", "json")]
    assert sorted(document["reason"] for document in documents) == [
        "large",
        "monitor demo/a: 3 columns",
        "monitor demo/b: 3 columns",
        "not a CloudEvent",
    ]


def test_kill_9_in_the_middle_loses_nothing(installation: Installation, running: Callable[[Process], Process]) -> None:
    """The next redrive sends the rest, and perhaps a few once more."""
    installation.bury(letters(10_000))
    redrive = running(installation.process("redrive"))
    eventually(installation.ids, "some events")
    redrive.kill()

    installation.run("redrive")

    assert set(installation.ids()) == set(map(str, range(10_000)))


def test_what_is_on_its_way_counts_as_not_handled(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """A redrive that dies before Kafka has acknowledged leaves the letter to the next one."""
    installation.bury(letters(300))
    send_first = Redrive._send
    reached = asyncio.Event()

    async def send_some(self: Redrive, events: Sequence[CloudEvent]) -> None:
        if self.summary.sent.total() >= 150:
            reached.set()
            await asyncio.Event().wait()
        await send_first(self, events)

    async def die_in_the_middle() -> None:
        settings = RedriveSettings(kafka=installation.kafka, topic_prefix=installation.prefix)
        redrive = asyncio.create_task(Redrive(settings, again=False, dry_run=False).run(asyncio.Event()))
        await reached.wait()
        redrive.cancel()
        await asyncio.wait((redrive,))

    with monkeypatch.context() as patch:
        patch.setattr(Redrive, "_send", send_some)
        asyncio.run(die_in_the_middle())
    assert 150 <= len(installation.ids()) < 300
    installation.run("redrive")

    assert set(installation.ids()) == set(map(str, range(300)))


def test_two_at_a_time_share(installation: Installation, running: Callable[[Process], Process]) -> None:
    """Two people who run it at once send nothing twice, and everything."""
    installation.bury(letters(5000))
    both = [running(installation.process("redrive", "--log-level", "error")) for _ in range(2)]

    assert [redrive.wait(timeout_seconds=120) for redrive in both] == [0, 0]

    assert installation.ids() == dict.fromkeys(map(str, range(5000)), 1)
    assert sum(int(redrive.output().split()[0]) for redrive in both) == 5000


def test_what_is_not_there_is_one_line(installation: Installation) -> None:
    """A wrong prefix, or a Kafka that is away: exit code 1, and what to do."""
    wrong = installation.process("redrive", "--topic-prefix", "nobody-").start()
    away = installation.process("redrive", "--kafka", f"127.0.0.1:{free_port()}").start()

    assert (wrong.wait(), away.wait()) == (1, 1)
    assert "error: there is no topic nobody-inferences-dead: give --topic-prefix" in wrong.output()
    assert "cannot be reached" in away.output()
    for process in (wrong, away):
        assert len(process.output().splitlines()) == 1


def test_dead_and_another_topic_contradict(installation: Installation) -> None:
    """`--dead` is the name of a topic: two names are a slip."""
    process = installation.process("events", "findings", "--dead").start()
    assert process.wait() == 2
    assert "--dead means the topic inferences-dead, not findings" in process.output()
