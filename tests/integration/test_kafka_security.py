"""Kafka behind TLS and passwords: everything works there, and what does not fit is one clear line."""

import asyncio
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiokafka.conn import create_conn
from aiokafka.protocol.admin import CreateAclsRequest

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka, Listener
from nilometer_detectors.demo.stack.processes import free_port
from nilometer_logger import topics
from nilometer_logger.cloudevents import to_http
from nilometer_logger.errors import UnavailableError
from nilometer_logger.kafka import topic_admin
from nilometer_logger.settings import Topics
from tests.integration.logging_events import headers_of, send
from tests.integration.secured import HOST, PASSWORD, USER, Access, Authority, make_access, plain
from tests.integration.stack import Stack, eventually, nilometer
from tests.integration.test_delivery import Sink
from tests.integration.worker.feeding import Sent, beginning, last_words, make_baseline, write_monitors

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

ALL = (topics.INFERENCES, topics.DEAD, topics.STATE, topics.FINDINGS, topics.OUTLIERS)
GUEST = "bob"
PATIENCE = 120.0


@pytest.fixture(scope="module")
def access(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Access]:
    """The listeners of the broker of these tests, and what lets one in."""
    return make_access(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def broker(
    kafka_available: None,  # noqa: ARG001 - pytest's way to say: after it
    access: dict[str, Access],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[EmbeddedKafka]:
    """A Kafka with those listeners, which knows two users, and what they may do."""
    rights = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "true",
        "super.users": "User:ANONYMOUS",
    }
    with EmbeddedKafka(
        tmp_path_factory.mktemp("kafka"),
        listeners=[one.listener for one in access.values()],
        users={USER: PASSWORD, GUEST: PASSWORD},
        properties=rights,
    ) as running:
        yield running


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The baseline of all monitors."""
    return make_baseline(tmp_path_factory.mktemp("baseline"))


@pytest.fixture
def monitors(tmp_path: Path, baseline: Path) -> Path:
    """The directory with a monitor of one service."""
    return write_monitors(tmp_path, baseline, ["iris"], size="2s", delay="3s")


@pytest.fixture(params=["scram", "plain", "certificate"])
def way_in(request: pytest.FixtureRequest, access: dict[str, Access]) -> Access:
    """Each of the ways in, one after another."""
    return access[request.param]


def set_environment(monkeypatch: pytest.MonkeyPatch, access: Access) -> None:
    """Gives the processes of a test what lets them in, and makes them as talkative as they can be."""
    for name, value in {**access.env(), "NILOMETER_LOG_LEVEL": "debug"}.items():
        monkeypatch.setenv(name, value)


def printed(directory: Path) -> str:
    """Returns all that the processes of a test have printed."""
    return "".join(path.read_text() for path in sorted(directory.glob("*.log")))


def complaint(directory: Path, env: dict[str, str]) -> str:
    """Returns the one line that a command ends with; it may print nothing else, and never the password."""
    process = nilometer("events", directory, env={**env, "NILOMETER_LOG_LEVEL": "debug"}).start()
    assert process.wait() == 1, process.output()
    [line] = process.output().splitlines()
    assert PASSWORD not in line
    return line


@pytest.mark.usefixtures("broker")
def test_everything_works_behind_it(
    way_in: Access, topic_prefix: str, tmp_path: Path, monitors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An inference becomes a finding at the sink, by way of logger, worker and delivery; nobody prints the password."""
    set_environment(monkeypatch, way_in)
    sink, start = Sink(), beginning()
    sent = [Sent("outlier", "iris", start, (1000.0, 20.0)), *last_words(start, 20, ["iris"])]

    with (
        sink.listening(),
        Stack(way_in.values()["kafka"], topic_prefix, tmp_path, monitors, sink.url) as stack,
    ):
        for one in sent:
            headers, body = to_http(one.event)
            assert send(stack.url, dict(headers), body).status == 200
        # The outlier and the statistics of its window.
        eventually(lambda: len(sink.got) == 2, "two findings at the sink", timeout_seconds=PATIENCE)
    shown = nilometer("events", tmp_path, "--topic-prefix", topic_prefix, "--no-follow", "--output", "json").start()
    assert shown.wait() == 0
    assert "io.nilometer.statistics" in shown.output()

    assert PASSWORD not in printed(tmp_path)
    assert "Traceback" not in printed(tmp_path)


@pytest.mark.usefixtures("broker")
@pytest.mark.parametrize(
    ("way", "others", "told"),
    [
        (
            "scram",
            {"kafka_password": f"{PASSWORD}!"},
            "refuses our user or password; see .*--kafka-password: Auth.*SCRAM",
        ),
        ("plain", {"kafka_password": f"{PASSWORD}!"}, "refuses our user or password; see .*--kafka-password: Auth"),
        ("scram", {"kafka_username": "eve"}, "refuses our user or password; see --kafka-username"),
        ("scram", {"kafka_sasl": "PLAIN"}, "does not take our SASL mechanism; choose another --kafka-sasl$"),
        ("scram", {"kafka_ca_file": ""}, "that we do not trust; see --kafka-ca-file: unable to get local issuer"),
        ("certificate", {"kafka_certificate_file": "", "kafka_key_file": ""}, "wants a certificate of ours; give --ka"),
        ("elsewhere", {}, r"certificate that we do not trust; .* for 'localhost'. \(127.*advertises that address\)$"),
    ],
)
def test_who_does_not_fit_gets_one_clear_line(
    way: str, others: dict[str, str], told: str, access: dict[str, Access], tmp_path: Path
) -> None:
    """The address, what Kafka did not like, and the setting to look at."""
    line = complaint(tmp_path, access[way].env(**others))

    assert re.search(rf"^error: Kafka at [a-z0-9.]+:\d+ .*{told}", line)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (
            "localhost:{scram}",
            "has a certificate that we do not trust; write --kafka as its certificate does: Hostname",
        ),
        ("127.0.0.1:{elsewhere}", "takes no SASL on this port; choose another port or --kafka-security$"),
        ("127.0.0.1:{open}", "closed the connection: .* for another --kafka-security than SASL_SSL$"),
    ],
)
def test_a_wrong_address_is_one_clear_line(
    address: str, told: str, access: dict[str, Access], broker: EmbeddedKafka, tmp_path: Path
) -> None:
    """A port of another protocol, or a name that the certificate does not have."""
    ports = {name: one.listener.port for name, one in access.items()}
    address = address.format(open=broker.port, **ports)

    line = complaint(tmp_path, access["scram"].env(kafka=address))

    assert re.search(f"^error: Kafka at {address} {told}", line)


