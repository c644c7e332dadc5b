"""Which windower a monitor's windows need, and what its windows may take whatever the others do."""

from nilometer_logger.engine.protocol import Monitor
from nilometer_logger.engine.windows._budget import Budget
from nilometer_logger.engine.windows._count_windower import CountWindower
from nilometer_logger.engine.windows._windower import Windower

_MANY_ROWS = 2**32


def windower_of(monitor: Monitor, clock: int | None = None, budget: Budget | None = None) -> Windower | CountWindower:
    """Makes the windower of one monitor over one stream; both kinds are used alike.

    Args:
        monitor: opens and closes the states.
        clock: what the stream's clock says already; None for a stream that was never seen.
        budget: in which the windows are reckoned; one without a bound where none is given.
    """
    return CountWindower(monitor, budget) if monitor.windows.count else Windower(monitor, clock, budget)


def always_bytes(monitor: Monitor) -> int:
    """Tells what the windows take at most that a monitor may have open in a partition in any case."""
    windower = windower_of(monitor)
    if monitor.windows.count:
        return windower.always * monitor.state_bytes(monitor.windows.count)
    return windower.always * windower.most_needed(0, 0, 1, _MANY_ROWS)
