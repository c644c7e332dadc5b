"""A TLS context that follows its files, in handshakes without a network."""

import ssl
from pathlib import Path

import pytest
import trustme

from nilometer_logger.kafka._tls import Files, FollowingContext

SERVER = "kafka.test"


def write(directory: Path, authority: trustme.CA, name: str) -> Files:
    """Writes an authority, and a client's certificate and key, and names the files."""
    issued = authority.issue_cert(name)
    files = Files(*(str(directory / f"{part}.pem") for part in ("authority", "certificate", "key")))
    authority.cert_pem.write_to_path(files.authorities)
    issued.cert_chain_pems[0].write_to_path(files.certificate)
    issued.private_key_pem.write_to_path(files.key)
    return files


def server_of(authority: trustme.CA) -> ssl.SSLContext:
    """Makes a server that demands a certificate of the same authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(SERVER).configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def shake_hands(client: ssl.SSLContext, server: ssl.SSLContext, name: str = SERVER) -> str:
    """Connects a client to a server, and returns the name in the client's certificate, as the server sees it."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [client.wrap_bio(down, up, server_hostname=name), server.wrap_bio(up, down, server_side=True)]
    for _ in range(3):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    shown = sides[1].getpeercert()
    assert shown
    [(_, told)] = shown["subjectAltName"]
    return str(told)


def test_who_answers_must_be_who_was_asked_for(tmp_path: Path) -> None:
    """A server of an authority that is trusted is taken under the name in its certificate, and nothing else is."""
    ours, theirs = trustme.CA(), trustme.CA()
    client = FollowingContext(write(tmp_path, ours, "me@test"))

    assert shake_hands(client, server_of(ours)) == "me@test"
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(client, server_of(ours), "other.test")
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed certificate in certificate chain"):
        shake_hands(client, server_of(theirs))


def test_what_was_renewed_is_shown_at_the_next_connection(tmp_path: Path) -> None:
    """A certificate, its key and the authorities may change under a process that runs."""
    first, second = trustme.CA(), trustme.CA()
    client = FollowingContext(write(tmp_path, first, "before@test"))
    assert shake_hands(client, server_of(first)) == "before@test"

    write(tmp_path, second, "after@test")

    assert shake_hands(client, server_of(second)) == "after@test"
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(client, server_of(first))


@pytest.mark.parametrize("part", ["authorities", "certificate", "key"])
def test_a_pair_that_is_half_written_is_left_alone(tmp_path: Path, part: str) -> None:
    """Until the files make sense again, the former ones go on."""
    authority = trustme.CA()
    files = write(tmp_path, authority, "before@test")
    client = FollowingContext(files)
    path = Path(getattr(files, part))
    whole = path.read_bytes()

    path.write_bytes(whole[: len(whole) // 2])
    assert shake_hands(client, server_of(authority)) == "before@test"
    path.unlink()
    assert shake_hands(client, server_of(authority)) == "before@test"

    write(tmp_path, authority, "after@test")
    assert shake_hands(client, server_of(authority)) == "after@test"
