"""A monitor is put together: its declaration, its baseline and its detectors must fit each other.

Every step adds to one list of problems and goes on, so that a user sees at once all that is wrong. What rests on a part
that is wrong itself is not checked, because its problems would be echoes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nilometer_detectors.baselines.baseline import Baseline
from nilometer_detectors.detector import Context, Detector, InvalidDetector, Kind, Parameters
from nilometer_detectors.monitors import calibrated_threshold
from nilometer_detectors.monitors.columns import take_columns
from nilometer_detectors.monitors.parts import FailedDetector, Parts
from nilometer_detectors.monitors.spec import DetectorSpec, MonitorSpec
from nilometer_detectors.problems import Location, Problem, Problems, path_of, problems_of
from nilometer_detectors.registry import find
from nilometer_detectors.statistics.base.contract import Layout
from nilometer_detectors.statistics.summary import DEFAULT, NAMES
from nilometer_logger.errors import ExtraMissing, SettingError
from nilometer_logger.times import SECOND

_DAY = 24 * 3600 * SECOND
_SECTIONS: dict[Kind, str] = {"outlier": "outliers", "drift": "drift"}


def put_together(spec: MonitorSpec, directory: Path) -> Parts:
    """Puts a monitor together.

    Args:
        spec: what is declared.
        directory: which the baseline's path is relative to.

    Returns:
        The parts, or the problems.
    """
    slide = spec.windows.slide or spec.windows.size
    parts = Parts(windows_per_day=_DAY / slide if slide else None)
    if spec.baseline is not None:
        try:
            parts.baseline = Baseline.load(directory / spec.baseline.path)
        except SettingError as error:
            parts.report(("spec", "baseline", "path"), f"is {spec.baseline.path!r}: {error}")
    take_columns(spec, parts)
    whole = not parts.problems
    if whole:
        _statistics(spec, parts)
    _detectors(spec, parts, build=whole)
    return parts


def _statistics(spec: MonitorSpec, parts: Parts) -> None:
    """Chooses the statistics; by default those that cost next to nothing."""
    columns = (*parts.features.columns, *parts.predictions.columns)
    edges = (*parts.feature_edges, *parts.prediction_edges)
    categorical = any(column.type == "categorical" for column in columns)
    binned = any(edge is not None for edge in edges) or categorical
    if spec.statistics is None:
        parts.statistics = DEFAULT - (frozenset() if binned else {"histogram"})
        return
    parts.statistics = frozenset(spec.statistics)
    numbers = max(len(Layout(half).numeric) for half in (parts.features, parts.predictions))
    for place, name in enumerate(spec.statistics):
        location: Location = ("spec", "statistics", place)
        most = NAMES[name].most_columns
        if name == "histogram" and not binned:
            message = "its edges come from a baseline or from bins; give spec.baseline.path, or bins in spec.schema, or leave it out"
            parts.report(location, f"is 'histogram': {message}")
        elif name == "top" and not categorical:
            parts.report(location, "is 'top': it is of categorical columns, and there are none; leave it out")
        elif most is not None and numbers > most:
            message = f"it is of every two columns, at most {most}, and there are {numbers} of numbers; leave it out"
            parts.report(location, f"is {name!r}: {message}, or watch fewer in spec.schema")


def _detectors(spec: MonitorSpec, parts: Parts, *, build: bool) -> None:
    """Finds the detectors, checks their parameters and builds them."""
    names: set[str] = set()
    declared: list[tuple[Kind, Sequence[DetectorSpec]]] = [("outlier", spec.outliers), ("drift", spec.drift)]
    for kind, detectors in declared:
        for place, detector in enumerate(detectors):
            location: Location = ("spec", _SECTIONS[kind], place)
            if detector.name in names:
                parts.report((*location, "name"), f"is {detector.name!r}, as that of another detector")
            names.add(detector.name)
            _detector(detector, kind, location, parts, count=spec.windows.count, build=build)


def detector_problems(document: Mapping[str, Any]) -> list[Problem]:
    """Checks the detectors of a document that is wrong elsewhere, so that theirs is told with the rest."""
    parts = Parts()
    spec = document.get("spec")
    for kind, section in _SECTIONS.items():
        detectors = spec.get(section) if isinstance(spec, Mapping) else None
        for place, detector in enumerate(detectors if isinstance(detectors, list) else ()):
            try:
                declared = DetectorSpec.model_validate(detector)
            except ValidationError:
                continue  # which has been told
            _detector(declared, kind, ("spec", section, place), parts, count=None, build=False)
    return parts.all_problems()


def _detector(
    declared: DetectorSpec, kind: Kind, location: Location, parts: Parts, *, count: int | None, build: bool
) -> None:
    """Adds a detector, or what is wrong with it."""
    try:
        found = _made(declared, kind, location, parts, count=count, build=build)
    except InvalidDetector as error:
        at = (error.parameter,) if error.parameter else ()
        problems = [Problem(path_of((*location, *at)), str(error))]
    except Problems as error:
        problems = list(error.problems)
    except (SettingError, ExtraMissing) as error:
        problems = [Problem(path_of((*location, "detector")), f"is {declared.detector!r}: {error}")]
    except Exception as error:  # noqa: BLE001 - a bug of a detector, maybe of another house, is told like the rest
        problems = [Problem(path_of(location), f"{declared.detector} failed while it was built: {error!r}")]
    else:
        parts.detectors += [found] if found else []
        return
    parts.broken.append(FailedDetector(kind, declared.name, declared.detector, tuple(problems)))


def _made(
    declared: DetectorSpec, kind: Kind, location: Location, parts: Parts, *, count: int | None, build: bool
) -> Detector[Any] | None:
    """Makes a detector; None where it is only to be checked.

    Raises:
        SettingError: if it cannot be made; `Problems` where the paths are known, and `InvalidDetector` by the detector itself.
        ExtraMissing: if it needs packages that are not installed.
    """
    found = find(declared.detector)
    if found.kind != kind:
        right = f"spec.{_SECTIONS[found.kind]}"
        raise SettingError(f"it is one of {found.kind} detection: move it to {right}")
    given, calibration = calibrated_threshold.resolve(declared, found, parts.baseline, build=build)
    try:
        parameters: Parameters = found.Parameters.model_validate(given)
    except ValidationError as error:
        raise Problems("", problems_of(error, found.Parameters, location)) from None
    least = getattr(parameters, "min_rows", 0)
    if count is not None and least > count:
        raise InvalidDetector(
            f"is {least}: more rows than a window has (spec.windows.count is {count}), so nothing would ever be judged",
            "minRows",
        )
    if not build:
        return None
    context = Context(
        declared.name,
        declared.detector,
        parts.features,
        parts.baseline,
        predictions=parts.predictions,
        windows_per_day=parts.windows_per_day,
        calibration=calibration,
    )
    return found(parameters, context)
