"""Apache Kafka's jars, from Maven Central, fetched once and kept in the user's cache.

`jgo` resolves the artifacts in pure Python. Three things it leaves open are closed here: its progress callback speaks
of single files, and the caller wants one bar; a download that is cut short (Ctrl-C, a lost network) leaves a torn jar
that would be taken for good ever after; and two processes may want the jars at the same time.
"""

import fcntl
import functools
import logging
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nilometer_logger.errors import ExtraMissing, UnavailableError

if TYPE_CHECKING:
    from jgo.maven import PythonResolver

KAFKA_VERSION = "4.4.0"
DOWNLOAD_BYTES = 44_600_000  # the jars of this version and their POM files, to the nearest 0.1 MB
_ENDPOINT = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"
_ATTEMPTS = 3

Progress = Callable[[int, int], None]
"""Is told the bytes fetched so far and the bytes expected in all; not called when everything is cached."""


def kafka_jars(progress: Progress | None = None) -> list[Path]:
    """Returns the jars of Apache Kafka, downloading them at the first call ever (42 MiB, some 20 s).

    Raises:
        ExtraMissing: if the extra `demo` is not installed.
        UnavailableError: if Maven Central cannot be reached.
    """
    try:
        import jgo  # noqa: PLC0415 - an extra: the message below is better than ImportError
        from jgo.constants import default_jgo_cache  # noqa: PLC0415
    except ImportError as error:
        raise ExtraMissing("The embedded Kafka", "demo") from error
    logging.getLogger("jgo").setLevel(logging.CRITICAL)  # what matters of it comes as an exception
    cache = default_jgo_cache()
    cache.mkdir(parents=True, exist_ok=True)
    with _alone(cache / "nilometer.lock"):
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                jars = jgo.build(_ENDPOINT, cache_dir=cache, resolver=_resolver(progress)).all_jars
                return _whole(jars)
            except Exception as error:
                # Files that arrived are kept, so an attempt starts where the last one broke.
                if attempt == _ATTEMPTS:
                    raise UnavailableError(
                        f"Apache Kafka {KAFKA_VERSION} could not be downloaded from Maven Central"
                        f" (https://repo.maven.apache.org): {_reason(error)}."
                        " The demo needs it once; after that it works without a network."
                    ) from error
    raise AssertionError("unreachable")


def _resolver(progress: Progress | None) -> "PythonResolver":
    """A resolver that reports progress as one sum and never leaves a torn file behind."""
    from jgo.maven import Artifact, PythonResolver  # noqa: PLC0415

    class Resolver(PythonResolver):
        fetched = 0

        def download(self, artifact: Artifact) -> Path | None:
            try:
                path: Path | None = super().download(artifact)
                return path
            except BaseException:
                if (torn := artifact.cached_path) is not None:
                    torn.unlink(missing_ok=True)
                raise

        @contextmanager
        def count(self, _name: str, _size: int) -> Iterator[Callable[[int], None]]:
            yield self.add

        def add(self, size: int) -> None:
            self.fetched += size
            if progress is not None:
                progress(self.fetched, max(DOWNLOAD_BYTES, self.fetched))

    resolver = Resolver()
    resolver.progress_callback = resolver.count
    return resolver


@functools.cache
def _is_whole(jar: Path) -> bool:
    return zipfile.is_zipfile(jar)  # a zip's directory is at its end, so a torn one has none


def _whole(jars: list[Path]) -> list[Path]:
    torn = [jar for jar in jars if not _is_whole(jar)]
    if torn or not jars:
        names = ", ".join(str(jar) for jar in torn) or "no jar at all"
        raise OSError(f"the cache is damaged ({names}); delete these files, and their like in the Maven repository")
    return jars


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Lets one process in at a time; the lock goes with the process that holds it."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _reason(error: Exception) -> str:
    """The first line of what failed, and of what caused it at the bottom."""
    cause: BaseException = error
    while cause.__cause__ or cause.__context__:
        cause = cause.__cause__ or cause.__context__  # type: ignore[assignment]
    return f"{type(cause).__name__}: {str(cause).splitlines()[0] if str(cause) else 'no message'}"
