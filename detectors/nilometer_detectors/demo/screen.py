"""What the demo shows: a line for each thing that happens, and on a terminal a table that counts below them."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from nilometer_detectors.demo.stack.kafka_jars import Progress

_COLOURS = {
    "kafka": "blue",
    "model": "magenta",
    "logger": "cyan",
    "worker": "green",
    "delivery": "cyan",
    "client": "yellow",
    "detector": "bold green",
    "alarm": "bold red",
}
_COUNTS_SECONDS = 5.0  # between two lines of counts where there is no terminal
_PLAIN_STEP = 10_000_000  # bytes between two lines about a download where there is no terminal

Counts = Callable[[], Iterable[tuple[str, str]]]


class Screen:
    """Writes lines with the seconds since its making, and the stage they are about.

    Args:
        console: where to; standard output by default. Where that is no terminal it gets plain lines.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the screen was made."""
        return time.monotonic() - self._start

    def say(self, stage: str, text: str, *, style: str = "") -> None:
        """Writes a line about a stage."""
        colour = _COLOURS.get(style or stage, "")
        line = Text.assemble((f"{self.seconds:6.1f} s  ", "dim"), (f"{stage:<9}", colour), (text, style and colour))
        self._console.print(line, soft_wrap=True)

    def write(self, text: str = "", *, style: str = "") -> None:
        """Writes a line as it stands."""
        self._console.print(Text(text, style), soft_wrap=True)

    def table(self, title: str, rows: Iterable[tuple[str, str]]) -> None:
        """Writes pairs of a name and a text under a title."""
        self.write()
        self.write(title, style="bold")
        for name, text in rows:
            self.write(f"  {name:<24}{text}")

    @contextmanager
    def download(self, name: str) -> Iterator[Progress]:
        """Shows a download, if there is one: a bar on a terminal, a line now and then elsewhere.

        Yields:
            What to tell of the bytes that came, and of those expected.
        """
        if not self._console.is_terminal:
            yield self._download_in_lines(name)
            return
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with Bar(*columns, console=self._console, transient=True) as bar:
            task = bar.add_task(f"Downloading {name} (once)", visible=False)
            yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)

    def _download_in_lines(self, name: str) -> Progress:
        said = -_PLAIN_STEP

        def tell(done: int, total: int) -> None:
            nonlocal said
            if done - said >= _PLAIN_STEP:
                said = done
                self.say("kafka", f"downloading {name} (once): {done / 1e6:.0f} of {total / 1e6:.0f} MB")

        return tell

    @contextmanager
    def counting(self, counts: Counts) -> Iterator[Callable[[], None]]:
        """Shows counts while the context is open: below the lines on a terminal, as a line now and then elsewhere.

        Yields:
            What to call often, for it to be seen whether a line is due.
        """
        if self._console.is_terminal:
            with Live(
                get_renderable=lambda: _as_table(counts()), console=self._console, refresh_per_second=5, transient=True
            ):
                yield lambda: None
        else:
            yield self._count_in_lines(counts)

    def _count_in_lines(self, counts: Counts) -> Callable[[], None]:
        due = self.seconds + _COUNTS_SECONDS

        def tick() -> None:
            nonlocal due
            if self.seconds >= due:
                due += _COUNTS_SECONDS
                self.say("counts", ", ".join(f"{name} {text}" for name, text in counts()))

        return tick


def _as_table(pairs: Iterable[tuple[str, str]]) -> RenderableType:
    table = Table(show_edge=False, box=None, header_style="dim", padding=(0, 3, 0, 0))
    texts = []
    for name, text in pairs:
        table.add_column(name)
        texts.append(Text(text, "bold"))
    table.add_row(*texts)
    return table
