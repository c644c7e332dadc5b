"""Child processes that can be waited for and that never outlive us.

Each child runs in a session of its own, so that Ctrl-C reaches only the parent, which then stops its children in
order; where the kernel offers it, a child is also told to die with its parent, so that even `kill -9` of the parent
leaves nothing behind. What a child prints goes to a log file, whose end is in the message of every failure.
"""

import ctypes
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from nilometer_detectors.demo.stack.signals import held
from nilometer_logger.errors import NilometerError

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.05
_SERVER_PORTS = (15_000, 32_000)


class ProcessFailed(NilometerError):
    """A child process ended, or did not become ready, when it was needed."""


def free_port() -> int:
    """Returns a TCP port of the loopback interface that was free a moment ago.

    It lies below the range from which systems take the ports of outgoing connections. There, a client that keeps
    trying to reach a server of ours that is just being restarted could be given the server's own port, and hold it.
    """
    for _ in range(1000):
        port = random.randrange(*_SERVER_PORTS)  # noqa: S311 - to be unlike the others, not secret
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue  # somebody has it
            return port
    raise ProcessFailed("No free TCP port was found on the loopback interface")


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """One child process.

    Args:
        name: what to call it in messages.
        argv: the command line.
        log: the file that takes its standard output and error; appended to, so that a restart keeps the history.
        env: variables to add to this process's own environment.
        cwd: the folder to run in.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._argv = [str(part) for part in argv]
        self._env = dict(env or {})
        self._cwd = cwd
        self._child: subprocess.Popen[bytes] | None = None
        self._offset = 0

    @property
    def pid(self) -> int:
        """The process id of the child that was started last."""
        return self._started().pid

    @property
    def running(self) -> bool:
        """Whether the child was started and has not ended."""
        return self._child is not None and self._child.poll() is None

    def start(self) -> Self:
        """Starts the child, or starts it again after it ended."""
        if self.running:
            raise ProcessFailed(f"{self.name} is already running as process {self.pid}")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._offset = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output, held():
            self._child = subprocess.Popen(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self._env},
                cwd=self._cwd,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - prctl alone; there are no threads to lock with
            )
        return self

    def output(self) -> str:
        """Returns what the child printed since it was last started."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(self._offset)
            return file.read().decode(errors="replace")

    def wait_for_line(self, pattern: str, *, timeout_seconds: float = 60) -> re.Match[str]:
        """Waits until the child printed a text that matches.

        Raises:
            ProcessFailed: if the child ends, or the time passes, before that.
        """
        expression = re.compile(pattern, re.MULTILINE)
        deadline = time.monotonic() + timeout_seconds
        while True:
            alive = self.running
            if match := expression.search(self.output()):
                return match
            self._still(alive, deadline, f"printed {pattern!r}")

    def wait_for_port(self, port: int, *, timeout_seconds: float = 60) -> None:
        """Waits until something accepts connections on a port of the loopback interface.

        Raises:
            ProcessFailed: if the child ends, or the time passes, before that.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            alive = self.running
            with socket.socket() as client:
                client.settimeout(1)
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    return
            self._still(alive, deadline, f"listened on port {port}")

    def check(self) -> None:
        """Checks that the child is running.

        Raises:
            ProcessFailed: if it ended; the message has the end of what it printed.
        """
        if not self.running:
            raise ProcessFailed(f"{self.name} ended with code {self._started().poll()}{self._tail()}")

    def wait(self, *, timeout_seconds: float = 60) -> int:
        """Waits until the child ends and returns its exit code."""
        try:
            return self._started().wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            raise ProcessFailed(f"{self.name} did not end within {timeout_seconds:g} s{self._tail()}") from None

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the child, by its process id."""
        if self.running:
            self._started().send_signal(number)

    def stop(self, *, grace_seconds: float = 10) -> None:
        """Asks the child to end, and ends it by force when the time has passed."""
        if not self.running:
            return
        child = self._started()
        child.send_signal(signal.SIGCONT)
        child.terminate()
        try:
            child.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Ends the child at once (SIGKILL)."""
        if self.running:
            self._started().kill()
            self._started().wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            raise ProcessFailed(f"{self.name} was not started")
        return self._child

    def _still(self, alive: bool, deadline: float, wanted: str) -> None:
        if not alive:
            raise ProcessFailed(
                f"{self.name} ended with code {self._started().poll()} before it {wanted}{self._tail()}"
            )
        if time.monotonic() > deadline:
            raise ProcessFailed(f"{self.name} never {wanted}{self._tail()}")
        time.sleep(_POLL_SECONDS)

    def _tail(self, lines: int = 15) -> str:
        end = self.output().splitlines()[-lines:]
        return "".join(f"\n    {line}" for line in end) or f"; it printed nothing to {self.log}"
