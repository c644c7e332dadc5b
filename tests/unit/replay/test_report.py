"""The report: whole, by itself, safe whatever the data say, and readable without seeing it."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from nilometer_detectors.monitors.files.loader import load_monitor
from nilometer_detectors.replay._story import Story
from nilometer_detectors.replay._text import describe
from nilometer_detectors.replay.report._markup import Markup, element
from nilometer_detectors.replay.report._page import page
from nilometer_detectors.replay.report._scales import Scale, evidence, label, time_ticks
from nilometer_logger.errors import SettingError
from nilometer_logger.times import SECOND
from tests.unit.replay.asking import monitor, replay, rows, write_csv
from tests.unit.replay.told import ABOUT, LENGTH, outlier, window

EVIL = "</title><script>alert('x')</script>&\"<b>"
_VOID = {"meta", "br"}


class Balanced(HTMLParser):
    """Reads a page as a browser does, and remembers what is in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Takes an element."""
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Takes the end of the innermost element."""
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def fruit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a monitor."""
    return monitor(tmp_path_factory.mktemp("monitor"))


def written(path: Path, story: Story, *notes: str) -> str:
    """Makes the page of one story."""
    return page("a file", [load_monitor(path)], {ABOUT: story}, notes)


def drawings(text: str) -> list[ET.Element]:
    """Returns the plots of a page; each must be well-formed."""
    return [ET.fromstring(each) for each in re.findall(r"<svg .*?</svg>", text, re.DOTALL)]


def test_a_replay_writes_a_page_by_itself(fruit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every element is closed, no script, nothing from elsewhere; every plot says in words what it shows."""
    table = [*rows(), *rows(200, shift=4, start=rows(201)[-1]["time"])]
    out = tmp_path / "report.html"
    replay(capsys, fruit, write_csv(tmp_path / "rows.csv", table), time_column="time", html=out)
    text = out.read_text()
    read = Balanced(text)
    assert not read.open
    assert not {"script", "link", "img", "iframe", "object"} & set(read.tags)
    assert not [value for name, value in read.attributes if name in ("src", "href", "onload", "onclick")]
    assert "url(" not in text
    assert "@import" not in text
    plots = [each for each in drawings(text) if each.get("role") == "img"]
    titles = [each[0].text or "" for each in plots]
    assert len(plots) == len(titles) == len(set(titles))
    for name in ("length", "colour", "ripe", "class"):
        assert f"How the values of {name} are distributed, in the baseline" in " ".join(titles)
    assert any(re.match("Distance from the baseline of length over time by ks; [1-9]", title) for title in titles)
    assert any(re.match("How improbable .* of length over time by ks, with its threshold", title) for title in titles)
    assert "a file has no arrival times" in text
    assert "row-26" in text


def test_nothing_that_data_say_becomes_markup(fruit: Path) -> None:
    """Names of columns, detectors, requests, categories, reasons and notes are texts, and are all shown."""
    story = Story(ABOUT)
    bad = window(0, verdict="drift")
    bad.columns = {("features", EVIL): bad.columns[LENGTH]}
    bad.said = {
        EVIL: replace(bad.said["ks"], reason=EVIL, columns={("features", EVIL): bad.said["ks"].columns[LENGTH]})
    }
    story.take(bad)
    story.take(replace(outlier(1, name=EVIL), request=EVIL, detector=EVIL))
    text = written(fruit, story, EVIL)
    read = Balanced(text)
    assert "script" not in read.tags
    assert "b" not in [tag for tag in read.tags if tag != "b"]
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 6
    assert drawings(text)


@pytest.mark.parametrize("windows", [0, 1, 2000])
def test_any_number_of_windows_makes_a_page(fruit: Path, windows: int) -> None:
    """None, where only outliers were found; one; more than can be drawn one by one, in a page of bounded size."""
    story = Story(ABOUT)
    story.take(outlier(3))
    for number in range(windows):
        story.take(window(number, verdict="nodata" if windows == 1 else "ok"))
    text = written(fruit, story)
    assert not Balanced(text).open
    assert len(text) < 2_000_000
    assert drawings(text)


def test_a_report_that_cannot_be_written_is_told(
    fruit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the file."""
    file = write_csv(tmp_path / "rows.csv", rows(5))
    with pytest.raises(SettingError, match=r"nowhere/report\.html: cannot be written: No such file"):
        replay(capsys, fruit, file, time_column="time", html=tmp_path / "nowhere" / "report.html")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"value": 9.0, "expected": [1, 4.5]}, "length = 9, expected 1 to 4.5"),
        ({"value": 9.0, "expected": [None, 4.5]}, "length = 9, expected at most 4.5"),
        ({"value": -9.0, "expected": [0, None]}, "length = -9, expected at least 0"),
        ({"value": "blue", "expected": ["red", "green"]}, "length = blue, expected red or green"),
        ({"value": None, "reason": "the value is infinite"}, "length = infinite"),
        ({"value": True, "expected": "a number"}, "length = True, expected a number"),
    ],
)
def test_an_outlier_says_why(fruit: Path, said: dict[str, object], told: str) -> None:
    """Value and expectation, of whatever form a detector gives them."""
    story = Story(ABOUT)
    strange = replace(outlier(1), features={"length": said})
    story.take(strange)
    assert f">{told}<" in written(fruit, story)
    assert f"({told.partition(',')[0]})" in describe(strange)


def test_markup_escapes_all_but_markup() -> None:
    """Children and attributes; what is left out, is; numbers are short."""
    inner = element("b", "<", class_="x")
    made = element("p", [inner, "&"], title='"', x=1.0, y=0.123456, hidden=False, stroke_width=None)
    assert made == '<p title="&quot;" x="1" y="0.12"><b class="x">&lt;</b>&amp;</p>'
    assert isinstance(made, Markup)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3, 7), (0.001, 0.0012), (1e6, 1e9), (5, 5), (-1e300, 1e300)])
def test_marks_are_round_and_inside(low: float, high: float) -> None:
    """A few of them, evenly apart, for any range; a value outside is drawn at the edge."""
    scale = Scale.over([low, high], 0, 100)
    ticks = scale.ticks()
    assert 1 <= len(ticks) <= 6
    assert all(scale.low <= tick <= scale.high for tick in ticks)
    assert scale(low - 1e301) == 0
    assert scale(high + 1e301) == 100


@pytest.mark.parametrize("seconds", [0, 1, 90, 5000, 86_400, 604_800, 3 * 10**7, 10**9])
def test_times_have_few_marks(seconds: int) -> None:
    """For a second and for years."""
    start = 1_795_423_942 * SECOND
    marks = time_ticks(start, start + seconds * SECOND)
    assert len(marks) <= 6
    assert all(start <= time <= start + seconds * SECOND for time, _ in marks)
    assert seconds < 1 or marks


def test_improbable_stands_high_and_has_an_end() -> None:
    """A p-value of nothing is drawn like the smallest that is told apart."""
    assert evidence(1.0) == 0
    assert evidence(0.01) == pytest.approx(2)
    assert evidence(0.0) == evidence(1e-300) == pytest.approx(12)
    assert [label(value) for value in (0.0, 1e-5, 123456.0, 0.25)] == ["0", "1e-5", "1e5", "0.25"]
