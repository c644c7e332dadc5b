"""The certificate that the logger serves TLS with, read again when its files change.

Kubernetes renews a mounted Secret by swapping a link to a folder, cert-manager renews it weeks before it expires, and
nobody restarts a process for that. So the files' contents are looked at every few seconds. What counts is what they
hold, not their times, which a link's swap may leave as they were.

OpenSSL cannot replace a certificate and its key in one step, and a pair that does not match would spoil the context
that serves. So each pair gets a context of its own, once it has proved good, and the context that the server holds only
chooses: at the beginning of each handshake it hands over to the newest. Open connections live on with theirs.
"""

import asyncio
import hashlib
import ssl
from pathlib import Path
from typing import Never, Self

import structlog

from nilometer_logger.errors import SettingError
from nilometer_logger.settings import LoggerSettings

_log = structlog.get_logger("nilometer.tls")
_LOOK_SECONDS = 5.0


class ServingCertificate:
    """A certificate and its key, in two PEM files.

    Args:
        certificate_file: ours first, then those between it and an authority's.
        key_file: its key, not encrypted.

    Attributes:
        context: what a server takes; always serves the newest pair that is good.

    Raises:
        SettingError: if there is no such pair.
    """

    def __init__(self, certificate_file: Path, key_file: Path) -> None:
        self._certificate_file = certificate_file
        self._key_file = key_file
        self._problem = ""
        self._loaded, self._newest = self._digest(), self._load()
        self.context = _context()
        self.context.sni_callback = self._hand_over

    @classmethod
    def of(cls, settings: LoggerSettings) -> Self | None:
        """Loads the certificate that the settings name; None where they name none.

        Raises:
            SettingError: if it cannot be served.
        """
        certificate, key = settings.tls_certificate_file, settings.tls_key_file
        if not certificate and not key:
            return None
        if not certificate or not key:
            given, lacking = ("certificate", "key") if certificate else ("key", "certificate")
            raise SettingError(f"--tls-{given}-file needs --tls-{lacking}-file beside it")
        return cls(Path(certificate), Path(key))

    def reload_if_changed(self) -> bool:
        """Loads the files if they hold something new, and tells whether that is served now.

        What is half written, or does not match, is logged once, and the old pair goes on.
        """
        try:
            digest = self._digest()
            if digest == self._loaded:
                self._problem = ""
                return False
            # What was written since the digest was taken has another one, and so is loaded the next time.
            self._newest, self._loaded, self._problem = self._load(), digest, ""
        except SettingError as error:
            if str(error) != self._problem:
                _log.error("certificate not read again; the old one is served", reason=str(error))
            self._problem = str(error)
            return False
        _log.info("certificate read again", file=str(self._certificate_file))
        return True

    async def watch(self, look_seconds: float = _LOOK_SECONDS) -> Never:
        """Reloads for as long as it is not cancelled.

        Args:
            look_seconds: between two looks at the files.
        """
        while True:
            await asyncio.sleep(look_seconds)
            await asyncio.to_thread(self.reload_if_changed)

    def _hand_over(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._newest

    def _digest(self) -> bytes:
        contents = (_read("--tls-certificate-file", self._certificate_file), _read("--tls-key-file", self._key_file))
        return hashlib.sha256(b"\0".join(contents)).digest()

    def _load(self) -> ssl.SSLContext:
        context = _context()
        try:
            context.load_cert_chain(self._certificate_file, self._key_file, password=self._refuse_password)
        except OSError as error:
            pair = f"--tls-certificate-file {self._certificate_file} and --tls-key-file {self._key_file}"
            raise SettingError(f"{pair} {_why(error)}") from None
        return context

    def _refuse_password(self) -> Never:
        # Without this, OpenSSL would ask for it at the terminal.
        raise SettingError(f"--tls-key-file {self._key_file} is encrypted: give the key without a password")


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _why(error: OSError) -> str:
    reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
    if reason == "KEY_VALUES_MISMATCH":
        return "do not match: give the key that the certificate was made for"
    return f"cannot be served ({reason or 'no PEM'}): give a certificate and its key, both in PEM"


def _read(flag: str, file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SettingError(f"{flag} {file}: {error.strerror}; give a PEM file that the logger may read") from None
