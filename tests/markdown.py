"""The project's pages as tests read them: headings, links, code blocks and code spans."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
SITE = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
PAGES = (*SITE, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "examples").rglob("*.md")))

_FENCE = re.compile(r"^( *)(`{3,})(\w*)(.*)$")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)", re.DOTALL)


@dataclass
class Block:
    """A fenced block of code.

    Attributes:
        language: what the fence names.
        title: the file that the block is, where it says so.
        lines: what is in it.
    """

    language: str
    title: str
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The block as one text."""
        return "".join(f"{line}\n" for line in self.lines)


def parse(path: Path) -> tuple[str, list[Block]]:
    """Splits a page into its prose and its fenced blocks."""
    prose: list[str] = []
    blocks: list[Block] = []
    fence: re.Match[str] | None = None
    for line in path.read_text(encoding="utf-8").splitlines():
        found = _FENCE.match(line)
        if fence is None and found is not None:
            fence = found
            title = re.search(r'title="(.*?)"', found[4])
            blocks.append(Block(found[3], title[1] if title else ""))
        elif fence is not None and line.strip() == fence[2]:
            fence = None
        elif fence is not None:
            blocks[-1].lines.append(line.removeprefix(fence[1]))
        else:
            prose.append(line)
    return "\n".join(prose), blocks


def anchors(path: Path) -> set[str]:
    """Returns the anchors of a page's headings, as Python-Markdown makes them."""
    prose, _ = parse(path)
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.*)$", prose, re.MULTILINE):
        plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
        slug = re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())
        number = 0
        while (name := f"{slug}_{number}" if number else slug) in found:
            number += 1
        found.add(name)
    return found


def links(path: Path) -> list[str]:
    """Returns the targets of a page's links and images."""
    prose, _ = parse(path)
    return _LINK.findall(_SPAN.sub("", prose))


def spans(path: Path) -> list[str]:
    """Returns the pieces of code in a page's prose, each on one line."""
    prose, _ = parse(path)
    return [" ".join(span.split()) for paragraph in prose.split("\n\n") for span in _SPAN.findall(paragraph)]


def commands(path: Path) -> Iterator[str]:
    """Yields the commands that a page tells to type: lines after a prompt, continued ones joined."""
    for block in parse(path)[1]:
        if block.language == "console":
            for line in block.text.replace("\\\n", " ").splitlines():
                if line.startswith("$ "):
                    yield line.removeprefix("$ ")
