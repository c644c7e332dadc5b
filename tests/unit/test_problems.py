"""What is wrong with a monitor is said in our words, whatever pydantic calls it."""

import math
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from pydantic import BaseModel, Field, ValidationError

from nilometer_detectors.monitors.spec import ModelMonitor
from nilometer_detectors.outliers.bounds import BoundsParameters
from nilometer_detectors.problems import _EXPECTED, Problem, Problems, path_of, problems_of, shortened
from nilometer_detectors.registry import available, find
from tests.judging import declaration

_WORDED_APART = {"missing", "invalid_key", "extra_forbidden", "value_error"}
_PYDANTICS = (
    "Input should",
    "input should",
    "valid",
    "dictionary",
    "instance",
    "required",
    "permitted",
    "string",
    "item",
)
_STRANGE: list[Any] = [
    *(None, True, "", "x", 0, -1, 10**30, 1.5, 1e308, -1e308, math.nan, math.inf, b"x"),
    *([], [None], [[]], ["x"], ["x"] * 100, [-1], [1.5], [0.5] * 100, [20] * 100, [10**30]),
    *({}, {"x": 1}, {"x": "y"}, {1: 2}, {"atLeast": 3, "of": 2}),
]
FULL = declaration(
    schema={
        "features": [{"name": "a", "type": "categorical", "categories": ["x"]}],
        "predictions": [{"name": "b", "bins": [0, 1]}],
    },
    baseline={"path": "x"},
    windows={"size": "15s", "slide": "1s", "offset": "0s", "watermarkDelay": "1s", "minRows": 0, "late": False},
    statistics=["mean"],
    outliers=[{"name": "a", "detector": "b"}],
    drift=[{"name": "c", "detector": "d"}],
)


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Gives the paths of all that stands in a document."""
    yield path
    for part in document if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ():
        yield from places(document[part], (*path, part))


def spoilt() -> Iterator[tuple[type[BaseModel], Any]]:
    """Gives models and what they are to read: every field of a monitor and of every detector, with something strange."""
    for *path, last in filter(None, places(FULL)):
        for strange in _STRANGE:
            document = inner = deepcopy(FULL)
            for part in path:
                inner = inner[part]
            inner[last] = strange
            yield ModelMonitor, document
    for kind in map(find, available()):
        for name, field in kind.Parameters.model_fields.items():
            yield from ((kind.Parameters, {field.alias or name: strange}) for strange in _STRANGE)


def test_no_words_of_pydantic_reach_a_user() -> None:
    """Every kind of error that our models raise has a sentence of ours, and no sentence is of a kind that they do not raise."""
    kinds = set()
    for model, document in spoilt():
        try:
            model.model_validate(document)
        except ValidationError as error:
            for detail, problem in zip(error.errors(), problems_of(error, model), strict=True):
                kinds.add(detail["type"])
                if detail["type"] in _EXPECTED:
                    assert problem.message.startswith("is "), problem
                    said = problem.message.rpartition(": expected ")[2]
                    assert said, problem
                    assert not any(word in said for word in _PYDANTICS), problem
    assert kinds == {*_EXPECTED, *_WORDED_APART}


class OfAnotherHouse(BaseModel):
    """The parameters of a detector that somebody else has written."""

    name: str = Field(default="a", pattern="^a")
    sizes: list[float] = Field(default=[], min_length=2)
    most: float = Field(default=1, le=1e6)
    needed: list[int] = Field(min_length=1)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"name": "b", "needed": [1]}, "spec.drift[0].name is 'b': string should match pattern '^a'"),
        ({"needed": []}, "spec.drift[0].needed is []: expected 1 or more entries"),
        ({"needed": [1], "sizes": [1.0]}, "spec.drift[0].sizes is [1.0]: expected 2 or more entries, or leave it out"),
        ({"needed": [1], "most": 2e6}, "spec.drift[0].most is 2000000.0: expected at most 1000000"),
        ({}, "spec.drift[0].needed is missing"),
    ],
)
def test_a_model_of_another_house_is_worded_as_well_as_can_be(given: dict[str, Any], told: str) -> None:
    """What we have no words for keeps pydantic's; a list may be left out only where it has a default."""
    with pytest.raises(ValidationError) as raised:
        OfAnotherHouse.model_validate(given)
    assert [str(problem) for problem in problems_of(raised.value, OfAnotherHouse, ("spec", "drift", 0))] == [told]


def test_a_name_of_the_users_own_stands_as_it_was_written() -> None:
    """Only our fields are camelCase; a feature that has bounds keeps its name."""
    with pytest.raises(ValidationError) as raised:
        BoundsParameters.model_validate({"min": {"petal_length": "short"}})
    assert [str(problem) for problem in problems_of(raised.value, BoundsParameters)] == [
        "min.petal_length is 'short': expected a number"
    ]


def huge() -> Any:
    """Returns a value of a few lines that stands for billions of others."""
    value: Any = ["x"] * 10
    for _ in range(12):
        value = [value] * 10
    return value


@pytest.mark.parametrize("value", [huge(), {"a": huge()}, {1: {2: huge()}}, "x" * 10**7, list(range(10**6)), 10**399])
def test_a_value_is_cut_while_it_is_written(value: Any) -> None:
    """Of a value that stands for more than memory holds, a message shows how it begins."""
    said = shortened(value)
    assert len(said) == 60
    assert said.endswith("...")


@pytest.mark.parametrize(
    "value", [None, 1.5, "x" * 58, [1, 2, 3], {"b": [1], "a": {"c": None}}, list(range(15)), ("a",), {"x"}, b"x"]
)
def test_a_short_value_is_shown_as_it_is(value: Any) -> None:
    """What fits is written as Python writes it, mappings in their own order."""
    assert shortened(value) == repr(value)


def test_what_is_said_of_a_file_is_bounded() -> None:
    """Of a hundred thousand problems with names without end, some are said, and how many more there are."""
    found = [Problem(path_of(("spec", "n" * 10**5, 3)), "y" * 10**5)] * 10**5
    said = str(Problems("monitor.yaml", found))
    assert said.startswith("monitor.yaml: 100000 problems:\n  - spec.nnn")
    assert said.endswith("\n  - and 99,980 more")
    assert len(said) < 25_000


def test_a_path_can_be_printed() -> None:
    """A key that a user wrote may hold line breaks and what moves a terminal."""
    assert path_of(("spec", "a\n\x1b[31mb", 0)) == r"spec.a\n\x1b[31mb[0]"
