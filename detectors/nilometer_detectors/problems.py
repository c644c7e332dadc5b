"""What is wrong with a file a user wrote: all of it at once, each with its path, its value and what was expected."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from nilometer_logger.errors import SettingError

Location = tuple[int | str, ...]


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
        return f"{self.path} {self.message}" if self.path else self.message


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
            lines = "".join(f"\n  - {problem}" for problem in problems)
            super().__init__(f"{file}: {len(problems)} problems:{lines}")
        self.file = file
        self.problems = tuple(problems)


def path_of(location: Iterable[int | str]) -> str:
    """Writes a location as a path: ``("spec", "drift", 0, "pValue")`` is ``spec.drift[0].pValue``."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else str(part)
    return path


def problems_of(error: ValidationError, model: type[BaseModel], prefix: Location = ()) -> list[Problem]:
    """Turns what pydantic found into problems, in the order of the model's fields.

    Args:
        error: what it raised.
        model: what it validated against; it knows which fields there are.
        prefix: where in the file the model stands.
    """
    return [
        Problem(path_of((*prefix, *_shown(detail))), _sentence(detail, model))
        for detail in error.errors(include_url=False)
    ]


def _shown(detail: ErrorDetails) -> Location:
    location = tuple(part for part in detail["loc"] if part != "[key]")  # which pydantic adds where a key is at fault
    if detail["type"] == "invalid_key":
        return location[:-1]
    if detail["type"] == "extra_forbidden":
        return location
    # A default that does not fit is located by the field's own name.
    return tuple(to_camel(part) if isinstance(part, str) else part for part in location)


def _sentence(detail: ErrorDetails, model: type[BaseModel]) -> str:
    kind, location = detail["type"], detail["loc"]
    if kind == "missing":
        return "is missing"
    if kind == "invalid_key":
        return f"has the key {shortened(detail['input'])}: expected a text"
    if kind == "extra_forbidden":
        return unknown_field(str(location[-1]), _known_fields(model, location[:-1]))
    message = detail["msg"].removeprefix("Value error, ")
    message = re.sub(r"^Input should (be|have) (a valid )?", "expected ", message)
    message = re.sub(r"dictionary or instance of \w+", "a mapping", message)
    if kind == "value_error" and isinstance(detail["input"], dict):
        return message  # a rule over several fields, which names the values itself
    return f"is {shortened(detail['input'])}: {message[:1].lower()}{message[1:]}"


def unknown_field(name: str, known: Sequence[str]) -> str:
    """Says that a field is unknown, and which one may have been meant."""
    near = get_close_matches(name, known, n=1)
    meant = f"; did you mean {near[0]}?" if near else ""
    return f"is no known field{meant} (known: {', '.join(known)})"


def shortened(value: object) -> str:
    """Writes a value for a message; a long one is cut."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _known_fields(model: type[BaseModel], location: Location) -> list[str]:
    """Lists the fields of the model at a location, as a user writes them."""
    found: Any = model
    for part in location:
        if isinstance(part, str):
            fields = {field.alias or name: field for name, field in found.model_fields.items()}
            found = _model_in(fields[part].annotation)
    return [field.alias or name for name, field in found.model_fields.items()]


def _model_in(annotation: Any) -> Any:
    """Finds the model in an annotation such as ``list[Model] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part)) is not None), None)
