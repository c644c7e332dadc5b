"""Request meets response: which requests of a stream have no answer."""

from nilometer_logger.pairing._pairing import Pairing

__all__ = ["Pairing"]
