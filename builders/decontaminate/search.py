"""Which texts of a pool repeat an item of a benchmark.

Two texts share a run if they share 13 words in a row, 7 of them no part of a formula; or 26 of any
kind. A text repeats an item whose words stand in shared runs by half. An item that has no such run,
since it is short or all formula, is repeated by a text that contains it whole. What many texts or
many items have in common is boilerplate and shows nothing.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from builders.decontaminate.benchmarks import Item
from builders.decontaminate.ngrams import Runs, Table, hashed, runs, table_of
from builders.words import Kind, Words, distinct, read_words

RUN, SPELLED = 13, 7
"""The run of GPT-3 and many since. That 7 words are no part of a formula is ours: else two
questions about one formula would be one."""

LONG_RUN = 26
"""Ours: two long texts do not share twice as many words by chance, be they all formula."""

HALF = 0.5
"""The share of an item's words that a text has to share. Ours: a sentence that sets the scene, or
a theorem, is often less."""

NEARLY_ALL = 0.8
"""The same, if runs that many texts of the pool have count as well: an item may have leaked into
many of them. Ours."""

MOST = 10
"""What more texts or items than this have in common is boilerplate: GPT-3's number."""

FREE = 8
"""A whole item of fewer words counts only where it is half of the text, and not where many texts
have it. Ours."""

SHORTEST = 3
"""Of fewer words no item is recognised. Ours."""

PARTS = ("question", "question and options", "answer")


class Index(NamedTuple):
    """The runs of all items.

    A unit is a part of an item: `item` and `part` say which one, and `whole` that it has no run but
    itself. Run h occurs in the units `units[offsets[h] : offsets[h + 1]]`, there at `places`.
    """

    table: Table
    lengths: list[int]
    items_of_run: NDArray[np.int64]
    units: NDArray[np.int64]
    places: NDArray[np.int64]
    offsets: NDArray[np.int64]
    item: NDArray[np.int64]
    part: NDArray[np.int64]
    whole: NDArray[np.bool_]
    words: Words


class Hits(NamedTuple):
    """Runs of a benchmark in texts: which run, in which text, from which word on, how long."""

    run: NDArray[np.int64]
    text: NDArray[np.int64]
    place: NDArray[np.int64]
    length: NDArray[np.int64]

    def only(self, which: NDArray[np.bool_]) -> "Hits":
        """Some of them."""
        return Hits(*(column[which] for column in self))


class Match(NamedTuple):
    """A text that shares runs with an item.

    `share` is that of the item's words, boilerplate left out, `words` are those of the text.
    """

    text: int
    item: int
    unit: int
    share: float
    repeats: bool
    words: list[tuple[int, int]]


def index_items(items: Sequence[Item]) -> Index:
    """The runs of all items' questions, options and answers."""
    texts, item, part = [], [], []
    for number, one in enumerate(items):
        for kind, text in _units(one):
            texts.append(text)
            item.append(number)
            part.append(kind)
    items_of = np.array(item, np.int64)
    parts = np.array(part, np.int64)
    of = hashed(read_words(texts))
    found = [runs(of, RUN, spelled=SPELLED), runs(of, LONG_RUN)]
    whole = _whole_units(of.words, found[0].texts, parts, items)
    lengths = np.diff(of.words.offsets)
    for length in np.unique(lengths[whole]).tolist():
        these = runs(of, length)
        here = whole[these.texts] & (lengths[these.texts] == length)
        found.append(Runs(*(column[here] for column in these)))
    hashes = np.concatenate([one.hashes for one in found])
    units = np.concatenate([one.texts for one in found])
    table = table_of(hashes)
    run = np.searchsorted(table.hashes, hashes)
    order = np.lexsort((units, run))
    of_items = np.unique(np.column_stack([run, items_of[units]]), axis=0)
    number = len(table.hashes)
    return Index(
        table,
        sorted({RUN, LONG_RUN, *lengths[whole].tolist()}),
        np.bincount(of_items[:, 0], minlength=number),
        units[order],
        np.concatenate([one.places for one in found])[order],
        np.r_[0, np.cumsum(np.bincount(run, minlength=number))],
        items_of,
        parts,
        whole,
        of.words,
    )


def _units(item: Item) -> list[tuple[int, str]]:
    units = [(0, item.question)]
    if item.options:
        units.append((1, "\n".join((item.question, *item.options))))
    return units + [(2, answer) for answer in item.answers]


def _whole_units(
    words: Words, with_runs: NDArray[np.int64], parts: NDArray[np.int64], items: Sequence[Item]
) -> NDArray[np.bool_]:
    """Units without a run of their own that are told by all of their words."""
    lengths = np.diff(words.offsets)
    whole: NDArray[np.bool_] = (lengths >= SHORTEST) & (lengths < LONG_RUN) & (parts != 2)
    whole[with_runs] = False
    # "Which of these is true?" is many items; with its options it is one.
    chosen = [bool(item.options) for item in items for _ in _units(item)]
    whole &= ~(np.array(chosen, np.bool_) & (parts == 0) & (lengths < FREE))
    return whole


