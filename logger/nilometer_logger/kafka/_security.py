"""What we show to Kafka and whom we trust there: the settings of TLS and SASL, checked before anything connects.

A setting that is given but would not be used is refused: who gives an authority or a password means to be safe, and
would not see that the protocol uses neither. Kafka's own name is always checked; there is no setting to leave that out.
"""

import re
import ssl
from pathlib import Path

from nilometer_logger.errors import SettingError
from nilometer_logger.kafka._tls import EncryptedKeyError, Files, FollowingContext
from nilometer_logger.settings import Common

_PREFIX = re.compile(r"[A-Za-z0-9._-]{0,200}")
_SERVER = re.compile(r"\s*(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?\s*")
_LAST_PORT = 65535
_SASL = ("kafka_username", "kafka_password")
_TLS = ("kafka_ca_file", "kafka_certificate_file", "kafka_key_file")


def check(settings: Common) -> None:
    """Checks how Kafka is to be reached.

    Raises:
        SettingError: if settings contradict each other, or something is missing; no message has the password.
    """
    for server in settings.kafka.split(","):
        address = _SERVER.fullmatch(server)
        if address is None or int(address[1] or 1) not in range(1, _LAST_PORT + 1):
            raise SettingError(f"--kafka is {settings.kafka!r}, but must be HOST:PORT[,HOST:PORT…]")
    if not _PREFIX.fullmatch(settings.topic_prefix):
        raise SettingError(f"--topic-prefix is {settings.topic_prefix!r}, but may have letters, digits and . _ - only")
    protocol = settings.kafka_security
    if uses_sasl(settings):
        _check_user(settings)
    else:
        _refuse(settings, _SASL, "SASL_SSL")
    if not uses_tls(settings):
        _refuse(settings, _TLS, "SASL_SSL" if protocol.startswith("SASL") else "SSL")
    if settings.kafka_key_file and not settings.kafka_certificate_file:
        raise SettingError(f"--kafka-key-file is {settings.kafka_key_file}, but there is no --kafka-certificate-file")


def uses_sasl(settings: Common) -> bool:
    """Tells whether Kafka is to get a user and a password."""
    return settings.kafka_security.startswith("SASL_")


def uses_tls(settings: Common) -> bool:
    """Tells whether the connection is to be encrypted."""
    return settings.kafka_security.endswith("SSL")


def _refuse(settings: Common, names: tuple[str, ...], protocol: str) -> None:
    given = [f"--{name.replace('_', '-')}" for name in names if getattr(settings, name)]
    if given:
        raise SettingError(
            f"{', '.join(given)}: given, but not used with --kafka-security {settings.kafka_security}; "
            f"choose {protocol}, or leave it out"
        )


def _check_user(settings: Common) -> None:
    values = {"--kafka-username": settings.kafka_username, "--kafka-password": settings.kafka_password}
    missing = [name for name, value in values.items() if not value]
    if missing:
        raise SettingError(
            f"--kafka-security is {settings.kafka_security}, but there is no {' and no '.join(missing)}; "
            "the password is better given as NILOMETER_KAFKA_PASSWORD"
        )
    for name, value in values.items():
        if value.strip("\r\n") != value:  # `echo secret | kubectl create secret …` is how it gets there
            raise SettingError(f"{name} has a line break at its end; put it into its Secret without one")


def context(settings: Common) -> ssl.SSLContext:
    """Makes the TLS context of all connections to Kafka.

    Raises:
        SettingError: if a file cannot be read, or does not hold what its setting says.
    """
    authorities, certificate, key = (str(getattr(settings, name)) for name in _TLS)
    for name, path, what in (
        ("--kafka-ca-file", authorities, "CERTIFICATE"),
        ("--kafka-certificate-file", certificate, "CERTIFICATE"),
        ("--kafka-key-file" if key else "--kafka-certificate-file", key or certificate, "PRIVATE KEY"),
    ):
        if path:
            _check_file(name, path, what)
    try:
        return FollowingContext(Files(authorities, certificate, key))
    except EncryptedKeyError:
        raise SettingError(
            f"the key in {key or certificate} is encrypted; give it without a passphrase (openssl pkey -in … -out …)"
        ) from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise SettingError(
                f"the key in {key or certificate} is not the key of the certificate in {certificate}; "
                "give --kafka-certificate-file and --kafka-key-file that belong together"
            ) from None
        files = ", ".join(path for path in (authorities, certificate, key) if path)
        raise SettingError(f"TLS for Kafka cannot use {files}: {error.reason or error}") from None


def _check_file(name: str, path: str, what: str) -> None:
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise SettingError(f"{name} is {path}, which cannot be read: {error.strerror}") from None
    if not re.search(rb"-----BEGIN [A-Z0-9 ]*" + what.encode() + b"-----", text):
        raise SettingError(f"{name} is {path}, which holds no {what.lower()} in PEM form")
