"""A client's TLS context that follows its files.

Kubernetes renews the files of a mounted Secret in place, long before a certificate expires, but a client of Kafka keeps
its context for as long as the process lives, and would one day come back with a certificate that is over. So the files
are looked at before each connection, and a context of its own is made of what they hold once that has changed.
"""

import contextlib
import ssl
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Never, Self


class EncryptedKeyError(ValueError):
    """The key wants a passphrase: OpenSSL would ask for it at the terminal and wait."""


@dataclass(frozen=True)
class Files:
    """PEM files; empty where there is none.

    Attributes:
        authorities: trusted; the system's if empty.
        certificate: our own.
        key: of the certificate, if it is not in the same file.
    """

    authorities: str = ""
    certificate: str = ""
    key: str = ""

    def context(self) -> ssl.SSLContext:
        """Makes a context that checks who answers, and under which name.

        Raises:
            OSError: if a file cannot be read, or does not make sense (ssl.SSLError).
            EncryptedKeyError: if the key wants a passphrase.
        """
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self.authorities:
            made.load_verify_locations(self.authorities)
        else:
            made.load_default_certs()
        if self.certificate:
            made.load_cert_chain(self.certificate, self.key or None, password=_refuse_passphrase)
        return made

    def contents(self) -> list[bytes]:
        """Reads them all; what they hold says more than their times, which the swap of a link may leave as they are."""
        return [Path(path).read_bytes() for path in astuple(self) if path]


def _refuse_passphrase() -> Never:
    raise EncryptedKeyError


class FollowingContext(ssl.SSLContext):
    """A context that begins each connection with what its files hold then.

    Args:
        files: read now, and before each connection; what does not make sense then is left alone.
    """

    def __new__(cls, files: Files) -> Self:  # noqa: ARG004 - for __init__
        """Makes the context that is passed around; asyncio and uvloop only call its `wrap_bio`."""
        return super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)

    def __init__(self, files: Files) -> None:
        self._files = files
        self._contents, self._newest = files.contents(), files.context()

    def wrap_bio(self, *arguments: Any, **named: Any) -> ssl.SSLObject:
        """Begins a connection."""
        # Files that are being replaced do not fit each other for a moment: the ones before them still do.
        with contextlib.suppress(OSError, EncryptedKeyError):
            if (contents := self._files.contents()) != self._contents:
                self._contents, self._newest = contents, self._files.context()
        return self._newest.wrap_bio(*arguments, **named)
