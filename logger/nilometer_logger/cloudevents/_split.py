"""Takes JSON documents apart at their outer commas, without looking into what stands between.

For documents that no strict parser reads, because a body somewhere in them holds a bare NaN, half a surrogate pair or
a nesting too deep. Strings and brackets are all that matters for where a member ends; time is linear, and there is no
recursion.
"""

import re
from collections.abc import Iterator

# A string, closed or not, or what opens, closes or parts. Possessive, so that no input makes it look twice.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[{}\[\],]', re.DOTALL)
_MEMBER = re.compile(rb'[ \t\r\n]*("[^"\\]*+(?:\\.[^"\\]*+)*+")[ \t\r\n]*:(.*)', re.DOTALL)
_BLANK = b" \t\r\n"


def split_array(document: bytes) -> list[bytes] | None:
    """Splits an array; None where the document is none."""
    return _parts(document.strip(_BLANK), b"[", b"]")


def split_object(document: bytes) -> list[tuple[bytes, bytes]] | None:
    """Splits an object into quoted names and values; None where the document is none."""
    parts = _parts(document.strip(_BLANK), b"{", b"}")
    if parts is None:
        return None
    found = [_MEMBER.fullmatch(part) for part in parts]
    pairs = [(match[1], match[2].strip(_BLANK)) for match in found if match]
    return pairs if len(pairs) == len(parts) and all(value for _, value in pairs) else None


def _parts(document: bytes, opening: bytes, closing: bytes) -> list[bytes] | None:
    if not (document.startswith(opening) and document.endswith(closing)):
        return None
    parts = []
    start = 1
    for end in _ends(document):
        parts.append(document[start:end].strip(_BLANK))
        start = end + 1
    if start != len(document):
        return None  # something is open still, or goes on behind the end
    if parts == [b""]:
        return []
    return None if b"" in parts else parts


def _ends(document: bytes) -> Iterator[int]:
    """Finds the commas of the outermost level, and then the bracket that closes it."""
    depth = 0
    for token in _TOKEN.finditer(document):
        mark = token[0]
        if mark in (b"{", b"["):
            depth += 1
        elif mark in (b"}", b"]"):
            depth -= 1
            if depth == 0:
                yield token.start()
                return
        elif mark == b"," and depth == 1:
            yield token.start()
