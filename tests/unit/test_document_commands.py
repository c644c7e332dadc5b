"""What pages tell people to type exists: commands, flags, variables and files."""

import re
import shlex
from pathlib import Path

import click
import pytest
import yaml

from nilometer_detectors.cli._main import nilometer
from nilometer_detectors.monitors.spec import ModelMonitor
from nilometer_logger import settings
from tests.documents import COMMANDS
from tests.markdown import PAGES, ROOT, SITE, commands, parse, spans

_CONTEXT = click.Context(nilometer, info_name="nilometer")
_ENDS = {"|", ">", "&&", ";", "#", "do", "done"}
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def arguments_of(command: str) -> list[str]:
    """Returns the arguments of `nilometer` in a line of a shell, up to where another command begins."""
    words = shlex.split(command, comments=True)
    start = next(place for place, word in enumerate(words) if word.endswith("nilometer")) + 1
    taken: list[str] = []
    for word in words[start:]:
        if word in _ENDS:
            break
        taken.append(word)
    return taken


def is_ours(command: str) -> bool:
    """Whether a line of a shell calls `nilometer`."""
    return re.match(r"(\S*/)?nilometer(\s|$)", command) is not None


def parsed(arguments: list[str]) -> None:
    """Parses arguments as the command line would, and calls nothing.

    Raises:
        click.UsageError: if there is no such command or flag, or a value is not allowed.
    """
    context, command = _CONTEXT, click.Command("none")
    rest = list(arguments)
    group: click.Command = nilometer
    while isinstance(group, click.Group):
        with group.make_context("nilometer", rest, parent=context, allow_interspersed_args=False) as inner:
            name, found, rest = group.resolve_command(inner, [*inner._protected_args, *inner.args])
        assert name is not None
        assert found is not None
        group = command = found
    with command.make_context(command.name or "nilometer", rest):
        pass


def flags_of(command: click.Command) -> set[str]:
    """Returns the flags of a command and of those below it."""
    own = {flag for each in command.params for flag in (*each.opts, *each.secondary_opts)}
    if isinstance(command, click.Group):
        own |= {flag for name in command.list_commands(_CONTEXT) for flag in flags_of(_get(command, name))}
    return own | {"--help"}


def _get(group: click.Group, name: str) -> click.Command:
    command = group.get_command(_CONTEXT, name)
    assert command is not None, f"there is no command {name}"
    return command


@each_page
def test_commands_can_be_typed(page: Path) -> None:
    """Each line `$ nilometer …` names a command, and flags and values that it takes."""
    for command in commands(page):
        if is_ours(command):
            arguments = arguments_of(command)
            try:
                parsed(arguments)
            except click.exceptions.Exit:
                continue  # --help and --version
            except click.ClickException as error:
                pytest.fail(f"{command}: {error.format_message()}")


@each_page
def test_commands_in_prose_exist(page: Path) -> None:
    """Each `nilometer …` in a sentence names a command, and flags that it has."""
    for span in spans(page):
        words = span.split()[1:]
        if not is_ours(span) or not words:
            continue
        if words[0].startswith("-") or words[0].isupper():
            assert not words[0].startswith("-") or words[0] in flags_of(nilometer), span
            continue
        command = _get(nilometer, words[0])
        used = {word.partition("=")[0].rstrip(",") for word in words if word.startswith("--")}
        assert used <= flags_of(command), span


@pytest.mark.parametrize("page", SITE, ids=lambda page: str(page.relative_to(ROOT)))
def test_flags_and_variables_in_prose_exist(page: Path) -> None:
    """A flag or variable that a page mentions is one of ours."""
    known = {
        variable
        for each in COMMANDS.values()
        for item in settings.declared(each)
        for variable in settings.variables(item)
    }
    foreign = {"--from-file=tls.crt", "--only", "--detector"}  # of kubectl and of our benchmarks
    for span in spans(page):
        if span.startswith("--") and span.split()[0] not in foreign:
            assert span.split()[0].partition("=")[0] in flags_of(nilometer), span
    mentioned = set(re.findall(r"NILOMETER_[A-Z_]+\b", page.read_text(encoding="utf-8")))
    assert {name for name in mentioned if not name.endswith("_")} <= known


@each_page
def test_files_that_pages_name_exist(page: Path) -> None:
    """A file of the repository that a page tells people to read, copy, build or apply is there."""
    for code in (*commands(page), *spans(page)):
        for path in re.findall(r"(?<![\w./-])((?:docs|examples|manifests|logger|detectors|tests)/[\w./-]+)", code):
            if "/baselines/" not in path:  # which the page makes
                assert (ROOT / path).exists(), code


@each_page
def test_monitors_in_pages_are_valid(page: Path) -> None:
    """A monitor that a page shows is one that validates, but for its baseline."""
    for block in parse(page)[1]:
        if block.language == "yaml" and "kind: ModelMonitor" in block.text:
            ModelMonitor.model_validate(yaml.safe_load(block.text))


def test_a_wrong_flag_would_be_found() -> None:
    """The check above is one that can fail: of a command, of a flag, and of a value."""
    for wrong in ("wrker --kafka a:1", "worker --kafak a:1", "events inference", "baseline build --out"):
        with pytest.raises(click.UsageError):
            parsed(wrong.split())
