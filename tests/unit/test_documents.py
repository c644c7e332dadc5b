"""What documents say of the code is so."""

from pathlib import Path

import pytest

from tests.documents import PAGES, PARTS, rendered


@pytest.mark.parametrize(
    ("document", "name"), [(document, name) for document, parts in PARTS.items() for name in parts]
)
def test_a_document_has_a_place_for_each_part(document: Path, name: str) -> None:
    """Settings, answers, metrics, statistics and detectors stand where they belong."""
    assert f"<!-- {name} -->" in document.read_text()


@pytest.mark.parametrize("document", [*PARTS, *PAGES], ids=lambda path: path.name)
def test_what_a_document_says_of_the_code_is_so(document: Path) -> None:
    """Tables and pages are those of the code; `make docs` writes them."""
    assert rendered(document) == document.read_text()
