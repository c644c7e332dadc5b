"""Identity tokens of an OIDC issuer (RFC 7519), as Knative's senders carry them: who is it, really?

A token is good if the issuer signed it with a key that it publishes now, for our audience, and its time has come and
not passed. Ten seconds of difference between clocks are forgiven. Algorithms are pinned to asymmetric ones, and each
key to its own, so that neither `none` nor a public key used as a secret passes.

A sender uses its token for an hour, so tokens found good are remembered, by their digests, until they expire or the
issuer's keys are read anew; that makes a request cost microseconds. Tokens found bad are not: each is checked again.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from jwt import PyJWK, PyJWT, get_unverified_header
from jwt.exceptions import (
    InvalidAlgorithmError,
    InvalidAudienceError,
    InvalidIssuerError,
    InvalidKeyError,
    InvalidSignatureError,
    InvalidSubjectError,
    MissingRequiredClaimError,
    PyJWTError,
)

from nilometer_logger.errors import UnavailableError
from nilometer_logger.ingest.authentication._bearer import Refusal, invalid
from nilometer_logger.ingest.authentication._discovery import ALGORITHMS
from nilometer_logger.ingest.authentication._issuer import Issuer

_LEEWAY_SECONDS = 10.0
_MOST_REMEMBERED = 1024
_CLAIMS = ("iss", "aud", "sub", "exp")
# Our own words, because a library's may hold something of the token.
_REASONS: dict[type[PyJWTError], str] = {
    InvalidAlgorithmError: f"is not signed with {', '.join(ALGORITHMS)} as its key is",
    InvalidAudienceError: "is for another audience",
    InvalidIssuerError: "is another issuer's",
    InvalidKeyError: "is signed with a key that its issuer does not publish",
    InvalidSignatureError: "has a wrong signature",
    InvalidSubjectError: "has a subject that is no text",
    MissingRequiredClaimError: f"lacks one of {', '.join(_CLAIMS)}",
}


class _Known(NamedTuple):
    """A token that was found good: until when it is, if its issuer still has the keys that it had."""

    subject: str
    until: float
    keys: Mapping[str, PyJWK]


class Verifier:
    """Tells whose a token is.

    Args:
        audience: whom tokens must be for.
        issuer: whose tokens they must be.
        clock: seconds since 1970.
    """

    def __init__(self, audience: str, issuer: Issuer, *, clock: Callable[[], float] = time.time) -> None:
        self._audience = audience
        self._issuer = issuer
        self._clock = clock
        # Times are checked here, because the library has no clock but the system's.
        self._jwt = PyJWT({"require": list(_CLAIMS), "verify_exp": False, "verify_nbf": False, "verify_iat": False})
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    async def subject(self, token: bytes) -> str | Refusal:
        """Returns the subject of a token, or why it is not taken."""
        self._issuer.refresh_if_old()
        digest = hashlib.sha256(token).digest()
        known = self._known.get(digest)
        if known is not None and known.keys is self._issuer.keys and self._clock() < known.until:
            self._known.move_to_end(digest)
            return known.subject
        try:
            claims = await self._verify(token)
        except UnavailableError as error:
            return Refusal(503, str(error))
        except PyJWTError as error:
            return invalid(f"the token {_REASONS.get(type(error), 'is no JSON Web Token that is understood')}")
        return self._timely(claims) or self._remember(digest, claims)

    async def _verify(self, token: bytes) -> dict[str, Any]:
        header = get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS:
            raise InvalidAlgorithmError
        key = await self._issuer.key(header["kid"]) if header.get("kid") else None
        if key is None:
            raise InvalidKeyError
        issuer, audience = self._issuer.name, self._audience
        return self._jwt.decode(token, key, algorithms=list(ALGORITHMS), audience=audience, issuer=issuer)

    def _timely(self, claims: dict[str, Any]) -> Refusal | None:
        now, expiry, start = self._clock(), claims["exp"], claims.get("nbf", 0)
        if not (isinstance(expiry, int | float) and isinstance(start, int | float)):
            return invalid("the token has an exp or nbf that is no number")
        if not now < expiry + _LEEWAY_SECONDS:
            return invalid("the token has expired")
        if not now >= start - _LEEWAY_SECONDS:
            return invalid("the token's time has not come yet")
        return None

    def _remember(self, digest: bytes, claims: dict[str, Any]) -> str:
        subject: str = claims["sub"]
        self._known[digest] = _Known(subject, claims["exp"] + _LEEWAY_SECONDS, self._issuer.keys)
        self._known.move_to_end(digest)
        if len(self._known) > _MOST_REMEMBERED:
            self._known.popitem(last=False)
        return subject
