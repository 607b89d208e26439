"""Pairs of questions that say the same in nearly the same words.

Two questions are compared only if they have the same signature: the same numbers, operators, units
and negations, as often. Among those MinHash finds candidates, and a candidate counts if the sets of
all words have a Jaccard similarity of at least the threshold, and nothing says that the questions
are two all the same: see `_no_template` and `_no_names_replaced`.

Work and memory grow with the number of words. Of a bucket of MinHash every question meets its
nearest neighbours and the first, not all: a template that occurs a hundred thousand times is one
bucket, and would be five thousand million pairs.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from builders.words import Kind, Words, distinct, mixed

BANDS, ROWS = 40, 3
"""MinHash sees the words that carry a subject: of pairs with half of them in common it finds 99.5%,
with 40% in common 93%. Ours."""

EDITED = 0.05
"""Of a text less than this share of words may be replaced, one for one, before its last sentence.
Ours."""

_WORDING = (Kind.STOP, Kind.WORD, Kind.OPERATOR, Kind.NEGATION)
_SUBJECT = (Kind.WORD, Kind.VARIABLE)
_NEIGHBOURS = 4
_LARGE_BUCKET = 32  # from here on everyone meets one neighbour
_WORDS_AT_ONCE = 4_000_000  # which take some 150 bytes each while they are compared
_SKETCH_WORDS = 4  # of 64 bits

Pairs = NDArray[np.int64]
"""Two columns: the places of two texts, the smaller first."""


class Texts(NamedTuple):
    """What is compared of each text: its words, as they stand and as a sorted set, and hashes."""

    words: Words
    sets: NDArray[np.uint32]
    set_offsets: NDArray[np.int64]
    signature: NDArray[np.uint64]  # of numbers, operators, units, negations, in any order
    order: NDArray[np.uint64]  # of the same and of variables, in order
    bound: NDArray[np.uint64]  # of the first four with their neighbours, in any order
    variables: NDArray[np.uint64]  # in any order
    exact: NDArray[np.uint64]  # of all words in order
    asks: NDArray[np.bool_]  # of each word, whether it stands in the last sentence
    sketch: NDArray[np.uint64]  # 256 bits, of which each word sets one


def describe(words: Words) -> Texts:
    """What is compared of each text, so many at a time: hashing takes ten times their memory."""
    parts = [_described(_some(words, piece)) for piece in _pieces(np.diff(words.offsets))]
    sizes = np.concatenate([np.diff(part.set_offsets) for part in parts])
    return Texts(
        words,
        np.concatenate([part.sets for part in parts]),
        np.r_[0, np.cumsum(sizes)],
        np.concatenate([part.signature for part in parts]),
        np.concatenate([part.order for part in parts]),
        np.concatenate([part.bound for part in parts]),
        np.concatenate([part.variables for part in parts]),
        np.concatenate([part.exact for part in parts]),
        np.concatenate([part.asks for part in parts]),
        np.concatenate([part.sketch for part in parts]),
    )


def _pieces(sizes: NDArray[np.int64]) -> Iterator[slice]:
    """All places in pieces of so many words, or of one place; one piece at least."""
    ends = np.cumsum(sizes)
    start = words = 0
    while True:
        fitting = int(np.searchsorted(ends, words + _WORDS_AT_ONCE, side="right"))
        end = min(max(fitting, start + 1), len(sizes))
        yield slice(start, end)
        if end == len(sizes):
            return
        start, words = end, int(ends[end - 1])


def _some(words: Words, piece: slice) -> Words:
    """The words of some texts."""
    offsets = words.offsets[piece.start : piece.stop + 1]
    here = slice(offsets[0], offsets[-1])
    columns = (words.hashes[here], words.kinds[here], words.starts[here], words.names[here])
    return Words(*columns, offsets - offsets[0])


def _described(words: Words) -> Texts:
    rows = words.rows
    number = len(words.offsets) - 1
    spelled = words.hashes.astype(np.uint64)
    signed = words.kinds >= Kind.NUMBER
    fixed = signed | (words.kinds == Kind.VARIABLE)
    place = _places(words.offsets, rows, np.ones(len(rows), np.bool_))
    ordered = mixed(spelled + (mixed(place) << np.uint64(1)))
    fixed_place = _places(words.offsets, rows, fixed)
    in_order = mixed(spelled + (mixed(fixed_place) << np.uint64(1)))
    # What a formula says is in the signature: two questions about one formula are not alike by it.
    wording = np.isin(words.kinds, _WORDING)
    keys = distinct((rows.astype(np.uint64) << np.uint64(32) | spelled)[wording])
    set_rows = (keys >> np.uint64(32)).astype(np.int64)
    sets = keys.astype(np.uint32)
    set_offsets = np.r_[0, np.cumsum(np.bincount(set_rows, minlength=number))]
    return Texts(
        words,
        sets,
        set_offsets,
        _summed(mixed(spelled), signed, words.offsets),
        _summed(in_order, fixed, words.offsets),
        _summed(*_bound(words, spelled), words.offsets),
        _summed(mixed(spelled), words.kinds == Kind.VARIABLE, words.offsets),
        _summed(ordered, np.ones(len(rows), np.bool_), words.offsets),
        _last_sentences(words),
        _sketch(sets, set_offsets),
    )


def _sketch(sets: NDArray[np.uint32], offsets: NDArray[np.int64]) -> NDArray[np.uint64]:
    """For each text 256 bits, of which each word sets one."""
    bit = mixed(sets.astype(np.uint64)) & np.uint64(64 * _SKETCH_WORDS - 1)
    own = np.append(np.uint64(1) << (bit & np.uint64(63)), np.uint64(0))
    at = np.append(bit >> np.uint64(6), np.uint64(0))
    columns = [
        np.bitwise_or.reduceat(np.where(at == column, own, np.uint64(0)), offsets[:-1])
        for column in range(_SKETCH_WORDS)
    ]
    sketch: NDArray[np.uint64] = np.column_stack(columns)
    sketch[np.diff(offsets) == 0] = 0  # reduceat gives the word of the next text
    return sketch


def exact_groups(texts: Texts, ranked: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each text the first in rank with the same words in the same order; -1 without words."""
    keys = texts.exact[ranked]
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    of = np.empty(len(ranked), np.int64)
    of[ranked] = ranked[first[group]]
    return np.where(np.diff(texts.words.offsets) > 0, of, -1)


