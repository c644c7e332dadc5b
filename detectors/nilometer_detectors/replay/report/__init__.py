"""The report of a replay: a page of HTML by itself, with plots as inline SVG.

`_markup` escapes; `_scales`, `_frame`, `_distribution` and `_overtime` draw; `_cards` and `_tables` show columns, windows
and outliers; `_page` puts them together.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from nilometer_detectors.monitors.monitor import CompiledMonitor
from nilometer_detectors.replay._reading import About
from nilometer_detectors.replay._story import Story
from nilometer_detectors.replay.report._page import page
from nilometer_logger.errors import SettingError


def write_report(
    path: Path,
    source: str,
    monitors: Sequence[CompiledMonitor],
    stories: Mapping[About, Story],
    notes: Sequence[str],
) -> None:
    """Writes the report of a replay.

    Args:
        path: of the file; one that is there is replaced.
        source: what was read.
        monitors: that ran.
        stories: what was found.
        notes: what there is to say of the replay itself.

    Raises:
        SettingError: if the file cannot be written.
    """
    try:
        path.write_text(page(source, monitors, stories, notes), encoding="utf-8")
    except OSError as error:
        raise SettingError(f"{path}: cannot be written: {error.strerror or error}") from None
