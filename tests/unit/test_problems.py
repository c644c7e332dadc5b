"""What is wrong with a monitor is said in our words, whatever pydantic calls it."""

import math
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from pydantic import BaseModel, Field, ValidationError

from nilometer_detectors.declaration import ModelMonitor
from nilometer_detectors.outliers.bounds import BoundsParameters
from nilometer_detectors.problems import _EXPECTED, problems_of
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
