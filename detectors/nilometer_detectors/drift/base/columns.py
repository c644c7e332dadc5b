"""Drift detectors that judge column by column.

Everything but the measuring is here: which columns are judged, when one has too few values, the verdict over all of
them. What is measured, a sample of values or counts, is said by `samples` and `binned`.
"""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

import numpy as np

from nilometer_detectors.detector import Context, InvalidDetector
from nilometer_detectors.drift.base.contract import DriftDetector, DriftParameters, DriftResult, Window, listed
from nilometer_detectors.drift.base.deciding import ColumnTestParameters, Decision, DistanceParameters, PValueParameters
from nilometer_detectors.drift.base.effective import STATISTICS, Input, corrected
from nilometer_detectors.statistics.base.contract import plain
from nilometer_logger.rows import Floats

M = TypeVar("M")
C = TypeVar("C", bound=DriftParameters)


@dataclass(frozen=True)
class Measured:
    """What was measured of some columns.

    Attributes:
        distances: shape (columns,).
        p_values: shape (columns,); None where the detector knows no probability.
        facts: what else is to be said of each column, as JSON values; empty for nothing.
    """

    distances: Floats
    p_values: Floats | None = None
    facts: Sequence[Mapping[str, object]] = ()

    @property
    def known(self) -> Floats:
        """What decides: the p-values, or else the distances."""
        return self.distances if self.p_values is None else self.p_values

    def of(self, places: Sequence[int]) -> "Measured":
        """Gives what was measured of some of the columns."""
        return Measured(
            self.distances[places],
            None if self.p_values is None else self.p_values[places],
            [self.facts[place] for place in places] if self.facts else (),
        )


def as_float32(numbers: Floats) -> Floats:
    """Rounds as alibi-detect does, whose univariate tests answer in float32."""
    rounded: Floats = numbers.astype(np.float32).astype(np.float64)
    return rounded


class ColumnDrift(DriftDetector[C], Generic[C, M]):
    """A detector that measures each column by itself.

    The overall distance, p-value and threshold are those of the column that speaks most for drift; the window drifts
    where any column does.
    """

    calibrates: ClassVar[bool] = True

    def __init__(self, parameters: C, context: Context) -> None:
        """Chooses the columns.

        Raises:
            InvalidDetector: if a name is none of a column, or of one that cannot be judged, or if nothing is left to judge.
        """
        super().__init__(parameters, context)
        self.places = self.choose(context)
        self.names = tuple(self.schema.names[place] for place in self.places)
        self._level = parameters.level(context) if isinstance(parameters, PValueParameters) else 0.0
        known = self.calibration.distances if self.calibration else self.names
        if lacking := [name for name in self.names if name not in known]:
            raise InvalidDetector(
                f"is 'calibrated': nothing was found for {', '.join(lacking)}; give a number", "threshold"
            )

    @property
    def corrects(self) -> bool:
        """Tells whether autocorrelation is corrected."""
        return isinstance(self.parameters, ColumnTestParameters) and self.parameters.autocorrelation == "correct"

    @property
    def order(self) -> frozenset[str]:
        """Gives the statistics that are needed to correct autocorrelation."""
        return STATISTICS if self.corrects else frozenset()

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

    def _limits(self, columns: Sequence[int], inputs: Sequence[Input[M]]) -> Floats:
        """Gives the thresholds that were found on the baseline where those are asked for, else the detector's own."""
        found = self.calibration
        if found is None:
            return self.thresholds(columns, inputs)
        pairs = zip(columns, inputs, strict=True)
        return np.array([found.threshold(self.names[column], each.count) for column, each in pairs])

    def judge(self, window: Window) -> DriftResult:
        """Judges a closed window."""
        inputs = self.inputs(window)
        if self.corrects:
            inputs = corrected(inputs, window.half(self.of), self.places)
        least = self.parameters.min_rows
        reasons = [
            f"{each.count} usable values, fewer than minRows ({least})" if each.count < least else "" for each in inputs
        ]
        tested = [place for place, reason in enumerate(reasons) if not reason]
        measured = self.measure(tested, [inputs[place] for place in tested]) if tested else Measured(np.empty(0))
        for place, number in zip(tested, measured.known.tolist(), strict=True):
            if math.isnan(number):
                reasons[place] = "the test gave no number"
        kept = np.flatnonzero(~np.isnan(measured.known)).tolist()
        judged = [tested[index] for index in kept]
        measured = measured.of(kept)
        said = [self._unjudged(each, reason) for each, reason in zip(inputs, reasons, strict=True)]
        reason = listed([f"{name}: {why}" for name, why in zip(self.names, reasons, strict=True) if why])
        if not judged:
            rows = window.half(self.of).rows
            if rows < least:
                reason = f"{rows} rows, fewer than minRows ({least})"
            return DriftResult("nodata", reason, columns=dict(zip(self.names, said, strict=True)))
        decision = self._decide(judged, [inputs[place] for place in judged], measured)
        for index, place in enumerate(judged):
            said[place] = self._judged(index, inputs[place], measured, decision)
        first = int(decision.order[0])
        return DriftResult(
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
            return parameters.decide(self._limits(columns, inputs), measured.distances)
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
        return {**said, **measured.facts[index]} if measured.facts else said
