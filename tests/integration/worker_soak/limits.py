"""The memory that a worker may have in these tests: what its pod may have, and the kernel sees to it as it does there.

A control group is what a pod has: the kernel counts what a process really uses, and ends it with SIGKILL. Where no group
can be made, the size of the process's data is limited instead (`RLIMIT_DATA`), which counts what was reserved and never
touched as well, such as stacks of threads; so that limit is higher by a margin, and what fails is an allocation. A
group is made inside our own: whatever limits us limits the worker, too.
"""

import os
import re
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import yaml

MIB = 2**20
MANIFEST = Path(__file__).parents[3] / "manifests" / "base" / "worker.yaml"
_RESERVED_BYTES = 256 * MIB  # the margin of `RLIMIT_DATA`
_GROUPS = Path("/sys/fs/cgroup")
_NAME = "nilometer-limit-"
_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
_GONE_SECONDS = 5.0
_STATED = re.compile(r"memory bound.*\btotal_mib=(\d+)")


def manifest_limit_bytes() -> int:
    """Reads how much memory the manifest gives to a worker."""
    [deployment] = yaml.safe_load_all(MANIFEST.read_text())
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    text = container["resources"]["limits"]["memory"]
    return int(text[:-2]) * _UNITS[text[-2:]]


class Limit(ABC):
    """A limit under which processes run.

    Attributes:
        most_bytes: that they may have.
        how: what sees to it.
    """

    most_bytes: int
    how: str

    @abstractmethod
    def wrapped(self, argv: Sequence[str]) -> list[str]:
        """Returns the command line of a process that runs under the limit, with the same process id."""

    @abstractmethod
    def kills(self) -> int:
        """Tells how many processes the kernel has ended because of the limit."""

    @abstractmethod
    def close(self) -> None:
        """Removes the limit, once nothing runs under it."""


class _Group(Limit):
    """A control group, of either version."""

    def __init__(self, parent: Path, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._path = parent / f"{_NAME}{os.getpid()}-{time.monotonic_ns()}"
        self._path.mkdir()
        try:
            self._bound(most_bytes)
            subprocess.run(self.wrapped(["true"]), check=True, stderr=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError) as error:
            self.close()
            raise OSError(f"no process can be put into {self._path}: {error}") from None

    @abstractmethod
    def _bound(self, most_bytes: int) -> None:
        """Sets the limit."""

    def _write(self, name: str, value: int) -> None:
        (self._path / name).write_text(str(value))

    def _count(self, file: str, name: str) -> int:
        pairs = (line.split() for line in (self._path / file).read_text().splitlines())
        return next(int(value) for key, value in pairs if key == name)

    def wrapped(self, argv: Sequence[str]) -> list[str]:
        """Lets a shell enter the group and become the process."""
        return ["sh", "-c", 'echo $$ >"$0" && exec "$@"', str(self._path / "cgroup.procs"), *argv]

    def close(self) -> None:
        """Removes the group; a process that was killed leaves it a moment later."""
        deadline = time.monotonic() + _GONE_SECONDS
        while self._path.exists():
            with suppress(OSError):
                self._path.rmdir()
            if time.monotonic() > deadline:
                raise OSError(f"{self._path} cannot be removed: something runs in it")


class _GroupOfVersion1(_Group):
    how = "a control group (version 1)"

    def _bound(self, most_bytes: int) -> None:
        self._write("memory.limit_in_bytes", most_bytes)
        with suppress(OSError):  # where there is swap
            self._write("memory.memsw.limit_in_bytes", most_bytes)

    def kills(self) -> int:
        """Counts what the kernel has ended in the group."""
        return self._count("memory.oom_control", "oom_kill")


class _GroupOfVersion2(_Group):
    how = "a control group (version 2)"

    def _bound(self, most_bytes: int) -> None:
        self._write("memory.max", most_bytes)
        with suppress(OSError):
            self._write("memory.swap.max", 0)

    def kills(self) -> int:
        """Counts what the kernel has ended in the group."""
        return self._count("memory.events", "oom_kill")


class _Data(Limit):
    how = f"RLIMIT_DATA, {_RESERVED_BYTES // MIB} MiB above it"

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        if sys.platform != "linux":
            raise OSError(f"RLIMIT_DATA does not limit memory on {sys.platform}")

    def wrapped(self, argv: Sequence[str]) -> list[str]:
        """Lets a shell limit itself and become the process."""
        return ["sh", "-c", 'ulimit -d "$0" && exec "$@"', str((self.most_bytes + _RESERVED_BYTES) // 1024), *argv]

    def kills(self) -> int:
        """Counts none: an allocation fails, and what follows from that is the process's own."""
        return 0

    def close(self) -> None:
        """Removes nothing: the limit ends with its process."""


def _parents_of_version_1() -> Iterator[Path]:
    root = _GROUPS / "memory"
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            yield from (root / path.lstrip("/"), root)


def _parents_of_version_2() -> Iterator[Path]:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        if line.startswith("0::"):
            own = _GROUPS / line.removeprefix("0::").lstrip("/")
            yield from (path for path in (own, *own.parents) if path.is_relative_to(_GROUPS))


def _candidates(most_bytes: int) -> Iterator[Limit | OSError]:
    for kind, parents in ((_GroupOfVersion1, _parents_of_version_1), (_GroupOfVersion2, _parents_of_version_2)):
        try:
            for parent in parents():
                yield kind(parent, most_bytes)
        except OSError as error:
            yield error
    try:
        yield _Data(most_bytes)
    except OSError as error:
        yield error


@contextmanager
def limited(most_bytes: int) -> Iterator[Limit]:
    """Makes the best limit that this machine allows, and removes it afterwards.

    Raises:
        OSError: if it allows none, with every reason.
    """
    reasons = []
    for found in _candidates(most_bytes):
        if isinstance(found, Limit):
            try:
                yield found
            finally:
                found.close()
            return
        reasons.append(str(found))
    raise OSError(f"memory cannot be limited here: {'; '.join(reasons)}")


def stated_bound_bytes(log: str) -> int | None:
    """Returns what a worker says at its start that it will take at most; None where its log does not say it."""
    found = _STATED.search(log)
    return int(found[1]) * MIB if found else None
