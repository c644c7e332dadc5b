"""Payloads with the same columns become one table."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.decoding.payload import Payload, alike

X, Y = ("x.0", "x.1"), ("y.0", "y.1")


def payload(number: int, kind: str, names: tuple[str, ...] | None, rows: int) -> Payload:
    """Returns a payload of two columns, whose numbers tell it from all others."""
    table = np.arange(rows * 2, dtype=np.float64).reshape(-1, 2) + 100 * number
    if kind == "bytes":
        return Payload("request", names, rows, 2, table.tobytes())
    return Payload.of_table("request", names, table.astype(object if kind == "texts" else kind))


PAYLOADS = st.lists(
    st.tuples(
        st.sampled_from(["bytes", "bytes", "f4", "f8", "texts"]), st.sampled_from([X, X, Y, None]), st.integers(1, 3)
    ),
    max_size=8,
).map(lambda facts: [payload(number, *each) for number, each in enumerate(facts)])


@given(PAYLOADS)
def test_every_payload_is_in_one_group_with_all_that_are_like_it(payloads: list[Payload]) -> None:
    """By the names of the columns and the datatype, whatever lies between two that are alike."""
    groups = alike(payloads)

    assert sorted(place for group in groups for place in group.members) == list(range(len(payloads)))
    facts = [(group.names, group.width, type(group.payloads[0].cells), group.table.dtype) for group in groups]
    assert len(set(facts)) == len(groups)
    for group in groups:
        assert group.members == sorted(group.members)
        for place in group.members:
            assert (payloads[place].names, payloads[place].table.dtype) == (group.names, group.table.dtype)


@given(PAYLOADS)
def test_a_group_s_table_is_its_payloads_one_below_the_other(payloads: list[Payload]) -> None:
    """No row is lost or moved."""
    for group in alike(payloads):
        rows = [row for place in group.members for row in payloads[place].table.tolist()]
        assert group.table.tolist() == rows
