"""`nilometer baseline`."""

from pathlib import Path

import click

from nilometer_detectors.describing import describe
from nilometer_detectors.preparing import prepare
from nilometer_detectors.reference import SAMPLE, build


@click.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="the directory to write the baseline to")
@click.option("--prediction", "predictions", multiple=True, metavar="NAME", help="a column that the model answers")
@click.option("--categorical", multiple=True, metavar="NAME", help="a column whose numbers are categories")
@click.option(
    "--sample", default=SAMPLE, show_default=True, type=click.IntRange(min=1), help="the most rows kept for tests"
)
def command(data: Path, out: Path, predictions: tuple[str, ...], categorical: tuple[str, ...], sample: int) -> None:
    """Make a baseline from reference data, such as the training set.

    DATA is a CSV file whose first line names the columns: features in the order in which clients send them, and
    predictions, named by --prediction, in the order in which the model answers them.
    """
    baseline, left_out = prepare(build(data, predictions, categorical, sample))
    baseline.save(out)
    click.echo(describe(baseline))
    for name, reason in left_out.items():
        click.echo(f"note: nothing is prepared for detector {name}: {reason}", err=True)
    click.echo(f"\nwritten to {out}; name it in a monitor as  baseline: {{path: {out.resolve()}}}")
