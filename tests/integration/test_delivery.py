"""Delivery on a real Kafka, to sinks that behave as sinks do."""

import asyncio
import json
import re
import signal
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from nilometer_detectors.demo.stack.processes import free_port
from nilometer_logger import topics
from nilometer_logger.cloudevents import CloudEvent, to_kafka
from nilometer_logger.deadletters import DeadLetter, read_dead_letter
from nilometer_logger.kafka import topic_admin
from nilometer_logger.settings import Topics
from tests.integration.reading import records_of
from tests.integration.stack import eventually, nilometer

Answer = Callable[[str, int], int]


@dataclass
class Sink:
    """A sink that answers as it is told.

    Attributes:
        answer: tells the status of an answer from the event's id and how often that id has come before.
        got: the ids in the order in which they came.
    """

    answer: Answer = lambda *_: 200
    got: list[str] = field(default_factory=list)
    extensions: list[str | None] = field(default_factory=list)
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/"

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listens for as long as the block lasts."""
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                name = self.headers["ce-id"]
                status = sink.answer(name, sink.got.count(name))
                sink.got.append(name)
                sink.extensions.append(self.headers["ce-cluster"])
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def find(kafka: str, prefix: str, *streams: list[str], body: bytes = b"{}") -> None:
    """Writes findings into the topic, those of each stream into a partition of its own."""

    async def write() -> None:
        settings = Topics(kafka=kafka, topic_prefix=prefix, partitions=len(streams))
        await topic_admin.ensure(settings, (topics.FINDINGS,))
        producer = AIOKafkaProducer(bootstrap_servers=kafka, enable_idempotence=True)
        await producer.start()
        try:
            for partition, names in enumerate(streams):
                for name in names:
                    attributes = {"specversion": "1.0", "id": name, "source": "/x", "type": "io.nilometer.drift"}
                    headers, value = to_kafka(CloudEvent(attributes, body))
                    await producer.send_and_wait(prefix + topics.FINDINGS, value, headers=headers, partition=partition)
        finally:
            await producer.stop()

    asyncio.run(write())


def test_a_sink_that_is_away_gets_everything_in_order_when_it_comes(
    kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    """Refused connections and answers of 503 lose nothing and reorder nothing."""
    names = [str(number) for number in range(20)]
    find(kafka.bootstrap, topic_prefix, names)
    sink = Sink(answer=lambda name, before: 503 if name == "7" and before < 2 else 200)
    common = ("--kafka", kafka.bootstrap, "--topic-prefix", topic_prefix)
    with nilometer("delivery", tmp_path, *common, "--sink", sink.url, "--retry-seconds", 0.5) as delivery:
        delivery.wait_for_line("sink not available")
        with sink.listening():
            eventually(lambda: len(sink.got) >= len(names) + 2, "all findings at the sink")
    assert sink.got == [*names[:7], "7", "7", *names[7:]]


def look(port: int, path: str) -> tuple[int, str]:
    """Asks the delivery's own server; status 0 where nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def kept(kafka: EmbeddedKafka, prefix: str) -> list[DeadLetter]:
    """Returns the findings that were refused."""
    records = records_of(kafka.bootstrap, prefix + topics.FINDINGS_DEAD)
    return [read_dead_letter(record.headers, record.value) for record in records]


