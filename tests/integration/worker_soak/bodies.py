"""Bodies that are small on the wire and large inside, or of shapes that nobody wants."""

import gzip
import json
import random
import zlib
from collections.abc import Sequence

from tests.unit.decoding.payload.encoders import frame, request, rest, tensor

OUTLYING = b"[90,90]"
_PIECE = bytes(2**20)


def v1(rows: Sequence[Sequence[object]]) -> bytes:
    """Writes rows as a request of V1."""
    return json.dumps({"instances": rows}).encode()


def v2(rows: Sequence[Sequence[float]]) -> bytes:
    """Writes rows as one tensor of V2."""
    data = [value for row in rows for value in row]
    one = {"name": "input-0", "shape": [len(rows), len(rows[0])], "datatype": "FP64", "data": data}
    return json.dumps({"inputs": [one]}).encode()


def binary(rows: Sequence[Sequence[float]], *, grpc: bool) -> bytes:
    """Writes rows as a binary tensor, in gRPC's frame or behind JSON."""
    made = request([tensor("input-0", "FP64", rows)])
    return frame(made.to_grpc()) if grpc else rest(made)


def many_rows(count: int, row: bytes = OUTLYING) -> bytes:
    """Writes the same row many times, packed: 31 KB for 1.6 million."""
    return packed(b'{"instances":[' + b",".join([row] * count) + b"]}")


def one_row(count: int, value: bytes = b"1") -> bytes:
    """Writes one row of many values, packed."""
    return packed(b'{"instances":[[' + b",".join([value] * count) + b"]]}")


def wide_rows(count: int, width: int) -> bytes:
    """Writes rows of many different values, with all their digits: what is found of them is as long as it can be."""
    chance = random.Random(count)
    return packed(v1([[chance.gauss(0, 1) for _ in range(width)] for _ in range(count)]))


def objects(count: int) -> bytes:
    """Writes many rows without a single value, packed: objects cost most for their bytes."""
    return packed(b'{"instances":[' + b",".join([b"{}"] * count) + b"]}")


def nested(depth: int) -> bytes:
    """Writes lists in lists."""
    return b'{"instances":' + b"[" * depth + b"]" * depth + b"}"


def packed(body: bytes) -> bytes:
    """Packs a body."""
    return gzip.compress(body, 9, mtime=0)


def in_members(body: bytes, count: int) -> bytes:
    """Packs a body in several members of gzip, one after the other."""
    step = max(1, len(body) // count)
    return b"".join(gzip.compress(body[first : first + step], 1, mtime=0) for first in range(0, len(body), step))


def empty_members(count: int) -> bytes:
    """Writes members of gzip that hold nothing."""
    return gzip.compress(b"", mtime=0) * count


def zeros(mib: int) -> bytes:
    """Packs nothing but zeros, beyond any bound."""
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    return b"".join([*(packer.compress(_PIECE) for _ in range(mib)), packer.flush()])
