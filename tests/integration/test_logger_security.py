"""`nilometer logger` behind TLS, with a secret token, and with the tokens of a real Kubernetes API server."""

import re
import signal
import socket
import ssl
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.client import HTTPSConnection
from pathlib import Path

import pytest
import trustme

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from nilometer_detectors.demo.stack.processes import Process, free_port
from tests.integration import parts
from tests.integration.kubernetes import KubernetesApi, _signing_key
from tests.integration.logging_events import Answer, headers_of, send
from tests.integration.peer_fixtures import Require
from tests.integration.reading import events_of
from tests.integration.stack import eventually, nilometer

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

AUDIENCE = "nilometer"
SECRET = "s3cret-of-all-clients"


class Logger:
    """A logger in a process of its own."""

    def __init__(self, process: Process, port: int) -> None:
        self.process = process
        self.port = port

    def post(self, event_id: str, token: str | None = None) -> Answer:
        """Sends an event over plain HTTP, with a token or without."""
        authorization = {"Authorization": f"Bearer {token}"} if token is not None else {}
        return send(f"http://127.0.0.1:{self.port}/", {**headers_of(event_id), **authorization}, b"{}")

    def status(self, token: str | None = None) -> int:
        """Returns the status that an event is answered."""
        return self.post("an event", token).status


Start = Callable[..., Logger]


@pytest.fixture
def start(kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path) -> Iterator[Start]:
    """Starts loggers that are ready, and stops them after the test; then nothing unforeseen may be in their logs."""
    with ExitStack() as stack:

        def started(*arguments: object, **variables: str) -> Logger:
            port = free_port()
            common = ("--kafka", kafka.bootstrap, "--topic-prefix", topic_prefix, "--port", port)
            process = nilometer("logger", tmp_path, *common, *arguments, env=variables)
            stack.enter_context(process).wait_for_line(r"\bready\b")
            stack.callback(lambda: forbid(process, "Traceback"))
            return Logger(process, port)

        yield started


def forbid(process: Process, text: str) -> None:
    """Checks that a process did not print something."""
    assert text not in process.output()


# TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Who signs the logger's certificates."""
    return trustme.CA()


class Files:
    """The logger's certificate and key, as Kubernetes mounts them: what both links lead through is swapped."""

    def __init__(self, directory: Path, authority: trustme.CA) -> None:
        self._directory = directory
        self._authority = authority
        self._version = 0
        directory.mkdir()
        self.certificate, self.key = directory / "tls.crt", directory / "tls.key"
        self.renew()
        for file in (self.certificate, self.key):
            file.symlink_to(Path("..data", file.name))

    @property
    def arguments(self) -> tuple[object, ...]:
        """What makes the logger use them."""
        return ("--tls-certificate-file", self.certificate, "--tls-key-file", self.key)

    def renew(self) -> None:
        """Swaps in a new certificate."""
        self._version += 1
        folder, link = self._directory / f"..{self._version}", self._directory / "..data_tmp"
        folder.mkdir()
        issued = self._authority.issue_cert("127.0.0.1")
        issued.cert_chain_pems[0].write_to_path(folder / "tls.crt")
        issued.private_key_pem.write_to_path(folder / "tls.key")
        link.symlink_to(folder.name)
        link.replace(self._directory / "..data")


