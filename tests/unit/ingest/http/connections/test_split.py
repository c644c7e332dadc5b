"""However the bytes of requests are cut into pieces, they get the same answers in the same order."""

from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.cloudevents import CloudEvent
from tests.unit.ingest.http.connections.clients import server
from tests.unit.ingest.http.connections.requests import ALL
from tests.unit.ingest.http.ingress.asking import kept
from tests.unit.ingest.journal.clock import run

cuts = st.lists(st.tuples(st.integers(0, 60_000), st.booleans()), max_size=12)


async def answered(pieces: list[tuple[bytes, bool]]) -> tuple[bytes, bool, list[CloudEvent]]:
    """Sends pieces, some with a pause after them; returns the answers, whether it is the end, and what Kafka has."""
    serving = server(namespaces="demo")
    client = serving.client()
    for piece, pause in pieces:
        await client.taking()
        if client.transport.closed:
            break
        client.protocol.data_received(piece)
        if pause:
            await client.send()
    await client.send()
    assert serving.ingress.reading_bytes == serving.ingress.held_bytes == 0
    assert not client.transport.aborted
    return client.transport.written, client.transport.closed, sorted(kept(serving.kafka), key=str)


@given(st.lists(st.sampled_from(sorted(ALL)), min_size=1, max_size=6), cuts)
def test_any_pieces_get_the_same_answers(names: list[str], cuts: list[tuple[int, bool]]) -> None:
    """One request at a time, each in one piece, or all pipelined, cut anywhere: not a byte of the answers differs."""
    requests = [ALL[name] for name in names]
    stream = b"".join(requests)
    places = dict.fromkeys([0], False) | {place % len(stream): pause for place, pause in cuts}
    ends = [*sorted(places)[1:], len(stream)]
    pieces = [(stream[start:end], places[start]) for start, end in zip(sorted(places), ends, strict=True)]

    expected = run(answered([(request, True) for request in requests]))
    assert run(answered(pieces)) == expected


@given(st.sampled_from(sorted(ALL)))
def test_a_byte_at_a_time_gets_the_same_answer(name: str) -> None:
    """As many pieces as can be."""
    expected = run(answered([(ALL[name], True)]))
    assert run(answered([(ALL[name][at : at + 1], at % 7 == 0) for at in range(len(ALL[name]))])) == expected
