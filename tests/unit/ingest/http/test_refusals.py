"""Log lines about refusals: the first at once, a flood as a few, and none uncounted."""

from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from nilometer_logger.ingest.http.refusals import Refusals


class Clock:
    """Stands still until it is set."""

    now = 100.0

    def __call__(self) -> float:
        """Returns the time."""
        return self.now


def refuse(refusals: Refusals, times: int = 1) -> list[dict[str, object]]:
    """Logs refusals, and returns the lines that were written."""
    with capture_logs() as lines:
        for _ in range(times):
            refusals.log(400, "no CloudEvent", "10.0.0.7", "/")
    return lines


def test_ten_lines_are_written_at_once() -> None:
    """And no eleventh, for as long as the first is less than ten seconds old."""
    clock = Clock()
    refusals = Refusals(clock)
    assert len(refuse(refusals, 100)) == 10
    clock.now += 9.9
    assert refuse(refusals, 100) == []


def test_the_next_line_counts_what_was_left_out() -> None:
    """Once: the lines after it say nothing about it, and a line with nothing before it does not count."""
    clock = Clock()
    refusals = Refusals(clock)
    first = refuse(refusals, 35)
    assert all("left_out" not in line for line in first)
    clock.now += 10.0
    second, third = refuse(refusals, 2)
    assert second["left_out"] == 25
    assert "left_out" not in third


def test_lines_late_in_ten_seconds_leave_no_room_for_more() -> None:
    """Ten seconds are counted from each line, and not by a clock on the wall."""
    clock = Clock()
    refusals = Refusals(clock)
    assert len(refuse(refusals)) == 1
    clock.now += 9.9
    assert len(refuse(refusals, 20)) == 9
    clock.now += 0.1
    assert len(refuse(refusals, 20)) == 1


def test_what_a_client_chose_is_cut() -> None:
    """A header may have 64 KiB, and a path; a line may not."""
    with capture_logs() as lines:
        Refusals(Clock()).log(400, "r" * 65536, "10.0.0.7", "p" * 65536)
    assert lines == [
        {
            "event": "event refused",
            "log_level": "warning",
            "status": 400,
            "reason": "r" * 300,
            "client": "10.0.0.7",
            "path": "p" * 300,
        }
    ]


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 30)), min_size=1, max_size=30))
def test_whatever_comes_ten_lines_in_ten_seconds_and_none_uncounted(floods: list[tuple[float, int]]) -> None:
    """In no ten seconds are there more than ten lines; each refusal is a line, or counted in the next one."""
    clock = Clock()
    refusals = Refusals(clock)
    written: list[tuple[float, int]] = []
    for pause, times in floods:
        clock.now += pause
        written += [(clock.now, int(str(line.get("left_out", 0)))) for line in refuse(refusals, times)]
    assert all(later - earlier >= 10 for (earlier, _), (later, _) in zip(written, written[10:], strict=False))
    clock.now += 10.0
    written += [(clock.now, int(str(line.get("left_out", 0)))) for line in refuse(refusals)]
    assert sum(1 + left_out for _, left_out in written) == sum(times for _, times in floods) + 1
