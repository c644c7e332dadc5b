"""Links between pages lead somewhere, and pages are where the site looks for them."""

import re
from pathlib import Path

import pytest
import yaml

from tests.markdown import PAGES, ROOT, SITE, anchors, links

DOCS = ROOT / "docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_pages_and_headings_that_exist(page: Path) -> None:
    """Whoever follows a link finds the file, and the heading where one is named."""
    for link in links(page):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{link} in {page.name}: there is no {path}"
        assert not anchor or anchor in anchors(path), f"{link} in {page.name}: {path.name} has no such heading"


@pytest.mark.parametrize("page", [page for page in SITE if DOCS in page.parents], ids=lambda page: page.name)
def test_pages_of_the_site_link_to_the_site_only(page: Path) -> None:
    """A page of the site leads to other pages of it, which are there when it is read elsewhere than in a checkout."""
    for link in links(page):
        if "://" not in link:
            assert DOCS in (page.parent / link.partition("#")[0]).resolve().parents


def test_every_page_is_in_the_navigation_once() -> None:
    """No page of the site is hidden, and none is listed twice."""
    listed = re.findall(r"[\w/-]+\.md", yaml.dump(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))

    assert sorted(listed) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


def test_the_readme_is_short() -> None:
    """README is read in some minutes: at most 160 lines."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 160


def test_pictures_are_small() -> None:
    """No picture makes a clone or a page slow: each has less than 200 KB."""
    pictures = list((DOCS / "images").iterdir())

    assert pictures
    assert all(picture.stat().st_size < 200_000 for picture in pictures)
