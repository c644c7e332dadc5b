"""A body becomes a table of rows, whatever its Content-Type claims.

KServe's logger labels both events of an inference with the *request's* content type, and none at all where the client
sent none; Content-Encoding and Inference-Header-Content-Length do not reach us. So a body is recognised by what it
holds:

| body                                             | module  | table                                            |
|--------------------------------------------------|---------|--------------------------------------------------|
| JSON with `instances` or `predictions`           | `v1`    | positional columns, or named ones from objects   |
| JSON with an object or bare lists in `inputs`    | `v1`    | the same, written by columns                     |
| JSON with tensors in `inputs` or `outputs`       | `v2`    | a column a tensor, or `name.0`, `name.1`, … a row |
| the same, followed by the tensors' bytes         | `v2`    | the same, of the tensors' own datatype           |
| a gRPC frame with a request or response          | `grpc`  | the same                                         |
| any of these in gzip or zlib                     | `compression` | what is inside                             |

JSON of nothing but numbers takes a short way to the same table (`plain`), and the tables of many bodies that are alike
become one (`alike`).

A body that is none of these raises `PayloadError` with what it is instead (`unrecognized`): nothing is guessed, and no
value of a client's is shown. Whatever comes, memory is bounded: rows, cells and inflated bytes of a body by `Limits`, and
those of many bodies by the work that is done at a time.
"""

from nilometer_logger.decoding.payload._decode import Decoded, decode, decode_all
from nilometer_logger.decoding.payload._joining import Alike, alike
from nilometer_logger.decoding.payload._limits import DEFAULT_LIMITS, INFLATED_BOUND, Limits
from nilometer_logger.decoding.payload._table import NOTHING, Payload

__all__ = [
    "DEFAULT_LIMITS",
    "INFLATED_BOUND",
    "NOTHING",
    "Alike",
    "Decoded",
    "Limits",
    "Payload",
    "alike",
    "decode",
    "decode_all",
]
