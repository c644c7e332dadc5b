"""What Knative's SinkBinding may put on every finding, and what it may not."""

import json
from typing import Any

import pytest

from nilometer_detectors.delivery import Delivery, overrides
from nilometer_detectors.delivery._overrides import OURS
from nilometer_logger.errors import SettingError
from nilometer_logger.settings import DeliverySettings
from tests.judging import closed
from tests.unit.monitors.test_findings import features, findings, monitor_in


def refusal(extensions: Any) -> str:
    """Returns why extensions are refused, on one line that can be printed."""
    with pytest.raises(SettingError) as raised:
        overrides(json.dumps({"extensions": extensions}))
    said = str(raised.value)
    assert said.startswith("K_CE_OVERRIDES (--ce-overrides): extensions")
    assert said.isprintable()
    assert len(said) < 400
    return said


@pytest.mark.parametrize("text", ["", " ", "{}", '{"extensions": null}', '{"extensions": {}}'])
def test_no_overrides_are_none(text: str) -> None:
    """SinkBinding writes an empty text where nothing is overridden."""
    assert overrides(text) == {}


def test_texts_numbers_and_truths_are_taken() -> None:
    """Each as JSON writes it; other letters than ASCII are a text as well."""
    text = '{"extensions": {"cluster": "blau·grün", "shard": 3, "share": 0.5, "canary": true}}'
    assert overrides(text) == {"cluster": "blau·grün", "shard": "3", "share": "0.5", "canary": "true"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "must look like"),
        ("[]", "must look like"),
        ('{"extensions": 3}', "must look like"),
        ("null", "must look like"),
        ('{"extensions": {"a": NaN}}', "NaN is no JSON"),
        ('{"extensions": {"a": "1", "a": "2"}}', "'a' stands in it twice"),
        ('{"extensions": {"a": ' + "1" * 10_000 + "}}", "must look like"),
        ('{"extensions": ' + "[" * 60_000, "nested too deeply"),
        (" " * 70_000 + "{}", "has 70,002 characters; 65,536 are the most"),
    ],
)
def test_what_cannot_be_read_is_told(text: str, message: str) -> None:
    """What is no JSON object of extensions is one line with the variable, the value and an example."""
    with pytest.raises(SettingError, match="K_CE_OVERRIDES") as raised:
        overrides(text)
    assert message in str(raised.value)
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize("name", ["", "Cluster", "a-b", "a b", "a\r\nx: y", "ä", "data", "a:b", "x" * 65, "n" * 10**4])
def test_a_name_is_one_of_cloudevents(name: str) -> None:
    """A name that no header could carry, or that would end one and begin another, is refused before anything is sent."""
    assert "has the name" in refusal({name: "x"})


@pytest.mark.parametrize("name", sorted(OURS))
def test_what_says_which_finding_it_is_stays(name: str) -> None:
    """No binding gives all findings one id, or another verdict than they have."""
    assert f"extensions.{name} cannot be overridden" in refusal({name: "x"})


def test_all_that_nilometer_writes_is_protected(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Of every attribute of the findings of a window."""
    monitor = monitor_in(tmp_path_factory.mktemp("monitor"))
    written = {name for event in findings(monitor, features(50, 0.0), window=closed()) for name in event.attributes}
    assert {"id", "verdict", "partitionkey"} <= written <= OURS


@pytest.mark.parametrize(
    "value", [None, [], {}, {"a": 1}, "", "a\r\nb", "\0", "\x7f", "\x9b", "\ud800", "\ufffe", "\U0001ffff", "x" * 1025]
)
def test_a_value_is_one_of_cloudevents(value: Any) -> None:
    """Nested, empty, endless values and those with control characters are refused, with their place."""
    assert "extensions.cluster " in refusal({"cluster": value})


def test_extensions_are_bounded() -> None:
    """Each is a header of every request."""
    assert "has 51 names; 50 are the most" in refusal({f"a{number}": "x" for number in range(51)})


def test_delivery_checks_them_at_the_start() -> None:
    """A delivery that could not send anything does not begin."""
    with pytest.raises(SettingError, match=r"extensions\.id cannot be overridden"):
        Delivery(DeliverySettings(sink="http://broker/", ce_overrides='{"extensions": {"id": "1"}}'))
