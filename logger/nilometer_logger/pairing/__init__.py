"""Request meets response: which requests of a stream have no answer."""

from nilometer_logger.pairing._pairing import Pairing
from nilometer_logger.pairing._pool import Pool

__all__ = ["Pairing", "Pool"]
