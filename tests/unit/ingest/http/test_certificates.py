"""What TLS is served with: one good pair at any moment, the newest there is."""

import asyncio
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from nilometer_logger.errors import SettingError
from nilometer_logger.ingest.http import certificates
from nilometer_logger.ingest.http.certificates import ServingCertificate
from nilometer_logger.settings import LoggerSettings

AUTHORITY = trustme.CA()
HOST = "nilometer-logger.demo.svc"


class Secret:
    """A Secret as Kubernetes mounts it: links to a link to a folder, and only that last link is ever swapped."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._version = 0
        self.certificate, self.key = directory / "tls.crt", directory / "tls.key"
        self.renew()
        for file in (self.certificate, self.key):
            file.symlink_to(Path("..data", file.name))

    def renew(self) -> None:
        """Issues a certificate, and swaps."""
        issued = AUTHORITY.issue_cert(HOST)
        self.write(b"".join(pem.bytes() for pem in issued.cert_chain_pems), issued.private_key_pem.bytes())

    def write(self, certificate: bytes, key: bytes) -> None:
        """Makes these the contents, both at once."""
        self._version += 1
        folder = self._directory / f"..{self._version}"
        folder.mkdir()
        (folder / "tls.crt").write_bytes(certificate)
        (folder / "tls.key").write_bytes(key)
        link = self._directory / "..data_tmp"
        link.symlink_to(folder.name)
        link.replace(self._directory / "..data")


@pytest.fixture
def secret(tmp_path: Path) -> Secret:
    """A Secret with a certificate."""
    return Secret(tmp_path)


@pytest.fixture
def served(secret: Secret) -> ServingCertificate:
    """What is served of it."""
    return ServingCertificate(secret.certificate, secret.key)


def client_context(**options: ssl.TLSVersion) -> ssl.SSLContext:
    """Makes what a client of the authority connects with."""
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    for name, value in options.items():
        setattr(context, name, value)
    return context


class Connection:
    """A TLS connection without a network.

    Args:
        served: the server's side.
        client: the client's side.
        name: the host that the client asks for; None where it does not say (no SNI).

    Raises:
        ssl.SSLError: of the side that refuses first.
    """

    def __init__(self, served: ServingCertificate, client: ssl.SSLContext, name: str | None = HOST) -> None:
        there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = client.wrap_bio(back, there, server_hostname=name)
        self.server = served.context.wrap_bio(there, back, server_side=True)
        refused: ssl.SSLError | None = None
        for _ in range(4):
            for side in (self.client, self.server):
                try:
                    side.do_handshake()
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLError as error:
                    refused = refused or error
        if refused:
            raise refused

    @property
    def serial(self) -> str:
        """The serial number of the certificate that the client saw."""
        certificate = self.client.getpeercert()
        assert certificate
        return str(certificate["serialNumber"])

    def echo(self, text: bytes) -> bytes:
        """Sends a text to the server's side and back."""
        self.client.write(text)
        self.server.write(self.server.read())
        return self.client.read()


def serial(served: ServingCertificate) -> str:
    """Returns the serial number of the certificate that a new client sees."""
    return Connection(served, client_context()).serial


def test_nothing_is_served_where_nothing_is_asked_for() -> None:
    """The default is plain HTTP."""
    assert ServingCertificate.of(LoggerSettings()) is None


def test_the_settings_name_the_files(secret: Secret) -> None:
    """What they name is served."""
    settings = LoggerSettings(tls_certificate_file=str(secret.certificate), tls_key_file=str(secret.key))
    served = ServingCertificate.of(settings)

    assert served is not None
    assert Connection(served, client_context()).echo(b"hello") == b"hello"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("name", [HOST, None])
def test_it_is_served_whatever_name_is_asked_for(
    served: ServingCertificate, version: ssl.TLSVersion, name: str | None
) -> None:
    """TLS 1.2 and 1.3, with SNI and without."""
    client = client_context(minimum_version=version, maximum_version=version)
    client.check_hostname = name is not None

    assert Connection(served, client, name).client.version() == f"TLSv1.{version.name[-1]}"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_old_protocols_are_refused(served: ServingCertificate) -> None:
    """It is the server that refuses TLS 1.1: the client here would take it."""
    client = client_context(minimum_version=ssl.TLSVersion.TLSv1_1, maximum_version=ssl.TLSVersion.TLSv1_1)
    client.set_ciphers("DEFAULT:@SECLEVEL=0")

    with pytest.raises(ssl.SSLError) as raised:
        Connection(served, client)
    assert raised.value.reason == "UNSUPPORTED_PROTOCOL"


def test_a_client_that_trusts_another_authority_refuses(served: ServingCertificate) -> None:
    """The certificate that is served proves who serves it."""
    with pytest.raises(ssl.SSLCertVerificationError):
        Connection(served, ssl.create_default_context())


def test_a_renewed_certificate_is_served(secret: Secret, served: ServingCertificate) -> None:
    """New handshakes get the new one; what was open lives on."""
    before = Connection(served, client_context())
    secret.renew()

    assert serial(served) == before.serial
    assert served.reload_if_changed()
    assert serial(served) != before.serial
    assert before.echo(b"still here") == b"still here"


