"""Drift detectors that judge column by column.

Everything but the measuring is here: which columns are judged, when one has too few values, the verdict over all of
them. What is measured, a sample of values or counts, is said by `samples` and `binned`.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from nilometer_detectors.detector import Context, columns_of
from nilometer_detectors.drift.contract import DriftDetector, DriftParameters, Judgement, Window
from nilometer_detectors.drift.deciding import Decision, DistanceParameters, PValueParameters
from nilometer_detectors.statistics.contract import plain
from nilometer_logger.rows import Floats

M = TypeVar("M")
C = TypeVar("C", bound=DriftParameters)


@dataclass(frozen=True)
class Measured:
    """What was measured of some columns.

    Attributes:
        distances: shape (columns,).
        p_values: shape (columns,); None where the detector knows no probability.
    """

    distances: Floats
    p_values: Floats | None = None


@dataclass(frozen=True)
class Input(Generic[M]):
    """What a window holds of one column.

    Attributes:
        values: what is measured.
        count: usable values in it.
        missing: values that take no part.
        effective: how many independent values the count is worth; the count itself where nothing is known of that.
    """

    values: M
    count: int
    missing: int
    effective: float


class ColumnDrift(DriftDetector[C], Generic[C, M]):
    """A detector that measures each column by itself.

    The overall distance, p-value and threshold are those of the column that speaks most for drift; the window drifts
    where any column does.
    """

    def __init__(self, parameters: C, context: Context) -> None:
        """Chooses the columns.

        Raises:
            Refused: if a name is none of a column, or of one that cannot be judged, or if nothing is left to judge.
        """
        super().__init__(parameters, context)
        self.places = columns_of(
            parameters.features,
            self.schema,
            detector=context.type,
            judges=self.judges,
            by_default=self.by_default,
            of=self.of,
        )
        self.names = tuple(self.schema.names[place] for place in self.places)
        self._level = parameters.level(context) if isinstance(parameters, PValueParameters) else 0.0

    @abstractmethod
    def inputs(self, window: Window) -> Sequence[Input[M]]:
        """Reads what is measured of each judged column."""

    @abstractmethod
    def measure(self, columns: Sequence[int], inputs: Sequence[Input[M]]) -> Measured:
        """Measures columns against the baseline.

        Args:
            columns: their places among the judged columns.
            inputs: of each; with at least `minRows` usable values.
        """

    def thresholds(self, columns: Sequence[int], inputs: Sequence[Input[M]]) -> Floats:  # noqa: ARG002 - for heirs
        """Gives the thresholds of the distances of some columns, shape (columns,)."""
        threshold = getattr(self.parameters, "threshold", math.nan)
        return np.full(len(columns), threshold, dtype=np.float64)

    def judge(self, window: Window) -> Judgement:
        """Judges a closed window."""
        inputs = self.inputs(window)
        least = self.parameters.min_rows
        reasons = [
            f"{each.count} usable values, fewer than minRows ({least})" if each.count < least else "" for each in inputs
        ]
        tested = [place for place, reason in enumerate(reasons) if not reason]
        measured = self.measure(tested, [inputs[place] for place in tested]) if tested else Measured(np.empty(0))
        known = measured.distances if measured.p_values is None else measured.p_values
        for place, number in zip(tested, known.tolist(), strict=True):
            if math.isnan(number):
                reasons[place] = "the test gave no number"
        kept = np.flatnonzero(~np.isnan(known))
        judged = [tested[index] for index in kept]
        measured = Measured(measured.distances[kept], None if measured.p_values is None else measured.p_values[kept])
        said = [self._unjudged(each, reason) for each, reason in zip(inputs, reasons, strict=True)]
        reason = "; ".join(f"{name}: {why}" for name, why in zip(self.names, reasons, strict=True) if why)
        if not judged:
            rows = window.half(self.of).rows
            if rows < least:
                reason = f"{rows} rows, fewer than minRows ({least})"
            return Judgement("nodata", reason, columns=dict(zip(self.names, said, strict=True)))
        decision = self._decide(judged, [inputs[place] for place in judged], measured)
        for index, place in enumerate(judged):
            said[place] = self._judged(index, inputs[place], measured, decision)
        first = int(decision.order[0])
        return Judgement(
            verdict="drift" if decision.drift.any() else "ok",
            reason=reason,
            distance=plain(measured.distances[first]),
            p_value=None if measured.p_values is None else float(measured.p_values[first]),
            threshold=plain(decision.thresholds[first]),
            columns=dict(zip(self.names, said, strict=True)),
            applied=decision.applied,
        )

    def _decide(self, columns: Sequence[int], inputs: Sequence[Input[M]], measured: Measured) -> Decision:
        parameters = self.parameters
        if isinstance(parameters, PValueParameters) and measured.p_values is not None:
            return parameters.decide(self._level, measured.distances, measured.p_values)
        if isinstance(parameters, DistanceParameters):
            return parameters.decide(self.thresholds(columns, inputs), measured.distances)
        raise TypeError(f"{self.type} measures no p-value, and its parameters ask for one")

    def _unjudged(self, each: Input[M], reason: str) -> dict[str, object]:
        return {"drift": None, "reason": reason, "count": each.count, "missing": each.missing}

    def _judged(self, index: int, each: Input[M], measured: Measured, decision: Decision) -> dict[str, object]:
        said: dict[str, object] = {"drift": bool(decision.drift[index]), "distance": plain(measured.distances[index])}
        if measured.p_values is not None:
            said["pValue"] = float(measured.p_values[index])
        said |= {"threshold": plain(decision.thresholds[index]), "count": each.count, "missing": each.missing}
        if each.effective < each.count:
            said["effectiveCount"] = plain(each.effective)
        return said
