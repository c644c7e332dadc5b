"""HTML and SVG as values: an element is made of others and of text, and every text is escaped on its way in."""

from collections.abc import Iterable
from html import escape


class Markup(str):
    """A text that is markup already; nothing else passes unescaped."""

    __slots__ = ()


Child = str | Iterable["Child"]

_EMPTY = frozenset({"meta", "br"})


def element(name: str, /, *children: Child, **attributes: object) -> Markup:
    """Makes an element.

    Args:
        name: of the element.
        children: elements, texts, or lists of them.
        attributes: by name, where ``class_`` is ``class`` and ``stroke_width`` is ``stroke-width``; one that is None or
            False is left out, and a float is written short.
    """
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_written(value))}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _EMPTY:
        return Markup(f"<{name}{said}>")
    return Markup(f"<{name}{said}>{join(children)}</{name}>")


def join(children: Iterable[Child]) -> Markup:
    """Puts elements and texts one after the other."""
    return Markup(
        "".join(
            child if isinstance(child, Markup) else escape(child) if isinstance(child, str) else join(child)
            for child in children
        )
    )


def _written(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
