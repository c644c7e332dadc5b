"""Who may send events: clients with one secret token, clients with an identity of Kubernetes, or everybody.

`--token` is a secret that every client shares. `--oidc-audience` asks for what Knative's brokers, triggers and sources
send where their OIDC feature is on: a token that Kubernetes signed, made for us and nobody else; `--oidc-subject` says
whose. Where both are given, either lets a client in. Where neither is, nothing is checked.

KServe's logger can send no token. Where inferences come from it without Knative between, what it can do is TLS, and
who may connect is a matter of network policies.

The libraries for OIDC are loaded only where it is asked for: they cost more memory than the rest of the logger.
"""

import hmac
import ssl
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from nilometer_logger.errors import SettingError
from nilometer_logger.ingest.authentication import _bearer as bearer
from nilometer_logger.ingest.authentication._bearer import Refusal
from nilometer_logger.settings import LoggerSettings, names

if TYPE_CHECKING:
    from nilometer_logger.ingest.authentication._oidc import Verifier

__all__ = ["Authentication", "Refusal"]


class Authentication:
    """Checks the token of each request.

    Args:
        token: the secret that lets in; None where there is none.
        verifier: of identity tokens; None where these are not taken.
        subjects: whose identity tokens are taken; empty means everybody's.
    """

    def __init__(
        self, token: bytes | None = None, verifier: "Verifier | None" = None, subjects: Collection[str] = ()
    ) -> None:
        self._token = token
        self._verifier = verifier
        self._subjects = frozenset(subjects)

    @classmethod
    def of(cls, settings: LoggerSettings) -> Self | None:
        """Makes the check that the settings ask for; None where they ask for none.

        Raises:
            SettingError: if they do not make sense.
        """
        token = settings.token.encode()
        if token and not bearer.SYNTAX.fullmatch(token):
            raise SettingError(
                "--token has characters that no bearer token may have, perhaps a line end: "
                "give letters, digits and any of - . _ ~ + / only"
            )
        if settings.oidc_subject and not settings.oidc_audience:
            raise SettingError(f"--oidc-subject {settings.oidc_subject} has no effect without --oidc-audience")
        if settings.oidc_audience:
            return cls(token or None, _verifier(settings), names(settings.oidc_subject))
        return cls(token) if token else None

    async def check(self, headers: Iterable[tuple[bytes, bytes]]) -> Refusal | None:
        """Returns why a request is not let in, or None.

        Args:
            headers: as ASGI hands them over, with names in lower case.
        """
        token = bearer.token_of(headers)
        if isinstance(token, Refusal):
            return token
        if self._token is not None and hmac.compare_digest(token, self._token):
            return None
        if self._verifier is None:
            return bearer.invalid("the bearer token is not the one that is asked for")
        subject = await self._verifier.subject(token)
        if isinstance(subject, Refusal):
            return subject
        if self._subjects and subject not in self._subjects:
            return Refusal(403, f"{subject!r} is not among those whose tokens are taken")
        return None


def _verifier(settings: LoggerSettings) -> "Verifier":
    from nilometer_logger.ingest.authentication._issuer import Issuer  # noqa: PLC0415 - see above
    from nilometer_logger.ingest.authentication._oidc import Verifier  # noqa: PLC0415

    url = urlsplit(settings.oidc_issuer)
    if url.scheme != "https" or not url.hostname or url.query or url.fragment:
        raise SettingError(
            f"--oidc-issuer {settings.oidc_issuer} is no https:// URL: keys must come from whom they are"
        )
    ca_file = Path(settings.oidc_ca_file) if settings.oidc_ca_file else None
    try:
        ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        reason = "holds no certificate in PEM" if isinstance(error, ssl.SSLError) else error.strerror
        raise SettingError(
            f"--oidc-ca-file {ca_file}: {reason}; in a Pod, mount kube-root-ca.crt there, and a service account's "
            "token beside it; an empty value means the system's authorities"
        ) from None
    return Verifier(settings.oidc_audience, Issuer(settings.oidc_issuer, ca_file))
