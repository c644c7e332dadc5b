from tests.readme import README, rendered


def test_the_settings_in_readme_are_those_of_the_code() -> None:
    """README's table of settings says what the flags and variables are; `make docs` writes it."""
    text = README.read_text()
    assert "<!-- settings -->" in text
    assert rendered(text) == text
