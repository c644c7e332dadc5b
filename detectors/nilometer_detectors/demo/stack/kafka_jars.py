"""Apache Kafka's jars, from Maven Central, fetched once and kept in the user's cache.

`jgo` resolves the artifacts in pure Python. Only its Maven layer is used: `jgo.build`, above it, fetches an OpenJDK 11
of 190 MB as well, to sort jars in a way that nobody here needs. Three things are added. Progress is one sum over all
files. A download that is cut short (Ctrl-C, a lost network) leaves no torn jar to be taken for good ever after. And two
processes that want the jars at the same time do not disturb each other.
"""

import dataclasses
import fcntl
import logging
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nilometer_logger.errors import ExtraMissing, UnavailableError

if TYPE_CHECKING:
    from jgo.maven import PythonResolver

KAFKA_VERSION = "4.4.0"
_ARTIFACTS = (f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}", "org.slf4j:slf4j-simple:1.7.36")
_DOWNLOAD_BYTES = 45_700_000  # the jars and their POM files, to the nearest 0.1 MB
_ATTEMPTS = 3

Progress = Callable[[int, int], None]
"""Is told the bytes fetched so far and the bytes expected in all; not called when everything is cached."""


def kafka_jars(progress: Progress | None = None) -> list[Path]:
    """Returns the jars of Apache Kafka, downloading them at the first call ever (42 MiB, some 20 s).

    Args:
        progress: is told of the download.

    Raises:
        ExtraMissing: if the extra `demo` is not installed.
        UnavailableError: if Maven Central cannot be reached.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nilometer" / f"kafka-{KAFKA_VERSION}"
    cache.mkdir(parents=True, exist_ok=True)
    with _alone(cache / "lock"):
        if jars := _listed(cache):
            return jars
        for _ in range(_ATTEMPTS):
            try:
                return _fetch(cache, progress)
            except ImportError as error:
                raise ExtraMissing("The embedded Kafka", "demo") from error
            except Exception as error:  # noqa: BLE001 - jgo raises what its parts raise
                reason = error  # what has arrived is kept, so that the next attempt goes on from there
    raise UnavailableError(
        f"Apache Kafka {KAFKA_VERSION} could not be downloaded from Maven Central (https://repo.maven.apache.org):"
        f" {_root_of(reason)}. It is needed once; after that no network is."
    ) from reason


def _fetch(cache: Path, progress: Progress | None) -> list[Path]:
    from jgo.maven import MavenContext  # noqa: PLC0415 - an extra, and half a second
    from jgo.parse import Coordinate  # noqa: PLC0415

    logging.getLogger("jgo").setLevel(logging.CRITICAL)  # what matters of it comes as an exception
    maven = cache / "maven"
    context = MavenContext(_resolver(progress), repo_cache=maven, local_repos=[])
    coordinates = [dataclasses.replace(Coordinate.parse(artifact), scope="compile") for artifact in _ARTIFACTS]
    wanted = [context.create_dependency(coordinate) for coordinate in coordinates]
    direct, transitive = context.resolver.resolve(wanted)
    needed = [*direct, *(dependency for dependency in transitive if dependency.scope in ("compile", "runtime"))]
    jars = list(dict.fromkeys(Path(dependency.artifact.resolve()) for dependency in needed))
    if torn := [jar for jar in jars if not zipfile.is_zipfile(jar)]:  # a process was killed while it wrote
        shutil.rmtree(maven)
        raise OSError(f"{torn[0].name} was damaged and is removed")
    _list(cache, jars)
    return jars


def _resolver(progress: Progress | None) -> "PythonResolver":
    """A resolver that reports progress as one sum and leaves no torn file behind."""
    from jgo.maven import Artifact, PythonResolver  # noqa: PLC0415

    class Resolver(PythonResolver):
        fetched = 0

        def download(self, artifact: Artifact) -> Path | None:
            try:
                path: Path | None = super().download(artifact)
            except BaseException:
                if (torn := artifact.cached_path) is not None:
                    torn.unlink(missing_ok=True)
                raise
            return path

        @contextmanager
        def count(self, _name: str, _size: int) -> Iterator[Callable[[int], None]]:
            yield self.add

        def add(self, size: int) -> None:
            self.fetched += size
            if progress is not None:
                progress(self.fetched, max(_DOWNLOAD_BYTES, self.fetched))

    resolver = Resolver()
    resolver.progress_callback = resolver.count
    return resolver


def _list(cache: Path, jars: list[Path]) -> None:
    """Writes down which jars make Kafka, and their sizes; the list's being there says that all of them are."""
    new = cache / "jars.new"
    new.write_text("".join(f"{jar.stat().st_size} {jar.relative_to(cache)}\n" for jar in jars))
    new.rename(cache / "jars")


def _listed(cache: Path) -> list[Path]:
    """Returns the jars of the list, or none if there is no list or a jar is not as it says."""
    if not (cache / "jars").exists():
        return []
    jars = []
    for line in (cache / "jars").read_text().splitlines():
        size, _, name = line.partition(" ")
        jar = cache / name
        if not jar.exists() or jar.stat().st_size != int(size):
            jar.unlink(missing_ok=True)
            return []
        jars.append(jar)
    return jars


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Lets one process in at a time; the lock goes with the process that holds it."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _root_of(error: BaseException) -> str:
    """Names what was at the bottom of an error, in one line."""
    while below := error.__cause__ or error.__context__:
        error = below
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
