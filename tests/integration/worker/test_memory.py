"""How much memory a worker holds."""

import re
from pathlib import Path

import pytest

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from nilometer_detectors.demo.stack.processes import Process
from tests.integration.stack import eventually, nilometer
from tests.integration.worker.feeding import append, beginning, last_words, make_traffic, services, write_monitors
from tests.integration.worker.working import PATIENCE, Running, Workers

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux says so in /proc"),
]
# A worker of the extra `worker` alone holds 200 MB after it has judged windows, and one of the tests' environment, where
# libraries find more that they can import, 205. The rest is for other versions of Python and the C library.
_MOST_MB = 210


def resident_mb(process: Process) -> float:
    """Returns how much of a process is in memory, shared libraries among it."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1]) / 1024


def test_a_worker_with_compiled_detectors_is_small(
    kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path, baseline: Path, running: Running
) -> None:
    """With `ks`, whose kernels are in numba's cache, it holds no more than is stated, before and after it judges windows."""
    [service], start = services(1), beginning()
    drift = "[{name: ks, detector: ks}]"
    monitors = write_monitors(tmp_path, baseline, [service], size="2s", delay="3s", drift=drift)
    compiled = nilometer("validate", tmp_path, monitors / f"{service}.yaml").start()
    assert compiled.wait() == 0, compiled.output()
    workers = Workers(kafka.bootstrap, topic_prefix, monitors, tmp_path)
    worker = running(workers.make())

    worker.wait_for_line(r"\bready\b", timeout_seconds=PATIENCE)
    idle = resident_mb(worker)
    traffic = make_traffic(start, 20, 4000, [service])
    append(workers.kafka, workers.prefix, [*traffic, *last_words(start, 60, [service])])
    eventually(lambda: len(workers.windows()) >= 10, "the windows", timeout_seconds=PATIENCE)

    verdicts = {event["verdict"] for event in workers.events("findings") if event["type"] == "io.nilometer.drift"}
    assert "ok" in verdicts
    assert idle <= _MOST_MB
    assert resident_mb(worker) <= _MOST_MB
