"""Runs of words that texts share, found by their hashes.

A hash of the words from i to i + n is a difference of two sums, so it costs as much for n = 13 as
for n = 2, and no word is looked at twice.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from builders.words import Kind, Words, distinct, mixed

_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so it has an inverse modulo 2^64
_INVERSE = np.uint64(pow(int(_BASE), -1, 2**64))
_FILTER_BITS = 24


class Runs(NamedTuple):
    """Runs of n words: the hash of each, its text, and the place of its first word in it."""

    hashes: NDArray[np.uint64]
    texts: NDArray[np.int64]
    places: NDArray[np.int64]


class Hashed(NamedTuple):
    """Words of which runs of any length can be hashed."""

    words: Words
    rows: NDArray[np.int64]
    sums: NDArray[np.uint64]
    powers: NDArray[np.uint64]  # of the inverse
    spelled: NDArray[np.int64]  # how many of the words before each are no part of a formula


def hashed(words: Words) -> Hashed:
    """Sums, by which runs are hashed."""
    values = mixed(words.hashes.astype(np.uint64))
    weighted = values * _powers(_BASE, len(values))
    sums = np.r_[np.uint64(0), np.cumsum(weighted, dtype=np.uint64)]
    spelled = np.isin(words.kinds, (Kind.STOP, Kind.WORD, Kind.OPERATOR, Kind.NEGATION))
    powers = _powers(_INVERSE, len(values))
    return Hashed(words, words.rows, sums, powers, np.r_[0, np.cumsum(spelled)])


def runs(of: Hashed, n: int, *, spelled: int = 0) -> Runs:
    """All runs of n words within a text of which so many at least are no part of a formula."""
    starts = np.arange(max(len(of.rows) - n + 1, 0))
    within = of.rows[starts] == of.rows[starts + n - 1]
    starts = starts[within & (of.spelled[starts + n] - of.spelled[starts] >= spelled)]
    sums = (of.sums[starts + n] - of.sums[starts]) * of.powers[starts]
    texts = of.rows[starts]
    return Runs(mixed(sums + np.uint64(n)), texts, starts - of.words.offsets[texts])


class Table(NamedTuple):
    """Hashes to look for, sorted, and a filter that most others do not pass."""

    hashes: NDArray[np.uint64]
    filter: NDArray[np.bool_]

    def find(self, wanted: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Which of the wanted are there, and where."""
        likely = np.flatnonzero(self.filter[_low(wanted)])
        if not len(self.hashes):
            return likely[:0], likely[:0]
        places = np.searchsorted(self.hashes, wanted[likely]).clip(max=len(self.hashes) - 1)
        there = self.hashes[places] == wanted[likely]
        return likely[there], places[there]


def table_of(hashes: NDArray[np.uint64]) -> Table:
    """A table of these hashes, each once."""
    unique = distinct(hashes)
    present = np.zeros(1 << _FILTER_BITS, np.bool_)
    present[_low(unique)] = True
    return Table(unique, present)


def _low(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    return (hashes & np.uint64((1 << _FILTER_BITS) - 1)).astype(np.int64)


def _powers(base: np.uint64, number: int) -> NDArray[np.uint64]:
    """1, base, base², … modulo 2^64."""
    factors = np.full(max(number, 1), base, np.uint64)
    factors[0] = 1
    return np.cumprod(factors, dtype=np.uint64)[:number]
