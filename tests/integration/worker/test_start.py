"""What a worker says when it cannot start, and what it waits for."""

from pathlib import Path

import pytest

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from nilometer_detectors.demo.stack.processes import free_port
from tests.integration.stack import eventually
from tests.integration.worker.feeding import Sent, append, beginning, last_words, recreate_inferences, services
from tests.integration.worker.working import PATIENCE, Make, Running

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def test_a_monitor_that_does_not_validate_ends_it_at_once(make: Make, running: Running) -> None:
    """Exit code 1 and a line a problem, with file and path, of all files, before Kafka is even asked; no traceback."""
    workers = make(services(2), address="127.0.0.1:1")
    for service, right, wrong in (
        ("service-0", "size: 2s", "size: soon"),
        ("service-1", "statistics: [count,", "statistics: [magic,"),
    ):
        path = workers.monitors / f"{service}.yaml"
        path.write_text(path.read_text().replace(right, wrong))

    worker = running(workers.make())

    assert worker.wait() == 1
    first, second = worker.output().splitlines()
    assert all(text in first for text in ("service-0.yaml", "spec.windows.size", "soon"))
    assert all(text in second for text in ("service-1.yaml", "spec.statistics[0]", "magic"))


def test_it_waits_for_kafka(make: Make, running: Running, tmp_path: Path) -> None:
    """One clear line with the address for each try, and it goes on when Kafka appears."""
    [service], start = services(1), beginning()
    broker = EmbeddedKafka(tmp_path / "kafka", port=free_port())
    workers = make([service], address=broker.bootstrap)
    worker = running(workers.make())
    worker.wait_for_line(f"waiting for Kafka.*Kafka at {broker.bootstrap} cannot be reached")

    with broker:
        worker.wait_for_line(r"\bready\b", timeout_seconds=PATIENCE)
        only = Sent("only", service, start, (10.0, 20.0))
        append(workers.kafka, workers.prefix, [only, *last_words(start, 20, [service])])
        eventually(workers.windows, "the window", timeout_seconds=PATIENCE)
        worker.stop(grace_seconds=60)
    assert worker.wait() == 0
    assert "Traceback" not in worker.output()


def test_it_stops_while_it_waits_for_kafka(make: Make, running: Running) -> None:
    """SIGTERM ends a worker that has never reached Kafka, in order and by itself."""
    workers = make(services(1), address=f"127.0.0.1:{free_port()}")
    worker = running(workers.make())
    worker.wait_for_line("waiting for Kafka")

    worker.stop(grace_seconds=60)

    assert worker.wait() in (0, 1)
    assert "Traceback" not in worker.output()


@pytest.mark.parametrize("count", [0, 100])
def test_a_topic_that_was_created_anew_is_refused(make: Make, running: Running, count: int) -> None:
    """Exit code 1 and the remedy in one line, be the new log empty or longer than the old one: its records are others."""
    [service], start = services(1), beginning()
    workers = make([service])
    first = running(workers.make())
    rows = [Sent(f"row-{number}", service, start, (10.0, 20.0)) for number in range(20)]
    append(workers.kafka, workers.prefix, [*rows, *last_words(start, 20, [service])])
    eventually(workers.windows, "the window", timeout_seconds=PATIENCE)
    first.stop(grace_seconds=60)
    recreate_inferences(workers.kafka, workers.prefix)
    others = [Sent(f"other-{number}", service, start, (10.0, 20.0)) for number in range(count)]
    append(workers.kafka, workers.prefix, others, together=1)

    second = running(workers.make())

    assert second.wait() == 1, second.output()
    last = second.output().splitlines()[-1]
    assert "was created anew" in last
    assert f"delete topic {workers.prefix}state" in last
    assert "Traceback" not in second.output()
    assert len(workers.windows()) == 1
