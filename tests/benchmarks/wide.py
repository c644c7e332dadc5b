"""What wide models cost: `python -m tests.benchmarks.wide [FEATURES…]`, by default 3072 and 10000.

For each number of features a real worker watches one stream on a real Kafka, with the statistics of the examples, a
z-score and a KS test: three windows of a hundred rows each, a row per request. CPU time and the peak of memory are the
worker's. With `--default-topics` the topic `findings` has Kafka's default limit of 1 MiB.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from nilometer_detectors.demo.stack.processes import Process
from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.times import SECOND
from tests.benchmarks import machine
from tests.integration.stack import eventually, nilometer
from tests.integration.worker.feeding import PARTITIONS, Sent, append, beginning, write_monitors
from tests.integration.worker.working import Workers
from tests.integration.worker_faults.admin import create_topic

WIDTHS = (3072, 10_000)
WINDOWS, ROWS, BASELINE_ROWS = 3, 100, 500
SERVICE = "wide"
_MEBIBYTE = 2**20
_PATIENCE_SECONDS = 600.0


def measure(kafka: str, width: int, directory: Path, *, default_topics: bool) -> str:
    """Returns a row of the table."""
    directory.mkdir()
    began = time.monotonic()
    baseline, baseline_mb = _baseline(directory, width)
    baseline_seconds = time.monotonic() - began
    monitors = write_monitors(
        directory, baseline, [SERVICE], size="2s", delay="3s", drift="[{name: ks, detector: ks, minRows: 50}]"
    )
    file = monitors / f"{SERVICE}.yaml"
    file.write_text(file.read_text().replace("min, max]", "min, max, histogram]"))
    workers = Workers(kafka, f"wide-{width}-", monitors, directory)
    if default_topics:
        for name in ("inferences", "findings"):
            create_topic(kafka, workers.prefix + name, PARTITIONS, {})
    with workers.make("--metrics-port", -1) as worker:
        worker.wait_for_line(r"\bready\b", timeout_seconds=_PATIENCE_SECONDS)
        idle_mb, cpu = machine.peak_mb(worker.pid), machine.cpu_seconds(worker.pid)
        events = _windows(workers, worker, width)
        cpu = (machine.cpu_seconds(worker.pid) - cpu) / WINDOWS
        peak_mb = machine.peak_mb(worker.pid)
    sizes = {
        kind: max(len(event.data) for event in events if event["type"].endswith(kind)) / _MEBIBYTE
        for kind in ("statistics", "drift")
    }
    return (
        f"| {width:,} | {sizes['statistics']:.1f} MiB | {sizes['drift']:.1f} MiB | {cpu:.1f} s | {idle_mb:.0f} MB "
        f"| {peak_mb:.0f} MB | {baseline_seconds:.0f} s, {baseline_mb:.0f} MB |"
    )


def _baseline(directory: Path, width: int) -> tuple[Path, float]:
    names = np.array([f"pixel_{number:05d}" for number in range(width)])
    rows = np.random.default_rng(0).normal(0, 1, (BASELINE_ROWS, width)).round(3)
    np.savez(directory / "data.npz", X=rows, names=names)
    peak_mb = 0.0
    with nilometer("baseline", directory, directory / "data.npz", "--out", directory / "baseline") as process:
        while process.running:
            try:
                peak_mb = max(peak_mb, machine.peak_mb(process.pid))
            except (OSError, ValueError, TypeError, AttributeError, IndexError):
                break  # it has just ended
            time.sleep(0.1)
        assert process.wait(timeout_seconds=_PATIENCE_SECONDS) == 0, process.output()
    return directory / "baseline", peak_mb


def _windows(workers: Workers, worker: Process, width: int) -> list[CloudEvent]:
    """Sends windows one after the other, and returns what was found of them."""
    start, chance = beginning(), random.Random(1)
    texts = [str(round(chance.gauss(0, 1), 3)) for _ in range(100_000)]
    for window in range(WINDOWS + 1):
        sent = []
        for number in range(ROWS if window < WINDOWS else 1):
            row = ",".join(chance.choices(texts, k=width))
            body = f'{{"instances":[[{row}]]}}'.encode()
            moment = start + 6 * window * SECOND + number * SECOND // ROWS
            sent.append(Sent(f"{window}-{number}", SERVICE, moment, (0.0, 0.0), body))
        append(workers.kafka, workers.prefix, sent)

    def found() -> list[CloudEvent]:
        worker.check()
        events = workers.events("findings")
        return events if len(events) >= 2 * WINDOWS else []

    events: list[CloudEvent] = eventually(found, "all windows", timeout_seconds=_PATIENCE_SECONDS)
    assert all(json.loads(event.data)["rows"] == ROWS for event in events)
    return events


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", nargs="*", type=int, default=list(WIDTHS))
    parser.add_argument("--default-topics", action="store_true", help="topics with Kafka's default limit")
    asked = parser.parse_args()
    sys.stdout.write(
        "| features | statistics | drift | CPU a window | worker, ready | worker, peak | baseline |\n|---|---|---|---|---|---|---|\n"
    )
    with tempfile.TemporaryDirectory(prefix="nilometer-wide-") as folder, EmbeddedKafka(Path(folder, "kafka")) as kafka:
        for width in asked.features:
            row = measure(kafka.bootstrap, width, Path(folder, str(width)), default_topics=asked.default_topics)
            sys.stdout.write(f"{row}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
