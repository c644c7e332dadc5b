"""What is wrong with a file a user wrote: all of it at once, each with its path, its value and what was expected.

pydantic finds what is wrong with a field by itself; the words are ours (`_EXPECTED`), those of somebody who writes YAML
and not Python. Its own stand in for the kinds of error that no model of ours raises, but that of a detector of another
house may.

What is said of a file is bounded, whatever the file is: a value is cut while it is written (`reprlib`), a message has at
most `_LONGEST_MESSAGE` characters, and of many problems the first `MOST_PROBLEMS` are said, and how many more there are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from reprlib import Repr
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from nilometer_logger.errors import SettingError

Location = tuple[int | str, ...]

MOST_PROBLEMS = 20
_MOST_WORDED = 1000
_LONGEST_MESSAGE = 1000
_LONGEST_NAME = 60
_LONGEST_VALUE = 60

_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "int_type": "a whole number",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "list_type": "a list",
    "literal_error": "{expected}",
    "model_type": "a mapping",
    "string_too_short": "{min_length} or more characters",
    "string_type": "a text",
    "too_long": "at most {max_length} entries",
    "too_short": "{min_length} or more entries",
}
"""What should have been there, by the kind of pydantic's error and with what it says of it."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        path: where, such as ``spec.drift[0].pValue``; empty for the file as a whole.
        message: a sentence that goes on from the path: what it is, what was expected.
    """

    path: str
    message: str

    def __str__(self) -> str:
        """Path and message in one line."""
        return cut(f"{self.path} {self.message}" if self.path else self.message, _LONGEST_MESSAGE)


class Problems(SettingError):
    """A file that does not make sense.

    Args:
        file: as the user knows it.
        problems: at least one.
    """

    def __init__(self, file: str, problems: Sequence[Problem]) -> None:
        if len(problems) == 1:
            super().__init__(f"{file}: {problems[0]}")
        else:
            lines = "".join(f"\n  - {line}" for line in first_of(problems))
            super().__init__(f"{file}: {len(problems)} problems:{lines}")
        self.file = file
        self.problems = tuple(problems)


def first_of(found: Sequence[object]) -> list[str]:
    """Writes the first of many things, one a line, and how many more there are."""
    more = len(found) - MOST_PROBLEMS
    return [*map(str, found[:MOST_PROBLEMS]), *([f"and {more:,} more"] if more > 0 else [])]


def path_of(location: Iterable[int | str]) -> str:
    """Writes a location as a path: ``("spec", "drift", 0, "pValue")`` is ``spec.drift[0].pValue``."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            name = _printable(cut(part, _LONGEST_NAME))
            path += f".{name}" if path else name
    return path


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def problems_of(error: ValidationError, model: type[BaseModel], prefix: Location = ()) -> list[Problem]:
    """Turns what pydantic found into problems, in the order of the model's fields.

    Args:
        error: what it raised.
        model: what it validated against; it knows which fields there are.
        prefix: where in the file the model stands.
    """
    found = error.errors(include_url=False)
    # Of what comes later only the number is ever said, and our words are dear where there are a hundred thousand.
    words = [_sentence(detail, model) for detail in found[:_MOST_WORDED]]
    words += [detail["msg"] for detail in found[_MOST_WORDED:]]
    return [
        Problem(path_of((*prefix, *_shown(detail, model))), word) for detail, word in zip(found, words, strict=True)
    ]


def _shown(detail: ErrorDetails, model: type[BaseModel]) -> Location:
    location = tuple(part for part in detail["loc"] if part != "[key]")  # which pydantic adds where a key is at fault
    if detail["type"] == "invalid_key":
        return location[:-1]
    if detail["type"] == "extra_forbidden":
        return location
    if location and (alias := to_camel(str(location[-1]))) in _fields_at(model, location[:-1]):
        return (*location[:-1], alias)  # a default that does not fit is located by the field's own name
    return location


def _sentence(detail: ErrorDetails, model: type[BaseModel]) -> str:
    kind, location = detail["type"], detail["loc"]
    if kind == "missing":
        return "is missing"
    if kind == "invalid_key":
        return f"has the key {shortened(detail['input'])}: expected a text"
    if kind == "extra_forbidden":
        return unknown_field(str(location[-1]), list(_fields_at(model, location[:-1])))
    context = detail.get("ctx", {})
    if kind == "value_error":
        message = str(context["error"])
        # A rule over several fields names the values itself.
        return message if isinstance(detail["input"], dict) else f"is {shortened(detail['input'])}: {message}"
    if kind in _EXPECTED:
        expected = _EXPECTED[kind].format_map({name: _plain(value) for name, value in context.items()})
        remedy = ", or leave it out" if kind == "too_short" and _may_be_left_out(model, location) else ""
        return f"is {shortened(detail['input'])}: expected {expected}{remedy}"
    return f"is {shortened(detail['input'])}: {detail['msg'][:1].lower()}{detail['msg'][1:]}"


def _plain(value: object) -> object:
    """Gives a bound as people write it: 1000000, and not 1000000.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def unknown_field(name: str, known: Sequence[str]) -> str:
    """Says that a field is unknown, and which one may have been meant."""
    near = get_close_matches(name[:_LONGEST_NAME], known, n=1)
    meant = f"; did you mean {near[0]}?" if near else ""
    return f"is no known field{meant} (known: {', '.join(known)})"


def shortened(value: object) -> str:
    """Writes a value for a message; a long one is cut while it is written, so that a huge one costs no more."""
    text = repr(value[: _LONGEST_VALUE + 1]) if isinstance(value, str) else _writer.repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."


class _Writer(Repr):
    """Writes no more of a value than a message has room for."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = _LONGEST_VALUE // 3
        self.maxstring = self.maxother = _LONGEST_VALUE
        self.maxlong = 400

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        """Writes a mapping in its own order; `reprlib` would sort the keys first."""
        if level <= 0 < len(x):
            return "{...}"
        shown = [f"{self.repr1(key, level - 1)}: {self.repr1(x[key], level - 1)}" for key in islice(x, self.maxdict)]
        return "{" + ", ".join([*shown, *(["..."] if len(x) > self.maxdict else [])]) + "}"


_writer = _Writer()


def cut(text: str, length: int) -> str:
    """Cuts a text that is longer than a message has room for."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _fields_at(model: type[BaseModel], location: Location) -> dict[str, FieldInfo]:
    """Gives the fields of the model at a location, by the names that a user writes; none where no model is there."""
    found: Any = model
    for part in location:
        if isinstance(part, str):
            field = _fields_at(found, ()).get(part) if found else None
            found = field and _model_in(field.annotation)
    return {field.alias or name: field for name, field in found.model_fields.items()} if found else {}


def _may_be_left_out(model: type[BaseModel], location: Location) -> bool:
    field = _fields_at(model, location[:-1]).get(str(location[-1]))
    return field is not None and not field.is_required()


def _model_in(annotation: Any) -> Any:
    """Finds the model in an annotation such as ``list[Model] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part)) is not None), None)
