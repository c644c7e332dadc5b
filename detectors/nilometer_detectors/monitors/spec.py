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
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel

from nilometer_detectors.detector import Distinct, Strict
from nilometer_detectors.monitors.window_spec import WindowsSpec
from nilometer_detectors.statistics.base.binning import given
from nilometer_detectors.statistics.summary import NAMES
from nilometer_logger.rows import ColumnType, label

_KUBERNETES_NAME = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
_DETECTOR_NAME = r"^[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?$"


def _matching(pattern: str, expected: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"expected at most 63 {expected}")
        return text

    return check


def _category(value: object) -> object:
    # A category may be written as the number or truth value that payloads hold.
    return value if isinstance(value, dict | list) else label(value)


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
    bins: list[float] = Field(
        default=[],
        description="the edges of the histogram's bins, ascending; by default the baseline's, or no histogram",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.categories and self.type != "categorical":
            raise ValueError(f"has categories and is {self.type}; only a categorical column has them")
        if self.bins and self.type == "categorical":
            raise ValueError("has bins and is categorical; its histogram counts categories")
        if self.bins:
            given(self.bins)
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
    statistics: Distinct[StatisticName] | None = Field(
        default=None,
        description="count, missing and infinite are always there; by default also mean, stddev, min, max and histogram",
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
