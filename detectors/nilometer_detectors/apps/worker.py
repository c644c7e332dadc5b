"""`nilometer worker`: monitors and the broker make the running worker.

What goes wrong with Kafka is tried again for as long as it takes, each time from the state that Kafka has and with the
newest monitors; what no retry can mend (a monitor that does not validate at the start, a state that does not fit its
log) ends the process with its reason.
"""

import asyncio
import ctypes
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import structlog

from nilometer_detectors.monitors import shortening
from nilometer_detectors.monitors.files.aside import aside
from nilometer_detectors.monitors.files.reloader import MonitorReloader
from nilometer_logger import topics
from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.errors import UnavailableError
from nilometer_logger.kafka import retrying, topic_admin
from nilometer_logger.settings import WorkerSettings
from nilometer_logger.worker import memory_bound
from nilometer_logger.worker.counters import WorkerCounters
from nilometer_logger.worker.metrics_http import serving
from nilometer_logger.worker.processor import StreamProcessor
from nilometer_logger.worker.record_limits import LEAST_BYTES, RecordLimits

_log = structlog.get_logger("nilometer.worker")
_MOST_NAMED = 20
_NO_COLUMNS = msgspec.Raw(b"{}")
_WRITTEN = (topics.DEAD, topics.STATE, topics.FINDINGS, topics.LATE, topics.OUTLIERS)
_TOPICS = (topics.INFERENCES, *_WRITTEN)

_TOLD_OF_WINDOWS = {
    "late": "lateSinceLast",
    "duplicates": "duplicatesSinceLast",
    "unanswered": "unanswered",
    "partial": "partial",
    "too_small": "tooSmall",
}


def run(settings: WorkerSettings) -> None:
    """Works until SIGTERM or SIGINT.

    Raises:
        SettingError: if a monitor does not validate, naming every file and path.
        StateError: if the state in Kafka does not fit its log.
    """
    asyncio.run(_run(settings))
    _log.info("stopped")


async def _run(settings: WorkerSettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    reloader = await _read(Path(settings.monitors), stop)
    if reloader is not None:
        await _work(settings, reloader, stop)


async def _read(directory: Path, stop: asyncio.Event) -> MonitorReloader | None:
    """Reads the monitors; None where `stop` was set before it was done. A container's first process needs the handler."""
    reading = asyncio.create_task(aside(lambda: MonitorReloader(directory)))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((reading, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not reading.done():
        reading.cancel()
        return None
    reloader = reading.result()
    for monitor in reloader.monitors:
        _log.info("monitor loaded", monitor=monitor.name, digest=monitor.digest[:12])
    return reloader


async def _work(settings: WorkerSettings, reloader: MonitorReloader, stop: asyncio.Event) -> None:
    async def once() -> None:
        if stop.is_set():
            return
        partitions = await topic_admin.ensure(settings, _TOPICS)
        memory_bound.say(
            memory_bound.worker_memory_bound(settings, partitions, reloader.monitors, start_bytes),
            memory_bound.limit_bytes(),
        )
        record_limits.tell(await topic_admin.limits(settings, _WRITTEN, LEAST_BYTES))
        processor = StreamProcessor(settings, reloader.monitors, observe, counters, record_limits)
        _give_back_memory()
        with reloader.telling(processor.configure):
            await processor.run(stop)

    def observe(event: CloudEvent) -> None:
        counters.found(event)
        log_finding(event)

    def looked() -> None:
        counters.monitors, counters.invalid_files = len(reloader.monitors), reloader.invalid
        counters.broken_detectors = sum(len(monitor.broken) for monitor in reloader.monitors)

    start_bytes = memory_bound.resident_bytes()
    counters = WorkerCounters(settings.metric_streams, detector_failures=reloader.failures)
    record_limits = RecordLimits(shortening.fit, counters, settings.max_finding_bytes)
    looked()
    async with serving(settings, counters):
        looking = asyncio.create_task(reloader.watch(settings.reload_seconds, stop, looked))
        try:
            await _until_stopped(settings, once, stop)
        finally:
            looking.cancel()
            await asyncio.wait((looking,))


def _give_back_memory() -> None:
    """Gives the kernel back what loading modules and monitors took for a moment: some 6 MB where there are kernels.

    glibc keeps freed memory for what may come; a worker that has loaded its monitors will not need as much again. Other
    libraries of C (musl's, macOS's) have no such function, and nothing is done there.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)


async def _until_stopped(settings: WorkerSettings, once: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
    """Works and tries again until `stop` is set, and then as long as a last snapshot may take."""
    working = asyncio.create_task(retrying(once, "Kafka", stop))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    # Once it is told to stop, the last snapshot may take as long as the group would wait for us anyway.
    await asyncio.wait((working,), timeout=settings.session_seconds if stop.is_set() else None)
    if not working.done():
        working.cancel()
        raise UnavailableError(f"Kafka at {settings.kafka} did not take the last snapshot; the next worker goes on")
    await working


class _Blamed(msgspec.Struct):
    """What a line reads of a column; of a wide model's finding, all else is passed over."""

    drift: bool | None = False
    outlier: bool | None = True


_decode_columns = msgspec.json.Decoder(dict[str, _Blamed]).decode
_decode_body = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def log_finding(event: CloudEvent) -> None:
    """Writes the line that a person reads of a finding: a window closed, an alert."""
    attributes = event.attributes
    raw = _decode_body(event.data)
    columns = raw.pop("features", _NO_COLUMNS)
    raw.pop("predictions", None)
    body: dict[str, Any] = {name: msgspec.json.decode(value) for name, value in raw.items()}
    verdict = attributes.get("verdict", "ok")
    facts: dict[str, object] = {
        "monitor": attributes["monitor"],
        "detector": attributes.get("detector"),
        "verdict": verdict,
    }
    kind = attributes["type"].rpartition(".")[2]
    if kind == "outlier":
        facts |= {"request": body["request"], "row": body["row"], "score": _short(body["score"])}
        blamed = [name for name, feature in _decode_columns(columns).items() if feature.outlier]
        if "summarises" in body:
            facts["stands_for_rows"] = body["summarises"]["rows"]
        _log.warning("outlier", **facts, **_few(blamed))
        return
    window = body["window"]
    facts |= {"start": window["start"], "end": window["end"], "rows": body["rows"]}
    if kind == "statistics":
        told = {name: body[field] for name, field in _TOLD_OF_WINDOWS.items() if body[field]}
        del facts["detector"], facts["verdict"]
        _log.info("window closed", **facts, closed_by=window["closedBy"], **told)
        return
    if verdict == "drift":
        blamed = [name for name, feature in _decode_columns(columns).items() if feature.drift]
        facts |= {"p_value": _short(body["pValue"]), "threshold": _short(body["threshold"])}
        _log.warning("drift", **facts, **_few(blamed))
    else:
        reason = {"reason": body["reason"]} if "reason" in body else {}
        _log.info("no drift" if verdict == "ok" else "not judged", **facts, **reason)


def _few(names: Sequence[str]) -> dict[str, object]:
    """Names the first few columns, and says how many there are beside them."""
    more = {"more_features": len(names) - _MOST_NAMED} if len(names) > _MOST_NAMED else {}
    return {"features": list(names[:_MOST_NAMED]), **more}


def _short(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.4g}")
