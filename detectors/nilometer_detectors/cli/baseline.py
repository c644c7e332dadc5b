"""`nilometer baseline`: a group whose command for data needs no name."""

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click

from nilometer_detectors.apps.recorded import copy
from nilometer_detectors.baselines.baseline import Baseline
from nilometer_detectors.baselines.build import BINS, SAMPLE, ColumnOptions, build, infer
from nilometer_detectors.baselines.describe import describe, schema_yaml
from nilometer_detectors.baselines.kth2020 import read_thesis
from nilometer_detectors.baselines.sources import open_source
from nilometer_detectors.baselines.table import Progress, Source
from nilometer_detectors.cli._options import command as make_command
from nilometer_detectors.fitting.calibrate import WINDOW_ROWS, CalibrationOptions, calibrate
from nilometer_detectors.fitting.prepare import prepare
from nilometer_detectors.monitors.sizes import warnings_of_baseline
from nilometer_detectors.statistics.base.binning import MOST, RULES
from nilometer_logger.rows import ColumnType
from nilometer_logger.settings import Common
from nilometer_logger.terminal import printable
from nilometer_logger.times import parse_time

_TYPES: tuple[ColumnType, ...] = ("numeric", "categorical", "boolean", "text")


class _DefaultGroup(click.Group):
    """A group that takes whatever is none of its commands for the data of `build`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts the name of the command before its arguments where it is left out."""
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["build", *args]
        return super().parse_args(ctx, args)


def _named(flag: str, text: str) -> click.Option:
    return click.Option([f"--{flag}", flag], multiple=True, metavar="NAME", help=text)


def _sizes(text: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(size) for size in text.split(","))
    except ValueError:
        sizes = ()
    if not sizes or min(sizes) < 1:
        raise click.BadParameter(f"is {text!r}: numbers of rows are expected, such as 100,1000")
    return sizes


def _bins(_ctx: click.Context, _param: click.Parameter, text: str) -> int | str:
    if text in RULES or (text.isdecimal() and 1 <= int(text) <= MOST):
        return text if text in RULES else int(text)
    raise click.BadParameter(f"is {text!r}: a number from 1 to {MOST} or one of {', '.join(RULES)} is expected")


