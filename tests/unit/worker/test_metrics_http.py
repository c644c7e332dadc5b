"""What a running worker shows by HTTP: numbers that Prometheus can read, and probes that tell the truth."""

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from nilometer_logger.engine.counters import StreamCounters
from nilometer_logger.settings import WorkerSettings
from nilometer_logger.times import SECOND
from nilometer_logger.worker import metrics_http
from nilometer_logger.worker.counters import PartitionFigures, WorkerCounters
from nilometer_logger.worker.metrics_http import Exposition, serving

PREFIX = "nilometer_worker_"
STREAM = {"namespace": "demo", "inferenceservice": "iris", "component": "predictor", "endpoint": ""}
ROW = re.compile(r"^\| `(\w+)` +\| (\w+) +\| ([^|]*?) *\|", re.MULTILINE)
LISTENING = WorkerSettings(metrics_port=0)

Get = Callable[[str], Any]


def busy() -> WorkerCounters:
    """Returns the figures of a worker in which everything has happened once or more."""
    counters = WorkerCounters(kafka="", assigned=frozenset({0}), lag={0: 12}, snapshots=3, snapshot_bytes=2048)
    counters.opened(
        0,
        lambda: [
            StreamCounters(
                "demo/iris/predictor/",
                rows=10,
                late=1,
                duplicates=2,
                untimed=3,
                future=4,
                empty=8,
                clock=50 * SECOND,
                watermark_delay=6 * SECOND,
                open_windows=5,
                pending=6,
                overflowed=7,
            )
        ],
    )
    counters.lag[0] = 12
    counters.lost[0] += 7
    counters.loads[0] = lambda: PartitionFigures(5, 6, 7)
    counters.tally.stream_overflow["demo/iris"] += 1
    counters.tally.window_overflow["demo/iris"] += 2
    counters.snapshot_seconds.observe(0.02)
    counters.restored, counters.fenced, counters.monitors, counters.invalid_files = 1, 2, 4, 1
    counters.restore_seconds.observe(0.3)
    counters.findings["io.nilometer.drift", "ok"] += 8
    counters.broken_detectors = 1
    counters.detector_failures["demo/iris", "ks"] += 2
    counters.shortened["demo/iris", ""] += 3
    return counters


def families(text: bytes) -> dict[str, Any]:
    """Reads an exposition as Prometheus does; our own metrics by their names."""
    found = text_string_to_metric_families(text.decode())
    return {family.name: family for family in found if family.name.startswith(PREFIX)}


def value(text: bytes, name: str, **labels: str) -> float:
    """Returns the one sample of ours with this name, without prefix, and these labels."""
    samples = [sample for family in families(text).values() for sample in family.samples]
    [found] = [each.value for each in samples if each.name == PREFIX + name and each.labels == labels]
    return float(found)


@contextlib.asynccontextmanager
async def asking(counters: WorkerCounters, settings: WorkerSettings = LISTENING) -> AsyncIterator[Get]:
    """Serves, and hands over what gets a path: status, headers and body."""
    async with serving(settings, counters) as url, aiohttp.ClientSession() as session:

        async def get(path: str) -> tuple[int, Any, bytes]:
            async with session.get(url + path) as response:
                return response.status, response.headers, await response.read()

        yield get


def test_the_table_is_true() -> None:
    """Each metric of the table is there with its type and labels, and no other of ours."""
    declared = {
        name: (kind, "stream's" if labels == "stream's" else labels.replace("`", "").replace(" ", ""))
        for name, kind, labels in ROW.findall(metrics_http.__doc__ or "")
    }

    found = {}
    for family in families(Exposition(busy()).text()).values():
        labels = sorted({name for sample in family.samples for name in sample.labels} - {"le"})
        name = family.name + ("_total" if family.type == "counter" else "")
        found[name] = (family.type, "stream's" if labels == sorted(STREAM) else ",".join(labels))
    assert len(found) == 31
    assert found == declared


def test_what_happened_is_what_is_told() -> None:
    """Each number stands under its name, and the watermark's lag is what the clock on the wall makes of it."""
    text = Exposition(busy(), clock=lambda: 60 * SECOND).text()

    told = {
        name: value(text, name, **STREAM)
        for name in (
            "rows_total",
            "late_rows_total",
            "duplicates_total",
            "untimed_total",
            "future_total",
            "empty_total",
            "watermark_lag_seconds",
            "open_windows",
            "pending_halves",
            "pending_overflowed_total",
        )
    }
    assert list(told.values()) == [10, 1, 2, 3, 4, 8, 16, 5, 6, 7]
    assert value(text, "consumer_lag_records", partition="0") == 12
    assert value(text, "findings_total", type="io.nilometer.drift", verdict="ok") == 8
    alone = {
        name: value(text, name)
        for name in (
            "partitions",
            "snapshots_total",
            "snapshot_bytes_total",
            "snapshot_seconds_count",
            "restored_total",
            "restore_seconds_sum",
            "fenced_total",
            "monitors",
            "monitor_files_invalid",
            "ready",
        )
    }
    assert list(alone.values()) == [1, 3, 2048, 1, 1, 0.3, 2, 4, 1, 1]


