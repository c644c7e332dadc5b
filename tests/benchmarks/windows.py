"""`make bench-windows`: what event time costs, beside yardsticks of the same run, as a table.

A real Apache Kafka, the real `nilometer worker` and `nilometer logger`. An inference is a request and a response of
0.5 KB; the monitor has 20 numeric features, tumbling windows of 15 s, and count, mean, stddev, min, max and histogram.
CPU time is that of the process named, all its threads, with nothing of its start; ratios are to the first line of a
section. The documentation's figures come from a machine without neighbours, or say so.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import cache
from pathlib import Path
from time import monotonic

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from nilometer_logger.times import SECOND
from tests.benchmarks import machine, windows_pure
from tests.benchmarks.servers import Bench
from tests.benchmarks.windows_delays import delays
from tests.benchmarks.windows_peers import fill
from tests.benchmarks.windows_pods import pods
from tests.benchmarks.windows_profile import profile
from tests.benchmarks.windows_traffic import START, Traffic, monitor, write_monitor
from tests.benchmarks.windows_worker import create, filled, from_a_full_topic, new_prefix

_HUNDRED_ROWS = 20  # events of 40 KB in a record
_HEAD = f"{'':<52}{'CPU µs':>9}{'/s a core':>11}{'ratio':>8}"


class Sizes:
    """How much is measured: enough for figures, or quickly."""

    def __init__(self, *, quick: bool) -> None:
        self.pure = 14_000 if quick else 70_000
        self.worker = 70_000 if quick else 280_000
        self.hundred = 1_000 if quick else 6_000
        self.faust = 3_000 if quick else 20_000
        self.delays = 200 if quick else 1_200
        self.turns = 2 if quick else 5


def _worker(bench: Bench, sizes: Sizes) -> list[str]:
    """One-row inferences: pure, in the worker, and what others take for less."""
    monitors = _monitors(bench)
    one = [monitor(bench.directory / "usual" / "monitors")]
    pure = windows_pure.cost(one, Traffic(sizes.pure), sizes.turns)
    traffic = Traffic(sizes.worker)
    whole, rate = asyncio.run(from_a_full_topic(bench, monitors, traffic))
    prefix = asyncio.run(filled(bench, Traffic(sizes.pure)))
    bare = _peer("consumer", bench.kafka, f"{prefix}inferences", Traffic(sizes.pure).records)
    return [
        _HEAD,
        line("a partition alone, without Kafka (an inference)", pure, pure),
        line(f"the worker, from a full topic ({rate:,.0f}/s by the clock)", whole, pure),
        line("a bare aiokafka consumer that decodes the same", 2 * bare, pure),
        line("Faust's own windowed count (of two events)", 2 * _faust(bench, sizes.faust), pure),
    ]


def _hundred(bench: Bench, sizes: Sizes) -> list[str]:
    """Requests of 100 rows; the figures are those of a row."""
    traffic = Traffic(sizes.hundred, rows=100, record=_HUNDRED_ROWS)
    one = [monitor(bench.directory / "usual" / "monitors")]
    small = replace(traffic, inferences=min(sizes.hundred, 1000))
    pure = windows_pure.cost(one, small, sizes.turns) / traffic.rows
    whole, _ = asyncio.run(from_a_full_topic(bench, _monitors(bench), traffic))
    return [
        _HEAD,
        line("a partition alone (a row of 20 features)", pure, pure),
        line("the worker, from a full topic", whole / traffic.rows, pure),
    ]


def _costs(bench: Bench, sizes: Sizes) -> list[str]:
    return windows_pure.costs(bench.directory / "costs", sizes.pure // 5, sizes.turns)


def _profile(bench: Bench, sizes: Sizes) -> list[str]:
    one = [monitor(bench.directory / "usual" / "monitors")]
    return profile(one, Traffic(sizes.pure // 2), 2 * sizes.turns)


def _open(bench: Bench, _: Sizes) -> list[str]:
    return windows_pure.open_windows(bench.directory / "open")


def _delays(bench: Bench, sizes: Sizes) -> list[str]:
    return asyncio.run(delays(bench, bench.directory, sizes.delays)).lines()


def _pods(bench: Bench, _: Sizes) -> list[str]:
    return pods(bench)


SECTIONS: dict[str, tuple[str, Callable[[Bench, Sizes], list[str]]]] = {
    "worker": ("one-row inferences, 20 features, records of 200 events", _worker),
    "rows": ("requests of 100 rows, 20 features, records of 20 events", _hundred),
    "pods": ("through the logger, four pods of five connections", _pods),
    "costs": ("what a partition pays for, without Kafka", _costs),
    "profile": ("where the time of a partition goes (an inference)", _profile),
    "open": ("open windows", _open),
    "delays": ("how long findings take, 40 inferences a second", _delays),
}
_NEEDS_NO_KAFKA = {"costs", "profile", "open"}


def line(name: str, micros: float, base: float) -> str:
    """Makes a line of a table of CPU time."""
    return f"{name:<52}{micros:>9.2f}{1e6 / micros:>11,.0f}{micros / base:>8.2f}"


def _monitors(bench: Bench) -> Path:
    return write_monitor(bench.directory / "usual" / "monitors").parent


@cache
def _events_of_json(count: int) -> list[tuple[int, bytes]]:
    step = SECOND // 1000
    return [(START + at * step, json.dumps({"stream": "bench", "value": at}).encode()) for at in range(count)]


def _faust(bench: Bench, count: int) -> float:
    """Tells the CPU µs an event that Faust takes for counting it in a window."""
    topic = f"{new_prefix(bench)}faust"
    asyncio.run(create(bench.kafka, topic))
    asyncio.run(fill(bench.kafka, topic, _events_of_json(count)))
    return _peer("faust", bench.kafka, topic, count)


def _peer(kind: str, kafka: str, topic: str, count: int) -> float:
    """Runs a yardstick and returns its CPU µs of each thing that it counted."""
    argv = [sys.executable, "-m", "tests.benchmarks.windows_peers", kind, kafka, topic, str(count)]
    with machine.on(machine.server_cores()):
        done = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True)
    said = json.loads(done.stdout.splitlines()[-1])
    return 1e6 * float(said["cpu_seconds"]) / int(said["count"])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.windows", description="What event time costs.")
    parser.add_argument("--quick", action="store_true", help="less of everything: a hint, no figure")
    names = ", ".join(SECTIONS)
    parser.add_argument("--only", action="append", choices=[*SECTIONS], metavar="SECTION", help=names)
    return parser.parse_args()


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{text}\n" for text in lines))
    sys.stdout.flush()


def main() -> None:
    """Prints the table, section by section."""
    arguments, began = _arguments(), monotonic()
    chosen = arguments.only or [*SECTIONS]
    sizes = Sizes(quick=arguments.quick)
    _say(machine.description())
    with machine.on(machine.other_cores()), tempfile.TemporaryDirectory(prefix="nilometer-bench-") as folder:
        directory = Path(folder)
        with nullcontext() if set(chosen) <= _NEEDS_NO_KAFKA else EmbeddedKafka(directory / "kafka") as kafka:
            bench = Bench(kafka.bootstrap if kafka else "", kafka.pid if kafka else 0, directory, arguments.quick)
            for name in chosen:
                title, section = SECTIONS[name]
                _say("", title, *(f"  {text}" for text in section(bench, sizes)))
    _say("", f"{monotonic() - began:.0f} s in all")


if __name__ == "__main__":
    main()
