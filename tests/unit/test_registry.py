"""Detectors by name: found without importing, and what is said of those that cannot be had."""

from importlib.metadata import EntryPoint

import pytest

from nilometer_detectors import registry
from nilometer_detectors.registry import GROUP, available, find
from nilometer_logger.errors import SettingError


@pytest.fixture
def one_more(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """An entry point `foreign`, of the value that a test asks for."""
    entry = EntryPoint("foreign", request.param, GROUP)
    monkeypatch.setattr(registry, "available", lambda: {"foreign": entry})


def test_names_are_in_order() -> None:
    """All installed detectors are listed, in the order of their names."""
    assert list(available()) == sorted(available())
    assert {"zscore", "ks", "alibi.KSDrift"} <= set(available())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("z-score", "did you mean zscore"),
        ("KSDrift", "alibi.KSDrift"),
        ("completely-else", "there are .*alibi.CVMDrift"),
    ],
)
def test_a_name_that_is_none(name: str, message: str) -> None:
    """An unknown name is answered with those that are near, or with all there are."""
    with pytest.raises(SettingError, match=message):
        find(name)


@pytest.mark.usefixtures("one_more")
@pytest.mark.parametrize(
    ("one_more", "message"),
    [
        ("no_such_module:Thing", "no_such_module:Thing cannot be imported: ModuleNotFoundError"),
        ("json:no_such_thing", "cannot be imported: AttributeError"),
        ("json:loads", "is no detector"),
        ("collections:OrderedDict", "is no detector"),
    ],
    indirect=["one_more"],
)
def test_a_detector_that_cannot_be_had(message: str) -> None:
    """An entry point that leads nowhere, or to something else, is refused in a sentence."""
    with pytest.raises(SettingError, match=message):
        find("foreign")


@pytest.mark.usefixtures("one_more")
@pytest.mark.parametrize("one_more", ["nilometer_detectors.outliers.zscore:ZScore"], indirect=True)
def test_a_detector_from_outside_is_found_by_its_name() -> None:
    """An entry point of any distribution is a detector like ours."""
    assert find("foreign").kind == "outlier"
