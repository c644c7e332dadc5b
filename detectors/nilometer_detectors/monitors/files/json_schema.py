"""The JSON Schema of a monitor's declaration, generated from the code that reads it."""

from typing import Any

from nilometer_detectors.detector import can_be_calibrated
from nilometer_detectors.monitors.calibrated_threshold import WORD
from nilometer_detectors.monitors.spec import ModelMonitor
from nilometer_detectors.registry import available, find

_SECTIONS = {"outlier": "outliers", "drift": "drift"}


def json_schema() -> dict[str, Any]:
    """Gives the schema of a ModelMonitor (JSON Schema, draft 2020-12), with the parameters of every detector.

    Returns:
        The schema; every installed detector is one alternative of its section, told by `detector`.
    """
    schema = ModelMonitor.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    definitions = schema["$defs"]
    declared = definitions.pop("DetectorSpec")
    common = {name: declared["properties"][name] for name in ("name", "detector")}
    alternatives: dict[str, list[dict[str, str]]] = {"outliers": [], "drift": []}
    for name in available():
        detector = find(name)
        own = detector.Parameters.model_json_schema(by_alias=True)
        definitions |= own.pop("$defs", {})
        if can_be_calibrated(detector):
            own["properties"]["threshold"] = _or_calibrated(own["properties"]["threshold"])
        own["title"] = name
        own["properties"] = {**common, "detector": {"const": name}, **own["properties"]}
        own["required"] = ["name", "detector", *own.get("required", [])]
        definitions[name] = own
        alternatives[_SECTIONS[detector.kind]].append({"$ref": f"#/$defs/{name}"})
    for section, choices in alternatives.items():
        definitions["MonitorSpec"]["properties"][section]["items"] = {"oneOf": choices}
    return schema


def _or_calibrated(threshold: dict[str, Any]) -> dict[str, Any]:
    """Lets the word stand for a threshold."""
    said: dict[str, Any] = {
        name: threshold.pop(name) for name in ("title", "default", "description") if name in threshold
    }
    choices = [each for each in threshold.pop("anyOf", [threshold]) if "const" not in each]
    return {**said, "anyOf": [*choices, {"const": WORD}]}
