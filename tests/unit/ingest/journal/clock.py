"""An event loop without a clock: whenever there is nothing left to do, it is as late as somebody waits for."""

import asyncio
import gc
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Stuck(Exception):
    """Somebody waits for what nobody will do: a real loop would hang."""


class _Selector(selectors.SelectSelector):
    """Waits for nothing, and says how late it would be."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stuck
        self.now += timeout
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now


def run(test: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine from the time 0 on; an error that asyncio would only log fails it."""
    errors: list[dict[str, Any]] = []
    with asyncio.Runner(loop_factory=_Loop) as runner:
        runner.get_loop().set_exception_handler(lambda _, context: errors.append(context))
        result = runner.run(test)
        del test
        gc.collect(1)  # an error that nobody asked for is told when its future is forgotten
    assert not errors, errors
    return result


async def settle() -> None:
    """Lets everything happen that can without time going on."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(0)
    while loop._ready:  # noqa: ASYNC110 - nobody tells when all is done
        await asyncio.sleep(0)


async def until(time: float) -> None:
    """Waits until it is as late as that, and everything of that moment has happened."""
    await asyncio.sleep(time - asyncio.get_running_loop().time())
    await settle()
