"""Monitors are changed, added and removed under a worker that goes on working."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import pytest

from nilometer_detectors.monitors.files.loader import load_monitors
from nilometer_logger import topics
from nilometer_logger.cloudevents import kind_of
from nilometer_logger.engine import punctuation
from nilometer_logger.engine.punctuation import Configure
from nilometer_logger.times import SECOND, parse_time
from tests.integration.reading import records_of
from tests.integration.stack import eventually
from tests.integration.worker.feeding import (
    PARTITIONS,
    SIZE,
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
from tests.integration.worker.working import PATIENCE, Make, Running, Workers

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

DELAY = 3 * SECOND  # of the watermark
STEADY, CHANGED, REMOVED, ADDED = AMONG = services(4)


@dataclass(frozen=True)
class Found:
    """What was found of one window.

    Attributes:
        size: in nanoseconds.
        partial: whether the monitor says that it saw only a part of it.
        columns: what was found of each column.
    """

    size: int
    partial: bool
    columns: dict[str, Column]


def found_windows(workers: Workers, service: str, size: int = SIZE) -> dict[int, Found]:
    """Returns what was found of a service in windows of one size, by their starts; each must be found once."""
    found: dict[int, Found] = {}
    for name, body in workers.windows():
        start, end = (parse_time(body["window"][edge]) for edge in ("start", "end"))
        if (name, end - start) == (service, size):
            assert start not in found, "a window was found twice"
            columns = {
                name: Column(facts["count"], facts["mean"], facts["min"], facts["max"])
                for name, facts in body["features"].items()
            }
            found[start] = Found(end - start, body["partial"], columns)
    return found


def expected(sent: Sequence[Sent], service: str, size: int = SIZE) -> dict[int, dict[str, Column]]:
    """Computes what must be found of a service, by the starts of windows."""
    windows = expected_windows([one for one in sent if one.service == service], size)
    return {start: columns for (_, start), columns in windows.items()}


def assert_same(found: dict[int, Found], wanted: dict[int, dict[str, Column]]) -> None:
    """Checks that windows agree: means to rounding, because rows are added up in another order."""
    assert found.keys() == wanted.keys()
    for start, columns in wanted.items():
        for name, column in columns.items():
            assert astuple(found[start].columns[name]) == pytest.approx(astuple(column), rel=1e-12), (start, name)


def closed_by(sent: Sequence[Sent], service: str) -> set[int]:
    """Returns the starts of the windows that these requests close by themselves."""
    watermark = max(one.time for one in sent if one.service == service) - DELAY
    return {start for start in expected(sent, service) if start + SIZE <= watermark}


def announced(workers: Workers) -> list[dict[str, str]]:
    """Returns the digests of the monitors that run at the end of the log, by name, of each partition that says it."""
    last: dict[int, dict[str, str]] = {}
    for record in records_of(workers.kafka, workers.prefix + topics.INFERENCES):
        if kind_of(record.headers) == "punctuation":
            order = punctuation.decode(record.value)
            if isinstance(order, Configure):
                last[record.partition] = order.monitors
    return list(last.values())


def write_changes(workers: Workers) -> None:
    """Changes one monitor, removes one and adds one."""
    text = (workers.monitors / f"{CHANGED}.yaml").read_text()
    (workers.monitors / f"{CHANGED}.yaml").write_text(text.replace("size: 2s", "size: 4s"))
    (workers.monitors / f"{REMOVED}.yaml").unlink()
    (workers.monitors / f"{ADDED}.yaml").write_text(text.replace(CHANGED, ADDED))


def test_monitors_change_while_the_worker_goes_on(make: Make, running: Running) -> None:
    """A broken file changes nothing and is said once; then one monitor starts anew, one stops and one begins.

    The new declaration's first window is partial, and every later one holds all its rows; the windows of the monitor
    that was left alone are those that it would have had anyway.
    """
    start = beginning()
    workers = make([STEADY, CHANGED, REMOVED])
    traffic = make_traffic(start, 60, 1800, AMONG)
    before, meanwhile, after = traffic[:600], traffic[600:1200], traffic[1200:]
    old = [*before, *meanwhile]
    worker = running(workers.make("--snapshot-seconds", 0.5, "--reload-seconds", 0.2))
    append(workers.kafka, workers.prefix, before)
    worker.wait_for_line("window closed", timeout_seconds=PATIENCE)

    broken = workers.monitors / "broken.yaml"
    broken.write_text("{\n")
    worker.wait_for_line(r"monitors not taken.*broken\.yaml", timeout_seconds=PATIENCE)
    write_changes(workers)
    worker.wait_for_line(r"(monitors not taken.*broken\.yaml[\s\S]*){2}", timeout_seconds=PATIENCE)
    append(workers.kafka, workers.prefix, meanwhile)
    eventually(
        lambda: closed_by(old, REMOVED) <= found_windows(workers, REMOVED).keys(),
        "the windows of the monitor that was removed in vain",
        timeout_seconds=PATIENCE,
    )

    broken.unlink()
    wanted = {monitor.name: monitor.digest for monitor in load_monitors(workers.monitors)}
    eventually(lambda: announced(workers) == [wanted] * PARTITIONS, "the new monitors", timeout_seconds=PATIENCE)
    append(workers.kafka, workers.prefix, [*after, *last_words(start, 100, AMONG)])
    for service, sent, size in ((STEADY, traffic, SIZE), (CHANGED, after, 2 * SIZE), (ADDED, after, SIZE)):
        eventually(
            lambda service=service, sent=sent, size=size: (
                found_windows(workers, service, size).keys() >= expected(sent, service, size).keys()
            ),
            f"all windows of {service}",
            timeout_seconds=PATIENCE,
        )
    worker.stop(grace_seconds=60)

    assert_same(found_windows(workers, STEADY), expected(traffic, STEADY))
    for service in (CHANGED, REMOVED):
        whole = expected(traffic, service)
        assert_same(found_windows(workers, service), {start: whole[start] for start in closed_by(old, service)})
    assert_began_anew(workers, CHANGED, 2 * SIZE, old, after)
    assert_began_anew(workers, ADDED, SIZE, old, after)
    # By their numbers, all outliers are of one service.
    outliers = [one for one in traffic if one.values[0] == TOO_LARGE]
    assert {one.service for one in outliers} == {REMOVED}
    assert workers.outliers() == {one.id for one in old if one in outliers}
    said = worker.output()
    for what, service in (("changed", CHANGED), ("added", ADDED), ("removed", REMOVED)):
        assert sum(f"monitor {what}" in line and f"demo/{service}" in line for line in said.splitlines()) == 1
    assert worker.wait() == 0
    assert "Traceback" not in said


def assert_began_anew(workers: Workers, service: str, size: int, old: Sequence[Sent], new: Sequence[Sent]) -> None:
    """Checks the windows of a monitor that began between some requests and others.

    All rows since then are in them; those that began after it are whole, and the first says that it is partial.
    """
    found = found_windows(workers, service, size)
    assert_same(found, expected(new, service, size))
    assert found[min(found)].partial
    began = max(one.time for one in old if one.service == service)
    later = {start for start in found if start > began}
    assert len(later) > 3
    whole = expected([*old, *new], service, size)
    assert_same({start: found[start] for start in later}, {start: whole[start] for start in later})
    assert not any(found[start].partial for start in later)
