"""Who stands for whom among questions that say the same.

Each question that is dropped is near the one that stands for it, not only near one that is near
one that is: a chain of small changes does not lead from one question to another.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from builders.dedup.near import Pairs


def survivors(number: int, pairs: Pairs, *, verify: Callable[[Pairs], Pairs]) -> NDArray[np.int64]:
    """For each place, the best place that it is near, if that one survives; itself if it does.

    Args:
        number: how many places there are, the best first.
        pairs: places that are near each other, the better one first.
        verify: which of some more pairs are near each other. MinHash need not have brought together
            a question and the survivor to which its neighbour was given.
    """
    tried = pairs
    while True:
        of = _decide(number, pairs)
        first, second = pairs[:, 0], pairs[:, 1]
        alone = of[second] == second
        again = np.column_stack([of[first[alone]], second[alone]])
        again = again[again[:, 0] < again[:, 1]]
        again = _without(np.unique(again, axis=0), tried)
        found = verify(again)
        if not len(found):
            return of
        tried = np.concatenate([tried, again])
        pairs = np.concatenate([pairs, found])


def _decide(number: int, pairs: Pairs) -> NDArray[np.int64]:
    """From the best place on: dropped is who is near a survivor."""
    of = np.arange(number)
    order = np.lexsort((pairs[:, 0], pairs[:, 1]))
    for better, worse in pairs[order].tolist():
        if of[worse] == worse and of[better] == better:
            of[worse] = better
    return of


def _without(pairs: Pairs, tried: Pairs) -> Pairs:
    def codes(some: Pairs) -> NDArray[np.int64]:
        return some[:, 0] << 32 | some[:, 1]

    return pairs[~np.isin(codes(pairs), codes(tried))]
