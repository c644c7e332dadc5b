"""Writes the parts of README.md that are made from the code, between their markers; `make docs` runs it.

`tests/unit/test_readme.py` fails where README.md and the code differ.
"""

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from nilometer_logger import metrics, observing, settings
from nilometer_logger.http import answers

README = Path(__file__).parent.parent / "README.md"
COMMANDS: dict[str, type[settings.Common]] = {
    "logger": settings.LoggerSettings,
    "worker": settings.WorkerSettings,
    "delivery": settings.DeliverySettings,
    "events": settings.EventsSettings,
    "redrive": settings.RedriveSettings,
}


def settings_table() -> str:
    """Makes one table of all settings, each with the commands that take it."""
    takers: dict[str, list[str]] = {}
    rows: dict[str, str] = {}
    for command, declared in COMMANDS.items():
        for item in settings.declared(declared):
            takers.setdefault(item.name, []).append(command)
            names = "<br>".join(f"`{name}`" for name in settings.variables(item))
            default = f"`{item.default}`" if item.default != "" else ""
            choices = item.metadata["choices"]
            text = item.metadata["text"] + (f" ({', '.join(choices)})" if choices else "")
            rows[item.name] = f"| `{settings.flag(item)}` | {names} | {default} | {{takers}} | {text} |"
    head = ["| flag | variable | default | of | meaning |", "|---|---|---|---|---|"]
    every = list(COMMANDS)
    body = [
        row.format(takers="all" if takers[name] == every else ", ".join(takers[name])) for name, row in rows.items()
    ]
    return "\n".join([*head, *body])


def table_of(module: ModuleType) -> str:
    """Returns the table in a module's docstring."""
    return "\n".join(line for line in (module.__doc__ or "").splitlines() if line.startswith("|"))


PARTS: dict[str, Callable[[], str]] = {
    "settings": settings_table,
    "answers": lambda: table_of(answers),
    "metrics": lambda: table_of(metrics),
    "worker-metrics": lambda: table_of(observing),
}


def rendered(text: str) -> str:
    """Returns README's text with the generated parts as the code would have them."""
    for name, part in PARTS.items():
        made = f"<!-- {name} -->\n{part()}\n<!-- /{name} -->"
        text = re.sub(f"<!-- {name} -->.*<!-- /{name} -->", lambda _, made=made: made, text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    README.write_text(rendered(README.read_text()))