@pytest.fixture
def files(tmp_path: Path, authority: trustme.CA) -> Files:
    """A certificate and its key."""
    return Files(tmp_path / "tls", authority)


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """Makes what a client of an authority connects with."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def connect(logger: Logger, context: ssl.SSLContext) -> HTTPSConnection:
    """Opens a connection, and shakes hands."""
    connection = HTTPSConnection("127.0.0.1", logger.port, timeout=30, context=context)
    connection.connect()
    return connection


def post(connection: HTTPSConnection, event_id: str) -> int:
    """Sends an event, and returns the status of the answer."""
    connection.request("POST", "/", b"{}", headers_of(event_id))
    answer = connection.getresponse()
    answer.read()
    return answer.status


def serial(connection: HTTPSConnection) -> object:
    """Returns the serial number of the certificate that a connection has seen."""
    assert isinstance(connection.sock, ssl.SSLSocket)
    certificate = connection.sock.getpeercert()
    assert certificate
    return certificate["serialNumber"]


def test_events_come_over_tls(
    start: Start, files: Files, authority: trustme.CA, kafka: EmbeddedKafka, topic_prefix: str
) -> None:
    """What is sent to a logger with a certificate is in Kafka; who trusts another authority sends nothing."""
    logger = start(*files.arguments)
    logger.process.wait_for_line(r"listening.*https://")

    with closing(connect(logger, trusting(authority))) as connection:
        assert [post(connection, str(number)) for number in range(3)] == [200] * 3
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(logger, trusting(trustme.CA()))

    assert [event["id"] for event in events_of(kafka.bootstrap, f"{topic_prefix}inferences")] == ["0", "1", "2"]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_old_protocols_are_refused(start: Start, files: Files, authority: trustme.CA) -> None:
    """TLS 1.2 is let in; TLS 1.1 is cut off, by the logger and not by the client here."""
    logger = start(*files.arguments)
    context = trusting(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with closing(connect(logger, context)) as connection:
        assert post(connection, "new enough") == 200

    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match=r"ALERT_PROTOCOL_VERSION|UNEXPECTED_EOF"):
        connect(logger, context)


def test_a_renewed_certificate_is_served_without_a_restart(start: Start, files: Files, authority: trustme.CA) -> None:
    """Within seconds new connections see the new one; the open connection goes on as if nothing had happened."""
    logger = start(*files.arguments)
    with closing(connect(logger, trusting(authority))) as connection:
        assert post(connection, "before") == 200

        files.renew()
        logger.process.wait_for_line("certificate read again")

        with closing(connect(logger, trusting(authority))) as another:
            assert serial(another) != serial(connection)
            assert post(another, "after") == 200
        assert post(connection, "after, too") == 200


def test_plain_http_on_a_port_with_tls_does_no_harm(start: Start, files: Files, authority: trustme.CA) -> None:
    """It is cut off without an answer, and the next client is served."""
    logger = start(*files.arguments)

    with socket.create_connection(("127.0.0.1", logger.port), timeout=30) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: nilometer\r\nContent-Length: 0\r\n\r\n")
        assert b"HTTP" not in client.recv(1024)

    with closing(connect(logger, trusting(authority))) as connection:
        assert post(connection, "well") == 200


@pytest.mark.parametrize("begun", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01"], ids=["nothing", "half"])
def test_a_client_that_does_not_finish_its_handshake_is_cut_off(start: Start, files: Files, begun: bytes) -> None:
    """Whether it says nothing or half of its hello, it has `--read-seconds`, and not the minute of a default."""
    logger = start(*files.arguments, "--read-seconds", 1)

    with socket.create_connection(("127.0.0.1", logger.port), timeout=30) as client:
        client.sendall(begun)
        assert client.recv(1024) == b""


def test_a_certificate_that_cannot_be_served_is_one_line(tmp_path: Path, files: Files) -> None:
    """Exit code 1, with flag, file and remedy."""
    files.key.unlink()
    process = nilometer("logger", tmp_path, "--port", free_port(), *files.arguments).start()

    assert process.wait() == 1
    assert f"--tls-key-file {files.key}: No such file or directory" in process.output()
    assert len(process.output().splitlines()) == 1


# A secret token


def test_a_secret_token_is_asked_for(start: Start) -> None:
    """401 with a challenge without it, 200 with it; and it is nowhere to be read, not even at debug level."""
    logger = start("--log-level", "debug", NILOMETER_TOKEN=SECRET)

    refused = logger.post("without")
    assert refused.status == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert [logger.status(token) for token in (SECRET, SECRET + "x", SECRET[:-1], "")] == [200, 401, 401, 401]
    logger.process.wait_for_line("event refused")
    assert send(f"http://127.0.0.1:{logger.port}/readyz", method="GET").status == 200
    logger.process.signal(signal.SIGTERM)
    assert logger.process.wait() == 0
    forbid(logger.process, SECRET[:6])


def test_a_secret_is_not_in_the_help(tmp_path: Path) -> None:
    """`--help` shows defaults and variables, but no secret that is set."""
    process = nilometer("logger", tmp_path, "--help", env={"NILOMETER_TOKEN": SECRET}).start()

    assert process.wait() == 0
    assert re.search(r"--token\b", process.output())
    forbid(process, SECRET)


# Kubernetes' tokens


class Cluster(KubernetesApi):
    """An API server whose keys can be read from here, and changed."""

    def rotate(self) -> None:
        """Starts the API server again, with another key; tokens of the old one are good for nothing from then on."""
        self._api.kill()
        (self.directory / "sa.key").write_text(_signing_key())
        self._api.start().wait_for_port(self.port)
        self._kubectl_until_success("get", "--raw=/readyz")

    def token(self, account: str, audience: str | None = None) -> str:
        """Makes a token of a service account, as Knative and the kubelet do (TokenRequest)."""
        given = [f"--audience={audience}"] if audience else []
        return self.kubectl("create", "token", account, "--namespace=demo", *given).strip()

    def mount(self, directory: Path) -> Path:
        """Does what the kubelet does for the logger's Pod: the authority, and the logger's own token beside it."""
        directory.mkdir(exist_ok=True)
        (directory / "ca.crt").write_bytes((self.directory / "certificates" / "apiserver.crt").read_bytes())
        (directory / "token").write_text(self.token("logger"))
        return directory / "ca.crt"

    def _api_command(self) -> list[str | Path]:
        # It would tell the address that it advertises to others, and nobody listens there.
        return [*super()._api_command(), f"--service-account-jwks-uri=https://127.0.0.1:{self.port}/openid/v1/jwks"]


@pytest.fixture(scope="module")
def cluster(peer: Require) -> Iterator[Cluster]:
    """An API server of our own, with the accounts of a logger, of a trigger, and of somebody else."""
    peer(*parts.KUBERNETES)
    with tempfile.TemporaryDirectory(prefix="nilometer-test-oidc-") as folder, Cluster(Path(folder)) as api:
        api.create_namespace("demo")
        for name in ("logger", "trigger", "other"):
            api.kubectl("create", "serviceaccount", name, "--namespace=demo")
        yield api


def identities(cluster: Cluster, ca_file: Path) -> tuple[object, ...]:
    """Returns the flags of a logger that takes the trigger's tokens."""
    issuer = f"https://127.0.0.1:{cluster.port}"
    subject = "system:serviceaccount:demo:trigger"
    flags = ("--oidc-audience", AUDIENCE, "--oidc-issuer", issuer, "--oidc-ca-file", ca_file, "--oidc-subject", subject)
    return (*flags, "--log-level", "debug")


