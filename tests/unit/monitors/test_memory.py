"""What a monitor remembers of a stream: how the last windows were judged, and what online detectors have seen."""

from typing import Any

import msgspec
import numpy as np
import pytest

from nilometer_detectors.drift.base.contract import DriftParameters, DriftResult, Needs, Window
from nilometer_detectors.drift.base.online import Memory, OnlineDrift
from nilometer_detectors.drift.ks import KS
from nilometer_detectors.monitors.memory import VERSION, StreamMemory
from nilometer_logger.errors import StateError
from nilometer_logger.rows import Floats
from tests.judging import baseline_of, detector_of, normal, raising, rows_of, window_for

BASELINE = baseline_of(normal(500))
DRIFT, OK, NODATA = DriftResult("drift"), DriftResult("ok"), DriftResult("nodata", "too few rows")


class Summing(OnlineDrift[DriftParameters]):
    """Adds up the first column; a sum above 100 is drift."""

    Parameters = DriftParameters

    def needs(self) -> Needs:
        """Needs nothing of a window."""
        return Needs(self.of)

    def begin(self) -> Memory:
        """Begins with nothing."""
        return {"sum": np.zeros(1)}

    def observe(self, memory: Memory, values: Floats) -> None:
        """Adds up; a value of 13 makes it fail."""
        if (values == 13).any():
            raise ZeroDivisionError("thirteen")
        memory["sum"] += values[:, 0].sum()

    def judge_stream(self, memory: Memory, window: Window) -> DriftResult:
        """Answers."""
        del window
        return DriftResult("drift" if memory["sum"][0] > 100 else "ok", distance=float(memory["sum"][0]))


def persistent(at_least: int = 2, of: int = 3) -> Any:
    """Returns a detector whose drift must persist."""
    return detector_of(KS, "ks", BASELINE, persistence={"atLeast": at_least, "of": of})


def online() -> Any:
    """Returns the online detector."""
    return detector_of(Summing, "summing", BASELINE)


def test_drift_must_show_in_enough_of_the_last_windows() -> None:
    """With two of three, a lone window of drift says ok, a second one within three says drift, and each says how many."""
    detector = persistent()
    memory = StreamMemory([detector], raising)
    said = [memory.persisting(detector, each) for each in (DRIFT, OK, DRIFT, OK, OK, DRIFT)]
    assert [each.verdict for each in said] == ["ok", "ok", "drift", "ok", "ok", "ok"]
    assert [each.applied["persistence"] for each in said[:3]] == [
        {"atLeast": 2, "of": 3, "drifting": 1},
        {"atLeast": 2, "of": 3, "drifting": 1},
        {"atLeast": 2, "of": 3, "drifting": 2},
    ]


def test_a_window_that_was_not_judged_is_passed_over() -> None:
    """A window without a verdict neither counts as drift nor breaks a series."""
    detector = persistent()
    memory = StreamMemory([detector], raising)
    verdicts = [memory.persisting(detector, each).verdict for each in (DRIFT, NODATA, DRIFT)]
    assert verdicts == ["ok", "nodata", "drift"]


def test_a_detector_without_persistence_is_left_alone() -> None:
    """Where nothing was asked for, every window speaks for itself, and nothing is remembered."""
    detector = detector_of(KS, "ks", BASELINE)
    memory = StreamMemory([detector], raising)
    assert memory.persisting(detector, DRIFT) is DRIFT
    assert memory.dump() == b""


def test_a_series_goes_on_after_a_restart() -> None:
    """How the last windows were judged is part of the snapshot."""
    detector = persistent()
    before = StreamMemory([detector], raising)
    before.persisting(detector, DRIFT)
    after = StreamMemory([detector], raising)
    after.load(before.dump())
    assert after.persisting(detector, DRIFT).verdict == "drift"


def test_an_online_detector_sees_every_row_of_its_half() -> None:
    """Rows of requests add up over blocks; those of responses are not its own."""
    detector = online()
    memory = StreamMemory([detector], raising)
    for _ in range(3):
        memory.update(rows_of([[40.0, 0.0]]))
        memory.update(rows_of([[1000.0]], half="response"))
    result = memory.judge(detector, window_for(detector, BASELINE))
    assert (result.verdict, result.distance) == ("drift", 120.0)


def test_a_failing_online_detector_begins_anew_and_says_so() -> None:
    """A detector that fails stops nobody, is reported, has no verdict once, and goes on; a restart forgets none of it."""
    reported: list[str] = []
    detector = online()
    memory = StreamMemory([detector], lambda name, error: reported.append(f"{name}: {error}"))
    memory.update(rows_of([[50.0, 0.0]]))
    memory.update(rows_of([[13.0, 0.0]]))
    memory.update(rows_of([[60.0, 0.0]]))
    assert reported == ["mine: thirteen"]
    restored = StreamMemory([detector], raising)
    restored.load(memory.dump())
    said = [restored.judge(detector, window_for(detector, BASELINE)) for _ in range(2)]
    assert [each.verdict for each in said] == ["nodata", "ok"]
    assert "failed and began anew: ZeroDivisionError('thirteen')" in said[0].reason
    assert said[1].distance == 60.0


@pytest.mark.parametrize(
    "blob",
    [
        b"\x05",
        msgspec.msgpack.encode([VERSION + 1, {}]),
        msgspec.msgpack.encode([VERSION, {"mine": [[], {}, ""]}]),
        msgspec.msgpack.encode([VERSION, {"mine": [[], {"sum": ["<f8", [2], bytes(16)]}, ""]}]),
        msgspec.msgpack.encode([VERSION, {"mine": [[], {"sum": ["<f8", [1], bytes(3)]}, ""]}]),
    ],
    ids=["damaged", "newer", "empty", "other shape", "cut off"],
)
def test_a_memory_that_is_not_ours_is_refused(blob: bytes) -> None:
    """What cannot be read is a StateError that says why, and never half a memory."""
    with pytest.raises(StateError, match="the memory of a stream"):
        StreamMemory([online()], raising).load(blob)
