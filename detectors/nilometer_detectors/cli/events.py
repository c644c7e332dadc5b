"""`nilometer events`."""

import asyncio
import contextlib
import os
import sys

import click

from nilometer_detectors.apps.events import TOPICS, follow
from nilometer_detectors.cli._options import command as make
from nilometer_logger import topics
from nilometer_logger.settings import EventsSettings


def _run(settings: EventsSettings, topic: str | None, *, dead: bool, beginning: bool, stay: bool) -> None:
    if dead and topic not in (None, topics.DEAD):
        raise click.UsageError(f"--dead means the topic {topics.DEAD}, not {topic}: leave one of them out")
    topic = topics.DEAD if dead else topic or topics.FINDINGS
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(follow(settings, topic, beginning=beginning, stay=stay))
    except BrokenPipeError:
        # What is still to be flushed has nobody to go to; Python would complain of that at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


command = make(
    EventsSettings,
    _run,
    """Print the events of a topic, one a line: `inferences` (what was logged), `findings` (windows, and the topic
    where none is named), `outliers` (rows), `inferences-dead` (what could not be used) or `findings-dead` (findings
    that the sink refused).

    Of a dead letter the line says when it was set aside, where the original is, its stream, the reason, and how
    the body begins. `nilometer redrive` sends those of `inferences-dead` through again.""",
    click.Argument(["topic"], type=click.Choice(TOPICS), required=False),
    click.Option(["--dead", "dead"], is_flag=True, help="the dead letters: short for inferences-dead"),
    click.Option(
        ["--beginning/--new", "beginning"],
        default=True,
        show_default=True,
        help="start with the oldest event, or the next one",
    ),
    click.Option(
        ["--follow/--no-follow", "stay"], default=True, show_default=True, help="go on at the end, or stop there"
    ),
)
