"""Work beside the event loop that nobody has to wait for: reading files, which may take long and cannot be stopped.

asyncio's own threads are waited for when a process ends. A thread of this module is not: who is told to end ends at
once, whatever is being read.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def aside(work: Callable[[], T]) -> T:
    """Runs a function in a thread of its own, and returns what it returns or raises.

    Args:
        work: goes on to its end where the caller is cancelled, and then what it made is dropped.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def finish(result: T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # None only where T is

    def run() -> None:
        result: T | None = None
        failure: BaseException | None = None
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - the caller gets it
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(finish, result, failure)

    threading.Thread(target=run, daemon=True, name="aside").start()
    return await done
