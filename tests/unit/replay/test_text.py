"""The line of a window: what every detector said of it, and nothing twice."""

from nilometer_detectors.replay._reading import DetectorResult, Window
from nilometer_detectors.replay._text import Lines
from tests.unit.replay.told import ABOUT, window


def line_of(found: Window) -> str:
    """Returns the line of a window, without its heading."""
    (_, line) = Lines().of(ABOUT, found)
    return line


def test_a_reason_stands_once_however_many_detectors_have_it() -> None:
    """Detectors that did not judge for the same reason are named together, one with another reason by itself."""
    found, reason = window(), "the monitor started inside the window and saw only a part of it"
    found.said = {
        "ks": DetectorResult("nodata", reason=reason),
        "psi": DetectorResult("ok", 0.01),
        "chi2": DetectorResult("nodata", reason="9 rows, fewer than minRows (30)"),
        "cvm": DetectorResult("nodata", reason=reason),
    }
    assert line_of(found).endswith(
        f"60 rows  ks, cvm not judged ({reason})  psi ok d=0.01  chi2 not judged (9 rows, fewer than minRows (30))"
        "  1 late  2 duplicates"
    )
