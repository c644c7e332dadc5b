"""`nilometer events`."""

import asyncio
import contextlib

import click

from nilometer_detectors.cli._options import command as make
from nilometer_detectors.following import TOPICS, follow
from nilometer_logger.settings import EventsSettings


def _run(settings: EventsSettings, topic: str, *, beginning: bool, stay: bool) -> None:
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        asyncio.run(follow(settings, topic, beginning=beginning, stay=stay))


command = make(
    EventsSettings,
    _run,
    """Print the events of a topic, one a line: `inferences` (what was logged), `findings` (windows), `outliers`
    (rows) or `inferences-dead` (what could not be decoded).""",
    click.Argument(["topic"], type=click.Choice(TOPICS), default="findings"),
    click.Option(["--beginning/--new", "beginning"], default=True, help="start with the oldest event, or the next one"),
    click.Option(["--follow/--no-follow", "stay"], default=True, help="go on at the end, or stop there"),
)
