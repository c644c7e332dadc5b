"""alibi-detect's online drift detectors: those that take a stream row by row, with an expected run time.

alibi-detect under a stream has traps, and this is where they are shut off:

* what it remembers grows with every row, and so does what a row costs: here a stream has a memory of its own, the last
  values of each column, as many as there are thresholds (twice the longest window), and as many that have yet to be
  judged. To judge those, the detector starts anew and takes the former before them. By then its windows are full of what
  they would hold had it never stopped, and its thresholds no longer move;
* its thresholds are simulated when it is made, and never saved: they are simulated from a seed, once in a process for
  the same reference and parameters;
* a NaN counts as smaller and as larger than nothing: columns are taken value by value, and a row need not be whole;
* its flag is one for all columns, and where a statistic equals its threshold `FETDriftOnline` throws a coin: here each
  column has its own, and equality is no alarm.
"""

import copy
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import ConfigDict, Field, model_validator

from nilometer_detectors.alibi.columns import CODES, of_two_values
from nilometer_detectors.alibi.library import arguments_of, class_of, refused, seeded, why_not
from nilometer_detectors.detector import Context, Distinct, InvalidDetector, Parameters
from nilometer_detectors.drift.base.changes import ChangeDrift
from nilometer_detectors.drift.base.contract import DriftResult, Window
from nilometer_detectors.drift.base.online import Memory
from nilometer_detectors.drift.base.runlength import RunTimeParameters
from nilometer_logger.rows import ColumnType, Floats

_SEED = 0
# Streams for each row of the run time and column. Not a whole number: FETDriftOnline fails where the streams that it has
# left are one fewer than a multiple of those rows, and it leaves out some of them at each of its thresholds.
_FOR_EACH = 2.5
_MOST_STREAMS = 200_000  # that are simulated without being asked for: some minutes


class AlibiOnlineParameters(RunTimeParameters):
    """Our parameters, some of them named and understood as the constructor's; any other is one of the constructor's."""

    model_config = ConfigDict(extra="allow")

    ert: float = Field(
        default=1000,
        ge=10,
        le=1e6,
        description="the expected run time: how many rows pass on average until a false alarm, over all columns",
    )
    window_sizes: Distinct[Annotated[int, Field(ge=2, le=500)]] = Field(
        default=[20, 50],
        min_length=1,
        max_length=8,
        description="how many of the last values are tested; the smallest not more than minRows",
    )
    reference_size: int = Field(
        default=200,
        ge=20,
        le=2000,
        description="how many of the baseline's values they are compared with at most; what a start costs grows with it",
    )
    n_bootstraps: int | None = Field(
        default=None,
        ge=100,
        le=1_000_000,
        description="how many streams are simulated to find the thresholds; by default 2.5 · ert · columns",
    )

    @model_validator(mode="after")
    def _fills(self) -> Self:
        if self.min_rows < min(self.window_sizes):
            raise ValueError(
                f"has a minRows ({self.min_rows}) smaller than the smallest of windowSizes ({min(self.window_sizes)}), "
                "so that rows would be judged of which nothing is known"
            )
        return self

    def streams(self, columns: int) -> int:
        """Tells how many streams are simulated.

        Raises:
            InvalidDetector: if the run time takes more than can be simulated unasked.
        """
        if self.n_bootstraps is not None:
            return self.n_bootstraps
        streams = math.ceil(_FOR_EACH * self.ert * columns)
        if streams > _MOST_STREAMS:
            raise InvalidDetector(
                f"is {self.ert:g}: over {columns} columns that takes {streams} simulated streams, which last for many "
                "minutes and are only simulated where nBootstraps asks for so many; give a smaller ert, name the "
                "features to judge, or take cvm_online",
                "ert",
            )
        return streams


