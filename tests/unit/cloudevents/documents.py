"""What the tests of the JSON format share."""

import json
from typing import Any

from hypothesis import strategies as st

ATTRIBUTES = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
# Any value that JSON has, numbers within what every reader takes.
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def document(**members: Any) -> bytes:
    """Writes an event's document, with what it needs and what is given."""
    return json.dumps({**ATTRIBUTES, **members}).encode()


def with_data(data: bytes, **members: Any) -> bytes:
    """Writes an event's document around the bytes of its data, JSON or not."""
    return document(**members)[:-1] + b', "data": ' + data + b"}"
