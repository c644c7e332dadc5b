"""`nilometer redrive`."""

import asyncio
import signal

import click

from nilometer_detectors.cli._options import command as make
from nilometer_logger.errors import UnavailableError
from nilometer_logger.ingest.redrive import Redrive
from nilometer_logger.ingest.redriven_records import Summary
from nilometer_logger.settings import RedriveSettings


async def _redrive(redrive: Redrive) -> None:
    stop = asyncio.Event()
    running = asyncio.ensure_future(redrive.run(stop))

    def end() -> None:
        """Ends in order, and the second time at once."""
        if stop.is_set():
            running.cancel()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end)
    await running


def _run(settings: RedriveSettings, *, dry_run: bool, again: bool) -> None:
    redrive = Redrive(settings, again=again, dry_run=dry_run)
    try:
        asyncio.run(_redrive(redrive))
    except (UnavailableError, asyncio.CancelledError) as error:
        if redrive.summary.read:
            _tell(redrive.summary, dry_run=dry_run)
        if isinstance(error, UnavailableError):
            raise
        raise click.Abort from None
    _tell(redrive.summary, dry_run=dry_run)


def _tell(summary: Summary, *, dry_run: bool) -> None:
    click.echo("\n".join(summary.lines(dry_run=dry_run)))


command = make(
    RedriveSettings,
    _run,
    """Send dead letters through again: append those in `inferences-dead` to `inferences`, once the cause is fixed.

    Each letter is handled once: the next redrive begins where this one ends, also after those that --reason or a
    fault of the letter left behind (--again begins with the oldest). One that fails again is a new dead letter.
    Look with --dry-run first: it counts them by reason.

    An event keeps its own time. If its window has closed since, its rows are late, and counted as such. A monitor
    that could use an event the first time counts its rows again; so does every monitor when --again sends what was
    sent before, or when a redrive dies and some of its last letters go twice.""",
    click.Option(["--dry-run", "dry_run"], is_flag=True, help="only count what would be sent"),
    click.Option(["--again", "again"], is_flag=True, help="begin with the oldest letter, whatever was handled before"),
)
