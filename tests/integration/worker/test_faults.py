"""Every window once, and every outlier, whoever is killed, stopped or left without traffic."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from pathlib import Path

import pytest

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from tests.integration.reading import records_of
from tests.integration.stack import eventually
from tests.integration.worker.feeding import (
    PARTITIONS,
    TOO_LARGE,
    Column,
    Sent,
    append,
    beginning,
    expected_windows,
    last_words,
    make_traffic,
    services,
)
from tests.integration.worker.working import PATIENCE, Make, Running

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

Windows = dict[tuple[str, int], dict[str, Column]]


def assert_same(found: Windows, expected: Windows) -> None:
    """Checks that windows agree: means to rounding, because rows may be added up in another order."""
    assert found.keys() == expected.keys()
    for window, columns in expected.items():
        for name, column in columns.items():
            assert astuple(found[window][name]) == pytest.approx(astuple(column), rel=1e-12), (window, name)


def test_nothing_is_lost_or_told_twice_by_three_kills(make: Make, running: Running) -> None:
    """SIGKILL three times during 5,000 events: each window once and as computed from what was sent; each outlier."""
    among, start = services(5), beginning()
    workers = make(among)
    traffic = make_traffic(start, 100, 5000, among)
    parts = [traffic[first : first + 1250] for first in range(0, 5000, 1250)]
    worker = running(workers.make("--snapshot-seconds", 0.5))

    with ThreadPoolExecutor(1) as pool:
        for part in parts[:-1]:
            known = workers.outliers()
            appending = pool.submit(append, workers.kafka, workers.prefix, part)
            eventually(lambda known=known: workers.outliers() - known, "a new outlier", timeout_seconds=PATIENCE)
            worker.kill()
            worker.start()
            appending.result()
    append(workers.kafka, workers.prefix, [*parts[-1], *last_words(start, 120, among)])
    expected = expected_windows(traffic)
    eventually(lambda: len(workers.starts()) >= len(expected), "all windows", timeout_seconds=PATIENCE)
    worker.stop(grace_seconds=60)

    starts = workers.starts()
    assert len(starts) == len(set(starts)), "a window was found twice"
    assert_same(workers.columns(), expected)
    assert workers.outliers() == {sent.id for sent in traffic if sent.values[0] == TOO_LARGE}


def test_sigterm_takes_a_last_snapshot_and_the_next_worker_goes_on(make: Make, running: Running) -> None:
    """Exit code 0, nothing to be read again, and the window that was open has the rows of both workers."""
    [service], start = services(1), beginning()
    workers = make([service])
    before = [Sent(f"before-{number}", service, start + number, (float(number), 20.0)) for number in range(9)]
    outlier = Sent("outlier", service, start + 10, (TOO_LARGE, 20.0))
    after = Sent("after", service, start + 11, (10.0, 20.0))

    first, log = running(workers.make("--snapshot-seconds", 3600)), f"{workers.prefix}inferences"
    # The worker writes into every partition which monitors run; what is appended afterwards is the last there is.
    eventually(
        lambda: len(records_of(workers.kafka, log)) >= PARTITIONS, "the log say what runs", timeout_seconds=PATIENCE
    )
    append(workers.kafka, workers.prefix, [*before, outlier])
    eventually(workers.outliers, "the outlier, which is read last", timeout_seconds=PATIENCE)
    last = max(records_of(workers.kafka, log), key=lambda record: record.offset)
    first.stop(grace_seconds=60)
    assert first.wait() == 0

    second = running(workers.make())
    second.wait_for_line(
        f"partition restored +partition={last.partition} offset={last.offset} ", timeout_seconds=PATIENCE
    )
    append(workers.kafka, workers.prefix, [after, *last_words(start, 20, [service])])
    eventually(workers.windows, "the window", timeout_seconds=PATIENCE)

    assert_same(workers.columns(), expected_windows([*before, outlier, after]))
    assert "Traceback" not in first.output() + second.output()


def test_a_quiet_stream_closes_its_last_window(make: Make, running: Running) -> None:
    """Without any traffic, once the clock has passed the window's end and the delay; and it says that it was silence."""
    [service] = services(1)
    workers = make([service], size="1s", delay="1s")
    running(workers.make()).wait_for_line(r"\bready\b", timeout_seconds=PATIENCE)

    append(workers.kafka, workers.prefix, [Sent("only", service, time.time_ns(), (10.0, 20.0))])
    eventually(workers.windows, "the window", timeout_seconds=PATIENCE)

    [(_, body)] = workers.windows()
    assert body["rows"] == 1
    assert body["window"]["closedBy"] == "quiet"


def test_it_outlives_kafka(make: Make, running: Running, tmp_path: Path) -> None:
    """While Kafka is dead it says so in a line; when it is back, the same process goes on, and each window is right."""
    among, start = services(2), beginning()
    traffic = make_traffic(start, 40, 400, among)
    with EmbeddedKafka(tmp_path / "kafka") as broker:
        workers = make(among, address=broker.bootstrap)
        worker = running(workers.make("--snapshot-seconds", 0.5))
        append(workers.kafka, workers.prefix, traffic[:200])
        eventually(workers.outliers, "an outlier", timeout_seconds=PATIENCE)

        broker.kill()
        worker.wait_for_line(
            f"waiting for Kafka.*Kafka at {broker.bootstrap} cannot be reached", timeout_seconds=PATIENCE
        )
        broker.start()

        append(workers.kafka, workers.prefix, [*traffic[200:], *last_words(start, 60, among)])
        expected = expected_windows(traffic)
        eventually(lambda: len(workers.starts()) >= len(expected), "all windows", timeout_seconds=PATIENCE)
        worker.stop(grace_seconds=60)
        starts = workers.starts()
        assert len(starts) == len(set(starts)), "a window was found twice"
        assert_same(workers.columns(), expected)
        assert workers.outliers() == {sent.id for sent in traffic if sent.values[0] == TOO_LARGE}
    assert worker.wait() == 0
    assert "Traceback" not in worker.output()
