"""Signals that ask the demo to end: none of them may be lost.

Python hands a signal to its handler wherever the main thread happens to be, and swallows what the handler raises where
that is a hook of `os.fork`. A fork of a large process takes long enough for Ctrl-C to fall into it; so whoever forks
has signals `held` meanwhile.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def interruptible() -> Iterator[list[int]]:
    """Makes SIGTERM and SIGHUP end the demo as Ctrl-C does, even where a shell has told us to ignore Ctrl-C.

    Yields:
        A list that gets the number of the signal that came.
    """
    received: list[int] = []

    def interrupt(number: int, _: FrameType | None) -> None:
        received.append(number)
        signal.raise_signal(signal.SIGINT)  # the way that asyncio knows

    before = {number: signal.getsignal(number) for number in SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGHUP, interrupt)
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Keeps signals back from their handlers while the context is open, and gives them to them at its end."""
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers run in the main thread alone
        return
    kept: list[int] = []
    # What is ignored, or ends us, stays so: no handler of ours could be late, and a child would not inherit it.
    before = {number: handler for number in SIGNALS if callable(handler := signal.getsignal(number))}
    for number in before:
        signal.signal(number, lambda came, _: kept.append(came))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for came in kept:
            signal.raise_signal(came)
