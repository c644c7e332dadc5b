"""A Kafka with TLS and passwords: its certificates, its listeners, and the settings by which one gets in."""

from dataclasses import dataclass, field
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from nilometer_detectors.demo.stack.kafka import Listener
from nilometer_detectors.demo.stack.processes import free_port
from nilometer_logger.settings import PREFIX, Topics

HOST = "127.0.0.1"
USER, PASSWORD = "alice", "correct horse battery staple"


class Authority:
    """Who signs certificates.

    Args:
        directory: for what it writes.
        name: its own.

    Attributes:
        file: its certificate.
    """

    def __init__(self, directory: Path, name: str = "authority") -> None:
        self._directory = directory
        self._name = name
        self._ca = trustme.CA(organization_name=name)
        self.file = directory / f"{name}.pem"
        self._ca.cert_pem.write_to_path(self.file)

    def client(self) -> dict[str, str]:
        """Writes a client's certificate and key, and returns the settings that name them."""
        issued = self._ca.issue_cert("client@nilometer.test")
        certificate, key = (self._directory / f"{self._name}-client{suffix}.pem" for suffix in ("", "-key"))
        issued.cert_chain_pems[0].write_to_path(certificate)
        issued.private_key_pem.write_to_path(key)
        return {"kafka_certificate_file": str(certificate), "kafka_key_file": str(key)}

    def server(self, *, clients: bool = False) -> dict[str, str]:
        """Writes a Kafka's certificate and key, and returns the properties of a listener that uses them.

        Args:
            clients: that clients must show a certificate of this authority as well.
        """
        issued = self._ca.issue_cert(HOST)
        key = load_pem_private_key(issued.private_key_pem.bytes(), password=None)
        pkcs8 = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # the one form that Kafka reads
        store = self._directory / f"{self._name}-kafka.pem"
        store.write_bytes(pkcs8 + b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        ours = {"ssl.keystore.type": "PEM", "ssl.keystore.location": str(store)}
        theirs = {"ssl.truststore.type": "PEM", "ssl.truststore.location": str(self.file)}
        return {**ours, **theirs, "ssl.client.auth": "required"} if clients else ours


def scram() -> dict[str, str]:
    """Returns the properties of a listener with SASL's SCRAM-SHA-512; its users are the broker's."""
    login = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    return {"sasl.enabled.mechanisms": "SCRAM-SHA-512", "scram-sha-512.sasl.jaas.config": login}


def plain(password: str = PASSWORD) -> dict[str, str]:
    """Returns the properties of a listener with SASL's PLAIN and one user."""
    login = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{password}";'
    return {"sasl.enabled.mechanisms": "PLAIN", "plain.sasl.jaas.config": login}


@dataclass(frozen=True)
class Access:
    """A listener of Kafka, and the settings by which one gets in.

    Attributes:
        listener: where.
        given: settings by the names of their fields, beside the address and the protocol.
    """

    listener: Listener
    given: dict[str, str] = field(default_factory=dict)

    def values(self, **others: str) -> dict[str, str]:
        """Returns all settings, some of them replaced."""
        address = f"{HOST}:{self.listener.port}"
        return {"kafka": address, "kafka_security": self.listener.protocol, **self.given, **others}

    def settings(self, **others: str) -> Topics:
        """Returns the settings as a command gets them, some of them replaced."""
        return Topics(**self.values(**others))  # type: ignore[arg-type]

    def env(self, **others: str) -> dict[str, str]:
        """Returns the settings as environment variables, some of them replaced."""
        return {PREFIX + name.upper(): value for name, value in self.values(**others).items()}


def make_access(directory: Path) -> dict[str, Access]:
    """Makes listeners that let in who has the right password or certificate, and what is right for each.

    The last one tells its clients to go on under a name that its certificate does not have.
    """
    authority = Authority(directory)
    server, demanding = authority.server(), authority.server(clients=True)
    trusting = {"kafka_ca_file": str(authority.file)}
    user = {**trusting, "kafka_username": USER, "kafka_password": PASSWORD}
    return {
        "scram": Access(Listener("SCRAM", free_port(), "SASL_SSL", {**server, **scram()}), user),
        "plain": Access(
            Listener("PLAIN", free_port(), "SASL_SSL", {**server, **plain()}), {**user, "kafka_sasl": "PLAIN"}
        ),
        "certificate": Access(Listener("MUTUAL", free_port(), "SSL", demanding), {**trusting, **authority.client()}),
        "elsewhere": Access(Listener("ELSEWHERE", free_port(), "SSL", server, advertised="localhost"), trusting),
    }