class AlibiOnlineNumbers(ChangeDrift[AlibiOnlineParameters]):
    """An online test of alibi-detect, after every row, of each column's last values against the baseline's.

    Source: Van Looveren et al., "Alibi Detect: algorithms for outlier, adversarial and drift detection", version 0.13,
    after Ross, Tasoulis and Adams, "Sequential monitoring of a Bernoulli sequence when the pre-change parameter is
    unknown", 2012, and Ross and Adams, "Two nonparametric control charts for detecting arbitrary distribution changes",
    2012. Statistics and thresholds are its own, as if it had taken each column's values from the stream's beginning and
    never stopped, but for what `lam` smooths: that knows as many of the values before as are remembered, 2 w - 1 for the
    longest window w. Until so many have come its thresholds move from row to row; then a statistic is told with what its
    threshold lacks to the last one, so that it stands to that one as to its own.

    An alarm is a row after which a column's statistic exceeds its threshold, and unlike in `cvm_online` the windows go
    on: a change gives alarms until they are full of what came before it again. Without drift, a window of n rows shows a
    false alarm with a probability of about n / ert, if ert is much larger, and columns are independent.

    Thresholds are simulated when a monitor is built: about 0.5 ms of CPU for each of `nBootstraps` streams with a
    reference of 200 values and windows of 20 and 50, and more with the square of either. Each is found from the 2 or 3
    largest statistics of the default number of streams, so a run time may be half or three times as long as asked; four
    times as many streams halve that. A single baseline may differ by more: over 40 of 200 normal values, with an `ert` of
    1,000, 10 % of windows of 100 rows showed a false alarm, as asked, but with one baseline half of them. `cvm_online`
    simulates its thresholds in seconds, for any run time, and takes a longer reference.

    O(w (w + r)) a row and column for a reference of r values: about 0.2 ms a row of three columns. As many rows as are
    remembered are taken again each time that as many have come or a window closes, which is a moment of 40 ms with windows
    of 50. Memory: 8 · (4 w - 2) bytes and 48 more, a column and stream.
    """

    Parameters: ClassVar[type[Parameters]] = AlibiOnlineParameters

    def __init__(self, parameters: AlibiOnlineParameters, context: Context) -> None:
        """Takes a part of the baseline's values, and simulates the thresholds.

        Raises:
            ExtraMissing: if alibi-detect is not installed.
            InvalidDetector: as for every detector of changes, or if alibi-detect does not take the parameters.
        """
        super().__init__(parameters, context)
        make = class_of(context.type)
        given = {
            "ert": parameters.ert,
            "window_sizes": tuple(parameters.window_sizes),
            "n_bootstraps": parameters.streams(len(self.places)),
            "verbose": False,
            **arguments_of(make, parameters.model_extra or {}, self.Parameters),
        }
        self._reference = self.part_of_baseline()
        try:
            # What it remembers it puts in the place of what it knew, so that a copy shares nothing that changes.
            self._detector = copy.copy(
                _simulated(make, self._reference.shape, self._reference.tobytes(), tuple(sorted(given.items())))
            )
            self._remembered = len(self._detector.thresholds)
            self._thresholds = np.broadcast_to(self._detector.thresholds[-1], len(self.places)).astype(np.float64)
            self._statistics(self._reference[: min(parameters.window_sizes)])
        except Exception as error:
            raise refused(error) from error

    def part_of_baseline(self) -> Floats:
        """Takes at most `referenceSize` of each column's values at random, as many of each; shape (values, columns)."""
        size = min(self.parameters.reference_size, *map(len, self.references))
        parts = [np.random.default_rng(_SEED).choice(each, size, replace=False) for each in self.references]
        return np.ascontiguousarray(np.column_stack(parts))

    @property
    def threshold(self) -> Floats:
        """A larger statistic is an alarm, shape (columns,)."""
        return self._thresholds

    def start(self) -> Memory:
        """Makes the memory of a stream without values."""
        columns = len(self.places)
        return {
            "last": np.zeros((columns, self._remembered)),
            "known": np.zeros(columns, dtype=np.int64),
            "waiting": np.zeros((self._remembered, columns)),
            "rows": np.zeros(1, dtype=np.int64),
        }

    def readable(self, values: Floats) -> Floats:
        """Gives values as the detector can read them, NaN where it cannot."""
        return values

    def observe(self, memory: Memory, values: Floats) -> None:
        """Lets rows wait, and judges them whenever there is no more room for others."""
        taken = self.readable(values[:, self.places])
        while len(taken):
            rows = int(memory["rows"][0])
            fitting = taken[: self._remembered - rows]
            memory["waiting"][rows : rows + len(fitting)] = fitting
            memory["rows"] += len(fitting)
            if memory["rows"][0] == self._remembered:
                self._judge_waiting(memory)
            taken = taken[len(fitting) :]

    def judge_stream(self, memory: Memory, window: Window) -> DriftResult:
        """Judges the rows that wait, and answers for all since the last answer."""
        self._judge_waiting(memory)
        return super().judge_stream(memory, window)

    def _judge_waiting(self, memory: Memory) -> None:
        if rows := memory["rows"][0]:
            self.advance(memory, memory["waiting"][:rows])
            memory["waiting"][:], memory["rows"][:] = 0, 0

    def follow(self, memory: Memory, values: Floats) -> Floats:
        """Lets the detector take the last values that were judged, and then these."""
        last, known = memory["last"], memory["known"]
        usable = ~np.isnan(values)
        ends = known + np.add.reduce(usable, axis=0, dtype=np.int64)
        # Columns lack different rows, but one knows nothing of the other: each has its values without a gap, and behind
        # them some that nobody looks at.
        packed = np.repeat(self._reference[:1], ends.max(), axis=0)
        for column, (first, end) in enumerate(zip(known, ends, strict=True)):
            packed[:first, column] = last[column, :first]
            packed[first:end, column] = values[usable[:, column], column]
        found = self._statistics(packed)
        statistics = np.full(values.shape, np.nan)
        for column, (first, end) in enumerate(zip(known, ends, strict=True)):
            statistics[usable[:, column], column] = found[first:end, column]
            kept = packed[max(0, end - self._remembered) : end, column]
            last[column, : len(kept)] = kept
        memory["known"][:] = np.minimum(ends, self._remembered)
        return statistics

    def _statistics(self, values: Floats) -> Floats:
        """Gives the largest statistic of the windows after each row, NaN while none is full; the same shape."""
        detector, found = self._detector, np.empty(values.shape)
        detector.reset_state()
        for row, each in enumerate(values):
            statistics = detector.score(each)
            # Its `predict` keeps those of all rows, of which it reads the last, and may throw a coin.
            detector.test_stats = statistics[np.newaxis]
            found[row] = np.fmax.reduce(statistics, axis=0) + (self._thresholds - detector.get_threshold(row))
        detector.reset_state()
        return found

    def applied(self) -> dict[str, object]:
        """Says what the thresholds follow from."""
        return super().applied() | self.parameters.asked(len(self.places))

    @classmethod
    def why_not(cls, name: str) -> str:
        """Says why a detector of that name is not carried."""
        return why_not(name)