def near_pairs(
    texts: Texts,
    ranked: NDArray[np.int64],
    *,
    threshold: float,
    progress: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> Pairs:
    """The pairs that are verified, as places in `ranked`.

    Args:
        texts: what is compared.
        ranked: those that are, in an order that does not depend on how they came.
        threshold: of the Jaccard similarity.
        progress: wraps the bands of MinHash.
    """
    keys = _band_keys(texts)[:, ranked]
    found = [np.empty(0, np.uint64)]
    for band in progress(range(BANDS)):
        for first, second in _neighbours(keys[band], keys[(band + 1) % BANDS]):
            likely = _may_be_near(texts, ranked[first], ranked[second], threshold)
            pairs = first[likely].astype(np.uint64) << np.uint64(32)
            found.append(distinct(pairs | second[likely].astype(np.uint64)))
    codes = distinct(np.concatenate(found))
    pairs = np.column_stack([codes >> np.uint64(32), codes & np.uint64(0xFFFFFFFF)])
    return verified(texts, ranked, pairs.astype(np.int64), threshold=threshold)


def verified(texts: Texts, ranked: NDArray[np.int64], pairs: Pairs, *, threshold: float) -> Pairs:
    """Of these pairs the ones that say the same."""
    parts = []
    sizes = np.diff(texts.words.offsets)[ranked]
    for piece in _pieces(sizes[pairs].sum(axis=1)):
        some = pairs[piece]
        a, b = ranked[some[:, 0]], ranked[some[:, 1]]
        # The cheapest first: of a template that is filled a thousand times most pairs end here.
        for test in (_may_be_near, _no_template, _alike, _no_names_replaced):
            passed = test(texts, a, b, threshold)
            some, a, b = some[passed], a[passed], b[passed]
        parts.append(some)
    return np.concatenate(parts)


def jaccard(texts: Texts, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float64]:
    """The exact similarity of the sets of words of each pair."""
    sizes = np.diff(texts.set_offsets)
    of_a, of_b = (_members(texts.sets, texts.set_offsets, side) for side in (a, b))
    together = np.sort(np.concatenate([of_a, of_b]))
    common = together[1:][together[1:] == together[:-1]] >> np.uint64(32)
    shared = np.bincount(common.astype(np.int64), minlength=len(a))
    return shared / np.maximum(sizes[a] + sizes[b] - shared, 1)


def _may_be_near(
    texts: Texts, a: NDArray[np.int64], b: NDArray[np.int64], threshold: float
) -> NDArray[np.bool_]:
    """What can be said from signatures, sizes and sketches; never False for a pair that counts.

    A bit that one sketch has and the other has not stands for at least one word.
    """
    sizes = np.diff(texts.set_offsets)
    size_a, size_b = sizes[a], sizes[b]
    only_a = np.bitwise_count(texts.sketch[a] & ~texts.sketch[b]).sum(axis=1, dtype=np.int64)
    only_b = np.bitwise_count(texts.sketch[b] & ~texts.sketch[a]).sum(axis=1, dtype=np.int64)
    shared = np.minimum(size_a - only_a, size_b - only_b)
    near: NDArray[np.bool_] = shared >= threshold * (size_a + size_b - shared) - 1e-9
    same_terms = texts.bound[a] == texts.bound[b]
    same_terms &= texts.variables[a] == texts.variables[b]
    same_terms |= texts.order[a] == texts.order[b]
    near &= same_terms & (texts.signature[a] == texts.signature[b])
    return near


def _alike(
    texts: Texts, a: NDArray[np.int64], b: NDArray[np.int64], threshold: float
) -> NDArray[np.bool_]:
    alike: NDArray[np.bool_] = jaccard(texts, a, b) >= threshold
    return alike


def _no_names_replaced(
    texts: Texts, a: NDArray[np.int64], b: NDArray[np.int64], threshold: float
) -> NDArray[np.bool_]:
    """Not where each has a name that the other lacks."""
    words = texts.words
    named = words.hashes[words.names]
    places = np.r_[0, np.cumsum(words.names)][words.offsets]

    def lacking(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Pairs in which a name of the one is no word of the other."""
        names = _members(named, places, one)
        absent = ~np.isin(names, _members(texts.sets, texts.set_offsets, other))
        lacks = np.zeros(len(one), np.bool_)
        lacks[(names[absent] >> np.uint64(32)).astype(np.int64)] = True
        return lacks

    return ~(lacking(a, b) & lacking(b, a))


def _no_template(
    texts: Texts, a: NDArray[np.int64], b: NDArray[np.int64], threshold: float
) -> NDArray[np.bool_]:
    """Not two fillings of a template: the same but for words that stand in the same places.

    People who rephrase change more than that; who edits a long text changes a word here and there,
    not what is asked in the end.
    """
    words = texts.words
    lengths = np.diff(words.offsets)
    passed = np.ones(len(a), np.bool_)
    same = np.flatnonzero(lengths[a] == lengths[b])
    if not len(same):
        return passed
    left, rows = _spread(words.offsets, a[same])
    right, _ = _spread(words.offsets, b[same])
    differs = words.hashes[left] != words.hashes[right]
    left, right, rows = left[differs], right[differs], rows[differs]
    subject = np.isin(words.kinds[left], _SUBJECT) & np.isin(words.kinds[right], _SUBJECT)
    replaced = np.bincount(rows[subject], minlength=len(same))
    others = np.bincount(rows[~subject], minlength=len(same))
    asked = np.bincount(rows[texts.asks[left]], minlength=len(same))
    many = replaced >= EDITED * lengths[a[same]]
    # The same words in another order are no other words, unless a few changed places, as parties
    # do that are exchanged. Sums below 2^53 are exact.
    sums = [np.bincount(rows, words.hashes[side], len(same)) for side in (left, right)]
    reordered = (sums[0] == sums[1]) & (2 * replaced >= lengths[a[same]])
    filled = (replaced > 0) & (others == 0) & (many | (asked > 0))
    passed[same] = ~filled | reordered
    return passed


def _spread(
    offsets: NDArray[np.int64], rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The places of the words of these rows, and for each the number of its row among them."""
    lengths = np.diff(offsets)[rows]
    ends = np.cumsum(lengths)
    numbers = np.repeat(np.arange(len(rows)), lengths)
    return np.arange(ends[-1] if len(ends) else 0) - (ends - lengths - offsets[rows])[
        numbers
    ], numbers


def _members(
    values: NDArray[np.uint32], offsets: NDArray[np.int64], rows: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """The values of these rows, each below the number of its row."""
    places, numbers = _spread(offsets, rows)
    members: NDArray[np.uint64] = numbers.astype(np.uint64) << np.uint64(32) | values[places]
    return members


def _last_sentences(words: Words) -> NDArray[np.bool_]:
    sentence = np.cumsum(words.starts)
    ends = words.offsets[1:][np.diff(words.offsets) > 0] - 1
    last = np.zeros(len(sentence) + 1, np.bool_)
    last[sentence[ends]] = True
    asks: NDArray[np.bool_] = last[sentence]
    return asks


def _places(
    offsets: NDArray[np.int64], rows: NDArray[np.int64], among: NDArray[np.bool_]
) -> NDArray[np.uint64]:
    """For each word its number within its text, counting those that are `among`."""
    counted = np.r_[0, np.cumsum(among)]
    places: NDArray[np.uint64] = (counted[:-1] - counted[offsets[:-1]][rows]).astype(np.uint64)
    return places


def _summed(
    values: NDArray[np.uint64], among: NDArray[np.bool_], offsets: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """For each text the sum of the values that are `among`, modulo 2^64."""
    sums = np.r_[np.uint64(0), np.cumsum(np.where(among, values, np.uint64(0)), dtype=np.uint64)]
    of_texts: NDArray[np.uint64] = sums[offsets[1:]] - sums[offsets[:-1]]
    return of_texts


def _bound(
    words: Words, spelled: NDArray[np.uint64]
) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Each term with what stands before it, numbers and signs with what follows: for 3 days.

    Of a sign only terms count as neighbours, and nothing reaches beyond a sentence.
    """
    term = words.kinds >= Kind.VARIABLE
    sign = words.kinds == Kind.SIGN
    before = ~words.starts & (~sign | np.roll(term, 1))
    follows = ~np.roll(words.starts, -1) & (np.roll(words.kinds, -1) != Kind.STOP)
    after = follows & ((words.kinds == Kind.NUMBER) | (sign & np.roll(term, -1)))
    value = mixed(spelled)
    value += np.where(before, mixed(np.roll(spelled, 1) + np.uint64(1)), np.uint64(0))
    value += np.where(after, mixed(np.roll(spelled, -1) + np.uint64(2)), np.uint64(0))
    return mixed(value), term & (words.kinds != Kind.VARIABLE)


def _band_keys(texts: Texts) -> NDArray[np.uint32]:
    """For each band and text the bucket of MinHash, into which the signature goes as well."""
    number = len(texts.signature)
    keys = np.empty((BANDS, number), np.uint32)
    seeds = mixed(np.arange(1, 2 * BANDS * ROWS + 1, dtype=np.uint64)).astype(np.uint32)
    factors, masks = seeds[: BANDS * ROWS] | np.uint32(1), seeds[BANDS * ROWS :]
    for some in _pieces(np.diff(texts.words.offsets)):
        subjects, offsets = _subjects(texts, some)
        for band in range(BANDS):
            key = texts.signature[some] + np.uint64(band + 1)
            for row in range(band * ROWS, (band + 1) * ROWS):
                hashed = (subjects ^ masks[row]) * factors[row]
                smallest = np.minimum.reduceat(hashed, offsets[:-1])
                key = mixed(key + smallest)
            keys[band, some] = key >> np.uint64(32)
    return keys


def _subjects(texts: Texts, some: slice) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The words that carry the subject of each text; all of them where there are none."""
    words = texts.words
    begin, end = words.offsets[some.start], words.offsets[some.stop]
    offsets = words.offsets[some.start : some.stop + 1] - begin
    kinds, hashes = words.kinds[begin:end], words.hashes[begin:end]
    subject = kinds == Kind.WORD
    places = np.r_[0, np.cumsum(subject)][offsets]
    empty = np.diff(places) == 0
    subject |= np.repeat(empty, np.diff(offsets))
    places = np.r_[0, np.cumsum(subject)][offsets]
    # reduceat gives a text without any words the first word of the next: nobody looks at it.
    return np.append(hashes[subject], np.uint32(0)), places


def _neighbours(
    keys: NDArray[np.uint32], next_keys: NDArray[np.uint32]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs of places with the same key, the smaller place first.

    Each meets those next to it, where those with the same key in the next band, too, stand
    together; and the first of all.
    """
    both = keys.astype(np.uint64) << np.uint64(32) | next_keys
    order = np.argsort(both, kind="stable")
    ordered = keys[order]
    begins = np.r_[True, ordered[1:] != ordered[:-1]][: len(order)]
    bucket = np.cumsum(begins) - 1
    large = np.bincount(bucket) >= _LARGE_BUCKET
    for distance in range(1, _NEIGHBOURS + 1):
        together = bucket[distance:] == bucket[:-distance]
        same = np.flatnonzero(together if distance == 1 else together & ~large[bucket[distance:]])
        yield _sorted_pair(order[same], order[same + distance])
    smallest = np.minimum.reduceat(order, np.flatnonzero(begins))[bucket]
    others = np.flatnonzero(smallest != order)
    yield smallest[others], order[others]


def _sorted_pair(
    a: NDArray[np.int64], b: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.minimum(a, b), np.maximum(a, b)
