"""Delivery on a real Kafka, to sinks that behave as sinks do."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from aiokafka import AIOKafkaProducer

from nilometer_detectors.demo.kafka import EmbeddedKafka
from nilometer_detectors.demo.processes import free_port
from nilometer_logger import provisioning, topics
from nilometer_logger.events import CloudEvent
from nilometer_logger.ownership import publish
from nilometer_logger.settings import Topics
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


def find(kafka: str, prefix: str, names: list[str]) -> None:
    """Writes findings of one stream into the topic, as the worker does."""

    async def write() -> None:
        await provisioning.ensure(Topics(kafka=kafka, topic_prefix=prefix, partitions=1), (topics.FINDINGS,))
        producer = AIOKafkaProducer(bootstrap_servers=kafka, enable_idempotence=True)
        await producer.start()
        try:
            for name in names:
                attributes = {"specversion": "1.0", "id": name, "source": "/x", "type": "io.nilometer.drift"}
                await (await publish(producer, prefix + topics.FINDINGS, CloudEvent(attributes, b"{}")))
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


def test_a_final_refusal_stops_nothing(kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path) -> None:
    """An answer that no retry can mend is logged with the finding's id, and the next finding goes on."""
    find(kafka.bootstrap, topic_prefix, ["first", "refused", "last"])
    sink = Sink(answer=lambda name, _: 400 if name == "refused" else 202)
    common = ("--kafka", kafka.bootstrap, "--topic-prefix", topic_prefix)
    with sink.listening(), nilometer("delivery", tmp_path, *common, "--sink", sink.url) as delivery:
        eventually(lambda: "last" in sink.got, "the finding after the refused one")
        delivery.wait_for_line(r"finding refused .*id=refused .*status=400")
    assert sink.got == ["first", "refused", "last"]


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
