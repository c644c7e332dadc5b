"""Identity tokens against an issuer that speaks TLS: which are good, and what happens when its keys change."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.ingest.authentication import Authentication, Refusal
from nilometer_logger.ingest.authentication import _issuer as issuer_module
from nilometer_logger.ingest.authentication._issuer import Issuer
from nilometer_logger.ingest.authentication._oidc import Verifier
from nilometer_logger.settings import LoggerSettings
from tests.unit.ingest.authentication.issuing import (
    AUDIENCE,
    NOW,
    SUBJECT,
    Clock,
    FakeIssuer,
    SigningKey,
    ec_key,
    rsa_key,
)
from tests.unit.ingest.journal.clock import settle

FIRST, SECOND, RSA = ec_key("first"), ec_key("second"), rsa_key("rsa")
STRANGER = ec_key("first")  # the same id, another key


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[FakeIssuer]:
    """An issuer that publishes the first key and the RSA one."""
    with FakeIssuer(tmp_path, FIRST, RSA) as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    """The time of everything here."""
    return Clock()


@pytest.fixture
def door(issuer: FakeIssuer, clock: Clock) -> Authentication:
    """The check of the issuer's tokens, for one subject."""
    return authentication(issuer, clock, SUBJECT)


def authentication(issuer: FakeIssuer, clock: Clock, *subjects: str, token: bytes | None = None) -> Authentication:
    """Makes a check of an issuer's tokens."""
    keys = Issuer(issuer.url, issuer.ca_file, clock=clock)
    return Authentication(token, Verifier(AUDIENCE, keys, clock=clock), subjects)


async def ask(door: Authentication, token: str | bytes) -> Refusal | None:
    """Checks a request with a token."""
    given = token.encode() if isinstance(token, str) else token
    return await door.check([(b"authorization", b"Bearer " + given)])


def status(door: Authentication, token: str | bytes) -> int:
    """Returns the status that a request with a token is answered; 200 if it is let in."""
    refusal = asyncio.run(ask(door, token))
    return refusal.status if refusal else 200


def trouble(door: Authentication) -> tuple[Refusal, str]:
    """Checks a good token when the keys cannot be read; returns what its sender and what the log is told."""
    with mock.patch.object(issuer_module, "_log") as log:
        refusal = asyncio.run(ask(door, FIRST.sign()))
    assert refusal is not None
    log.error.assert_called_once()
    return refusal, log.error.call_args.kwargs["reason"]


def encoded(value: Any) -> str:
    """Encodes a part of a token."""
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def forged(algorithm: str, secret: bytes = b"") -> str:
    """Makes a token that is signed with a secret, or not at all, and names the first key."""
    claims = jwt.decode(FIRST.sign(), options={"verify_signature": False})
    head = encoded({"alg": algorithm, "typ": "JWT", "kid": "first"})
    signature = b""
    if secret:
        signature = jwt.get_algorithm_by_name("HS256").sign(f"{head}.{encoded(claims)}".encode(), secret)
    return f"{head}.{encoded(claims)}.{encoded(signature)}"


def public_pem(key: SigningKey) -> bytes:
    """Returns what everybody knows of a key."""
    return key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def cut(token: str) -> str:
    """Changes a token's signature."""
    head, claims, _ = token.split(".")
    return f"{head}.{claims}.{encoded(b'x' * 64)}"


GOOD: dict[str, Callable[[], str]] = {
    "of an EC key": FIRST.sign,
    "of an RSA key": RSA.sign,
    "for several audiences": lambda: FIRST.sign(aud=["somebody", AUDIENCE]),
    "for one audience as a text": lambda: FIRST.sign(aud=AUDIENCE),
    "expired a moment ago": lambda: FIRST.sign(exp=NOW - 9),
    "good in a moment": lambda: FIRST.sign(nbf=NOW + 9),
    "without a beginning": lambda: FIRST.sign(nbf=None),
}

