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

from nilometer_detectors import shortening
from nilometer_detectors.aside import aside
from nilometer_detectors.reloading import Reloading
from nilometer_logger import memorybound, provisioning, topics
from nilometer_logger.broker import Broker
from nilometer_logger.errors import UnavailableError
from nilometer_logger.events import CloudEvent
from nilometer_logger.figures import Figures
from nilometer_logger.fitting import LEAST_BYTES, Fitting
from nilometer_logger.kafka import retrying
from nilometer_logger.observing import serving
from nilometer_logger.settings import WorkerSettings

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
    reloading = await _read(Path(settings.monitors), stop)
    if reloading is not None:
        await _work(settings, reloading, stop)


async def _read(directory: Path, stop: asyncio.Event) -> Reloading | None:
    """Reads the monitors; None where `stop` was set before it was done. A container's first process needs the handler."""
    reading = asyncio.create_task(aside(lambda: Reloading(directory)))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((reading, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not reading.done():
        reading.cancel()
        return None
    reloading = reading.result()
    for monitor in reloading.monitors:
        _log.info("monitor loaded", monitor=monitor.name, digest=monitor.digest[:12])
    return reloading


async def _work(settings: WorkerSettings, reloading: Reloading, stop: asyncio.Event) -> None:
    async def once() -> None:
        if stop.is_set():
            return
        partitions = await provisioning.ensure(settings, _TOPICS)
        memorybound.say(
            memorybound.worker_memory_bound(settings, partitions, reloading.monitors, start_bytes),
            memorybound.limit_bytes(),
        )
        fitting.tell(await provisioning.limits(settings, _WRITTEN, LEAST_BYTES))
        broker = Broker(settings, reloading.monitors, observe, figures, fitting)
        _give_back_memory()
        with reloading.telling(broker.configure):
            await broker.run(stop)

    def observe(event: CloudEvent) -> None:
        figures.found(event)
        log_finding(event)

    def looked() -> None:
        figures.monitors, figures.invalid_files = len(reloading.monitors), reloading.invalid
        figures.broken_detectors = sum(len(monitor.broken) for monitor in reloading.monitors)

    start_bytes = memorybound.resident_bytes()
    figures = Figures(settings.metric_streams, detector_failures=reloading.failures)
    fitting = Fitting(shortening.fit, figures, settings.max_finding_bytes)
    looked()
    async with serving(settings, figures):
        looking = asyncio.create_task(reloading.watch(settings.reload_seconds, stop, looked))
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