def search(index: Index, words: Words, answers: NDArray[np.bool_]) -> Hits:
    """All runs of the index in some texts.

    Args:
        index: of the items.
        words: of the texts.
        answers: which texts are answers: an item's question is not looked for as a whole in them.
    """
    of = hashed(words)
    sizes = np.diff(words.offsets)
    parts = []
    for length in index.lengths:
        found = runs(of, length)
        which, run = index.table.find(found.hashes)
        text = found.texts[which]
        counts = (length >= FREE) | (sizes[text] <= 2 * length)
        if length not in (RUN, LONG_RUN):
            counts &= ~answers[text]
        lengths = np.full(len(which), length)
        parts.append(Hits(run, text, found.places[which], lengths).only(counts))
    return Hits(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def matches(index: Index, hits: Hits) -> list[Match]:
    """The texts that share runs with an item, each item once a text, by its part most shared."""
    texts = int(hits.text.max(initial=0)) + 1
    seen = distinct(hits.run * texts + hits.text)
    texts_of_run = np.bincount(seen // texts, minlength=len(index.items_of_run))
    hits = hits.only(index.items_of_run[hits.run] <= MOST)
    # Each hit once for every place where a unit has its run.
    fan = np.diff(index.offsets)[hits.run]
    hit = np.repeat(np.arange(len(fan)), fan)
    posting = index.offsets[hits.run][hit] + np.arange(len(hit)) - (np.cumsum(fan) - fan)[hit]
    unit, place = index.units[posting], index.places[posting]
    order = np.lexsort((place, unit, hits.text[hit]))
    hit, unit, place = hit[order], unit[order], place[order]
    text = hits.text[hit]
    begins = np.r_[True, (text[1:] != text[:-1]) | (unit[1:] != unit[:-1])][: len(text)]
    group, first = np.cumsum(begins) - 1, np.flatnonzero(begins)
    sizes = np.diff(index.words.offsets)[unit[first]]
    rare = texts_of_run[hits.run[hit]] <= MOST
    length = hits.length[hit]
    share = _covered(group, place, np.where(rare, length, 0), len(first)) / sizes
    with_frequent = _covered(group, place, length, len(first)) / sizes
    shown = ~index.whole[unit[first]] | (sizes >= FREE)  # a few words are easily boilerplate
    repeats = (share >= HALF) | ((with_frequent >= NEARLY_ALL) & shown)
    ends = np.r_[first[1:], len(text)]
    best: dict[tuple[int, int], Match] = {}
    for one in np.flatnonzero((share > 0) | repeats).tolist():
        key = (int(text[first[one]]), int(index.item[unit[first[one]]]))
        if key in best and best[key][3:5] >= (share[one], repeats[one]):
            continue
        at = hit[first[one] : ends[one]]
        spans = _united(hits.place[at], hits.length[at])
        best[key] = Match(
            *key, int(unit[first[one]]), round(float(share[one]), 3), bool(repeats[one]), spans
        )
    return sorted(best.values())


def _covered(
    group: NDArray[np.int64], begin: NDArray[np.int64], length: NDArray[np.int64], groups: int
) -> NDArray[np.float64]:
    """How many places the spans of each group cover, sorted by group and beginning."""
    far = int((begin + length).max(initial=0)) + 1
    begin = begin + group * far
    end = begin + length
    reached = np.maximum.accumulate(np.r_[0, end])[:-1]
    covered: NDArray[np.float64] = np.zeros(groups)
    np.add.at(covered, group, np.maximum(end - np.maximum(begin, reached), 0))
    return covered


def other_numbers(index: Index, match: Match, words: Words) -> bool:
    """Whether a text has other numbers than the item where it shares its words.

    Then it is another problem of the same template. Each has one that the other lacks: a text that
    breaks off, or says more, does not count.
    """
    numbers = set(words.hashes[words.kinds == Kind.NUMBER].tolist())
    begin, end = match.words[0][0] - RUN, match.words[-1][1] + RUN  # it may stand at the edge
    within = slice(max(begin, 0), end)
    near = set(words.hashes[within][words.kinds[within] == Kind.NUMBER].tolist())
    item = slice(index.words.offsets[match.unit], index.words.offsets[match.unit + 1])
    wanted = set(index.words.hashes[item][index.words.kinds[item] == Kind.NUMBER].tolist())
    return bool(wanted - numbers) and bool(near - wanted)


def _united(places: NDArray[np.int64], lengths: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Spans of words, those that overlap or touch as one."""
    spans: list[tuple[int, int]] = []
    for begin, end in sorted(zip(places.tolist(), (places + lengths).tolist(), strict=True)):
        if spans and begin <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], end))
        else:
            spans.append((begin, end))
    return spans
