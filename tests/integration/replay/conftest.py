"""A worker with monitors of every kind of window, and replays of what it read."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from nilometer_detectors.apps.events import to_json_line
from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from nilometer_detectors.demo.stack.processes import Process
from tests.integration.worker.feeding import make_baseline
from tests.integration.worker_faults.workers import AMONG, Mistreated

WINDOWS = {
    "tumbling": "{size: 2s, watermarkDelay: 3s}",
    "sliding": "{size: 4s, slide: 1s, watermarkDelay: 3s}",
    "counting": "{count: 100}",
}


def declare(directory: Path, baseline: Path, kind: str, service: str, threshold: float = 20) -> Path:
    """Writes a monitor of a service into a directory, and returns its file."""
    path = directory / f"{service}-{kind}.yaml"
    path.write_text(f"""\
apiVersion: nilometer.io/v1alpha1
kind: ModelMonitor
metadata: {{name: {service}-{kind}, namespace: demo}}
spec:
  stream: {{inferenceService: {service}, component: predictor}}
  baseline: {{path: {baseline}}}
  windows: {WINDOWS[kind]}
  outliers:
  - {{name: range, detector: zscore, threshold: {threshold}}}
  drift:
  - {{name: ks, detector: ks, pValue: 0.2, minRows: 5}}
""")
    return path


class Replayed(Mistreated):
    """A worker, and replays of its log."""

    def start(self, *arguments: object) -> Process:
        """Starts a worker, with the least session that Kafka takes by itself."""
        return super().start("--session-seconds", 6, *arguments)

    def replay(self, *arguments: object, monitors: Sequence[Path] = ()) -> subprocess.CompletedProcess[str]:
        """Replays the log with the worker's monitors, unless others are given."""
        files = monitors or sorted(self.monitors.iterdir())
        command = [sys.executable, "-m", "nilometer_detectors", "replay", "inferences", "--kafka", self.kafka]
        command += ["--topic-prefix", self.prefix, "--future-seconds", "100000"]
        command += [part for file in files for part in ("--monitor", str(file))]
        return subprocess.run(
            [*command, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False
        )

    def found(self) -> list[str]:
        """Returns everything that the worker has found, to the letter, each once; outliers may repeat."""
        return sorted({to_json_line(event) for topic in ("findings", "outliers") for event in self.events(topic)})


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The baseline of all monitors."""
    return make_baseline(tmp_path_factory.mktemp("baseline"))


@pytest.fixture
def working(kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path, baseline: Path) -> Iterator[Replayed]:
    """A worker's Kafka, topics and monitors: one of every kind for each service; its processes end with the test."""
    monitors = tmp_path / "monitors"
    monitors.mkdir()
    for service in AMONG:
        for kind in WINDOWS:
            declare(monitors, baseline, kind, service)
    workers = Replayed(kafka.bootstrap, topic_prefix, monitors, tmp_path)
    yield workers
    for process in workers.processes:
        process.kill()