def _time(_ctx: click.Context, _param: click.Parameter, text: str) -> int:
    try:
        return parse_time(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


_OPTIONS: tuple[click.Option, ...] = (
    click.Option(["--out"], type=click.Path(path_type=Path), help="the directory to write the baseline to"),
    click.Option(["--dry-run"], is_flag=True, help="only tell what the columns are: as spec.schema of a monitor"),
    _named("prediction", "a column that the model answers; in the order of its answer"),
    _named("numeric", "a column of numbers; whatever is none counts as missing"),
    _named("categorical", "a column of categories, such as numbers that are codes"),
    _named("boolean", "a column of truth values, or of 0 and 1"),
    _named("text", "a column of free text, which is judged by its length"),
    _named("ignore", "a column to leave out"),
    _named("keep", "a column to take although it looks like an id"),
    click.Option(
        ["--sample"], default=SAMPLE, show_default=True, type=click.IntRange(min=1), help="the most rows kept"
    ),
    click.Option(
        ["--bins"],
        default=str(BINS),
        show_default=True,
        metavar="N|RULE",
        callback=_bins,
        help=f"how many bins histograms have, or a rule: {', '.join(RULES)}",
    ),
    click.Option(
        ["--false-alarm-rate"],
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        help="find the thresholds at which so many normal rows, or windows, raise an alarm",
    ),
    click.Option(
        ["--window-rows"],
        default=",".join(map(str, WINDOW_ROWS)),
        show_default=True,
        metavar="N,…",
        callback=lambda _ctx, _param, text: _sizes(text),
        help="the sizes of windows that thresholds of drift are found for",
    ),
    click.Option(["--seed"], default=0, show_default=True, help="of all that is drawn at random for thresholds"),
)
_NAMES = click.Option(["--names"], default="", metavar="NAME,…", help="the columns that the data tell by position only")
_STREAM = "NAMESPACE/INFERENCESERVICE[/COMPONENT[/ENDPOINT]]"


def _wishes(flags: dict[str, Any]) -> ColumnOptions:
    return ColumnOptions(
        predictions=list(dict.fromkeys(flags["prediction"])),
        types={name: kind for kind in _TYPES for name in flags[kind]},
        ignored=flags["ignore"],
        kept=flags["keep"],
    )


def _bar(source: Source, readings: int) -> AbstractContextManager[Any]:
    """Makes a progress bar over all readings of a source, which shows on a terminal only."""
    stream = click.get_text_stream("stderr")
    return click.progressbar(length=readings * source.size, label=source.name, file=stream, hidden=not stream.isatty())


def make(source: Source, flags: dict[str, Any]) -> None:
    """Makes a baseline of a source, or only tells what it would be of.

    Args:
        source: of reference data.
        flags: of the command line, by their names.
    """
    _check_out(flags)
    readings = 1 if flags["dry_run"] else 3 if flags["bins"] in RULES else 2
    with _bar(source, readings) as bar:
        progress: Progress = bar.update
        inferred = infer(source, _wishes(flags), progress)
        built = None if flags["dry_run"] else build(source, inferred, flags["sample"], progress, bins=flags["bins"])
    for remark in inferred.remarks:
        click.echo(printable(f"note: {remark}"), err=True)
    if built is None:
        features, predictions = ([one.column for one in half] for half in (inferred.features, inferred.predictions))
        click.echo(schema_yaml(features, predictions))
        return
    finish(built, flags)


def _check_out(flags: dict[str, Any]) -> None:
    if not (flags["out"] or flags["dry_run"]):
        raise click.UsageError("give --out DIR, or --dry-run to look at the columns only")


def finish(built: Baseline, flags: dict[str, Any]) -> None:
    """Prepares a baseline, calibrates it where that is asked for, writes it and shows it."""
    baseline, left_out = prepare(built)
    for name, reason in left_out.items():
        click.echo(printable(f"note: nothing is prepared for detector {name}: {reason}"), err=True)
    if rate := flags["false_alarm_rate"]:
        baseline, left_out = calibrate(baseline, CalibrationOptions(rate, flags["window_rows"], flags["seed"]))
        for name, reason in left_out.items():
            click.echo(printable(f"note: no threshold is found for detector {name}: {reason}"), err=True)
    for line in warnings_of_baseline(baseline):
        click.echo(printable(f"warning: by default, {line}"), err=True)
    baseline.save(flags["out"])
    click.echo(describe(baseline))
    click.echo(f"\nwritten to {flags['out']}; name it in a monitor as  baseline: {{path: {flags['out'].resolve()}}}")


def _build(data: Path, names: str, stream: str, **flags: Any) -> None:
    if data.suffix.lower() == ".json":
        _check_out(flags)
        baseline = read_thesis(data, _wishes(flags))
        if flags["dry_run"]:
            click.echo(schema_yaml(baseline.feature_schema.columns, baseline.prediction_schema.columns))
        else:
            finish(baseline, flags)
        return
    make(open_source(data, _listed(names), stream), flags)


def _listed(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]


def _recorded(settings: Common, stream: str, begin: int, end: int, names: str, **flags: Any) -> None:
    _check_out(flags)
    if begin >= end:
        raise click.UsageError("--from must lie before --to")
    with tempfile.TemporaryDirectory(prefix="nilometer-baseline-") as directory:
        path = Path(directory, "events.jsonl")
        asyncio.run(copy(settings, stream, begin, end, path))
        make(open_source(path, _listed(names), stream), flags)


def _show(directory: Path) -> None:
    click.echo(describe(Baseline.load(directory)))


def _command(name: str, run: Callable[..., None], text: str, *parameters: click.Parameter) -> click.Command:
    return click.Command(name, callback=run, params=list(parameters), help=text)


command = _DefaultGroup(
    "baseline",
    help="""Make a baseline from reference data, such as the training set, or look at one.

    nilometer baseline DATA --out DIR is short for nilometer baseline build DATA --out DIR.""",
    commands=[
        _command(
            "build",
            _build,
            """Make a baseline of a file.

            DATA is CSV whose first line names the columns, Parquet (.parquet), arrays of numpy (.npz), or JSON lines
            (.jsonl) of KServe's requests or of CloudEvents as `nilometer events --output json` prints them; or the
            directory of a KSDrift, CVMDrift, ChiSquareDrift or TabularDrift that alibi-detect saved; or the baseline
            of a ModelMonitor of the thesis (.json), which has no sample. Features stand in the
            order in which clients send them; predictions are named by --prediction, in the order in which the model
            answers them.""",
            click.Argument(["data"], type=click.Path(path_type=Path)),
            *_OPTIONS,
            _NAMES,
            click.Option(["--stream"], default="", metavar=_STREAM, help="whose events to take"),
        ),
        _command(
            "show",
            _show,
            "Show what a baseline says: a line a column, with a small histogram.",
            click.Argument(["directory"], type=click.Path(path_type=Path)),
        ),
    ],
)
command.add_command(
    make_command(
        Common,
        _recorded,
        """Make a baseline of the inferences of a time span that stand in the topic `inferences`.

        Requests give features, and where responses are logged, those give the predictions of the same rows.""",
        click.Argument(["stream"], metavar=_STREAM),
        click.Option(
            ["--from", "begin"], required=True, callback=_time, metavar="TIME", help="such as 2026-11-23T08:00:00Z"
        ),
        click.Option(
            ["--to", "end"], required=True, callback=_time, metavar="TIME", help="the first time after the span"
        ),
        *_OPTIONS,
        _NAMES,
    ),
    "kafka",
)
