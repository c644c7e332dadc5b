"""What KServe's own logger sent, byte for byte, as a raw socket took it down (tests/data/wire)."""

import ast
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parents[1] / "data" / "wire"


@dataclass(frozen=True)
class Capture:
    """One request of KServe's logger.

    Attributes:
        story: what the client had asked of the model.
        headers: as ASGI gives them: lower-case names, raw values.
        body: as it came.
    """

    story: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @property
    def half(self) -> str:
        """Whether it is the event of a request or of a response."""
        return dict(self.headers)[b"ce-type"].decode().rpartition(".")[2]


def captures(version: str) -> list[Capture]:
    """Reads the captures of one version of KServe."""
    # The sink wrote the bytes of the headers as latin-1 characters, and the file is UTF-8.
    text = (_FOLDER / f"kserve-{version}.txt").read_text()
    found = []
    for part in text.split("##### ")[1:]:
        title, _, rest = part.partition("\n")
        for request in rest.split("--- conn ")[1:]:
            head, _, body = request.partition("\n\n")
            lines = [line.partition(": ") for line in head.split("\n")[2:]]
            headers = tuple((name.lower().encode(), value.encode("latin-1")) for name, _, value in lines)
            found.append(Capture(title.partition(" -> ")[0].strip(), headers, ast.literal_eval(body.strip())))
    return found


def capture(story: str, half: str, version: str = "v0.20.0") -> Capture:
    """Returns the capture of one half of one story."""
    [found] = [found for found in captures(version) if found.story.startswith(story) and found.half == half]
    return found