def test_a_service_accounts_token_lets_in(start: Start, cluster: Cluster, tmp_path: Path) -> None:
    """200 for the account on the list and our audience, 403 for another account, 401 for everything else."""
    logger = start(*identities(cluster, cluster.mount(tmp_path / "mounted")))
    good = cluster.token("trigger", AUDIENCE)
    head, claims, signature = good.split(".")
    tokens = {
        good: 200,
        cluster.token("other", AUDIENCE): 403,
        cluster.token("trigger", "somebody"): 401,
        cluster.token("trigger"): 401,
        f"{head}.{claims}.{signature[::-1]}": 401,
        f"{head}.{claims}.": 401,
        "": 401,
    }

    assert {token: logger.status(token) for token in tokens} == tokens
    assert logger.status() == 401
    assert logger.status(good) == 200
    logger.process.wait_for_line("'system:serviceaccount:demo:other' is not among those whose tokens are taken")
    assert not any(token in logger.process.output() for token in (signature, claims))


def test_a_rotated_key_is_found(start: Start, cluster: Cluster, tmp_path: Path) -> None:
    """While the API server is away its last keys go on; when it has another key, that works within a minute."""
    logger = start(*identities(cluster, cluster.mount(tmp_path / "mounted")))
    old = cluster.token("trigger", AUDIENCE)
    assert logger.status(old) == 200

    cluster.rotate()
    assert logger.status(old) == 200
    new = cluster.token("trigger", AUDIENCE)
    cluster.mount(tmp_path / "mounted")

    eventually(lambda: logger.status(new) == 200, "the new key's token let in")
    assert logger.status(old) == 401


def test_without_a_token_of_our_own_the_remedy_is_told(start: Start, cluster: Cluster, tmp_path: Path) -> None:
    """Kubernetes gives its keys to service accounts only: 503, because the mount may come yet, and then 200."""
    ca_file = cluster.mount(tmp_path / "mounted")
    token = ca_file.with_name("token")
    own = token.read_text()
    token.unlink()
    logger = start(*identities(cluster, ca_file))
    good = cluster.token("trigger", AUDIENCE)

    assert logger.status(good) == 503
    logger.process.wait_for_line(f"issuer's keys not read.*answers 403.*it is read from {token}")

    token.write_text(own)
    eventually(lambda: logger.status(good) == 200, "a token let in")
