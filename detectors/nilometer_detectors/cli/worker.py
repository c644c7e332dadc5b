"""`nilometer worker`."""

from nilometer_detectors.apps.worker import run
from nilometer_detectors.cli._options import command as make
from nilometer_logger.settings import WorkerSettings

command = make(
    WorkerSettings,
    run,
    """Read the topic `inferences`, put its rows into event-time windows, judge rows and windows as the monitors say,
    and write what is found to the topics `findings` and `outliers`.""",
)
