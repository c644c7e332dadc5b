"""The most frequent categories: exact for those that the schema names, and bounded for all others."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer_detectors.statistics.base.contract import Layout
from nilometer_detectors.statistics.base.packing import pack, unpack
from nilometer_detectors.statistics.top import Top
from nilometer_logger.errors import StateError
from nilometer_logger.rows import UNSEEN, Column, Schema, bind
from tests.judging import NAN, schema_of, take

SCHEMA = Schema((Column("x"), Column("colour", "categorical", ("red", "green"))))


def top(*values: object, into: Top | None = None) -> Top:
    """Returns the most frequent of some values of a categorical column, as a payload has them."""
    statistic = into or Top(Layout(SCHEMA))
    table = np.array([[1.0, value] for value in values], dtype=object).reshape(-1, 2)
    numbers, unseen = bind(SCHEMA, None, table)
    take(statistic, numbers, unrecognized=unseen)
    return statistic


def said(statistic: Top) -> dict[str, object]:
    """Returns what it says about the column."""
    numbers, colours = statistic.result()
    assert numbers == {}
    found = colours["top"]
    assert isinstance(found, dict)
    return found


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["red", "green", "blue", "pink", "0", None]), max_size=60), st.integers(0, 60))
def test_a_few_are_counted_exactly(values: list[str | None], cut: int) -> None:
    """Categories of the schema and others stand in one list, the most frequent first, and then by their text."""
    counted = Counter(value for value in values if value is not None)
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    assert said(top(*values[cut:], into=top(*values[:cut]))) == {
        "categories": [text for text, _ in ranked],
        "counts": [count for _, count in ranked],
        "error": 0,
    }


def test_ten_are_told() -> None:
    """Of more than ten it is the ten most frequent; categories that did not occur are not among them."""
    values = [f"v{place}" for place in range(14) for _ in range(place + 1)]
    found = said(top(*values, "red"))
    assert found["categories"] == [f"v{place}" for place in range(13, 3, -1)]
    assert found["counts"] == list(range(14, 4, -1))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5))
def test_no_count_is_too_high_nor_lower_than_stated(seed: int, parts: int) -> None:
    """Of hundreds of texts, merged from parts or not, each count is within the error, and the error within its bound."""
    generator = np.random.default_rng(seed)
    texts = [f"t{number}" for number in generator.zipf(1.5, 1500).clip(max=10**6)]
    cuts = np.array_split(np.array(texts, dtype=object), parts)
    whole, *others = [top(*cut.tolist()) for cut in cuts]
    for other in others:
        whole.merge(other)
    found, exact = said(whole), Counter(texts)
    assert 0 < found["error"] <= len(texts) / 33
    for text, count in zip(found["categories"], found["counts"], strict=True):
        assert exact[text] - found["error"] <= count <= exact[text]
    frequent = {text for text, count in exact.items() if count > found["error"]}
    assert frequent <= set(whole._texts[0])


def test_known_categories_are_exact_beside_a_flood_of_others() -> None:
    """Identifiers in a categorical column push nothing that the schema names out of the list."""
    found = said(top(*["green"] * 40, *[f"id-{number}" for number in range(5000)], "red"))
    assert found["categories"][0] == "green"
    assert found["counts"][0] == 40
    assert found["error"] == 5000 // 33


def test_a_text_is_cut() -> None:
    """A text is told up to 64 characters, those alike so far are one, and what is no Unicode is told as a question mark."""
    found = said(top("x" * 64 + "a", "x" * 64 + "b", "half \ud800", "x"))
    assert found["categories"] == ["x" * 64, "half ?", "x"]
    assert found["counts"] == [2, 1, 1]


def test_a_code_without_a_text_is_counted() -> None:
    """Where nobody kept the text of an unseen category, it is counted under an empty one and not dropped."""
    statistic = Top(Layout(schema_of("categorical")))
    take(statistic, [[0.0], [UNSEEN], [UNSEEN], [NAN]])
    assert statistic.result() == [{"top": {"categories": ["", "red"], "counts": [2, 1], "error": 0}}]


def test_a_state_goes_on_after_its_way_through_bytes() -> None:
    """Texts survive the snapshot, and the counters among them go on in the same order."""
    values = [f"t{number}" for number in np.random.default_rng(1).zipf(1.5, 600).tolist()]
    went_on = top(*values[:300])
    [restored] = unpack([Top], Layout(SCHEMA), pack([went_on]))
    assert isinstance(restored, Top)
    for statistic in (went_on, restored):
        top(*values[300:], into=statistic)
    assert pack([restored]) == pack([went_on])


@pytest.mark.parametrize(
    "texts", [b"\x93", b"\x90", b"\x91\x81\xa1a\xa1b", b"\x92\x80\x80", b"\x91\xc0", b"\x91\x81\xa1\xff\x01"]
)
def test_texts_that_cannot_be_read_are_refused(texts: bytes) -> None:
    """Damaged or foreign texts are refused, not misread."""
    state = {**top("red").state(), "texts": np.frombuffer(texts, dtype=np.uint8)}
    with pytest.raises(StateError, match="does not fit"):
        Top.from_state(Layout(SCHEMA), state)