BAD: dict[str, tuple[Callable[[], str], int]] = {
    "for another audience": (lambda: FIRST.sign(aud=["somebody"]), 401),
    "for a longer audience": (lambda: FIRST.sign(aud=AUDIENCE + "s"), 401),
    "for no audience": (lambda: FIRST.sign(aud=None), 401),
    "expired": (lambda: FIRST.sign(exp=NOW - 11), 401),
    "that never expires": (lambda: FIRST.sign(exp=None), 401),
    "that expires at no number": (lambda: FIRST.sign(exp=float("nan")), 401),
    "that expires at a text": (lambda: FIRST.sign(exp="tomorrow"), 401),
    "not yet good": (lambda: FIRST.sign(nbf=NOW + 11), 401),
    "of another issuer": (lambda: FIRST.sign(iss="https://kubernetes.default.svc.cluster.local"), 401),
    "of the issuer's address": (lambda: FIRST.sign(iss="https://127.0.0.1"), 401),
    "of no issuer": (lambda: FIRST.sign(iss=None), 401),
    "of nobody": (lambda: FIRST.sign(sub=None), 401),
    "of a subject that is no text": (lambda: FIRST.sign(sub=[SUBJECT]), 401),
    "of another subject": (lambda: FIRST.sign(sub="system:serviceaccount:demo:other"), 403),
    "with another signature": (lambda: cut(FIRST.sign()), 401),
    "with another's signature": (STRANGER.sign, 401),
    "with a key that is not published": (SECOND.sign, 401),
    "that names no key": (lambda: FIRST.sign(header={"kid": None}), 401),
    "that names another key": (lambda: FIRST.sign(header={"kid": "rsa"}), 401),
    "that is not signed": (lambda: forged("none"), 401),
    "that is not signed, in capitals": (lambda: forged("NONE"), 401),
    "with the public key as a secret": (lambda: forged("HS256", public_pem(FIRST)), 401),
    "that claims ES256 of a secret": (lambda: forged("ES256", public_pem(FIRST)), 401),
    "that is RS256 where the key is EC": (lambda: RSA.sign(header={"kid": "first"}), 401),
    "that must be understood": (lambda: FIRST.sign(header={"crit": ["surprise"], "surprise": 1}), 401),
    "that is huge": (lambda: FIRST.sign(more="x" * 20_000), 401),
    "that is one part": (lambda: "token", 401),
    "that is two parts": (lambda: "to.ken", 401),
    "that is points": (lambda: "..", 401),
    "that holds no JSON": (lambda: f"{encoded(b'token')}.{encoded(b'token')}.{encoded(b'token')}", 401),
    "that nests without end": (lambda: f"{encoded(b'[' * 9000)}.{encoded({})}.{encoded(b'')}", 401),
    "that is a list": (lambda: f"{encoded([])}.{encoded([])}.{encoded(b'')}", 401),
}


@pytest.mark.parametrize("token", GOOD.values(), ids=GOOD)
def test_a_good_token_lets_in(door: Authentication, token: Callable[[], str]) -> None:
    """Whatever the key, and with clocks that differ by less than ten seconds; and a second time as the first."""
    assert [status(door, token()), status(door, token())] == [200, 200]


@pytest.mark.parametrize(("token", "expected"), BAD.values(), ids=BAD)
def test_a_bad_token_does_not(door: Authentication, token: Callable[[], str], expected: int) -> None:
    """401 where it does not prove who it is, 403 where it does; the reason holds nothing of the token."""
    text = token()

    first, second = asyncio.run(ask(door, text)), asyncio.run(ask(door, text))

    assert first == second
    assert first is not None
    assert first.status == expected
    assert bool(first.challenge) == (expected == 401)
    assert not any(part and part in first.reason for part in text.split(".") if len(part) > 5)


def test_everybody_of_the_issuer_is_let_in_without_a_list(issuer: FakeIssuer, clock: Clock) -> None:
    """Where no subject is asked for, the audience alone decides."""
    assert status(authentication(issuer, clock), FIRST.sign(sub="anybody")) == 200