def test_a_stream_without_an_event_has_no_watermark() -> None:
    """Where nothing has come there is no lag to tell of, rather than one of a hundred years."""
    counters = WorkerCounters()
    counters.opened(0, lambda: [StreamCounters("demo/iris/predictor/", clock=-(2**62))])

    assert families(Exposition(counters).text())[f"{PREFIX}watermark_lag_seconds"].samples == []


def test_the_process_is_measured_as_well() -> None:
    """Memory and processor time stand under the names that every Python process gives them."""
    text = Exposition(WorkerCounters()).text().decode()

    assert "process_resident_memory_bytes" in text
    assert "process_cpu_seconds_total" in text


def test_prometheus_gets_its_format() -> None:
    """`/metrics` is what the exposition says, under the content type of Prometheus's text format."""

    async def act() -> None:
        async with asking(busy()) as get:
            status, headers, body = await get("/metrics")
            assert (status, headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
            assert value(body, "rows_total", **STREAM) == 10

    asyncio.run(act())


def test_the_probes_tell_alive_from_ready() -> None:
    """A worker that waits for Kafka or restores is alive; ready it is when nothing is missing, and it says what is."""

    async def act() -> None:
        counters = WorkerCounters()
        async with asking(counters) as get:
            assert (await get("/healthz"))[0] == 200
            status, _, body = await get("/readyz")
            assert (status, body) == (503, b"Kafka has not answered yet\n")

            counters.kafka, counters.assigned = "", frozenset({1})
            assert (await get("/readyz"))[0] == 503
            counters.opened(1, list)
            assert (await get("/readyz"))[0] == 200

            counters.kafka = "Kafka at there:9092 does not answer"
            assert (await get("/readyz"))[2] == b"Kafka at there:9092 does not answer\n"
            assert (await get("/healthz"))[0] == 200

    asyncio.run(act())


def test_nothing_else_is_there() -> None:
    """Other paths are not found, and nobody can change anything."""

    async def act() -> None:
        async with serving(LISTENING, WorkerCounters()) as url, aiohttp.ClientSession() as session:
            async with session.get(url + "/") as response:
                assert response.status == 404
            async with session.post(url + "/metrics", data=b"x") as response:
                assert response.status == 405

    asyncio.run(act())


def test_the_port_is_free_afterwards() -> None:
    """The server ends with its context, whoever still holds a connection to it."""

    async def act() -> None:
        async with aiohttp.ClientSession() as session:
            async with serving(LISTENING, WorkerCounters()) as url, session.get(url + "/healthz") as response:
                await response.read()
            port = int(url.rpartition(":")[2])
            async with serving(replace(LISTENING, metrics_port=port), WorkerCounters()) as again:
                assert again == url

    asyncio.run(act())


def test_minus_one_is_no_server() -> None:
    """Who wants no port has none, and no line about it."""

    async def act() -> None:
        with capture_logs() as lines:
            async with serving(replace(LISTENING, metrics_port=-1), WorkerCounters()) as url:
                assert url == ""
        assert lines == []

    asyncio.run(act())


def test_a_port_that_is_taken_stops_nobody() -> None:
    """Another worker on this machine may have it: one line says what to do, and the worker works."""

    async def act(port: int) -> None:
        with capture_logs() as lines:
            async with serving(replace(LISTENING, metrics_port=port), WorkerCounters()) as url:
                assert url == ""
        [line] = lines
        assert (line["log_level"], line["event"]) == ("warning", "no metrics and no probes")
        assert (line["host"], line["port"]) == ("127.0.0.1", port)
        assert line["reason"] == "Address already in use"
        assert line["remedy"] == "give another --metrics-host or --metrics-port; -1 is none"

    with socket.create_server(("127.0.0.1", 0)) as taken:
        asyncio.run(act(taken.getsockname()[1]))


@pytest.mark.parametrize("host", ["203.0.113.1", "not..a.name"])
def test_an_address_that_is_not_ours_stops_nobody(host: str) -> None:
    """An address of another machine, or a name that can be none, is told in the same line."""

    async def act() -> None:
        with capture_logs() as lines:
            async with serving(replace(LISTENING, metrics_host=host), WorkerCounters()) as url:
                assert url == ""
        [line] = lines
        assert (line["event"], line["host"]) == ("no metrics and no probes", host)

    asyncio.run(act())
