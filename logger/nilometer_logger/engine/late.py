"""Events that came too late, as messages for topic `late`: for the monitors that ask for them."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from nilometer_logger import topics
from nilometer_logger.cloudevents import to_kafka
from nilometer_logger.cloudevents.kserve import Half
from nilometer_logger.deadletters import REASON
from nilometer_logger.engine.binding import Batch
from nilometer_logger.engine.protocol import Monitor
from nilometer_logger.rows import Rows
from nilometer_logger.topics import Message

MONITOR = "nilometer-monitor"


def late_messages(monitor: Monitor, piece: Batch, half: Half, rows: Rows, late: NDArray[np.int64]) -> Iterable[Message]:
    """Makes a message of every event of which a row was late: as it came, with the monitor and the reason.

    Args:
        monitor: whose windows they missed.
        piece: the events.
        half: which of them the rows are of.
        rows: of those events.
        late: shape (rows,); for how many windows each row was late.
    """
    asked, found = half == "request", piece.inferences
    abouts = zip(found.ids, found.times.tolist(), found.are_requests.tolist(), strict=True)
    places = {(name, time): place for place, (name, time, is_request) in enumerate(abouts) if is_request == asked}
    told = {(rows.ids[row], int(rows.times[row])): int(late[row]) for row in np.flatnonzero(late).tolist()}
    for about, windows in told.items():
        event, _ = piece.origin(places[about])
        headers, body = to_kafka(event)
        reason = f"late for {windows} window{'s' if windows > 1 else ''} of {monitor.name}"
        facts = [(MONITOR, monitor.name.encode()), (REASON, reason.encode())]
        yield Message(topics.LATE, str(piece.stream).encode(), body, [*headers, *facts])
