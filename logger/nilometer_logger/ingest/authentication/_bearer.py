"""Bearer tokens in HTTP (RFC 6750): where one stands in a request, and what to answer where none that is good does.

A reason goes to the client and into the log, so it holds nothing of a token.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

# A token as a header may carry it (RFC 6750, section 2.1).
SYNTAX = re.compile(rb"[A-Za-z0-9._~+/-]+=*")
_SCHEME = b"bearer"
_MOST_BYTES = 16_384
_CHALLENGE = b'Bearer realm="nilometer"'


@dataclass(frozen=True)
class Refusal:
    """Why a request is not let in.

    Attributes:
        status: of the answer. 401: no token, or none that is good. 403: a good token of somebody who may not send.
            503: whether it is good cannot be told now; a retry mends it.
        reason: a sentence for the client and for the log.
        challenge: the value of the answer's `WWW-Authenticate`; empty where it has none.
    """

    status: int
    reason: str
    challenge: bytes = b""


def missing(reason: str) -> Refusal:
    """Refuses a request without a token; RFC 6750, section 3.1, wants no error code then."""
    return Refusal(401, reason, _CHALLENGE)


def invalid(reason: str) -> Refusal:
    """Refuses a request whose token is not good."""
    return Refusal(401, reason, _CHALLENGE + b', error="invalid_token"')


def token_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes | Refusal:
    """Returns the token of a request, or why there is none.

    Args:
        headers: as ASGI hands them over, with names in lower case.
    """
    found = [value for name, value in headers if name == b"authorization"]
    if not found:
        return missing("no bearer token: send `Authorization: Bearer …`")
    if len(found) > 1:
        return invalid("several Authorization headers: send one")
    scheme, _, token = found[0].partition(b" ")
    token = token.strip(b" ")
    if scheme.lower() != _SCHEME or not token:
        return missing("no bearer token: the Authorization header has another scheme, or nothing after it")
    if len(token) > _MOST_BYTES:
        return invalid(f"the bearer token is longer than {_MOST_BYTES} bytes")
    if not SYNTAX.fullmatch(token):
        return invalid("the bearer token has characters that none may have")
    return token
