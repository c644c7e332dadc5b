"""From the events of many records to one block of rows: what can be decoded, and what must be set aside.

An event that cannot be decoded spoils nothing but itself: it becomes a dead letter with its reason, its position in the
log and its original bytes, and the next event is taken. An event whose time lies too far after its own arrival in Kafka
is set aside as well, because it would close every window before it.

An event is read on its own, and no array is made for it. Arrays are made of a stream's events together, of as many as
were read at once: what numpy costs is the call, and not the row.
"""

from nilometer_logger.inferences._arrivals import Arrivals, rows_of
from nilometer_logger.inferences._reading import Inference, Record, place_of, read_inference

__all__ = ["Arrivals", "Inference", "Record", "place_of", "read_inference", "rows_of"]
