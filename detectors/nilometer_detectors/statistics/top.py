"""The most frequent categories, those that the schema does not name among them."""

from typing import Self

import msgspec
import numpy as np

from nilometer_detectors.statistics.base.contract import OBJECT_BYTES, Arrays, Block, Layout, Result, Statistic
from nilometer_logger.errors import StateError
from nilometer_logger.rows import UNSEEN

K = 10
_COUNTERS = 32
_CHARACTERS = 64

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[dict[str, int]]).decode


class Top(Statistic):
    """The 10 most frequent values of a categorical column and how often each occurred.

    Categories of the schema are counted exactly. Of those that it does not name, 32 are counted at a time, by the
    algorithm of Misra and Gries ("Finding repeated elements", 1982): a text without a counter takes a free one; where
    none is free, all counters lose 1 and those at 0 become free. A count that is given is never too high, and too low
    by at most `error`, which is at most a 33rd of the unseen values; so a text more frequent than that is always found.
    Merged are two sketches within the same bound (Agarwal et al., "Mergeable summaries", PODS 2012). Up to 32 different
    texts are exact, in any order and batching. A text is cut to 64 characters, and texts alike so far are one; a code
    without a text is the text "".

    State: 8 bytes a category, and for the unseen at most 8.5 KiB a column. A block costs a look at the codes (30
    million values/s a core), and a microsecond for each value that is unseen.
    """

    __slots__ = ("_errors", "_slots", "_texts")

    names = ("top",)

    grows = frozenset({"texts"})

    def __init__(self, layout: Layout) -> None:
        """Makes the counts of no rows."""
        super().__init__(layout)
        bins = layout.bins
        self._slots = np.zeros(bins.slots, dtype=np.int64)
        self._errors = np.zeros(len(bins.categorical), dtype=np.int64)
        self._texts: list[dict[str, int]] = [{} for _ in bins.categorical]

    def update(self, block: Block) -> None:
        """Counts the categories of a block."""
        bins = self.layout.bins
        if not bins.categorical:
            return
        self._slots += bins.count(block.values)
        unseen = block.values[:, bins.categorical] == UNSEEN
        if unseen.any():
            for row, number in np.argwhere(unseen).tolist():
                self._count(number, block.unrecognized.get((row, bins.categorical[number]), ""))

    def _count(self, number: int, text: str) -> None:
        counters = self._texts[number]
        # What is no Unicode (half a surrogate pair) could be written nowhere.
        text = text[:_CHARACTERS].encode("utf-8", "replace").decode()
        if text in counters or len(counters) < _COUNTERS:
            counters[text] = counters.get(text, 0) + 1
        else:
            self._lower(number, 1)

    def _lower(self, number: int, by: int) -> None:
        """Takes from all counters, and frees those that have no more."""
        self._errors[number] += by
        self._texts[number] = {text: count - by for text, count in self._texts[number].items() if count > by}

    def merge(self, other: Self) -> None:
        """Adds the other's counts, and lowers them all by the largest that finds no counter."""
        self._slots += other._slots
        self._errors += other._errors
        for number, (mine, theirs) in enumerate(zip(self._texts, other._texts, strict=True)):
            for text, count in theirs.items():
                mine[text] = mine.get(text, 0) + count
            if len(mine) > _COUNTERS:
                self._lower(number, sorted(mine.values(), reverse=True)[_COUNTERS])

    def result(self) -> list[Result]:
        """Gives categories, counts and error of the categorical columns, the most frequent first."""
        results: list[Result] = [{} for _ in self.layout.schema.columns]
        bins, slots = self.layout.bins, self._slots.tolist()
        found = zip(bins.categorical, bins.offsets.tolist(), self._texts, self._errors.tolist(), strict=True)
        for place, offset, texts, error in found:
            categories = self.layout.schema.columns[place].categories
            known = zip(categories, slots[offset + 1 :], strict=False)
            counted = [(-count, text) for text, count in (*known, *texts.items()) if count]
            top = sorted(counted)[:K]
            results[place]["top"] = {
                "categories": [text for _, text in top],
                "counts": [-count for count, _ in top],
                "error": error,
            }
        return results

    def state(self) -> Arrays:
        """Gives the counts of categories, the errors, and the texts and their counts as MessagePack."""
        texts = np.frombuffer(_encode(self._texts), dtype=np.uint8) if any(self._texts) else np.empty(0, np.uint8)
        return {"slots": self._slots, "errors": self._errors, "texts": texts}

    @classmethod
    def budget_bytes(cls, layout: Layout) -> int:
        """Gives 8 bytes a category, and of each text 4 a character, 9 for its count and 3 for its length."""
        a_column = 8 + 3 + _COUNTERS * (4 * _CHARACTERS + 9 + 3)
        return 8 * layout.bins.slots + a_column * len(layout.bins.categorical)

    @classmethod
    def memory_bytes(cls, layout: Layout, rows: int) -> int:
        """Gives the counts of categories, and the texts that so many rows may have."""
        texts = 300 + min(rows, _COUNTERS) * (4 * _CHARACTERS + 170)
        return 8 * layout.bins.slots + texts * len(layout.bins.categorical) + OBJECT_BYTES

    def restore(self, state: Arrays) -> None:
        """Takes the same.

        Raises:
            StateError: if the texts are not those of this layout.
        """
        self._slots, self._errors = state["slots"].copy(), state["errors"].copy()
        if not len(state["texts"]):
            self._texts = [{} for _ in self._texts]
            return
        try:
            texts = _decode(state["texts"].tobytes())
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise StateError(f"the state of Top does not fit: its texts cannot be read ({error})") from None
        if len(texts) != len(self._texts) or any(len(counters) > _COUNTERS for counters in texts):
            raise StateError("the state of Top does not fit: its texts are too many, or of other columns")
        self._texts = texts
