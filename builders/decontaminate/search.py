"""Which texts of a pool repeat an item of a benchmark.

Two texts share something if they share 13 words in a row, 7 of them no part of a formula; or 26 of
any kind. An item that has no such run, since it is short or all formula, is repeated by a text that
contains it whole. What many texts or many items have in common is boilerplate and shows nothing,
unless it is half of the item.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from builders.decontaminate.benchmarks import Item
from builders.decontaminate.ngrams import Table, hashed, runs, table_of
from builders.words import Words, read_words

RUN, SPELLED = 13, 7
"""The run of GPT-3 and many since. That 7 words are no part of a formula is ours: else two
questions about one formula would be one."""

LONG_RUN = 26
"""Ours: two long texts do not share twice as many words by chance, be they all formula."""

FREE = 8
"""A whole item of fewer words counts only where it is half of the question. Ours."""

SHORTEST = 3
"""Of fewer words no item is recognised. Ours."""

MOST = 10
"""What more texts or items than this have in common is boilerplate: GPT-3's number."""

HALF = 0.5
"""The share of an item's runs from which a text repeats it, boilerplate or not. Ours."""

PARTS = ("question", "question and options", "answer")


class Index(NamedTuple):
    """The runs of all items.

    A unit is a part of an item: `item` and `part` say which one, `size` how many runs it has, and
    `whole` whether it is a single one that is all of it. The units of run h are those from
    `offsets[h]` to `offsets[h + 1]`.
    """

    table: Table
    lengths: list[int]
    items_of_run: NDArray[np.int64]
    units: NDArray[np.int64]
    offsets: NDArray[np.int64]
    item: NDArray[np.int64]
    part: NDArray[np.int64]
    size: NDArray[np.int64]
    whole: NDArray[np.bool_]


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
    """A text that repeats a unit: the share of its runs, and the words of the text that do."""

    text: int
    item: int
    part: str
    share: float
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
        found.append(these._replace(hashes=these.hashes[here], texts=these.texts[here]))
    hashes = np.concatenate([one.hashes for one in found])
    units = np.concatenate([one.texts for one in found])
    table = table_of(hashes)
    run = np.searchsorted(table.hashes, hashes)
    pairs = np.unique(np.column_stack([run, units]), axis=0)
    of_items = np.unique(np.column_stack([run, items_of[units]]), axis=0)
    number = len(table.hashes)
    return Index(
        table,
        sorted({RUN, LONG_RUN, *lengths[whole].tolist()}),
        np.bincount(of_items[:, 0], minlength=number),
        pairs[:, 1],
        np.r_[0, np.cumsum(np.bincount(pairs[:, 0], minlength=number))],
        items_of,
        parts,
        np.bincount(pairs[:, 1], minlength=len(texts)),
        whole,
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
    """The texts that repeat an item, each item once a text, by what repeats most of it."""
    seen = np.unique(hits.run << 40 | hits.text)
    rows_of_run = np.bincount(seen >> 40, minlength=len(index.items_of_run))
    hits = hits.only(index.items_of_run[hits.run] <= MOST)
    rare = rows_of_run[hits.run] <= MOST
    fan = np.diff(index.offsets)[hits.run]
    which = np.repeat(np.arange(len(fan)), fan)
    within = np.arange(len(which)) - np.repeat(np.cumsum(fan) - fan, fan)
    unit = index.units[index.offsets[hits.run][which] + within]
    order = np.lexsort((hits.run[which], unit, hits.text[which]))
    which, unit = which[order], unit[order]
    text, run = hits.text[which], hits.run[which]
    begins = np.r_[True, (text[1:] != text[:-1]) | (unit[1:] != unit[:-1])][: len(text)]
    group = np.cumsum(begins) - 1
    first = np.flatnonzero(begins)
    other_run = begins | np.r_[True, run[1:] != run[:-1]][: len(run)]
    share = np.bincount(group, other_run) / index.size[unit[first]]
    some_rare = np.bincount(group, rare[which]) > 0
    counts = some_rare | ((share >= HALF) & ~index.whole[unit[first]])
    ends = np.r_[first[1:], len(text)]
    best: dict[tuple[int, int], Match] = {}
    for one in np.flatnonzero(counts).tolist():
        at = which[first[one] : ends[one]]
        key = (int(text[first[one]]), int(index.item[unit[first[one]]]))
        if key in best and best[key].share >= share[one]:
            continue
        spans = _united(hits.place[at], hits.length[at])
        part = PARTS[index.part[unit[first[one]]]]
        best[key] = Match(*key, part, round(float(share[one]), 3), spans)
    return sorted(best.values())


def _united(places: NDArray[np.int64], lengths: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Spans of words, those that overlap or touch as one."""
    spans: list[tuple[int, int]] = []
    for begin, end in sorted(zip(places.tolist(), (places + lengths).tolist(), strict=True)):
        if spans and begin <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], end))
        else:
            spans.append((begin, end))
    return spans
