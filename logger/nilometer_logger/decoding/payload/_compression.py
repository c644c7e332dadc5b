"""Inflates what came compressed, up to a bound.

KServe's logger passes the compressed bytes on without their Content-Encoding. gzip tells itself by its first bytes.
zlib, which HTTP and gRPC call *deflate*, has a header that a text could begin with by chance, but ends with a checksum
as well: what inflates to its end was compressed. Bare deflate, brotli and snappy have no mark of their own and are not
tried.
"""

import zlib

from nilometer_logger.errors import PayloadError

_EITHER_HEADER = 32 + zlib.MAX_WBITS
# Log shippers and parallel compressors write a member for each block; each costs a copy of the bytes that follow it.
_MOST_MEMBERS = 1000


def is_gzip(body: bytes) -> bool:
    """Tells whether a body begins as gzip (RFC 1952, section 2.3.1)."""
    return body.startswith(b"\x1f\x8b\x08")


def is_zlib(body: bytes) -> bool:
    """Tells whether a body may be zlib (RFC 1950, section 2.2); only its end tells for certain."""
    return len(body) > 6 and body[0] == 0x78 and (body[0] * 256 + body[1]) % 31 == 0


def inflate(body: bytes, bound: int) -> bytes:
    """Inflates a body of gzip (all its members) or zlib.

    Args:
        body: that begins as one of them.
        bound: the most bytes to inflate to.

    Raises:
        PayloadError: if the bytes are cut short, corrupt, or more than the bound inside.
    """
    members: list[bytes] = []
    left = bound
    while body:
        if len(members) == _MOST_MEMBERS:
            raise PayloadError(f"the body is compressed in more than {_MOST_MEMBERS} parts")
        stream = zlib.decompressobj(_EITHER_HEADER)
        try:
            member = stream.decompress(body, left + 1)  # one more than is allowed tells that there is more
        except zlib.error:
            raise PayloadError("the body is compressed, but its bytes are corrupt") from None
        left -= len(member)
        if left < 0:
            raise PayloadError(f"the body is compressed and inflates to more than {bound} bytes")
        if not stream.eof:
            raise PayloadError("the body is compressed, but cut short")
        members.append(member)
        body = stream.unused_data.lstrip(b"\0")  # gzip may be padded
    return members[0] if len(members) == 1 else b"".join(members)
