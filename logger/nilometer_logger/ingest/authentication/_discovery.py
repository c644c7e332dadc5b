"""Where an OIDC issuer's keys are found (OpenID Connect Discovery 1.0), as Knative's own verifier does it.

The document below `/.well-known/openid-configuration` names the issuer, which need not be the address that it was read
from, and where the keys are (knative/eventing, pkg/auth). Kubernetes' API server lets only service accounts read both,
so the token beside the file of trusted authorities, where Kubernetes mounts it, is sent along. It goes only to who
shows a certificate signed by exactly these authorities, so no other issuer ever sees it; redirects are not followed.
"""

import contextlib
import json
import ssl
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jwt import PyJWK
from jwt.exceptions import PyJWTError

from nilometer_logger.errors import UnavailableError
from nilometer_logger.ingest.authentication import _bearer as bearer

# What Kubernetes signs with; no symmetric one, for which a public key would pass as the secret.
ALGORITHMS = ("RS256", "ES256", "ES384", "ES512")

_DOCUMENT = "/.well-known/openid-configuration"
_ANSWER_SECONDS = 5.0
_MOST_BYTES = 2**20
_MOST_CHARACTERS = 300


def read_keys(url: str, ca_file: Path | None) -> tuple[str, dict[str, PyJWK]]:
    """Reads an issuer's name and its keys; blocks.

    Args:
        url: below which its discovery document lies.
        ca_file: PEM file of the authorities trusted for it; None means the system's.

    Raises:
        UnavailableError: if it cannot be reached, or says nothing of use.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
        document = _get(url + _DOCUMENT, context, ca_file)
        name, where = _located(document)
        keys = _usable(_get(where, context, ca_file).get("keys"))
    except (OSError, HTTPException, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise UnavailableError(f"the keys of {url} cannot be had: {reason[:_MOST_CHARACTERS]}") from None
    return name, keys


def _located(document: dict[str, Any]) -> tuple[str, str]:
    name, where = document.get("issuer"), document.get("jwks_uri")
    if not (isinstance(name, str) and name and isinstance(where, str) and where.startswith("https://")):
        raise ValueError("its discovery document lacks an issuer, or a jwks_uri that is https")
    return name, where


def _get(url: str, context: ssl.SSLContext, ca_file: Path | None) -> dict[str, Any]:
    parts = urlsplit(url)
    connection = HTTPSConnection(parts.hostname or "", parts.port, timeout=_ANSWER_SECONDS, context=context)
    headers = {}  # no `Accept`: Kubernetes has a media type of its own for the keys, and insists on it
    token_file = ca_file.with_name("token") if ca_file else None
    if token_file and token_file.is_file():
        headers["authorization"] = f"Bearer {_own_token(token_file)}"
    with contextlib.closing(connection):
        try:
            connection.request("GET", parts.path + (f"?{parts.query}" if parts.query else ""), headers=headers)
            answer = connection.getresponse()
            body = answer.read(_MOST_BYTES)
        except OSError as error:
            raise ConnectionError(f"{parts.netloc}: {error.strerror or error or type(error).__name__}") from None
    if answer.status in (401, 403):
        raise ValueError(f"{url} answers {answer.status} {_remedy(token_file, sent='authorization' in headers)}")
    if answer.status != 200:
        raise ValueError(f"{url} answers {answer.status}")
    document = json.loads(body)
    if not isinstance(document, dict):
        raise ValueError(f"{url} answers something else than a JSON object")  # noqa: TRY004 - from the network
    return document


def _own_token(file: Path) -> str:
    token = file.read_bytes().strip()
    if not bearer.SYNTAX.fullmatch(token):  # or the error of http.client would show it
        raise ValueError(f"{file} holds no token")
    return token.decode()


def _remedy(token_file: Path | None, *, sent: bool) -> str:
    if sent:
        return f"to the service account whose token is in {token_file}"
    return f"without a service account's token; it is read from {token_file}" if token_file else "without a token"


def _usable(found: Any) -> dict[str, PyJWK]:
    """Keeps the keys that tokens are signed with; what is meant for something else, or too short, is left out."""
    keys = {}
    for entry in found if isinstance(found, list) else []:
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or not isinstance(entry.get("kid"), str):
            continue
        try:
            key = PyJWK(entry)
        except (PyJWTError, TypeError):
            continue
        if key.algorithm_name in ALGORITHMS and not key.Algorithm.check_key_length(key.key):
            keys[entry["kid"]] = key
    if not keys:
        raise ValueError("none of its keys is for RS256, ES256, ES384 or ES512")
    return keys