def test_a_final_refusal_stops_nothing(kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path) -> None:
    """A finding that the sink refuses for good is kept with the answer and counted, and the next one goes on."""
    find(kafka.bootstrap, topic_prefix, ["first", "refused", "last"], body=b'{"rows": 3}')
    sink = Sink(answer=lambda name, _: 400 if name == "refused" else 202)
    port = free_port()
    common = ("--kafka", kafka.bootstrap, "--topic-prefix", topic_prefix, "--metrics-port", port)
    with sink.listening(), nilometer("delivery", tmp_path, *common, "--sink", sink.url) as delivery:
        eventually(lambda: "last" in sink.got, "the finding after the refused one")
        delivery.wait_for_line(r"finding refused .*id=refused .*status=400")
        eventually(lambda: 'delivered_total{topic="' in look(port, "/metrics")[1], "the last finding counted")
        text = look(port, "/metrics")[1]
    assert sink.got == ["first", "refused", "last"]
    assert f'nilometer_delivery_delivered_total{{topic="{topic_prefix}findings"}} 2.0' in text
    assert 'nilometer_delivery_refused_total{status="400"} 1.0' in text
    [letter] = kept(kafka, topic_prefix)
    assert (letter.status, letter.sink, letter.value) == ("400", sink.url, b'{"rows": 3}')
    assert letter.position == f"{topic_prefix}findings/0@1"
    assert dict(letter.headers)["ce_id"] == b"refused"

    with nilometer("events", tmp_path, *common[:4], "findings-dead", "--no-follow", "--output", "json") as events:
        assert events.wait() == 0
    shown = json.loads(events.output().splitlines()[-1])
    assert (shown["id"], shown["status"], shown["data"]) == ("refused", "400", {"rows": 3})


