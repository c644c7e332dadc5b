"""Request meets response: which requests of a stream have no answer."""

from nilometer_logger.engine.pairing._pool import Pool
from nilometer_logger.engine.pairing._table import PairingTable

__all__ = ["PairingTable", "Pool"]
