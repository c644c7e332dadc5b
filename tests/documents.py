"""Writes what docs/ says of the code, between markers or as a whole page; `make docs` runs it.

`tests/unit/test_documents.py` fails where documents and code differ. `tests.references` makes the parts that describe
the monitor's declaration and the command line.
"""

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from nilometer_detectors.delivery import exposition
from nilometer_detectors.detector import Detector, Parameters
from nilometer_detectors.registry import available, find
from nilometer_detectors.statistics.base.contract import Layout, Statistic
from nilometer_detectors.statistics.summary import DEFAULT, KINDS
from nilometer_logger import deadletters, metrics, settings, topics
from nilometer_logger.ingest.http import answers
from nilometer_logger.rows import Column, Schema
from nilometer_logger.worker import metrics_http
from tests.references import commands_page, monitor_table

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference"
COMMANDS: dict[str, type[settings.Common]] = {
    "logger": settings.LoggerSettings,
    "worker": settings.WorkerSettings,
    "delivery": settings.DeliverySettings,
    "events": settings.EventsSettings,
    "redrive": settings.RedriveSettings,
    "replay": settings.ReplaySettings,
}
_SECTIONS = {"outlier": "outliers", "drift": "drift"}


def settings_table() -> str:
    """Makes one table of all settings, each with the commands that take it."""
    takers: dict[str, list[str]] = {}
    defaults: dict[str, dict[str, list[str]]] = {}
    rows: dict[str, str] = {}
    for command, declared in COMMANDS.items():
        for item in settings.declared(declared):
            takers.setdefault(item.name, []).append(command)
            default = f"`{item.default}`" if item.default != "" else ""
            defaults.setdefault(item.name, {}).setdefault(default, []).append(command)
            names = "<br>".join(f"`{name}`" for name in settings.variables(item))
            choices = item.metadata["choices"]
            text = item.metadata["text"] + (f" ({', '.join(choices)})" if choices else "")
            rows[item.name] = f"| `{settings.flag(item)}` | {names} | {{default}} | {{takers}} | {text} |"
    head = ["| flag | variable | default | of | meaning |", "|---|---|---|---|---|"]
    every = list(COMMANDS)
    body = [
        row.format(
            takers="all" if takers[name] == every else ", ".join(takers[name]), default=_default_of(defaults[name])
        )
        for name, row in rows.items()
    ]
    return "\n".join([*head, *body])


def _default_of(defaults: dict[str, list[str]]) -> str:
    """Writes a setting's default; where commands differ, the first that of most of them, and whose the others are."""
    first, *others = sorted(defaults.items(), key=lambda item: -len(item[1]))
    return "".join([first[0], *(f"; {default} of {', '.join(commands)}" for default, commands in others)])


def table_of(module: ModuleType) -> str:
    """Returns the table in a module's docstring."""
    return "\n".join(line for line in (module.__doc__ or "").splitlines() if line.startswith("|"))


def statistics_table() -> str:
    """Makes a table of all statistics: their names, and the most bytes a column of a window may take."""
    number = Layout(Schema((Column("x"),)), [np.linspace(0, 1, 21)])
    rows = [
        f"| {', '.join(f'`{name}`' for name in kind.names)} | {_first_line(kind)} | "
        f"{kind.budget_bytes(number):,} | {'yes' if DEFAULT & set(kind.names) else ''} |"
        for kind in KINDS
        if kind.names
    ]
    return "\n".join(["| statistics | what | bytes per column | by default |", "|---|---|---|---|", *rows])


def detectors_table() -> str:
    """Makes a table of all detectors, a line each."""
    rows = []
    for name in available():
        kind = find(name)
        rows.append(
            f"| [`{name}`](#{_anchor(name)}) | `{_SECTIONS[kind.kind]}` | {_types(kind)} | {_first_line(kind)} |"
        )
    return "\n".join(["| detector | section | columns | |", "|---|---|---|---|", *rows])


def detectors_page() -> str:
    """Makes the page of all detectors: a table, then what each says of itself, and its parameters."""
    lines = [
        "# Detectors",
        "",
        "Generated from the code by `make docs`. [Choose detectors](../tasks/detectors.md) says which to take.",
        "",
        "Every detector takes `features`, the columns to judge; by default all that it can judge.",
        "",
        detectors_table(),
    ]
    for name in available():
        kind = find(name)
        lines += ["", f"## {name}", "", f"In `spec.{_SECTIONS[kind.kind]}`. Columns: {_types(kind)}.", ""]
        lines += [inspect.cleandoc(kind.__doc__ or ""), "", *_parameters_of(kind)]
    return "\n".join(lines) + "\n"


def _parameters_of(kind: type[Detector[Any]]) -> list[str]:
    fields = [item for item in kind.Parameters.model_fields.items() if item[0] not in Parameters.model_fields]
    if not fields:
        return ["It has no parameters of its own."]
    rows = [f"| `{field.alias or name}` | {_default(field.default)} | {field.description} |" for name, field in fields]
    return ["| parameter | default | |", "|---|---|---|", *rows]


def _default(value: object) -> str:
    return "" if value is None else f"`{value}`"


def _types(kind: type[Detector[Any]]) -> str:
    named = ", ".join(sorted(kind.by_default))
    others = ", ".join(sorted(kind.judges - kind.by_default))
    return f"{named}; {others} where named" if others else named


def _first_line(kind: type[Detector[Any]] | type[Statistic]) -> str:
    return (kind.__doc__ or "").partition("\n")[0].strip()


def _anchor(name: str) -> str:
    return name.lower().replace(".", "")


PARTS: dict[Path, dict[str, Callable[[], str]]] = {
    REFERENCE / "settings.md": {"settings": settings_table},
    REFERENCE / "monitor.md": {"monitor": monitor_table},
    REFERENCE / "statistics.md": {"statistics": statistics_table},
    REFERENCE / "http.md": {"answers": lambda: table_of(answers)},
    REFERENCE / "topics.md": {"topics": lambda: table_of(topics), "letters": lambda: table_of(deadletters)},
    REFERENCE / "metrics.md": {
        "metrics": lambda: table_of(metrics),
        "worker-metrics": lambda: table_of(metrics_http),
        "delivery-metrics": lambda: table_of(exposition),
    },
}
PAGES: dict[Path, Callable[[], str]] = {
    REFERENCE / "detectors.md": detectors_page,
    REFERENCE / "commands.md": commands_page,
}


def rendered(path: Path) -> str:
    """Returns a document as the code would have it."""
    if path in PAGES:
        return PAGES[path]()
    text = path.read_text()
    for name, part in PARTS[path].items():
        made = f"<!-- {name} -->\n\n{part()}\n\n<!-- /{name} -->"
        text = re.sub(f"<!-- {name} -->.*<!-- /{name} -->", lambda _, made=made: made, text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    for document in (*PARTS, *PAGES):
        document.write_text(rendered(document))
