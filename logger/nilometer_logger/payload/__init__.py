"""A body becomes a table of rows, whatever its Content-Type claims.

KServe's logger labels both events of an inference with the *request's* content type, and none at all where the client
sent none, so a body is recognised by what it holds:

| body                                        | module | table                                              |
|---------------------------------------------|--------|----------------------------------------------------|
| JSON with `instances` or `predictions`      | `v1`   | positional columns, or named ones from objects     |
| JSON with tensors in `inputs` or `outputs`  | `v2`   | a column a tensor, or `name.0`, `name.1`, … a row  |

A body that is none of these raises `PayloadError` with the reason; nothing is guessed.
"""

from nilometer_logger.payload._decode import decode
from nilometer_logger.payload._table import Payload

__all__ = ["Payload", "decode"]
