"""From the events of many records to one block of rows: what can be decoded, and what must be set aside.

An event that cannot be decoded spoils nothing but itself: it becomes a dead letter with its reason, its position in the
log and its original bytes, and the next event is taken. An event whose time lies too far after its own arrival in Kafka
is set aside as well, because it would close every window before it.

The events of a record are read together, by columns, and no array is made for one of them. Arrays are made of a stream's
events of all records that were read at once: what numpy costs is the call, and not the row.
"""

from nilometer_logger.decoding.inferences._batch import Inferences, RecordBatch, StreamBatch, by_record
from nilometer_logger.decoding.inferences._halves import RequestsAndResponses, halves_of
from nilometer_logger.decoding.inferences._logged import LoggedEvent, logged_events
from nilometer_logger.decoding.inferences._reading import DecodedInferences, read_inferences
from nilometer_logger.decoding.inferences._record import Record

__all__ = [
    "Batch",
    "DecodedInferences",
    "Inferences",
    "LoggedEvent",
    "Record",
    "RecordBatch",
    "RequestsAndResponses",
    "StreamBatch",
    "by_record",
    "halves_of",
    "logged_events",
    "read_inferences",
]
