"""One YAML document out of a file, by the core schema of YAML 1.2, so that nothing surprises.

PyYAML reads YAML 1.1, in which `no` is false, `1e-4` is text and `2026-01-01` is a date; and it lets the second of two
equal keys win. Kubernetes' own reader refuses equal keys, too.

A file is bounded in every direction in which it could grow: its bytes, its depth, and the nodes of its document with
every alias counted as often as what it stands for. Ten lines in which each is a list of ten aliases of the one before
are billions of nodes, and are refused at the alias that passes the bound, before anything is made of them.
"""

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from nilometer_detectors.problems import cut, shortened
from nilometer_detectors.regular_file import read_regular, shown
from nilometer_logger.errors import SettingError

MOST_BYTES = 2 * 2**20
"""More than a ConfigMap holds."""
MOST_NODES = 200_000
"""10,000 columns with a dozen words each."""
MOST_DEPTH = 50
_MOST_DIGITS = 400
_LONGEST_MESSAGE = 300


class _Loader(yaml.SafeLoader):
    """Plain data only: no tags that make objects, no conversions but those of the core schema."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own way to declare them

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0
        self._nodes = 0
        self._sizes: dict[int, int] = {}  # nodes that each anchored node stands for, by the node's identity

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Makes a node of the parser's events; refuses one too many, or one too deep."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        before = self._nodes
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise _refused(f"is nested too deeply: {MOST_DEPTH} levels are the most", event)
        self._nodes += not isinstance(event, yaml.AliasEvent)
        node = super().compose_node(parent, index)
        if isinstance(event, yaml.AliasEvent):
            if id(node) not in self._sizes:
                raise _refused(f"the alias *{cut(str(event.anchor), 40)} stands within what it stands for", event)
            self._nodes += self._sizes[id(node)]
        elif event.anchor is not None:
            self._sizes[id(node)] = self._nodes - before
        if self._nodes > MOST_NODES:
            remedy = "write what it stands for fewer times" if isinstance(event, yaml.AliasEvent) else "split it"
            raise _refused(
                f"here it has more than {MOST_NODES:,} nodes, each alias (*name) counted as what it stands for: {remedy}",
                event,
            )
        self._depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Makes a mapping; refuses a key that stands in it twice."""
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"{shortened(key.value)} stands here and in line {seen[key.value]}", key.start_mark
                    )
                seen[key.value] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        """Reads a scalar's text; refuses half of a surrogate pair, which no text can hold."""
        text = str(super().construct_scalar(node))
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            raise yaml.constructor.ConstructorError(None, None, f"{shortened(text)} is no text", node.start_mark)
        return text

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        """Reads a number of the core schema, also where a tag says that it is one."""
        text: str = self.construct_scalar(node)
        kind = node.tag.rpartition(":")[2]
        if len(text) > _MOST_DIGITS:
            problem = f"is a number of {len(text):,} digits; {_MOST_DIGITS} are the most"
        elif not re.fullmatch(_CORE[kind][0], text):
            problem = f"{shortened(text)} is no number"
        else:
            return int(text) if kind == "int" else float(re.sub(r"\.(?=[ini])", "", text.lower()))
        raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def _refused(problem: str, event: Any) -> yaml.MarkedYAMLError:
    return yaml.composer.ComposerError(None, None, problem, event.start_mark)


_CORE = {
    "null": (r"~|null|Null|NULL|", "~nN\0"),
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?[0-9]+", "-+0123456789"),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+0123456789.",
    ),
}
for _name, (_pattern, _first) in _CORE.items():
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_name}", re.compile(f"(?:{_pattern})$"), ["" if char == "\0" else char for char in _first]
    )
for _name in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_name}", _Loader.construct_number)


def read_yaml(path: Path) -> Any:
    """Reads the one document of a YAML file.

    Raises:
        SettingError: naming the file, and the line and column of what cannot be read.
    """
    try:
        content = read_regular(path, MOST_BYTES)
    except FileNotFoundError as error:
        raise SettingError(f"{shown(path)}: cannot be read: {error.strerror}") from None
    return parse_yaml(content, path)


def parse_yaml(content: bytes, path: Path) -> Any:
    """Reads the one document of a YAML file that was read.

    Raises:
        SettingError: naming the file, and the line and column of what makes no sense.
    """
    name = shown(path)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SettingError(f"{name}: is not UTF-8 (byte {error.start})") from None
    try:
        documents = [document for document in yaml.load_all(text, Loader=_Loader) if document is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise SettingError(f"{name}: {place}{cut(str(error.problem or error.context), _LONGEST_MESSAGE)}") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise SettingError(f"{name}: is no YAML: {cut(str(error), _LONGEST_MESSAGE)}") from None
    if len(documents) != 1:
        raise SettingError(f"{name}: holds {len(documents)} documents; one is expected")
    return documents[0]