def test_the_secret_or_an_identity_lets_in(issuer: FakeIssuer, clock: Clock) -> None:
    """Where both are set, either is enough."""
    door = authentication(issuer, clock, token=b"secret")

    assert [status(door, token) for token in ("secret", FIRST.sign(), "wrong")] == [200, 200, 401]
    assert status(authentication(issuer, clock), "secret") == 401


def test_the_settings_make_such_a_check(issuer: FakeIssuer) -> None:
    """Audience, issuer, authority and subjects come from the settings; the system's clock counts."""
    settings = LoggerSettings(
        oidc_audience="us", oidc_issuer=issuer.url + "/", oidc_ca_file=str(issuer.ca_file), oidc_subject="them, others"
    )
    door = Authentication.of(settings)
    assert door is not None

    times: dict[str, Any] = {"exp": 2**40, "nbf": 0, "iat": 0}
    tokens = [FIRST.sign(aud="us", sub=name, **times) for name in ("them", "others", "nobody")]
    assert [status(door, token) for token in tokens] == [200, 200, 403]
    assert status(door, FIRST.sign(aud="us", sub="them", exp=1_000_000_000)) == 401


def test_a_token_is_verified_once(door: Authentication) -> None:
    """A sender's token is remembered: of twenty requests, one costs a signature's check."""
    token = FIRST.sign()

    with mock.patch.object(jwt.PyJWT, "decode", autospec=True, side_effect=jwt.PyJWT.decode) as decode:
        assert {status(door, token) for _ in range(20)} == {200}
    assert decode.call_count == 1


def test_what_is_remembered_is_bounded(issuer: FakeIssuer, clock: Clock) -> None:
    """However many senders there are, the tokens remembered are a thousand."""
    verifier = Verifier(AUDIENCE, Issuer(issuer.url, issuer.ca_file, clock=clock), clock=clock)

    async def everybody() -> None:
        for number in range(1100):
            assert await verifier.subject(FIRST.sign(sub=str(number)).encode()) == str(number)

    asyncio.run(everybody())

    assert len(verifier._known) == 1024


def test_a_remembered_token_expires(door: Authentication, clock: Clock) -> None:
    """What was good is good until it expires, not longer."""
    token = FIRST.sign(exp=NOW + 60)
    assert status(door, token) == 200

    clock.now += 69
    assert status(door, token) == 200
    clock.now += 2
    assert status(door, token) == 401


def test_a_new_key_works_at_once(door: Authentication, issuer: FakeIssuer, clock: Clock) -> None:
    """The first token of a new key makes us look for it; the old key's tokens work all the while."""
    assert status(door, FIRST.sign()) == 200
    issuer.published.append(SECOND.published)
    clock.now += 10

    assert status(door, SECOND.sign()) == 200
    assert status(door, FIRST.sign()) == 200
    assert issuer.readings == 2


def test_a_withdrawn_key_is_forgotten(door: Authentication, issuer: FakeIssuer, clock: Clock) -> None:
    """Five minutes after a key has gone, its tokens have too, even those that were good before."""
    token = FIRST.sign()
    assert status(door, token) == 200
    issuer.published[:] = [SECOND.published]
    clock.now += 299
    assert status(door, token) == 200
    assert issuer.readings == 1

    async def later() -> int | None:
        clock.now += 1
        await ask(door, token)  # begins to read
        await ask(door, SECOND.sign())  # waits for it
        refusal = await ask(door, token)
        return refusal.status if refusal else None

    assert asyncio.run(later()) == 401


