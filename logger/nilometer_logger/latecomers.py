"""Events that came too late, as messages for topic `late`: for the monitors that ask for them."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from nilometer_logger import topics
from nilometer_logger.deadletters import REASON
from nilometer_logger.events import CloudEvent, to_kafka
from nilometer_logger.inferences import Arrivals
from nilometer_logger.monitoring import Monitor
from nilometer_logger.rows import Rows
from nilometer_logger.snapshots import Message

MONITOR = "nilometer-monitor"


def late_messages(monitor: Monitor, piece: Arrivals, rows: Rows, late: NDArray[np.int64]) -> Iterable[Message]:
    """Makes a message of every event of which a row was late: as it came, with the monitor and the reason.

    Args:
        monitor: whose windows they missed.
        piece: the events.
        rows: of those events.
        late: shape (rows,); for how many windows each row was late.
    """
    missed = np.flatnonzero(late)
    windows = {(rows.ids[row], int(rows.times[row])): int(late[row]) for row in missed.tolist()}
    for (event, _), count in zip(origins(piece, rows, missed), windows.values(), strict=True):
        headers, body = to_kafka(event)
        reason = f"late for {count} window{'s' if count > 1 else ''} of {monitor.name}"
        facts = [(MONITOR, monitor.name.encode()), (REASON, reason.encode())]
        yield Message(topics.LATE, str(piece.stream).encode(), body, [*headers, *facts])


def origins(piece: Arrivals, rows: Rows, places: NDArray[np.intp]) -> Iterator[tuple[CloudEvent, str]]:
    """Yields the event that each of some rows came in, once, and its position in the log.

    Args:
        piece: the events.
        rows: of those events.
        places: of rows, ascending.
    """
    asked, found = rows.half == "request", piece.inferences
    abouts = zip(found.ids, found.times.tolist(), found.are_requests.tolist(), strict=True)
    events = {(name, time): place for place, (name, time, is_request) in enumerate(abouts) if is_request == asked}
    for about in dict.fromkeys((rows.ids[row], int(rows.times[row])) for row in places.tolist()):
        yield piece.origin(events[about])
