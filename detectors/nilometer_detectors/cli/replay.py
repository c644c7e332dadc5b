"""`nilometer replay`."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from nilometer_detectors.cli._options import command as make
from nilometer_detectors.replay import UNITS, Asked, run
from nilometer_logger.settings import ReplaySettings

_FOUND = 3


def _run(settings: ReplaySettings, fail_on: tuple[str, ...], **asked: Any) -> None:
    try:
        account = run(settings, Asked(**asked))
    except BrokenPipeError:
        # What is still to be flushed has nobody to go to; Python would complain of that at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    if ("drift" in fail_on and account.has_drift) or ("outlier" in fail_on and account.has_outliers):
        sys.exit(_FOUND)


command = make(
    ReplaySettings,
    _run,
    """Run monitors over what was logged already, or over a file, and print what they find.

    EVENTS is `inferences`, the topic of Kafka, or a file: CloudEvents as `nilometer events inferences --output json`
    prints them (.jsonl), or rows with a column of times (.csv, .parquet).

    From the topic, the same records give the same findings as in the worker, byte for byte. A monitor runs from the
    beginning of the span to its end, whatever ran when it was logged. A file has no arrival times: its windows close
    when the watermark passes them, and at its end.

    The exit code is 0 whatever is found, unless --fail-on asks for 3; and 1 where something is wrong.""",
    click.Argument(["events"]),
    click.Option(
        ["--monitor", "monitors"],
        multiple=True,
        required=True,
        type=click.Path(path_type=Path),
        help="the file of a monitor; may be given again",
    ),
    click.Option(
        ["--from", "beginning"],
        default="",
        metavar="WHEN",
        help="where the span begins: records that arrived at 2026-11-23T08:00:00Z or later; 7d ago or later; or offsets"
        " by partition, 0:1200,1:90",
    ),
    click.Option(["--to", "end"], default="", metavar="WHEN", help="where it ends, that place not included"),
    click.Option(
        ["--configured"],
        is_flag=True,
        help="let the log say where each monitor ends and begins, as to a worker that reads it for the first time",
    ),
    click.Option(["--time-column"], default="", metavar="NAME", help="the column of a table that says when a row was"),
    click.Option(
        ["--time-unit"],
        type=click.Choice(UNITS),
        default="auto",
        show_default=True,
        help="what that column holds; auto is what its first cell looks like",
    ),
    click.Option(["--html"], type=click.Path(path_type=Path), help="write a report with plots to this file"),
    click.Option(
        ["--fail-on"],
        multiple=True,
        type=click.Choice(["drift", "outlier"]),
        help="exit with 3 if any was found; may be given again",
    ),
)
