"""The declaration of a monitor: the same shape as a file, in a ConfigMap, and as the custom resource `ModelMonitor`.

The models hold what can be checked of a field by itself; what needs the baseline or the detectors is checked where a
monitor is compiled (`monitor`).
"""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from nilometer_detectors.detector import Strict
from nilometer_detectors.statistics.summary import NAMES
from nilometer_logger.rows import ColumnType, label
from nilometer_logger.times import SECOND

MOST_OVERLAPPING = 100
_UNITS = {"ms": SECOND // 1000, "s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND}
_LONGEST = 366 * 24 * 3600 * SECOND
_DURATION = r"([0-9]+(ms|s|m|h))+"
_KUBERNETES_NAME = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
_DETECTOR_NAME = r"^[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?$"


def parse_duration(value: object) -> int:
    """Reads a duration such as ``15s``, ``500ms`` or ``1h30m``; gives nanoseconds.

    Raises:
        ValueError: if it is no such text, or longer than a year.
    """
    if not isinstance(value, str) or not re.fullmatch(_DURATION, value, re.ASCII):
        raise ValueError("expected a duration such as 15s, 500ms, 5m or 1h30m")
    parts = re.findall(r"([0-9]+)(ms|s|m|h)", value)
    nanoseconds = sum(int(number[:20]) * _UNITS[unit] for number, unit in parts)
    if nanoseconds > _LONGEST:
        raise ValueError("expected a duration of at most a year (8784h)")
    return nanoseconds


def format_duration(nanoseconds: int) -> str:
    """Writes a duration as `parse_duration` reads it, in the largest units that hold it."""
    for unit, size in reversed(_UNITS.items()):
        if nanoseconds and nanoseconds % size == 0:
            return f"{nanoseconds // size}{unit}"
    return "0s"


def _not_zero(nanoseconds: int) -> int:
    if not nanoseconds:
        raise ValueError("expected more than no time")
    return nanoseconds


def _matching(pattern: str, expected: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"expected at most 63 {expected}")
        return text

    return check


def _category(value: object) -> object:
    # A category may be written as the number or truth value that payloads hold.
    return value if isinstance(value, dict | list) else label(value)


Duration = Annotated[
    int, BeforeValidator(parse_duration), WithJsonSchema({"type": "string", "pattern": f"^{_DURATION}$"})
]
Length = Annotated[Duration, AfterValidator(_not_zero)]
KubernetesName = Annotated[
    str,
    AfterValidator(_matching(_KUBERNETES_NAME, "lower-case letters, digits and hyphens, such as iris-2")),
    WithJsonSchema({"type": "string", "pattern": _KUBERNETES_NAME}),
]
DetectorName = Annotated[
    str,
    AfterValidator(_matching(_DETECTOR_NAME, "letters, digits, hyphens, underscores and dots, such as ks-2")),
    WithJsonSchema({"type": "string", "pattern": _DETECTOR_NAME}),
]
Category = Annotated[str, BeforeValidator(_category), WithJsonSchema({"type": ["string", "number", "boolean"]})]


def _statistic(value: object) -> object:
    if isinstance(value, str) and value not in NAMES:
        raise ValueError(f"expected one of {', '.join(NAMES)}")
    return value


StatisticName = Annotated[str, BeforeValidator(_statistic), WithJsonSchema({"enum": list(NAMES)})]


class Metadata(Strict):
    """Names the monitor, as Kubernetes does."""

    name: KubernetesName
    namespace: KubernetesName = Field(default="default", description="also that of the stream")


class StreamSpec(Strict):
    """Which inferences to watch: those of an InferenceService in the monitor's namespace."""

    inference_service: str = Field(min_length=1)
    component: str = Field(default="predictor", description="predictor, transformer or explainer")
    endpoint: str | None = Field(default=None, description="such as default or canary; by default all of them")


class ColumnSpec(Strict):
    """One feature or prediction."""

    name: str = Field(min_length=1)
    type: ColumnType = "numeric"
    categories: list[Category] = Field(default=[], description="of a categorical column; by default the baseline's")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.categories and self.type != "categorical":
            raise ValueError(f"has categories and is {self.type}; only a categorical column has them")
        if len(set(self.categories)) < len(self.categories):
            raise ValueError("names a category twice")
        return self


class SchemaSpec(Strict):
    """The columns of requests and responses, in their order."""

    features: list[ColumnSpec] = Field(min_length=1)
    predictions: list[ColumnSpec] = Field(default_factory=list)


class BaselineSpec(Strict):
    """What is normal."""

    path: str = Field(min_length=1, description="of the baseline's directory, relative to the monitor's file")


class WindowsSpec(Strict):
    """How event time is cut."""

    size: Length
    slide: Length | None = Field(
        default=None, description="from one window's start to the next one's; by default the size"
    )
    watermark_delay: Duration = Field(
        default=5 * SECOND, description="how long rows may come out of order", json_schema_extra={"default": "5s"}
    )

    @field_validator("slide")
    @classmethod
    def _fits(cls, slide: int | None, info: ValidationInfo) -> int | None:
        size = info.data.get("size")
        if size is None or slide is None:
            return slide
        if slide > size:
            raise ValueError(f"larger than size ({format_duration(size)}), so rows between windows would be in none")
        if size > MOST_OVERLAPPING * slide:
            raise ValueError(
                f"too small for size ({format_duration(size)}): at most {MOST_OVERLAPPING} windows overlap"
            )
        return slide


class DetectorSpec(Strict):
    """A detector; every other field is a parameter of its own."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, alias_generator=to_camel)

    name: DetectorName
    detector: str = Field(min_length=1, description="its type, such as zscore or ks")

    @property
    def parameters(self) -> dict[str, Any]:
        """The fields that are the detector's own, as they were written."""
        return dict(self.model_extra or {})


class MonitorSpec(Strict):
    """What to watch, and how."""

    stream: StreamSpec
    schema_: SchemaSpec | None = Field(default=None, alias="schema", description="by default the baseline's")
    baseline: BaselineSpec | None = None
    windows: WindowsSpec
    statistics: list[StatisticName] | None = Field(
        default=None, description="count, missing and infinite are always there; by default all"
    )
    outliers: list[DetectorSpec] = Field(default_factory=list)
    drift: list[DetectorSpec] = Field(default_factory=list)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.schema_ is None and self.baseline is None:
            raise ValueError("gives neither a schema nor a baseline, so the columns are not known: give one of them")
        return self


class ModelMonitor(Strict):
    """The declaration of a monitor."""

    api_version: Literal["nilometer.io/v1alpha1"]
    kind: Literal["ModelMonitor"]
    metadata: Metadata
    spec: MonitorSpec
