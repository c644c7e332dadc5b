"""The errors a user can meet are one tree, and their messages stand by themselves."""

import inspect

import pytest

from nilometer_logger import errors
from nilometer_logger.errors import ExtraMissing, NilometerError

CLASSES = [found for _, found in inspect.getmembers(errors, inspect.isclass)]


@pytest.mark.parametrize("found", CLASSES, ids=lambda found: found.__name__)
def test_every_error_is_caught_by_the_root(found: type[Exception]) -> None:
    """Who catches NilometerError has caught everything that is not a bug."""
    assert issubclass(found, NilometerError)


@pytest.mark.parametrize("found", CLASSES, ids=lambda found: found.__name__)
def test_every_error_stands_in_the_tree_of_the_docstring(found: type[Exception]) -> None:
    """The tree that the module draws is complete."""
    assert found.__name__ in (errors.__doc__ or "").split()


def test_a_missing_extra_says_how_to_install_it() -> None:
    """The message is the command to type."""
    assert str(ExtraMissing("The demo", "demo")).endswith("pip install 'nilometer[demo]'")
