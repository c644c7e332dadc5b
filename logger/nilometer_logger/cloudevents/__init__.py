"""The CloudEvent value and its codecs: HTTP, Kafka, the JSON format, and our own records of many events.

| where   | binary mode            | structured mode        | batch                  | any of them  |
|---------|------------------------|------------------------|------------------------|--------------|
| HTTP    | `from_http`, `to_http` | `from_json`, `to_json` | `from_json_batch`, …   | `read_http`  |
| Kafka   | `from_kafka`, …        | the same               | the same; our own, too | `read_kafka` |

Our own record, `encode_batch` and `decode_batch`, is MessagePack with the bodies as they came; `kind_of` tells it from
what others write.

Four rules hold everywhere:

- A body stays the bytes that came. A body that is no JSON, or JSON with a bare NaN, spoils nothing but itself.
- Attributes are text by their CloudEvents names, `datacontenttype` among them.
- An empty attribute is none: KServe sends an empty `endpoint`, and CloudEvents knows no empty text.
- Of an attribute that is given twice, the last holds, as with a Kafka header.

Whatever else comes, is an `EventError` that names the place.
"""

from nilometer_logger.cloudevents._event import REQUIRED, CloudEvent, check, check_name
from nilometer_logger.cloudevents._http import from_http, mode_of, read_http, to_http
from nilometer_logger.cloudevents._json import from_json, from_json_batch, to_json, to_json_batch
from nilometer_logger.cloudevents._kafka import from_kafka, read_kafka, to_kafka
from nilometer_logger.cloudevents._modes import Mode
from nilometer_logger.cloudevents._own import (
    BATCH_CONTENT_TYPE,
    BATCH_HEADERS,
    PUNCTUATION_CONTENT_TYPE,
    PUNCTUATION_HEADERS,
    RECORD,
    RecordKind,
    kind_of,
)
from nilometer_logger.cloudevents._records import decode_batch, encode_batch

__all__ = [
    "BATCH_CONTENT_TYPE",
    "BATCH_HEADERS",
    "PUNCTUATION_CONTENT_TYPE",
    "PUNCTUATION_HEADERS",
    "RECORD",
    "REQUIRED",
    "CloudEvent",
    "Mode",
    "RecordKind",
    "check",
    "check_name",
    "decode_batch",
    "encode_batch",
    "from_http",
    "from_json",
    "from_json_batch",
    "from_kafka",
    "kind_of",
    "mode_of",
    "read_http",
    "read_kafka",
    "to_http",
    "to_json",
    "to_json_batch",
    "to_kafka",
]
