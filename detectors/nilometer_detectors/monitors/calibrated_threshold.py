"""A monitor asks for the threshold that was found on its baseline: `threshold: calibrated`."""

from typing import Any

from pydantic.alias_generators import to_camel

from nilometer_detectors.baselines.baseline import Baseline
from nilometer_detectors.baselines.thresholds import Calibration
from nilometer_detectors.detector import Detector, InvalidDetector, can_be_calibrated
from nilometer_detectors.drift.base.contract import DriftDetector, DriftParameters
from nilometer_detectors.monitors.spec import DetectorSpec

WORD = "calibrated"

# What changes no distance of a column, so that thresholds hold whatever it is.
_FREE = frozenset({"threshold", *map(to_camel, DriftParameters.model_fields)})


def resolve(
    declared: DetectorSpec, kind: type[Detector[Any]], baseline: Baseline | None, *, build: bool
) -> tuple[dict[str, Any], Calibration | None]:
    """Puts the threshold that was found in the place of the word for it.

    Args:
        declared: the detector in the monitor.
        kind: its class.
        baseline: of the monitor.
        build: whether the baseline is there to be looked at; else the default stands for what cannot be known.

    Returns:
        The detector's parameters, as the monitor might write them; and what was found, where it is asked for. The
        threshold of a drift detector depends on the window, so the default stands for it in its parameters.

    Raises:
        InvalidDetector: if the baseline has none, or the parameters are not those that it was found with.
    """
    given = declared.parameters
    if not can_be_calibrated(kind) or given.get("threshold") != WORD:
        return given, None
    del given["threshold"]
    if not build:
        return given, None
    found = _look_up(declared, kind, baseline)
    return {**given, **({"threshold": found.scores.value} if found.scores else {})}, found


def _look_up(declared: DetectorSpec, kind: type[Detector[Any]], baseline: Baseline | None) -> Calibration:
    of = declared.parameters.get("of", "features")
    known = baseline.calibrations if baseline else ()
    found = [each for each in known if each.type == declared.detector and each.of == of]
    if not found:
        raise InvalidDetector(
            f"is {WORD!r}, and the baseline has no threshold for {declared.detector} of {of}: build it with  nilometer "
            "baseline DATA --out DIR --false-alarm-rate 0.01 , or give a number",
            "threshold",
        )
    free = _FREE if issubclass(kind, DriftDetector) else frozenset({"threshold"})
    others = [name for name in declared.parameters if name not in free]
    if others:
        raise InvalidDetector(
            f"is {WORD!r}, which was found with the defaults of all other parameters: leave out {', '.join(others)}, "
            "or give a number",
            "threshold",
        )
    return found[0]
