"""Labels for points that were not fitted, by a vote of the nearest that were.

Noise votes too. And a cluster reaches only as far as it is dense: a point whose neighbours are
farther away than those of any member is noise, whoever wins the vote. Without this rule the empty
space between clusters went to the nearest of them; benchmarks/README.md has the difference.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from builders.clusters import NOISE, Labels, Points

_AT_ONCE = 20_000


def assign(
    points: Points,
    fitted: Points,
    labels: Labels,
    *,
    neighbours: int,
    progress: Callable[[Iterable[Any]], Iterable[Any]] = iter,
) -> Labels:
    """The label that most of the nearest fitted points have; of several, the nearest one's.

    Args:
        points: what gets a label.
        fitted: the sample.
        labels: of the sample.
        neighbours: how many vote.
        progress: wraps the pieces, to show how far it is.
    """
    from scipy.spatial import cKDTree

    tree = cKDTree(fitted)
    count = max(1, min(neighbours, len(fitted) - 1))
    # The first neighbour of a fitted point is the point itself.
    distances = tree.query(fitted, k=[count + 1])[0][:, 0]
    reach = np.zeros(int(labels.max()) + 2)
    np.maximum.at(reach, labels, distances)
    reach[NOISE] = np.inf  # the last place, which the label -1 picks
    found = np.full(len(points), NOISE, np.int32)
    for rows in progress(list(_pieces(len(points)))):
        distances, nearest = tree.query(points[rows], k=range(1, count + 1))
        winner = _vote(labels[nearest])
        found[rows] = np.where(distances[:, -1] > reach[winner], NOISE, winner)
    return found


def _vote(labels: Labels) -> Labels:
    """Of each row the most frequent value; of several, the one that comes first."""
    votes = (labels[:, :, None] == labels[:, None, :]).sum(axis=2)
    winner: Labels = labels[np.arange(len(labels)), votes.argmax(axis=1)]
    return winner


def _pieces(rows: int) -> Iterator[slice]:
    return (slice(start, start + _AT_ONCE) for start in range(0, rows, _AT_ONCE))