@pytest.mark.usefixtures("broker")
def test_a_client_without_tls_gets_one_clear_line(access: dict[str, Access], tmp_path: Path) -> None:
    """Who forgot --kafka-security hears of it."""
    address = access["scram"].values()["kafka"]

    line = complaint(tmp_path, {"NILOMETER_KAFKA": address})

    assert re.search(f"^error: Kafka at {address} closed .*another --kafka-security than PLAINTEXT$", line)


@pytest.mark.usefixtures("broker")
def test_a_certificate_of_a_stranger_gets_one_clear_line(access: dict[str, Access], tmp_path: Path) -> None:
    """What Kafka does not trust is told from what we do not trust."""
    line = complaint(tmp_path, access["certificate"].env(**Authority(tmp_path, "stranger").client()))

    assert "does not trust our certificate; see --kafka-certificate-file" in line


def test_a_user_without_the_right_to_create_uses_what_is_there(
    broker: EmbeddedKafka, access: dict[str, Access], topic_prefix: str
) -> None:
    """Where others make the topics, we need no right to make any; and without topics the refusal is told."""
    settings = access["scram"].settings(kafka_username=GUEST, topic_prefix=topic_prefix)
    asyncio.run(forbid_creating(broker.port))
    with pytest.raises(UnavailableError, match=f"Kafka did not create topic {topic_prefix}inferences: Authoriz"):
        asyncio.run(topic_admin.ensure(settings, ALL))

    asyncio.run(topic_admin.ensure(Topics(kafka=broker.bootstrap, topic_prefix=topic_prefix, partitions=3), ALL))

    assert asyncio.run(topic_admin.ensure(settings, ALL)) == 3


