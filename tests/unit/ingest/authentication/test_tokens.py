"""Who is let in: the settings, and the bearer token that all clients share."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.errors import SettingError
from nilometer_logger.ingest.authentication import Authentication, Refusal
from nilometer_logger.settings import LoggerSettings

SECRET = "s3cret.of-all~clients+/=="
AUTHORITY = Path(__file__)  # no PEM


def check(authentication: Authentication, *values: bytes) -> Refusal | None:
    """Checks a request with these Authorization headers."""
    headers = [(b"host", b"nilometer"), *((b"authorization", value) for value in values), (b"ce-id", b"1")]
    return asyncio.run(authentication.check(headers))


@pytest.fixture
def secured() -> Authentication:
    """The check of one secret token."""
    authentication = Authentication.of(LoggerSettings(token=SECRET))
    assert authentication is not None
    return authentication


def test_nothing_is_checked_where_nothing_is_asked_for() -> None:
    """The defaults let everybody in: KServe's logger cannot send a token."""
    assert Authentication.of(LoggerSettings()) is None


@pytest.mark.parametrize("scheme", [b"Bearer", b"bearer", b"BEARER", b"Bearer  "])
def test_the_token_lets_in(secured: Authentication, scheme: bytes) -> None:
    """Schemes have no case (RFC 9110, section 11.1), and what separates them from a token is one space or more."""
    assert check(secured, scheme + b" " + SECRET.encode()) is None


@pytest.mark.parametrize(
    "values",
    [
        [],
        [b""],
        [b"Bearer"],
        [b"Bearer "],
        [b"Basic czNjcmV0"],
        [SECRET.encode()],
        [b"Bearer " + SECRET.encode()[:-1]],
        [b"Bearer " + SECRET.upper().encode()],
        [b"Bearer " + SECRET.encode() + b"\n"],
        [b"Bearer " + SECRET.encode() + b" " + SECRET.encode()],
        [b"Bearer \xff\xfe"],
        [b"Bearer " + SECRET.encode()] * 2,
        [b"Bearer " + b"a" * 100_000],
    ],
)
def test_anything_else_is_401(secured: Authentication, values: list[bytes]) -> None:
    """Missing, wrong, cut, doubled or endless: 401, and the reason says nothing of the secret."""
    refusal = check(secured, *values)

    assert refusal is not None
    assert refusal.status == 401
    assert SECRET[:6].lower() not in refusal.reason.lower()
    assert len(refusal.reason) < 200


def test_a_401_tells_what_is_asked_for(secured: Authentication) -> None:
    """RFC 6750, section 3: a challenge with a parameter, and an error only where there was a token."""
    without, wrong = check(secured), check(secured, b"Bearer wrong")

    assert without is not None
    assert without.challenge == b'Bearer realm="nilometer"'
    assert wrong is not None
    assert wrong.challenge == b'Bearer realm="nilometer", error="invalid_token"'


@given(st.binary(max_size=200))
def test_no_header_is_too_strange(value: bytes) -> None:
    """Whatever a client sends is answered, never raised."""
    refusal = check(Authentication(b"secret"), value)

    assert refusal is not None
    assert refusal.status == 401


@pytest.mark.parametrize(
    ("given_settings", "message"),
    [
        ({"token": "s3cret\n"}, "--token has characters that no bearer token may have, perhaps a line end"),
        ({"token": "s3cret of two words"}, "--token has characters"),
        ({"oidc_subject": SECRET}, "has no effect without --oidc-audience"),
        ({"oidc_audience": "us", "oidc_issuer": "http://kubernetes.default.svc"}, "is no https:// URL"),
        ({"oidc_audience": "us", "oidc_issuer": "kubernetes.default.svc"}, "is no https:// URL"),
        ({"oidc_audience": "us", "oidc_ca_file": "/nowhere/ca.crt"}, "/nowhere/ca.crt: No such file or directory"),
        ({"oidc_audience": "us", "oidc_ca_file": str(AUTHORITY)}, "holds no certificate in PEM"),
    ],
)
def test_nonsense_is_refused_at_the_start(given_settings: dict[str, Any], message: str) -> None:
    """One sentence with the flag, the trouble and the remedy; a secret is not in it."""
    with pytest.raises(SettingError) as raised:
        Authentication.of(LoggerSettings(**given_settings))

    assert message in str(raised.value)
    assert "s3cret" not in str(raised.value).replace(SECRET, "")


def test_a_secret_is_shown_nowhere() -> None:
    """Neither the settings nor the check show it when they are printed."""
    settings = LoggerSettings(token=SECRET)

    assert SECRET not in repr(settings)
    assert SECRET not in repr(Authentication.of(settings))


def test_the_libraries_of_oidc_are_loaded_only_for_it() -> None:
    """A logger that checks a token, or nothing, does not carry cryptography."""
    program = """if True:
        import sys
        from nilometer_logger.ingest.authentication import Authentication
        from nilometer_logger.settings import LoggerSettings
        Authentication.of(LoggerSettings(token="secret"))
        print(sorted({"jwt", "cryptography"} & set(sys.modules)))
        Authentication.of(LoggerSettings(oidc_audience="us", oidc_ca_file=""))
        print(sorted({"jwt", "cryptography"} & set(sys.modules)))
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["[]", "['cryptography', 'jwt']"]