def test_a_flood_of_unknown_keys_does_not_reach_the_issuer(
    door: Authentication, issuer: FakeIssuer, clock: Clock
) -> None:
    """Whatever keys tokens name, the issuer is asked every ten seconds; a new key works all the same."""
    assert status(door, FIRST.sign()) == 200
    issuer.published.append(SECOND.published)
    strange = [FIRST.sign(header={"kid": f"key {number}"}) for number in range(100)]

    async def flood() -> set[int]:
        refusals = await asyncio.gather(*(ask(door, token) for token in strange))
        return {refusal.status for refusal in refusals if refusal}

    # Nobody knows yet whether these keys are new: a retry tells.
    assert asyncio.run(flood()) == {503}
    assert issuer.readings == 1

    clock.now += 10
    assert asyncio.run(flood()) == {401, 503}
    assert status(door, SECOND.sign()) == 200
    assert issuer.readings == 2


def test_tokens_at_once_make_one_reading(door: Authentication, issuer: FakeIssuer) -> None:
    """Who comes while the keys are being read waits for that."""

    async def together() -> list[Refusal | None]:
        return await asyncio.gather(*(ask(door, token) for token in [FIRST.sign(), RSA.sign()] * 20))

    assert asyncio.run(together()) == [None] * 40
    assert len(issuer.asked) == 2


def test_a_client_that_goes_away_does_not_end_the_reading(door: Authentication, issuer: FakeIssuer) -> None:
    """Others wait for the same keys."""
    issuer.gate.clear()

    async def one_goes() -> Refusal | None:
        going, staying = (asyncio.create_task(ask(door, FIRST.sign())) for _ in range(2))
        await settle()
        going.cancel()
        await settle()
        issuer.gate.set()
        return await staying

    assert asyncio.run(one_goes()) is None
    assert issuer.readings == 1


def test_an_issuer_that_is_down_is_503_until_it_is_back(door: Authentication, issuer: FakeIssuer, clock: Clock) -> None:
    """Without keys nobody can tell who it is, and a retry mends it; the issuer is asked once a second."""
    issuer.status = 500
    assert [status(door, FIRST.sign()) for _ in range(3)] == [503] * 3
    assert issuer.readings == 1

    issuer.status = 200
    assert status(door, FIRST.sign()) == 503
    clock.now += 1
    assert status(door, FIRST.sign()) == 200


def test_the_last_keys_go_on_while_the_issuer_is_down(door: Authentication, issuer: FakeIssuer, clock: Clock) -> None:
    """Who was let in before is let in; a key that cannot be looked up now is 503 and not 401."""
    assert status(door, FIRST.sign()) == 200
    issuer.status = 500
    clock.now += 3000

    assert status(door, FIRST.sign()) == 200
    assert status(door, FIRST.sign(jti="another")) == 200
    assert status(door, SECOND.sign()) == 503


def test_old_keys_are_read_anew_without_a_wait(door: Authentication, issuer: FakeIssuer, clock: Clock) -> None:
    """While an issuer takes its time, tokens of known keys are answered, and so is everything else."""
    assert status(door, FIRST.sign()) == 200
    clock.now += 300
    issuer.gate.clear()

    async def meanwhile() -> list[int]:
        known = await ask(door, FIRST.sign())
        waiting = asyncio.create_task(ask(door, SECOND.sign()))
        await settle()
        bad = await ask(door, "token")
        assert not waiting.done()
        issuer.gate.set()
        unknown = await waiting
        return [refusal.status if refusal else 200 for refusal in (known, bad, unknown)]

    assert asyncio.run(meanwhile()) == [200, 401, 503]


def test_a_service_accounts_token_is_shown_to_the_issuer(door: Authentication, issuer: FakeIssuer) -> None:
    """Kubernetes gives its keys to service accounts only; the token lies beside the authority's file."""
    issuer.ca_file.with_name("token").write_text("mine\n")

    assert status(door, FIRST.sign()) == 200
    assert [authorization for _, authorization in issuer.asked] == ["Bearer mine"] * 2


def test_no_stranger_sees_the_service_accounts_token(issuer: FakeIssuer, tmp_path: Path, clock: Clock) -> None:
    """Who shows a certificate of another authority gets not even a request."""
    other = tmp_path / "other"
    other.mkdir()
    with FakeIssuer(other) as stranger:
        issuer.ca_file.with_name("token").write_text("mine")
        stranger.ca_file = issuer.ca_file

        assert status(authentication(stranger, clock), FIRST.sign()) == 503
        assert stranger.asked == []


