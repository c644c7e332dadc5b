"""`nilometer logger`."""

from nilometer_detectors.cli._options import command as make
from nilometer_logger.ingest.server import run
from nilometer_logger.settings import LoggerSettings

command = make(
    LoggerSettings,
    run,
    """Take the CloudEvents of KServe's inference logger by POST on any path, and append them to the topic
    `inferences`. Point an InferenceService's `logger.url` here.""",
)
