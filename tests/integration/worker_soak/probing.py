"""A kubelet of a test's own: it asks a worker whether it is alive, again and again, and notes how much memory it has."""

import threading
import time
import urllib.request
from types import TracebackType
from typing import Self

from tests.integration.logger_faults.memory import peak

# Those of the manifest's livenessProbe.
TIMEOUT_SECONDS = 10.0
FAILURES = 6
_PERIOD_SECONDS = 0.1


class Kubelet:
    """Asks /healthz of one process from a thread, until it is left.

    Args:
        pid: of the process.
        port: where it answers.

    Attributes:
        answered: how often it said that it is alive.
        failed: how often it did not, within the manifest's time.
        in_a_row: the most failures one after the other.
        peak_bytes: the most memory that it had, as far as it was seen.
        worst_seconds: the longest wait for an answer.
    """

    def __init__(self, pid: int, port: int) -> None:
        self._pid = pid
        self._url = f"http://127.0.0.1:{port}/healthz"
        self.answered = 0
        self.failed = 0
        self.in_a_row = 0
        self.peak_bytes = 0
        self.worst_seconds = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._ask, name="kubelet", daemon=True)
        self._measuring = threading.Thread(target=self._measure, name="memory", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._measuring.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join(2 * TIMEOUT_SECONDS)
        self._measuring.join(TIMEOUT_SECONDS)

    @property
    def would_kill(self) -> bool:
        """Whether a kubelet would have ended the process."""
        return self.in_a_row >= FAILURES

    def _ask(self) -> None:
        failures = 0
        while not self._stopped.wait(_PERIOD_SECONDS):
            began = time.monotonic()
            try:
                with urllib.request.urlopen(self._url, timeout=TIMEOUT_SECONDS) as answer:
                    alive = answer.status == 200
            except OSError:
                alive = False
            self.worst_seconds = max(self.worst_seconds, time.monotonic() - began)
            failures = 0 if alive else failures + 1
            self.answered += alive
            self.failed += not alive
            self.in_a_row = max(self.in_a_row, failures)

    def _measure(self) -> None:
        while not self._stopped.wait(_PERIOD_SECONDS):
            try:
                self.peak_bytes = max(self.peak_bytes, peak(self._pid))
            except (OSError, StopIteration):  # it has ended
                return
