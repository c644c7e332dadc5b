"""The parts of docs/reference that describe the monitor's declaration and the command line, made from the code."""

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any

import click

from nilometer_detectors.cli._main import nilometer
from nilometer_detectors.monitors.spec import ModelMonitor
from nilometer_logger import settings

Node = Mapping[str, Any]
_SHARED = "See [Settings](settings.md)."


def monitor_table() -> str:
    """Makes a table of all fields of a monitor, by their paths."""
    schema = ModelMonitor.model_json_schema(by_alias=True)
    rows = [f"| `{path}` | {kind} | {default} | {text} |" for path, kind, default, text in _fields(schema, schema, "")]
    return "\n".join(["| field | type | default | meaning |", "|---|---|---|---|", *rows])


def _fields(schema: Node, node: Node, prefix: str) -> Iterator[tuple[str, str, str, str]]:
    required = set(node.get("required", ()))
    for name, field in node["properties"].items():
        path = prefix + name
        found = _resolved(schema, field)
        text = field.get("description") or found.get("description", "").partition("\n")[0]
        default = "required" if name in required else _default(field)
        yield path, _type(found), default, text.replace("|", "\\|")
        inner = _resolved(schema, found["items"]) if found.get("type") == "array" else found
        if inner.get("properties"):
            yield from _fields(schema, inner, path + ("[]." if inner is not found else "."))


def _resolved(schema: Node, field: Node) -> Node:
    """Follows a reference, and takes what may be there of what may be left out."""
    for choice in field.get("anyOf", ()):
        if choice.get("type") != "null":
            return _resolved(schema, choice)
    if "$ref" in field:
        return _resolved(schema, schema["$defs"][field["$ref"].rpartition("/")[2]])
    return field


def _default(field: Node) -> str:
    default = field.get("default")
    return "" if default is None or default == [] else f"`{str(default).lower() if default is False else default}`"


def _type(field: Node) -> str:
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    kind = field.get("type", "any")
    if kind == "array":
        inner = field.get("items", {})
        return f"list of {inner['type']}s" if isinstance(inner.get("type"), str) else "list"
    if field.get("pattern", "").startswith("^([0-9]+(ms"):
        return "duration"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def commands_page() -> str:
    """Makes the page of all commands: what each does, and the options that are no settings."""
    lines = [
        "# Commands",
        "",
        "Generated from the code by `make docs`. `nilometer COMMAND --help` prints the same, with the settings.",
    ]
    context = click.Context(nilometer, info_name="nilometer")
    for name in nilometer.list_commands(context):
        command = nilometer.get_command(context, name)
        assert command is not None
        lines += ["", f"## nilometer {name}", "", *_about(command, f"nilometer {name}", context)]
        if isinstance(command, click.Group):
            for inner, sub in command.commands.items():
                lines += ["", f"### nilometer {name} {inner}", "", *_about(sub, f"nilometer {name} {inner}", context)]
    return "\n".join(lines) + "\n"


def _about(command: click.Command, path: str, parent: click.Context) -> list[str]:
    known = {
        settings.flag(item)
        for each in _classes(settings.Common)
        for item in settings.declared(each)
        if not isinstance(command, click.Group)
    }
    own = [each for each in command.params if isinstance(each, click.Option) and not known & set(each.opts)]
    usage = " ".join(command.collect_usage_pieces(click.Context(command, info_name=path, parent=None)))
    lines = ["```text", f"{path} {usage}", "```", "", inspect.cleandoc(command.help or "").replace("\b\n", "")]
    if own:
        rows = [
            f"| {', '.join(f'`{name}`' for name in (*each.opts, *each.secondary_opts))} | {_shown(each, parent)} | "
            f"{(each.help or '').replace('|', chr(92) + '|')} |"
            for each in own
        ]
        lines += ["", "| option | default | |", "|---|---|---|", *rows]
    if len(own) < sum(isinstance(each, click.Option) for each in command.params):
        lines += ["", _SHARED]
    return lines


def _shown(option: click.Option, context: click.Context) -> str:
    if option.required:
        return "required"
    if option.is_flag and not option.secondary_opts:
        return ""
    default = option.get_default(context)
    if option.secondary_opts:
        return f"`{(option.opts if default else option.secondary_opts)[0]}`"
    # click says with an object of its own, whose name differs by version, that there is no default.
    if default is None or default in ("", ()) or re.search("unset", repr(default), re.IGNORECASE):
        return ""
    return f"`{default}`"


def _classes(base: type[settings.Common]) -> Iterator[type[settings.Common]]:
    yield base
    for each in base.__subclasses__():
        yield from _classes(each)
