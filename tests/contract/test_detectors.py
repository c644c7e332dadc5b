"""What every detector promises; it runs over all entry points, so that none can be left out."""

import inspect
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from nilometer_detectors import alibi, drift, outliers
from nilometer_detectors.baselines.baseline import Baseline
from nilometer_detectors.detector import Context, Detector, InvalidDetector
from nilometer_detectors.drift.base.contract import DriftDetector
from nilometer_detectors.fitting.prepare import prepare
from nilometer_detectors.outliers.base.contract import OutlierDetector
from nilometer_logger.rows import ColumnType
from tests.contract.detectors import COLUMNS, KINDS, REFERENCE, every_detector
from tests.judging import baseline_of, detector_of, schema_of


def test_every_detector_of_the_package_is_registered() -> None:
    """A detector that stands in the package is found by its entry point, and so is under this contract."""
    modules = [
        import_module(f"{package.__name__}.{module.name}")
        for package in (alibi, drift, outliers)
        for module in iter_modules(package.__path__)
    ]
    detectors = {
        found
        for module in modules
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, Detector) and not inspect.isabstract(found)
    }
    assert detectors - {Detector, OutlierDetector, DriftDetector} == set(KINDS.values())


@every_detector
def test_parameters_are_described(name: str) -> None:
    """Every parameter of a detector says what it means, and every one has a default."""
    for field_name, field in KINDS[name].Parameters.model_fields.items():
        assert field.description, field_name
        assert not field.is_required(), field_name


@every_detector
@pytest.mark.parametrize("parameters", [{"features": ["nonsense"]}, {"features": []}])
def test_features_that_are_none_are_refused(name: str, parameters: dict[str, Any]) -> None:
    """A feature that is not there is refused when the monitor is built, and so is a list that names none."""
    with pytest.raises((InvalidDetector, ValidationError)):
        detector_of(KINDS[name], name, REFERENCE, **parameters)


@every_detector
def test_features_that_cannot_be_judged_are_refused(name: str) -> None:
    """A feature of a type that a detector cannot judge is refused by its name."""
    for column in COLUMNS.columns:
        if column.type not in KINDS[name].judges:
            with pytest.raises(InvalidDetector, match=f"'{column.name}' is {column.type}"):
                detector_of(KINDS[name], name, REFERENCE, features=[column.name])


@cache
def of_one_type(kind: ColumnType) -> Baseline:
    """Returns a baseline of two columns, whole numbers where their type has no others."""
    values = np.random.default_rng(1).normal(3.0, 1.0, (500, 2))
    values = np.abs(values).round(1) if kind in {"numeric", "text"} else (values > 3.0).astype(np.float64)
    baseline, _ = prepare(baseline_of(values, schema_of(kind, kind)))
    return baseline


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name, found in KINDS.items() for kind in sorted(found.by_default)]
)
def test_what_is_judged_by_default_may_be_named_as_well(name: str, kind: ColumnType) -> None:
    """Columns of a type that a detector judges by default are judged, and are where the monitor names them, too."""
    baseline = of_one_type(kind)
    assert detector_of(KINDS[name], name, baseline)
    assert detector_of(KINDS[name], name, baseline, features=["a", "b"])


@every_detector
def test_a_parameter_that_is_none_is_refused(name: str) -> None:
    """No parameter is accepted and ignored."""
    with pytest.raises((InvalidDetector, ValidationError)):
        detector_of(KINDS[name], name, REFERENCE, nonsense=1)


def properties_of(name: str, kind: str) -> dict[str, dict[str, Any]]:
    """Returns the parameters of a detector that are of a JSON type, as its JSON Schema has them."""
    properties = KINDS[name].Parameters.model_json_schema()["properties"]
    choices = {one: each.get("anyOf", [each]) for one, each in properties.items()}
    return {one: each for one, alternatives in choices.items() for each in alternatives if each.get("type") == kind}


@every_detector
def test_whole_numbers_are_bounded(name: str) -> None:
    """A number of rows, or any other that is counted, is refused where no stream could reach it."""
    for parameter in properties_of(name, "integer"):
        with pytest.raises((InvalidDetector, ValidationError)):
            detector_of(KINDS[name], name, REFERENCE, **{parameter: 10**30})


@every_detector
def test_an_entry_that_stands_twice_is_refused(name: str) -> None:
    """A list in which an entry stands twice is taken for a slip, and one in which it stands once is accepted."""
    for parameter, said in properties_of(name, "array").items():
        items = said["items"]
        entry = items["enum"][0] if "enum" in items else "a" if items["type"] == "string" else items["minimum"]
        assert KINDS[name].Parameters.model_validate({parameter: [entry]})
        assert said["uniqueItems"]
        with pytest.raises(ValidationError, match=f"names {entry!r} twice"):
            KINDS[name].Parameters.model_validate({parameter: [entry, entry]})


@every_detector
def test_a_detector_that_needs_a_baseline_says_so(name: str) -> None:
    """Without a baseline, a detector is built all the same, or says that it compares with one and what helps."""
    kind = KINDS[name]
    try:
        kind(kind.Parameters(), Context("mine", name, COLUMNS, None))
    except InvalidDetector as refused:
        assert "give spec.baseline.path" in str(refused)  # noqa: PT017 - both answers are right
