"""`nilometer validate`."""

import json
from pathlib import Path

import click

from nilometer_detectors.monitors.files.json_schema import json_schema
from nilometer_detectors.monitors.files.loader import load_monitor, load_monitors
from nilometer_detectors.monitors.sizes import warnings_of
from nilometer_detectors.regular_file import shown
from nilometer_logger.errors import SettingError
from nilometer_logger.terminal import printable


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--schema", is_flag=True, help="print the JSON Schema of a monitor instead, for editors")
def command(files: tuple[Path, ...], *, schema: bool) -> None:
    """Check monitor files, or directories of them, as the worker would.

    Each problem is a line that names the file, the path in it, the value and what was expected; the exit code is 1 if
    there is any. A finding that is too large for Kafka will be shortened, which is a warning.
    """
    if schema:
        click.echo(json.dumps(json_schema(), indent=2))
        return
    if not files:
        raise click.UsageError("name at least one monitor file or directory")
    problems: list[str] = []
    for file in files:
        try:
            monitors = load_monitors(file) if file.is_dir() else [load_monitor(file)]
        except SettingError as error:
            problems.append(str(error))
            continue
        for monitor in monitors:
            click.echo(printable(f"{shown(file)}: monitor {monitor.name} is valid"))
            for line in warnings_of(monitor):
                click.echo(printable(f"warning: {shown(file)}: {line}"), err=True)
    if problems:
        raise SettingError("\n".join(problems))
