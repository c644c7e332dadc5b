"""An OIDC issuer on the loopback interface, over TLS, that does what a test tells it; and the tokens it signs."""

import json
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import jwt
import trustme
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

NAME = "https://kubernetes.default.svc"
AUDIENCE = "nilometer"
SUBJECT = "system:serviceaccount:demo:trigger"
NOW = 1_800_000_000.0


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        """Tells the time."""
        return self.now


@dataclass
class SigningKey:
    """A key that tokens are signed with."""

    key_id: str
    private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    algorithm: str

    @property
    def published(self) -> dict[str, Any]:
        """Its public half, as an issuer publishes it."""
        if isinstance(self.private, rsa.RSAPrivateKey):
            public = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        else:
            public = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {**public, "kid": self.key_id, "use": "sig", "alg": self.algorithm}

    def sign(self, *, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """Makes a token like Kubernetes'; a claim or a part of the header that is None is left out."""
        usual = {"iss": NAME, "aud": [AUDIENCE], "sub": SUBJECT, "exp": NOW + 3600, "nbf": NOW, "iat": NOW}
        head = {"kid": self.key_id, **(header or {})}
        return jwt.encode(
            {name: value for name, value in {**usual, **claims}.items() if value is not None},
            self.private,
            self.algorithm,
            {name: value for name, value in head.items() if value is not None},
        )


def ec_key(key_id: str) -> SigningKey:
    """Makes a key on P-256."""
    return SigningKey(key_id, ec.generate_private_key(ec.SECP256R1()), "ES256")


def rsa_key(key_id: str, bits: int = 2048) -> SigningKey:
    """Makes an RSA key."""
    return SigningKey(key_id, rsa.generate_private_key(65537, bits), "RS256")


class FakeIssuer:
    """The issuer, as a context manager.

    Args:
        directory: for the file of the authority trusted for it, as Kubernetes mounts one.
        keys: what it publishes.

    Attributes:
        asked: the paths that were asked for, with the Authorization header of each.
        status: of every answer.
        gate: while it is not set, no answer is given.
    """

    def __init__(self, directory: Path, *keys: SigningKey) -> None:
        authority = trustme.CA()
        self.ca_file = directory / "ca.crt"
        authority.cert_pem.write_to_path(self.ca_file)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"
        self.discovery: Any = {"issuer": NAME, "jwks_uri": f"{self.url}/openid/v1/jwks"}
        self.published: list[Any] = [key.published for key in keys]
        self.asked: list[tuple[str, str | None]] = []
        self.status = 200
        self.gate = threading.Event()
        self.gate.set()

    @property
    def readings(self) -> int:
        """How often a reading of the keys was begun."""
        return sum(path == "/.well-known/openid-configuration" for path, _ in self.asked)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.gate.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(issuer: FakeIssuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked.append((self.path, self.headers.get("authorization")))
            issuer.gate.wait(30)
            documents = {
                "/.well-known/openid-configuration": issuer.discovery,
                "/openid/v1/jwks": {"keys": issuer.published},
            }
            body = json.dumps(documents[self.path]).encode()
            acceptable = "json" not in self.headers.get("accept", "")  # Kubernetes' keys are of another type
            self.send_response(issuer.status if acceptable else 406)
            self.send_header("content-length", str(len(body)))
            if issuer.status == 302:
                self.send_header("location", f"{issuer.url}/openid/v1/jwks")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:
            """Says nothing."""

    return Handler
