"""Work beside the event loop that nobody waits for at the end."""

import asyncio
import subprocess
import sys
import threading

import pytest

from nilometer_detectors.monitors.files.aside import aside


def test_what_it_returns_or_raises_comes_back() -> None:
    """As if it had been called, only in another thread."""
    assert asyncio.run(aside(lambda: threading.current_thread().name)) == "aside"

    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(aside(fail))


def test_who_is_cancelled_does_not_wait() -> None:
    """What the work makes later is dropped, also where the loop is closed by then."""
    free, done = threading.Event(), threading.Event()

    def work() -> None:
        free.wait(60)
        done.set()

    async def main() -> None:
        task = asyncio.create_task(aside(work))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not done.is_set()

    asyncio.run(main())
    free.set()
    assert done.wait(60)


def test_a_process_ends_while_work_goes_on() -> None:
    """Work that never ends keeps no process alive."""
    code = (
        "import asyncio, threading; from nilometer_detectors.monitors.files.aside import aside\n"
        "async def main():\n"
        "    asyncio.ensure_future(aside(threading.Event().wait)); await asyncio.sleep(0)\n"
        "asyncio.run(main())"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
