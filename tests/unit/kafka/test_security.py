"""What settings of TLS and SASL make sense, and what is said of those that do not."""

import ssl
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from nilometer_logger.errors import SettingError
from nilometer_logger.kafka import _connection as kafka
from nilometer_logger.kafka import _security as security
from nilometer_logger.settings import Common

PASSWORD = "correct horse"
USER = {"kafka_security": "SASL_SSL", "kafka_username": "alice", "kafka_password": PASSWORD}


def common(**given: str) -> Common:
    """Makes settings."""
    return Common(**given)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """PEM files by what is in them; `both` has certificate and key."""
    directory = tmp_path_factory.mktemp("files")
    authority, other = trustme.CA(), trustme.CA()
    issued = authority.issue_cert("me@test")
    key = load_pem_private_key(issued.private_key_pem.bytes(), password=None)
    contents = {
        "authority": authority.cert_pem.bytes(),
        "certificate": issued.cert_chain_pems[0].bytes(),
        "key": issued.private_key_pem.bytes(),
        "other": other.issue_cert("other@test").private_key_pem.bytes(),
        "both": issued.private_key_and_cert_chain_pem.bytes(),
        "encrypted": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")),
        "text": b"no PEM at all\n",
        "broken": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "empty": b"",
    }
    for name, content in contents.items():
        (directory / name).write_bytes(content)
    return {name: str(directory / name) for name in (*contents, "missing")}


def test_nothing_is_the_default() -> None:
    """Without settings a client connects in the clear, and shows nothing."""
    assert kafka.connection(Common()) == {"bootstrap_servers": "127.0.0.1:9092", "security_protocol": "PLAINTEXT"}


def test_a_client_gets_all_that_is_set(files: dict[str, str]) -> None:
    """Protocol, mechanism, user, password, and a context that checks names."""
    given = kafka.connection(common(**USER, kafka="a:1,b:2", kafka_sasl="PLAIN", kafka_ca_file=files["authority"]))

    context = given.pop("ssl_context")
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
    assert given == {
        "bootstrap_servers": "a:1,b:2",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "alice",
        "sasl_plain_password": PASSWORD,
    }


def test_a_certificate_and_its_key_are_one_file_or_two(files: dict[str, str]) -> None:
    """Both ways are common; the system's authorities are enough."""
    for given in (
        {"kafka_certificate_file": files["both"]},
        {"kafka_certificate_file": files["certificate"], "kafka_key_file": files["key"]},
    ):
        assert "ssl_context" in kafka.connection(common(kafka_security="SSL", **given))


@pytest.mark.parametrize(
    "address", ["kafka:9092", "127.0.0.1:1", "[::1]:9092", "a.b-c.svc:65535", "a:1, b:2", "my_kafka:9092", "kafka"]
)
def test_an_address_is_a_host_and_a_port(address: str) -> None:
    """Names, addresses of either kind, and several of them."""
    assert security.check(common(kafka=address)) is None


@pytest.mark.parametrize(
    "address", ["", "kafka:", "kafka:x", "kafka:0", "kafka:65536", "SSL://kafka:9093", "a:1,", "::1"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    """The value and what it should look like."""
    with pytest.raises(SettingError, match=r"--kafka is '.*', but must be HOST:PORT"):
        security.check(common(kafka=address))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"kafka_security": "SASL_SSL"},
            "--kafka-security is SASL_SSL, but .* no --kafka-username and no --kafka-passw",
        ),
        ({**USER, "kafka_password": ""}, "no --kafka-password; the password is better given as NILOMETER_KAFKA_PASSW"),
        ({**USER, "kafka_password": f"{PASSWORD}\n"}, "--kafka-password has a line break at its end"),
        (
            {**USER, "kafka_security": "PLAINTEXT"},
            "--kafka-username, --kafka-password: given, but not used .* SASL_SSL",
        ),
        ({**USER, "kafka_security": "SSL"}, "not used with --kafka-security SSL; choose SASL_SSL"),
        (
            {**USER, "kafka_security": "SASL_PLAINTEXT", "kafka_ca_file": "ca.pem"},
            "--kafka-ca-file: .*; choose SASL_SSL",
        ),
        (
            {"kafka_ca_file": "ca.pem"},
            "--kafka-ca-file: given, but not used with --kafka-security PLAINTEXT; choose SSL",
        ),
        ({"kafka_security": "SSL", "kafka_key_file": "k.pem"}, "is k.pem, but there is no --kafka-certificate-file"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(given: dict[str, str], told: str) -> None:
    """Nobody believes to be safe who is not; the flag and the remedy are named, the password is not."""
    with pytest.raises(SettingError, match=told) as raised:
        kafka.connection(common(**given))

    assert PASSWORD not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"ca": "missing"}, "--kafka-ca-file is .*missing, which cannot be read: No such file or directory"),
        ({"ca": "text"}, "--kafka-ca-file is .*text, which holds no certificate in PEM form"),
        ({"ca": "broken"}, "TLS for Kafka cannot use .*broken: "),
        ({"certificate": "key", "key": "key"}, "--kafka-certificate-file is .*key, which holds no certificate in PEM"),
        (
            {"certificate": "certificate"},
            "--kafka-certificate-file is .*certificate, which holds no private key in PEM",
        ),
        ({"certificate": "certificate", "key": "empty"}, "--kafka-key-file is .*empty, which holds no private key"),
        (
            {"certificate": "certificate", "key": "other"},
            "the key in .*other is not the key of the certificate in .*cert",
        ),
        ({"certificate": "certificate", "key": "encrypted"}, "the key in .*encrypted is encrypted; give it without"),
    ],
)
def test_files_that_do_not_hold_what_they_should_are_refused(
    given: dict[str, str], told: str, files: dict[str, str]
) -> None:
    """The flag, the file and what is wrong with it; nobody is asked for a passphrase."""
    chosen = {f"kafka_{part}_file": files[name] for part, name in given.items()}

    with pytest.raises(SettingError, match=told) as raised:
        kafka.connection(common(kafka_security="SSL", **chosen))

    assert "\n" not in str(raised.value)


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    """A directory where a file should be is no traceback."""
    with pytest.raises(SettingError, match=r"--kafka-ca-file is .*, which cannot be read: Is a directory"):
        kafka.connection(common(kafka_security="SSL", kafka_ca_file=str(tmp_path)))
