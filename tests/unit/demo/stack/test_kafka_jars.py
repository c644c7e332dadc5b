"""Kafka's jars: had without a network once they are there, and a clear sentence when they cannot be."""

from pathlib import Path

import pytest

from nilometer_detectors.demo.stack.kafka_jars import KAFKA_VERSION, kafka_jars
from nilometer_detectors.demo.stack.processes import free_port
from nilometer_logger.errors import UnavailableError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of a user's, empty, on a machine without a network."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    folder = tmp_path / "nilometer" / f"kafka-{KAFKA_VERSION}"
    folder.mkdir(parents=True)
    return folder


def fill(cache: Path, size: int) -> Path:
    """Puts a jar of 4 bytes into a cache that lists it with a size."""
    (cache / "a.jar").write_bytes(b"jar!")
    (cache / "jars").write_text(f"{size} a.jar\n")
    return cache / "a.jar"


def test_without_a_network_the_message_says_what_could_not_be_reached(cache: Path) -> None:
    """A user behind a closed door reads which door, and why it is needed; nothing is left half done."""
    with pytest.raises(UnavailableError, match=r"could not be downloaded from Maven Central \(https://repo\.maven"):
        kafka_jars()
    assert not (cache / "jars").exists()


def test_jars_that_are_there_need_no_network(cache: Path) -> None:
    """The second start of the demo works offline."""
    jar = fill(cache, 4)

    assert kafka_jars() == [jar]


def test_a_jar_of_another_size_is_not_used(cache: Path) -> None:
    """A torn jar is thrown away and fetched again, which here fails for want of a network."""
    jar = fill(cache, 5)

    with pytest.raises(UnavailableError):
        kafka_jars()
    assert not jar.exists()
