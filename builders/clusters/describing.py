"""What clusters are about, for people: typical terms of each, and a map of all points."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from builders.clusters import Labels, Points
from builders.embedders.lsa import MOST_WORDS, WORD

TERMS = 6
"""Terms of a cluster that are shown."""

_WIDE, _HIGH = 72, 48  # cells of the map
_OUTSIDE = 0.1  # percent of the points beyond each edge, which are counted in the outermost cells


def numbered_by_size(labels: Labels, keys: NDArray[np.uint64]) -> Labels:
    """The same clusters, 0 the largest; of one size, that with the smallest key first."""
    inside = np.flatnonzero(labels >= 0)
    names, place, sizes = np.unique(labels[inside], return_inverse=True, return_counts=True)
    first = np.full(len(names), np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(first, place, keys[inside])
    rank = np.empty(len(names), np.int32)
    rank[np.lexsort((first, -sizes))] = np.arange(len(names))
    numbered = np.full_like(labels, -1)
    numbered[inside] = rank[place]
    return numbered


def typical_terms(texts: Sequence[str], labels: Labels, clusters: int) -> list[list[str]]:
    """For each cluster the terms by which its texts differ from the rest: TF-IDF of classes.

    All texts of a cluster count as one document; a term's weight is its frequency there times the
    logarithm of how much more words a cluster has than the term has occurrences.
    """
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import CountVectorizer

    terms: list[list[str]] = [[] for _ in range(clusters)]
    inside = np.flatnonzero(labels >= 0)
    vectorizer = CountVectorizer(
        token_pattern=WORD, stop_words="english", max_features=MOST_WORDS, dtype=np.int32
    )
    try:
        counts = vectorizer.fit_transform([texts[row] for row in inside.tolist()])
    except ValueError:  # only stop words, or none
        return terms
    ones = np.ones(len(inside), np.int32)
    member = csr_matrix((ones, (labels[inside], np.arange(len(inside)))), (clusters, len(inside)))
    by_class = (member @ counts).tocsr()
    names = vectorizer.get_feature_names_out()
    occurrences = np.asarray(by_class.sum(axis=0)).ravel()
    weights = np.log1p(by_class.sum() / clusters / np.maximum(occurrences, 1))
    for cluster in range(clusters):
        row = by_class[cluster]
        best = np.lexsort((row.indices, -row.data * weights[row.indices]))[:TERMS]
        terms[cluster] = [str(names[column]) for column in row.indices[best]]
    return terms


def draw_map(points: Points, labels: Labels, *, centres: int) -> dict[str, Any]:
    """The density of all points on their first two axes, and where the largest clusters lie.

    Returns:
        `counts`, rows from the lowest, one after the other; `width`; `centres`, the middle of each
        of the largest clusters, in cells.
    """
    flat = points[:, :2] if points.shape[1] > 1 else np.c_[points[:, 0], np.zeros(len(points))]
    low, high = np.percentile(flat, [_OUTSIDE, 100 - _OUTSIDE], axis=0)
    cells = (flat - low) / np.maximum(high - low, 1e-9) * (_WIDE, _HIGH)
    x, y = np.clip(cells.astype(np.int64), 0, (_WIDE - 1, _HIGH - 1)).T
    counts = np.bincount(y * _WIDE + x, minlength=_WIDE * _HIGH)
    shown = min(centres, int(labels.max(initial=-1)) + 1)
    middles = [np.median(cells[labels == cluster], axis=0) for cluster in range(shown)]
    return {
        "width": _WIDE,
        "counts": counts.tolist(),
        "centres": [[round(float(v), 2) for v in middle] for middle in middles],
    }