async def forbid_creating(port: int) -> None:
    """Allows everything to everyone, but to create topics to one."""
    topic, cluster, literal, everything, create, deny, allow = 2, 4, 3, 2, 5, 2, 3
    connected = await create_conn(HOST, port, security_protocol="PLAINTEXT")
    for kind, name in ((topic, "*"), (cluster, "kafka-cluster")):
        for user, operation, permission in ((GUEST, create, deny), ("*", everything, allow)):
            request = CreateAclsRequest(kind, name, literal, f"User:{user}", "*", operation, permission)
            reply = await connected.send(request)
            assert [code for code, *_ in reply.creation_responses] == [0]
    await connected.close()


@pytest.mark.usefixtures("kafka_available")
def test_a_password_that_is_right_later_is_taken(
    topic_prefix: str, tmp_path: Path, monitors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is refused says so and goes on asking: whoever makes users in Kafka may be slower."""
    authority = Authority(tmp_path)
    early = Listener("PLAIN", free_port(), "SASL_SSL", {**authority.server(), **plain("not yet")})
    late = replace(early, properties={**early.properties, **plain()})
    given = {"kafka_ca_file": str(authority.file), "kafka_username": USER, "kafka_password": PASSWORD}
    set_environment(monkeypatch, Access(late, {**given, "kafka_sasl": "PLAIN"}))

    with nilometer("worker", tmp_path, "--topic-prefix", topic_prefix, "--monitors", monitors) as worker:
        with EmbeddedKafka(tmp_path / "kafka", listeners=[early]):
            worker.wait_for_line("waiting for Kafka .*refuses our user or password")
        with EmbeddedKafka(tmp_path / "kafka", listeners=[late]):
            worker.wait_for_line(r"\bready\b", timeout_seconds=PATIENCE)
            worker.stop(grace_seconds=60)
    assert worker.wait() == 0
    assert PASSWORD not in worker.output()
    assert "Traceback" not in worker.output()


def mount(directory: Path, authority: Authority) -> dict[str, str]:
    """Puts an authority and a client's certificate of its into a directory; returns the settings that name them."""
    directory.mkdir(exist_ok=True)
    issued = {"kafka_ca_file": str(authority.file), **authority.client()}
    return {name: str(shutil.copy(path, directory / f"{name}.pem")) for name, path in issued.items()}


@pytest.mark.usefixtures("kafka_available")
def test_renewed_certificates_need_no_restart(
    topic_prefix: str, tmp_path: Path, monitors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When Kafka and the files of a Secret change their authority, the processes that run connect by the new one."""
    former, new = Authority(tmp_path, "former"), Authority(tmp_path, "new")
    before = Listener("MUTUAL", free_port(), "SSL", former.server(clients=True))
    after = replace(before, properties=new.server(clients=True))
    set_environment(monkeypatch, Access(before, mount(tmp_path / "secret", former)))
    port = free_port()

    with (
        nilometer("logger", tmp_path, "--topic-prefix", topic_prefix, "--port", port) as logger,
        nilometer("worker", tmp_path, "--topic-prefix", topic_prefix, "--monitors", monitors) as worker,
    ):
        with EmbeddedKafka(tmp_path / "kafka", listeners=[before]):
            for process in (logger, worker):
                process.wait_for_line(r"\bready\b", timeout_seconds=PATIENCE)
        with EmbeddedKafka(tmp_path / "kafka", listeners=[after]):
            worker.wait_for_line("waiting for Kafka .*certificate that we do not trust", timeout_seconds=PATIENCE)
            mount(tmp_path / "secret", new)
            worker.wait_for_line("Kafka is back", timeout_seconds=PATIENCE)
            url = f"http://{HOST}:{port}/"
            eventually(lambda: send(url, headers_of("1"), b"{}").status == 200, "an acknowledgement")
            worker.stop(grace_seconds=60)
    assert "Traceback" not in printed(tmp_path)
