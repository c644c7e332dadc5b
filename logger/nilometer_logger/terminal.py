"""What a terminal could obey is taken out of the lines that people look at, wherever their texts come from.

Beside the escape character that are the C1 controls (U+009B alone begins a command), the formats that turn the direction
of writing (U+202E, U+2066), line separators, and whatever else is not printable: clients choose ids, names and bodies.
"""


def printable(text: str) -> str:
    """Replaces what is not printable, a line break too."""
    return text if text.isprintable() else text.translate(dict.fromkeys(_unprintable(text), "·"))


def printable_lines(text: str) -> str:
    """Replaces what is not printable in a text of several lines."""
    return "\n".join(map(printable, text.split("\n")))


def printable_json(document: str) -> str:
    """Escapes what is not printable in a JSON document, which stays the same value and becomes one line.

    Args:
        document: valid JSON. So a line break or a tab stands between its tokens, where a blank means the same, and
            whatever else is not printable in a text.
    """
    if document.isprintable():
        return document
    return document.translate({code: " " if code < ord(" ") else _escape(code) for code in _unprintable(document)})


def _unprintable(text: str) -> list[int]:
    return [ord(letter) for letter in set(text) if not letter.isprintable()]


def _escape(code: int) -> str:
    """Writes a character as JSON does (RFC 8259, section 7): two halves of a pair beyond the first plane."""
    units = chr(code).encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