def test_a_refused_finding_that_its_topic_does_not_take_is_cut(
    kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    """A topic that others made may take less: what it takes is kept, and the next finding goes on."""

    async def make() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
        await admin.start()
        try:
            small = {"max.message.bytes": "2000"}
            await admin.create_topics([NewTopic(topic_prefix + topics.FINDINGS_DEAD, 1, 1, topic_configs=small)])
        finally:
            await admin.close()

    asyncio.run(make())
    find(kafka.bootstrap, topic_prefix, ["refused", "last"], body=b"x" * 100_000)
    sink = Sink(answer=lambda name, _: 413 if name == "refused" else 202)
    common = ("--kafka", kafka.bootstrap, "--topic-prefix", topic_prefix, "--metrics-port", -1)
    with sink.listening(), nilometer("delivery", tmp_path, *common, "--sink", sink.url):
        eventually(lambda: "last" in sink.got, "the finding after the refused one")
    [letter] = kept(kafka, topic_prefix)
    assert (letter.status, letter.is_cut) == ("413", True)
    assert 0 < len(letter.value) < 2000


def test_what_one_partition_waits_for_delays_no_other(kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path) -> None:
    """A finding that the sink never takes holds up those behind it, and the findings of other partitions leave."""
    stuck, other = ["a", "never", "behind"], [f"other-{number}" for number in range(300)]
    find(kafka.bootstrap, topic_prefix, stuck, other)
    sink = Sink(answer=lambda name, _: 500 if name == "never" else 202)
    port = free_port()
    common = ("--kafka", kafka.bootstrap, "--topic-prefix", topic_prefix, "--metrics-port", port)
    with sink.listening(), nilometer("delivery", tmp_path, *common, "--sink", sink.url, "--retry-seconds", 0.5):
        eventually(lambda: sink.got.count("never") >= 3 and sink.got[-1:] and other[-1] in sink.got, "the others")
        find(kafka.bootstrap, topic_prefix, [], ["later"])
        eventually(lambda: "later" in sink.got, "a finding that came later")
        waiting = f'undelivered_records{{partition="0",topic="{topic_prefix}findings"}} 2.0'
        eventually(lambda: waiting in look(port, "/metrics")[1], "the findings that wait, counted")
        assert look(port, "/readyz") == (200, "ready\n")  # others are taken
        assert look(port, "/healthz")[0] == 200
    assert "behind" not in sink.got
    assert [name for name in sink.got if name.startswith("other")] == other
    assert kept(kafka, topic_prefix) == []


def test_partitions_move_while_one_waits(kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path) -> None:
    """Another delivery takes over some partitions and none is lost, though the sink takes nothing at that time."""
    streams = [[f"{partition}-{number}" for number in range(20)] for partition in range(4)]
    find(kafka.bootstrap, topic_prefix, *streams)
    opened = threading.Event()
    sink = Sink(answer=lambda *_: 202 if opened.is_set() else 503)
    common = ("--kafka", kafka.bootstrap, "--topic-prefix", topic_prefix, "--sink", sink.url, "--retry-seconds", 0.5)
    first, second = free_port(), free_port()
    (tmp_path / "second").mkdir()

    def partitions(port: int) -> int:
        found = re.search(r"nilometer_delivery_partitions (\d+)", look(port, "/metrics")[1])
        return int(found[1]) if found else -1

    with sink.listening(), nilometer("delivery", tmp_path, *common, "--metrics-port", first):
        eventually(lambda: partitions(first) > 0 and len(sink.got) > 8, "tries of the first delivery")
        every = partitions(first)
        with nilometer("delivery", tmp_path / "second", *common, "--metrics-port", second):
            eventually(lambda: 0 < partitions(first) < every and partitions(second) > 0, "partitions of both")
            opened.set()
            eventually(lambda: {name for names in streams for name in names} <= set(sink.got), "all findings")
    taken = list(dict.fromkeys(sink.got))
    for partition, names in enumerate(streams):
        assert [name for name in taken if name.startswith(f"{partition}-")] == names


def test_it_ends_at_once_whatever_it_waits_for(kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path) -> None:
    """SIGTERM in the middle of a long pause, and of a try that is never answered, is the end of it."""
    find(kafka.bootstrap, topic_prefix, ["never"], ["hangs"])
    hanging, free = threading.Event(), threading.Event()

    def answer(name: str, _: int) -> int:
        if name == "hangs":
            hanging.set()
            free.wait(120)
        return 503

    sink = Sink(answer=answer)
    common = ("--kafka", kafka.bootstrap, "--topic-prefix", topic_prefix, "--metrics-port", -1)
    long = ("--attempt-seconds", 100, "--retry-seconds", 100)
    with sink.listening():
        try:
            with nilometer("delivery", tmp_path, *common, "--sink", sink.url, *long) as delivery:
                assert hanging.wait(60)
                eventually(lambda: sink.got.count("never") >= 3, "some tries")
                delivery.signal(signal.SIGTERM)
                assert delivery.wait() == 0
        finally:
            free.set()


def test_what_a_killed_delivery_was_sending_is_sent_again(
    kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    """Kill -9 in the middle loses no finding: the next process begins with the first that was not taken."""
    names = [str(number) for number in range(30)]
    find(kafka.bootstrap, topic_prefix, names)
    blocked = threading.Event()
    free = threading.Event()

    def answer(name: str, before: int) -> int:
        if name == "10" and not before:
            blocked.set()
            free.wait(60)
        return 200

    sink = Sink(answer=answer)
    common = ("--kafka", kafka.bootstrap, "--topic-prefix", topic_prefix)
    delivery = nilometer("delivery", tmp_path, *common, "--sink", sink.url)
    with sink.listening():
        with delivery:
            assert blocked.wait(60)
            delivery.kill()
            free.set()
        with delivery:
            eventually(lambda: sink.got[-1:] == ["29"], "the last finding at the sink")
    assert list(dict.fromkeys(sink.got)) == names
    assert len(sink.got) <= len(names) + 2


def test_knative_says_where_the_sink_is(kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path) -> None:
    """`K_SINK` and `K_CE_OVERRIDES`, which a SinkBinding injects, are all the settings that delivery needs."""
    find(kafka.bootstrap, topic_prefix, ["one"])
    sink = Sink()
    injected = {"K_SINK": sink.url, "K_CE_OVERRIDES": '{"extensions": {"cluster": "blue"}}'}
    common = ("--kafka", kafka.bootstrap, "--topic-prefix", topic_prefix)
    with sink.listening(), nilometer("delivery", tmp_path, *common, env=injected):
        eventually(lambda: sink.got, "the finding at the sink")
    assert sink.extensions == ["blue"]
