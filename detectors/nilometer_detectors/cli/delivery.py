"""`nilometer delivery`."""

from nilometer_detectors.cli._options import command as make
from nilometer_detectors.delivery import run
from nilometer_logger.settings import DeliverySettings

command = make(
    DeliverySettings,
    run,
    """Send the findings in the topics `findings` and `outliers` to a sink, such as a Knative Broker, as binary
    CloudEvents. Each leaves at least once, always with the same id.""",
)
