"""Log lines for people who read `kubectl logs`: what happened, then its facts; or one JSON object a line.

Everything of ours logs by structlog; the libraries' own loggers pass through the same format, at warning and above,
because uvicorn, Faust and aiokafka tell at info what an operator has no use for. Nothing of a payload is ever logged
above debug. What a terminal could obey is replaced in texts: ids and names among them come from clients.

What traffic decides comes as fast as traffic does: of each kind of line at most `FLOOD_LINES` are written in
`FLOOD_SECONDS`, and the next one says how many were left out. Metrics and topics have every one.
"""

import json
import logging
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from nilometer_logger.terminal import printable, printable_json, printable_lines

_FOREIGN_LEVEL = logging.WARNING
_AGAIN_SECONDS = 60.0
_OWN = "nilometer"
_MOST_REMEMBERED = 1000
_OF_LINES = ("exception", "stack")
FLOOD_LINES = 200
FLOOD_SECONDS = 10.0
FLOODING = frozenset(
    {
        "delivered",
        "drift",
        "event set aside",
        "finding refused",
        "no drift",
        "not judged",
        "outlier",
        "sink not available",
        "stream not watched",
        "window closed",
    }
)
"""The lines that traffic decides."""


class Floods:
    """Bounds how often each of some lines is written.

    Args:
        clock: seconds, never going back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: dict[str, deque[float]] = {kind: deque(maxlen=FLOOD_LINES) for kind in FLOODING}
        self._left_out: Counter[str] = Counter()

    def __call__(self, logger: object, method: str, facts: EventDict) -> EventDict:
        """Lets a line through or drops it, as a processor of structlog."""
        del logger, method
        kind = str(facts["event"])
        if (times := self._times.get(kind)) is None:
            return facts
        now = self._clock()
        if len(times) == FLOOD_LINES and now - times[0] < FLOOD_SECONDS:
            self._left_out[kind] += 1
            raise structlog.DropEvent
        times.append(now)
        if left_out := self._left_out.pop(kind, 0):
            facts["left_out"] = left_out
        return facts


class _Seldom(logging.Filter):
    """Lets a library say the same thing once a minute: while Kafka is away, its clients say it ten times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tells whether a record is ours, or its text, without what is put into it, was not written for a minute."""
        if record.name.split(".")[0] == _OWN:
            return True
        now, text = time.monotonic(), str(record.msg)
        if now - self._said.get(text, -_AGAIN_SECONDS) < _AGAIN_SECONDS:
            return False
        if len(self._said) >= _MOST_REMEMBERED:
            self._said.clear()
        self._said[text] = now
        return True


def configure(log_format: str, log_level: str) -> None:
    """Sets up logging for this process, to standard error.

    Args:
        log_format: ``text`` or ``json``.
        log_level: the least level of our own lines that is written.
    """
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderers: list[Processor] = (
        [structlog.processors.JSONRenderer(_to_json)]
        if log_format == "json"
        else [_printable, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=24, sort_keys=False)]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    handler.addFilter(_Seldom())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_FOREIGN_LEVEL)
    # Kafka's clients report each attempt to connect; what it means for us is said in a line of our own.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    for part in ("consumer", "producer"):
        logging.getLogger(f"aiokafka.{part}").setLevel(_FOREIGN_LEVEL)
    # Faust warns of what the broker does on purpose, and prints a traceback of what we then say in a line. Its loggers
    # are named after the modules of the classes that inherit from it, ours among them.
    for foreign in ("faust", "mode", "nilometer_logger"):
        logging.getLogger(foreign).setLevel(logging.CRITICAL)
    logging.getLogger(_OWN).setLevel(log_level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            Floods(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _printable(_logger: WrappedLogger, _method: str, facts: EventDict) -> EventDict:
    """Leaves of every text what is printable; a traceback keeps its lines, and what is no text has a `repr`."""
    for name, value in facts.items():
        if isinstance(value, str):
            facts[name] = printable_lines(value) if name in _OF_LINES else printable(value)
    return facts


def _to_json(facts: EventDict, **options: Any) -> str:
    return printable_json(json.dumps(facts, **options))
