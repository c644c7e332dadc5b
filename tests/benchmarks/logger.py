"""`make bench-logger`: the logger's figures on this machine, beside yardsticks of the same run, as a table.

A real Apache Kafka, the real `nilometer logger`, KServe's requests from a process of their own. The columns: events
acknowledged a second; the server's CPU µs an event; latencies; the broker's CPU µs an event; events and kB a record of
`inferences`; the server's most memory; and how many cores the neighbours kept busy meanwhile, which inflates CPU time
too. The documentation's figures come from a machine without neighbours, or say so.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from tests.benchmarks import machine, scenarios
from tests.benchmarks.servers import Bench
from tests.benchmarks.start import start
from tests.benchmarks.table import Section


def _decoding(_: Bench) -> Section:
    """What the worker pays for a body that the logger took as it was; in a process that holds nothing else."""
    with machine.on(machine.server_cores()):
        argv = [sys.executable, "-m", "tests.benchmarks.decoding"]
        done = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True)
    return Section("decoding, in the worker", lines=done.stdout.splitlines())


SCENARIOS: dict[str, Callable[[Bench], Section]] = {
    "start": start,
    "saturation": scenarios.saturation,
    "agent": scenarios.agent,
    "pods": scenarios.pods,
    "quiet": scenarios.quiet,
    "decoding": _decoding,
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.logger", description="The logger's figures.")
    parser.add_argument("--quick", action="store_true", help="fewer turns: a hint, no figure")
    parser.add_argument(
        "--only",
        action="append",
        choices=[*SCENARIOS],
        metavar="SCENARIO",
        help=f"{', '.join(SCENARIOS)}; may be repeated",
    )
    parser.add_argument(
        "--logger-arg",
        action="append",
        default=[],
        metavar="ARGUMENT",
        help="for every `nilometer logger`, such as --logger-arg=--partitions=1; may be repeated",
    )
    return parser.parse_args()


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def main() -> None:
    """Prints the table, section by section."""
    arguments, began = _arguments(), monotonic()
    _say(machine.description())
    # Kafka and the load, which are started here, inherit these cores.
    with machine.on(machine.other_cores()), tempfile.TemporaryDirectory(prefix="nilometer-bench-") as folder:
        directory = Path(folder)
        with EmbeddedKafka(directory / "kafka") as kafka:
            bench = Bench(kafka.bootstrap, kafka.pid, directory, arguments.quick, arguments.logger_arg)
            for name in arguments.only or SCENARIOS:
                _say("", *SCENARIOS[name](bench).text())
    _say("", f"{monotonic() - began:.0f} s in all")


if __name__ == "__main__":
    main()
