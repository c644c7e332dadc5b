"""403: only the namespaces on the list, if there is one, in every mode."""

import json

import pytest

from nilometer_logger.errors import SettingError
from tests.unit.ingest.http.ingress.asking import BATCH, MODES, ask, kept, made, member, sent
from tests.unit.ingest.journal.kafka import Kafka


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("listed", "namespace", "status"),
    [
        ("", "anybody", 200),
        ("", "", 200),
        ("demo", "demo", 200),
        (" other , demo ", "demo", 200),
        ("demo", "Demo", 403),
        ("demo", "demo2", 403),
        ("demo,other", "demo,other", 403),
        ("demo", "", 403),
    ],
)
def test_only_namespaces_on_the_list_are_taken(mode: str, listed: str, namespace: str, status: int) -> None:
    """An empty list takes all; otherwise a namespace has to be on it to the letter, and none is not on it."""
    kafka = Kafka(at_once=True)
    headers, body = sent(mode, namespace=namespace)

    assert ask(kafka=kafka, headers=headers, body=body, namespaces=listed).status == status
    assert len(kept(kafka)) == (status == 200)


def test_a_namespace_that_is_not_taken_is_named() -> None:
    """The client learns which one it was."""
    headers, body = sent("binary", namespace="theirs")
    answer = ask(headers=headers, body=body, namespaces="ours")

    assert answer.body == "namespace 'theirs' is not among those whose events are taken\n"


def test_knatives_own_namespace_header_opens_nothing() -> None:
    """`Kn-Namespace` says where a broker stands; whose event it is, the event says."""
    headers, body = sent("binary", namespace="theirs")

    assert ask(headers={**headers, "kn-namespace": "ours"}, body=body, namespaces="ours").status == 403


def test_one_foreign_event_refuses_its_batch() -> None:
    """403, and nothing of the batch is in Kafka."""
    kafka = Kafka(at_once=True)
    body = json.dumps([member(), member(namespace="theirs"), member()]).encode()

    assert ask(kafka=kafka, headers=BATCH, body=body, namespaces="demo").status == 403
    assert kept(kafka) == []


@pytest.mark.parametrize("listed", ["a b", "demo,Other", "-demo", "x" * 64])
def test_a_list_with_what_is_no_namespace_is_refused(listed: str) -> None:
    """Whoever wrote it meant something else, and would lose every event."""
    with pytest.raises(SettingError, match="--namespaces has"):
        made(Kafka(), namespaces=listed)
