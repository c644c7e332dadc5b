import pytest

from tests.readme import PARTS, README, rendered


@pytest.mark.parametrize("name", PARTS)
def test_readme_has_a_place_for_each_part(name: str) -> None:
    """Settings, answers and metrics stand in README."""
    assert f"<!-- {name} -->" in README.read_text()


def test_what_readme_says_of_the_code_is_so() -> None:
    """README's tables are those of the code; `make docs` writes them."""
    text = README.read_text()
    assert rendered(text) == text