@pytest.mark.parametrize(
    ("discovery", "published", "code"),
    [
        ([], [FIRST.published], 200),
        ({}, [FIRST.published], 200),
        ({"issuer": "", "jwks_uri": "https://127.0.0.1:1/"}, [FIRST.published], 200),
        ({"issuer": "somebody", "jwks_uri": "http://127.0.0.1:1/"}, [FIRST.published], 200),
        ({"issuer": "somebody", "jwks_uri": "https://127.0.0.1:1/"}, [FIRST.published], 200),
        ({"issuer": "somebody", "jwks_uri": "https://[/"}, [FIRST.published], 200),
        (None, [], 200),
        (None, [None, {}, {"kid": "first"}, {"kid": "first", "kty": "oct", "k": "c2VjcmV0"}], 200),
        (None, [{**FIRST.published, "use": "enc"}], 200),
        (None, [{**FIRST.published, "kid": None}], 200),
        (None, [{**FIRST.published, "x": 5}, {**FIRST.published, "alg": ["ES256"]}], 200),
        (None, [{**RSA.published, "alg": "RS512"}], 200),
        (None, [{**rsa_key("first", 1024).published}], 200),
        (None, [FIRST.published], 302),
        (None, [FIRST.published], 404),
    ],
)
def test_an_issuer_that_makes_no_sense_is_503(
    door: Authentication, issuer: FakeIssuer, discovery: Any, published: list[Any], code: int
) -> None:
    """Nothing that it says lets anybody in, no redirect is followed, and a symmetric or short key is none."""
    issuer.discovery = issuer.discovery if discovery is None else discovery
    issuer.published, issuer.status = published, code

    refusal, reason = trouble(door)

    assert refusal.status == 503
    assert f"the keys of {issuer.url} cannot be had: " in reason
    assert code == 200 or len(issuer.asked) == 1


@pytest.mark.parametrize(
    ("token", "remedy"),
    [(False, "without a service account's token; it is read from"), (True, "to the service account whose token")],
)
def test_an_issuer_that_wants_to_know_us_tells_the_remedy(
    door: Authentication, issuer: FakeIssuer, *, token: bool, remedy: str
) -> None:
    """403 of Kubernetes names the file that the token is read from."""
    if token:
        issuer.ca_file.with_name("token").write_text("mine")
    issuer.status = 403

    refusal, reason = trouble(door)

    assert f"answers 403 {remedy}" in reason
    assert str(issuer.ca_file.with_name("token")) in reason
    assert refusal.reason == "the keys of the token's issuer cannot be had now"  # clients learn nothing of us


def test_a_token_of_ours_that_is_none_is_shown_nowhere(door: Authentication, issuer: FakeIssuer) -> None:
    """A secret in a file that is damaged is a secret still."""
    issuer.ca_file.with_name("token").write_text("s3cret\nand more")

    refusal, reason = trouble(door)

    assert refusal.status == 503
    assert reason.endswith("token holds no token")
    assert "s3cret" not in reason


def test_an_issuer_that_is_gone_is_503(tmp_path: Path, clock: Clock) -> None:
    """A closed port is an outage like any other."""
    with FakeIssuer(tmp_path, FIRST) as issuer:
        door = authentication(issuer, clock)

    refusal, reason = trouble(door)

    assert refusal.status == 503
    assert reason.endswith(f"{issuer.url.removeprefix('https://')}: Connection refused")


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=4))
def test_no_token_is_too_strange(parts: list[bytes]) -> None:
    """Whatever stands between a token's points is refused, never raised; nobody is asked for its key."""
    door = Authentication(verifier=Verifier(AUDIENCE, Issuer("https://127.0.0.1:1", None, clock=Clock())))

    assert status(door, ".".join(encoded(part) for part in parts) or "x") == 401
