"""The group `nilometer` and the way its commands are found."""

import importlib
import sys
from importlib.metadata import version

import click

from nilometer_logger.errors import ExtraMissing, NilometerError
from nilometer_logger.terminal import printable_lines

# Command → (module, what it needs installed, its line in `nilometer --help`).
_COMMANDS = {
    "logger": ("logger", "logger", "Take logged inferences by HTTP and append them to Kafka."),
    "worker": ("worker", "worker", "Put inferences into windows, judge them, write findings."),
    "delivery": ("delivery", "worker", "Send findings to a sink as CloudEvents."),
    "events": ("events", "logger", "Print what passes through a topic."),
    "redrive": ("redrive", "logger", "Send dead letters through again."),
    "baseline": ("baseline", "worker", "Make a baseline from reference data."),
    "replay": ("replay", "worker", "Run monitors over what was logged already, or over a file."),
    "validate": ("validate", "worker", "Check monitor files."),
    "demo": ("demo", "demo", "Run everything on this machine and watch a model drift."),
}
_OWN = ("nilometer_logger", "nilometer_detectors")


class _LazyGroup(click.Group):
    """A group that knows its commands' names, and imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, extra, _ = _COMMANDS[cmd_name]
        try:
            command: click.Command = importlib.import_module(f"nilometer_detectors.cli.{module}").command
        except ModuleNotFoundError as error:
            if error.name is None or error.name.split(".")[0] in _OWN:
                raise
            raise ExtraMissing(f"nilometer {cmd_name}", extra) from error
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in _COMMANDS.items()])


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Every flag is an environment variable too: --kafka is NILOMETER_KAFKA. See nilometer COMMAND --help.",
)
@click.version_option(version("nilometer"), prog_name="nilometer")
def nilometer() -> None:
    """Watch the models that KServe serves: outliers and drift in their logged inferences, as CloudEvents."""


def main() -> None:
    """Runs the command line."""
    try:
        nilometer(prog_name="nilometer")
    except NilometerError as error:
        click.echo(f"error: {printable_lines(str(error))}", err=True)
        sys.exit(1)
