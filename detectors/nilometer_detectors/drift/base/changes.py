"""Online detectors of changes, column by column: what they count of each stream, and what they answer.

A value is standardised by the baseline, missing and infinite ones are passed over and counted. A statistic follows each
column row by row; where it exceeds its threshold there is an alarm. Then the column begins anew, unless a detector says
otherwise, so that drift that lasts gives alarm after alarm. When a window closes, the detector tells of the alarms since its last answer. A column with fewer
than `minRows` usable values since then is not judged; what was counted of it, alarms included, stays for the next answer.
"""

from abc import abstractmethod
from typing import TypeVar

import numpy as np

from nilometer_detectors.detector import Context
from nilometer_detectors.drift.base.contract import DriftParameters, DriftResult, Needs, Window, listed
from nilometer_detectors.drift.base.online import Memory, OnlineDrift
from nilometer_detectors.drift.base.samples import references_of
from nilometer_detectors.drift.base.standard import Standard
from nilometer_logger.rows import Floats

C = TypeVar("C", bound=DriftParameters)


class ChangeDrift(OnlineDrift[C]):
    """A detector that follows a statistic of each column.

    Drift is an alarm in any column. The overall distance and threshold are those of the column whose largest statistic
    since the last answer exceeds its threshold most, or comes nearest.

    Attributes:
        places: of the judged columns in their half.
        names: of the judged columns.
        references: of each judged column, the baseline's values, ascending, finite, at least two.
        standard: standardises the judged columns.
    """

    def __init__(self, parameters: C, context: Context) -> None:
        """Chooses the columns, and takes their values from the baseline.

        Raises:
            Refused: if there is no baseline, nothing to judge, or a column with fewer than two values in it.
        """
        super().__init__(parameters, context)
        self.places = self.choose(context)
        self.names = tuple(self.schema.names[place] for place in self.places)
        self.references = references_of(self.baseline(context), self.half, self.places, self.names)
        self.standard = Standard(self.references)

    @property
    @abstractmethod
    def threshold(self) -> float | Floats:
        """A larger statistic is an alarm; one for all judged columns, or one for each, shape (columns,)."""

    @abstractmethod
    def start(self) -> Memory:
        """Makes what the detector itself remembers of a stream that was never seen."""

    @abstractmethod
    def follow(self, memory: Memory, values: Floats) -> Floats:
        """Takes rows.

        Args:
            memory: changed in place.
            values: of the judged columns, shape (rows, columns), contiguous; NaN where one is missing or infinite.

        Returns:
            The statistic after each row, of the same shape; NaN where the value is.
        """

    def applied(self) -> dict[str, object]:
        """Says what went into the threshold, as JSON values."""
        return {"minDistance": self.parameters.min_distance} if self.parameters.min_distance else {}

    def needs(self) -> Needs:
        """Asks for nothing of a window: every row was seen."""
        return Needs(self.of, min_rows=self.parameters.min_rows)

    def begin(self) -> Memory:
        """Makes the memory of a stream that was never seen."""
        columns = len(self.places)
        counts = {name: np.zeros(columns, dtype=np.int64) for name in ("count", "missing", "alarms", "since")}
        return {**counts, "largest": np.zeros(columns), **self.start()}

    def observe(self, memory: Memory, values: Floats) -> None:
        """Takes rows."""
        self.advance(memory, values[:, self.places])

    def advance(self, memory: Memory, taken: Floats) -> None:
        """Follows rows, and counts them and their alarms.

        Args:
            memory: changed in place.
            taken: values of the judged columns, shape (rows, columns).
        """
        usable = np.isfinite(taken)
        statistics = self.follow(memory, np.ascontiguousarray(np.where(usable, taken, np.nan)))
        found = np.add.reduce(usable, axis=0, dtype=np.int64)
        memory["count"] += found
        memory["missing"] += len(taken) - found
        np.fmax(memory["largest"], np.fmax.reduce(statistics, axis=0), out=memory["largest"])
        # `since` is the age, in rows, of the first alarm that has not been told.
        memory["since"] += np.where(memory["alarms"] > 0, len(taken), 0)
        alarms = statistics > self.threshold
        if alarms.any():
            first = (memory["alarms"] == 0) & alarms.any(axis=0)
            memory["since"][first] = len(taken) - 1 - np.argmax(alarms, axis=0)[first]
            memory["alarms"] += np.add.reduce(alarms, axis=0, dtype=np.int64)

    def judge_stream(self, memory: Memory, window: Window) -> DriftResult:  # noqa: ARG002 - the rows were observed
        """Answers for the rows since the last answer."""
        least, floor = self.parameters.min_rows, self.parameters.min_distance
        thresholds = np.broadcast_to(self.threshold, len(self.places))
        counts, missing, largest = memory["count"].copy(), memory["missing"].copy(), memory["largest"].copy()
        judged = counts >= least
        drift = judged & (memory["alarms"] > 0) & (largest >= floor)
        said: dict[str, dict[str, object]] = {}
        reasons = []
        for place, name in enumerate(self.names):
            count = int(counts[place])
            if not judged[place]:
                reason = f"{count} usable values since the last answer, fewer than minRows ({least})"
                reasons.append(f"{name}: {reason}")
                said[name] = {"drift": None, "reason": reason}
            else:
                said[name] = {
                    "drift": bool(drift[place]),
                    "distance": float(largest[place]),
                    "threshold": float(thresholds[place]),
                }
                if memory["alarms"][place]:
                    said[name] |= {"alarms": int(memory["alarms"][place]), "rowsAgo": int(memory["since"][place])}
            said[name] |= {"count": count, "missing": int(missing[place])}
        for array in ("count", "missing", "alarms", "since", "largest"):
            memory[array][judged] = 0
        reason = listed(reasons)
        if not judged.any():
            rows = int((counts + missing).max())
            if rows < least:
                reason = f"{rows} rows since the last answer, fewer than minRows ({least})"
            return DriftResult("nodata", reason, columns=said)
        first = int(np.argmax(np.where(judged, largest - thresholds, -np.inf)))
        return DriftResult(
            verdict="drift" if drift.any() else "ok",
            reason=reason,
            distance=float(largest[first]),
            threshold=float(thresholds[first]),
            columns=said,
            applied=self.applied(),
        )
