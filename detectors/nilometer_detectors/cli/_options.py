"""Options made from settings classes, so that a flag, its variable and its default are declared in one place."""

from collections.abc import Callable
from dataclasses import Field
from typing import Any, TypeVar

import click

from nilometer_logger import logs
from nilometer_logger.settings import Common, declared, flag, variables

S = TypeVar("S", bound=Common)


def options(settings: type[Common]) -> list[click.Parameter]:
    """Makes the options of a settings class, in the order of their declaration."""
    return [
        click.Option(
            [flag(item), item.name],
            default=item.default,
            type=_type(item),
            envvar=variables(item),
            show_default=item.default != "" and not item.metadata["secret"],
            show_envvar=True,
            help=item.metadata["text"],
        )
        for item in declared(settings)
    ]


def _type(item: Field[Any]) -> click.ParamType:
    choices, least, most = (item.metadata[name] for name in ("choices", "least", "most"))
    if choices:
        return click.Choice(choices)
    if isinstance(item.default, int):
        return click.IntRange(least, most)
    return click.FloatRange(least, most) if isinstance(item.default, float) else click.STRING


def command(settings: type[S], run: Callable[..., Any], text: str, *parameters: click.Parameter) -> click.Command:
    """Makes a command that sets up logging and calls `run` with its settings.

    Args:
        settings: whose fields become options.
        run: called with the settings, and with the values of `parameters` by name.
        text: the command's help.
        parameters: arguments and options of the command's own, before those of the settings.
    """
    names = {item.name for item in declared(settings)}

    def callback(**values: Any) -> Any:
        chosen = settings(**{name: values.pop(name) for name in names})
        logs.configure(chosen.log_format, chosen.log_level)
        return run(chosen, **values)

    return click.Command(None, callback=callback, params=[*parameters, *options(settings)], help=text)