class AlibiOnlineTruths(AlibiOnlineNumbers):
    """An online test of alibi-detect, after every row, of the shares of two values, 0 and 1, in each column's last rows.

    It is as for numbers, but for columns of truth values, or of two categories. A third value is left out and counted as
    missing. A column that is constant in the baseline is refused, because there is nothing to simulate: `fet` judges it.
    By default only shares of 1 that grow are drift: `alternative: less` finds those that fall.
    """

    judges: ClassVar[frozenset[ColumnType]] = CODES
    by_default: ClassVar[frozenset[ColumnType]] = frozenset({"boolean"})

    def choose(self, context: Context) -> tuple[int, ...]:
        """Chooses the columns.

        Raises:
            InvalidDetector: if one has more than two categories.
        """
        return of_two_values(self.schema, super().choose(context))

    def part_of_baseline(self) -> Floats:
        """Takes as many values of each column.

        Raises:
            InvalidDetector: if those of one are all the same.
        """
        part = super().part_of_baseline()
        for name, lowest, highest in zip(self.names, part.min(axis=0), part.max(axis=0), strict=True):
            if lowest == highest:
                raise InvalidDetector(
                    f"{name!r} is the same in all of {len(part)} rows of the baseline: name the features to judge "
                    "without it, or take fet",
                    "features",
                )
        return part

    def readable(self, values: Floats) -> Floats:
        """Gives what is 0 or 1."""
        readable: Floats = np.where((values == 0.0) | (values == 1.0), values, np.nan)
        return readable


@lru_cache(maxsize=8)
def _simulated(make: Any, shape: tuple[int, int], reference: bytes, given: tuple[tuple[str, Any], ...]) -> Any:
    """Makes a detector, which simulates its thresholds, from the bytes of its reference."""
    arguments: Mapping[str, Any] = dict(given)
    with seeded(_SEED):
        return make(np.frombuffer(reference).reshape(shape), **arguments)
