"""How the worker reads its monitors at the start."""

import asyncio
import threading
from pathlib import Path

import pytest

from nilometer_detectors.apps import worker
from nilometer_detectors.monitors.files.reloader import MonitorReloader
from nilometer_logger.errors import SettingError
from tests.judging import declaration, write


def test_the_signal_ends_a_worker_that_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a file takes, who is told to end does not wait for it."""
    begun, free = threading.Event(), threading.Event()

    def slow(_: Path) -> MonitorReloader:
        begun.set()
        free.wait(60)
        raise AssertionError

    async def main() -> None:
        stop = asyncio.Event()
        reading = asyncio.create_task(worker._read(tmp_path, stop))
        await asyncio.to_thread(begun.wait, 60)
        assert not reading.done()
        stop.set()
        assert await reading is None

    monkeypatch.setattr(worker, "MonitorReloader", slow)
    try:
        asyncio.run(main())
    finally:
        free.set()


def test_monitors_are_read_beside_the_loop(tmp_path: Path) -> None:
    """What they say, and what is wrong with them, comes back."""
    write(tmp_path / "iris.yaml", declaration())
    reloading = asyncio.run(worker._read(tmp_path, asyncio.Event()))
    assert reloading is not None
    assert [monitor.name for monitor in reloading.monitors] == ["demo/iris"]

    (tmp_path / "iris.yaml").write_text("{")
    with pytest.raises(SettingError, match=r"iris\.yaml: line 1"):
        asyncio.run(worker._read(tmp_path, asyncio.Event()))
