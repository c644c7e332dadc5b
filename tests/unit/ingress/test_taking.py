"""200: the event is in the journal, as it came."""

import pytest

from nilometer_logger.journal import size_of
from nilometer_logger.kserve import Stream
from tests.unit.captures import Capture, captures
from tests.unit.ingress.asking import HEADERS, LARGEST, Journal, ask, ready


def test_an_event_is_appended_to_its_stream() -> None:
    """What was POSTed is in the journal, under the stream that its extensions name."""
    journal = Journal()

    answer = ask(ready(journal), body=b'{"instances": [[1]]}')

    assert answer.status == 200
    [(stream, event)] = journal.kept
    assert stream == Stream("demo", "iris", "predictor", "")
    assert event.data == b'{"instances": [[1]]}'
    assert {f"ce-{name}": value for name, value in event.attributes.items()} == HEADERS


def test_the_answer_is_empty() -> None:
    """A Knative broker takes a body that is no CloudEvent for a failed delivery."""
    answer = ask(ready())

    assert answer.body == ""
    assert answer.headers == {"content-length": "0"}


@pytest.mark.parametrize("path", ["/", "/events/default", "/healthz", "/a%20path"])
def test_any_path_will_do(path: str) -> None:
    """An InferenceService's logger.url may end as it likes."""
    assert ask(ready(), path=path).status == 200


def test_a_body_in_parts_is_one_body() -> None:
    """However the server hands it over, nothing is lost between the parts."""
    journal = Journal()

    ask(ready(journal), body=[b'{"inst', b"", b'ances": [[1]]}'])

    assert journal.kept[0][1].data == b'{"instances": [[1]]}'


@pytest.mark.parametrize(
    "found", captures("v0.20.0") + captures("v0.13.1"), ids=lambda found: f"{found.story} {found.half}"
)
def test_all_that_kserve_sends_is_taken(found: Capture) -> None:
    """The logger decodes nothing: whatever KServe logs is kept, for the worker to judge."""
    journal = Journal()
    headers = {name.decode(): value.decode() for name, value in found.headers}

    assert ask(ready(journal), headers=headers, body=found.body).status == 200
    assert journal.kept[0][1].data == found.body


def test_the_largest_event_is_taken() -> None:
    """The limit itself is allowed, and one byte more is not; attributes count."""
    journal = Journal()
    ask(ready(journal), body=b"")
    [(_, empty)] = journal.kept
    room = LARGEST - size_of(empty)

    assert ask(ready(), body=b"x" * room).status == 200
    assert ask(ready(), body=b"x" * (room + 1)).status == 413
