"""One YAML document out of a file, by the core schema of YAML 1.2, so that nothing surprises.

PyYAML reads YAML 1.1, in which `no` is false, `1e-4` is text and `2026-01-01` is a date; and it lets the second of two
equal keys win. Kubernetes' own reader refuses equal keys, too.
"""

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from nilometer_logger.errors import SettingError


class _Loader(yaml.SafeLoader):
    """Plain data only: no tags that make objects, no conversions but those of the core schema."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own way to declare them

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Makes a mapping; refuses a key that stands in it twice."""
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"{key.value!r} stands here and in line {seen[key.value]}", key.start_mark
                    )
                seen[key.value] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)


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


def read_yaml(path: Path) -> Any:
    """Reads the one document of a YAML file.

    Raises:
        SettingError: naming the file, and the line and column of what cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise SettingError(f"{path}: is not UTF-8 (byte {error.start})") from None
    try:
        documents = [document for document in yaml.load_all(text, Loader=_Loader) if document is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise SettingError(f"{path}: {place}{error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise SettingError(f"{path}: is no YAML: {error}") from None
    except RecursionError:
        raise SettingError(f"{path}: is nested too deeply") from None
    if len(documents) != 1:
        raise SettingError(f"{path}: holds {len(documents)} documents; one is expected")
    return documents[0]