def test_what_did_not_change_is_not_loaded(secret: Secret, served: ServingCertificate) -> None:
    """The same contents in new files, or with new times, are nothing new."""
    assert not served.reload_if_changed()

    os.utime(secret.certificate, (1, 1))
    secret.write(secret.certificate.read_bytes(), secret.key.read_bytes())
    assert not served.reload_if_changed()


DAMAGE: dict[str, Callable[[Secret, bytes, bytes], None]] = {
    "half a certificate": lambda secret, certificate, key: secret.write(certificate[: len(certificate) // 2], key),
    "half a key": lambda secret, certificate, key: secret.write(certificate, key[: len(key) // 2]),
    "nothing": lambda secret, _certificate, _key: secret.write(b"", b""),
    "another's key": lambda secret, _certificate, key: secret.write(
        AUTHORITY.issue_cert(HOST).cert_chain_pems[0].bytes(), key
    ),
    "no key file": lambda secret, _certificate, _key: secret.key.unlink(),
    "an encrypted key": lambda secret, certificate, key: secret.write(certificate, encrypted(key)),
}


def encrypted(key: bytes) -> bytes:
    """Puts a password on a key."""
    return load_pem_private_key(key, None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_the_old_certificate_goes_on_while_the_new_one_is_not_good(
    secret: Secret, served: ServingCertificate, damage: Callable[[Secret, bytes, bytes], None]
) -> None:
    """It is said once, handshakes succeed all the while, and the next good pair is served."""
    before = serial(served)
    key = secret.key.readlink()
    damage(secret, secret.certificate.read_bytes(), secret.key.read_bytes())

    with mock.patch.object(certificates, "_log") as log:
        assert [served.reload_if_changed() for _ in range(3)] == [False] * 3
    log.error.assert_called_once_with("certificate not read again; the old one is served", reason=mock.ANY)
    assert serial(served) == before

    secret.renew()
    if not secret.key.is_symlink():
        secret.key.symlink_to(key)
    assert served.reload_if_changed()
    assert serial(served) != before


def test_a_trouble_that_comes_back_is_said_again(secret: Secret, served: ServingCertificate) -> None:
    """Once for each time that it begins."""
    good = secret.certificate.read_bytes(), secret.key.read_bytes()

    with mock.patch.object(certificates, "_log") as log:
        for contents in ((b"", b""), good, (b"", b"")):
            secret.write(*contents)
            served.reload_if_changed()
    assert log.error.call_count == 2


def test_the_files_are_watched(secret: Secret, served: ServingCertificate) -> None:
    """Nobody has to call or restart anything."""
    before = serial(served)

    async def watched() -> None:
        watching = asyncio.create_task(served.watch(look_seconds=0))
        secret.renew()
        async with asyncio.timeout(30):
            while serial(served) == before:  # noqa: ASYNC110 - a handshake is how one sees it
                await asyncio.sleep(0)
        watching.cancel()

    asyncio.run(watched())
    assert serial(served) != before


def test_plain_http_on_the_port_does_no_harm(served: ServingCertificate) -> None:
    """Its connection fails, and the next one succeeds."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    there.write(b"POST / HTTP/1.1\r\nHost: nilometer\r\n\r\n")

    with pytest.raises(ssl.SSLError, match="HTTP_REQUEST"):
        served.context.wrap_bio(there, back, server_side=True).do_handshake()
    assert serial(served)


MISTAKES: dict[str, tuple[Callable[[Secret], None], str]] = {
    "no certificate": (lambda secret: secret.certificate.unlink(), "tls.crt: No such file or directory; give a PEM"),
    "no key": (lambda secret: secret.key.unlink(), "tls.key: No such file or directory; give a PEM"),
    "no PEM": (lambda secret: secret.write(b"certificate", b"key"), "cannot be served (no PEM): give a certificate"),
    "swapped": (
        lambda secret: secret.write(secret.key.read_bytes(), secret.certificate.read_bytes()),
        "cannot be served (no PEM): give a certificate and its key",
    ),
    "no match": (
        lambda secret: secret.write(AUTHORITY.cert_pem.bytes(), secret.key.read_bytes()),
        "do not match: give the key that the certificate was made for",
    ),
    "encrypted": (
        lambda secret: secret.write(secret.certificate.read_bytes(), encrypted(secret.key.read_bytes())),
        "tls.key is encrypted: give the key without a password",
    ),
}


@pytest.mark.parametrize(("mistake", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_at_the_start(secret: Secret, mistake: Callable[[Secret], None], message: str) -> None:
    """In one sentence that names the flag, the file and the remedy."""
    mistake(secret)

    with pytest.raises(SettingError) as raised:
        ServingCertificate(secret.certificate, secret.key)
    assert message in str(raised.value)
    assert "--tls-" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("given", ["tls_certificate_file", "tls_key_file"])
def test_one_file_needs_the_other(given: str) -> None:
    """A certificate without a key, or the reverse, would silently be plain HTTP."""
    settings: dict[str, Any] = {given: "some.pem"}

    with pytest.raises(SettingError, match=r"--tls-(certificate|key)-file needs --tls-(key|certificate)-file beside"):
        ServingCertificate.of(LoggerSettings(**settings))
