"""What is told of a window that has closed."""

from collections.abc import Callable

from nilometer_logger.engine.protocol import ClosedBy, ClosedWindow
from nilometer_logger.engine.windows._lateness import Lateness
from nilometer_logger.engine.windows._pane import Pane

Unanswered = Callable[[int, int], int | None]
"""Tells how many requests from one time until before another wait for their response; None where nobody can know."""


def facts(
    start: int,
    end: int,
    window: Pane,
    lateness: Lateness,
    unanswered: Unanswered,
    *,
    closed_by: ClosedBy,
    watermark: int,
    partial: bool,
    number: int = 0,
    lost: int = 0,
) -> ClosedWindow:
    """Makes the facts of a closed window; what was late until now is told with it, and not again.

    Args:
        start: of the window.
        end: of the window.
        window: what it holds.
        lateness: what came too late, or twice, since the last one.
        unanswered: tells the unanswered requests.
        closed_by: what closed it.
        watermark: the watermark when it closed.
        partial: whether it holds only a part of its rows.
        number: of a window of rows, how many there were before it.
        lost: how many records of the log were lost that may have held rows of it.
    """
    late, late_by, latest, duplicates = lateness.take()
    return ClosedWindow(
        start=start,
        end=end,
        closed_by=closed_by,
        watermark=watermark,
        partial=partial,
        late_since_last=late,
        late_by=late_by,
        latest=latest,
        duplicates_since_last=duplicates,
        # A response that was lost is not one that never came.
        unanswered=None if lost else unanswered(start, end),
        first_event_time=window.first,
        last_event_time=window.last,
        number=number,
        lost_records=lost,
    )
