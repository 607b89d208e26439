"""Principal components of vectors that come shard by shard: only sums of them are held."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from builders.clusters import Points

_AT_ONCE = 4096  # rows, so that the copy in double precision stays small


class Reduction(NamedTuple):
    """A mean and orthogonal axes, the one of the largest variance first."""

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]  # one a column
    explained: float  # the share of the variance that is left

    def apply(self, vectors: NDArray[Any]) -> Points:
        """The vectors in the new axes."""
        reduced = np.empty((len(vectors), self.axes.shape[1]), np.float32)
        for rows in _pieces(len(vectors)):
            reduced[rows] = (vectors[rows].astype(np.float64) - self.mean) @ self.axes
        return reduced


def fit_reduction(shards: Iterable[NDArray[Any]], dimensions: int) -> Reduction:
    """The principal components of all rows together; there must be one."""
    count, total, products = 0, np.zeros(1), np.zeros((1, 1))
    for vectors in shards:
        for rows in _pieces(len(vectors)):
            piece = vectors[rows].astype(np.float64)
            count += len(piece)
            total = total + piece.sum(axis=0)
            products = products + piece.T @ piece
    mean = total / count
    variances, axes = np.linalg.eigh(products / count - np.outer(mean, mean))
    kept = axes[:, ::-1][:, :dimensions]
    # An axis may point either way, and libraries differ: its largest entry is made positive.
    largest = np.abs(kept).argmax(axis=0)
    kept = kept * np.where(kept[largest, np.arange(kept.shape[1])] < 0, -1, 1)
    whole = max(float(variances.sum()), 1e-12)
    return Reduction(mean, kept, float(variances[::-1][:dimensions].sum()) / whole)


def _pieces(rows: int) -> Iterator[slice]:
    return (slice(start, start + _AT_ONCE) for start in range(0, rows, _AT_ONCE))
