"""Clusters of vectors: reduced by PCA, fitted by HDBSCAN on what fits, the rest assigned by a vote.

All functions here are of numbers alone; `builders.clustering` brings questions to them, and labels
back. In order: `reducing`, `fitting`, `assigning`, and `describing` for people.
"""

from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Points: TypeAlias = NDArray[np.float32]
"""Reduced vectors, a row each."""

Labels: TypeAlias = NDArray[np.int32]
"""A cluster for each point; -1 is noise."""

NOISE = -1
Backend = Literal["hdbscan", "cuml"]


class Settings(NamedTuple):
    """What determines the clusters of given vectors. The paper gives none of it: our choice.

    Attributes:
        dimensions: what PCA leaves; HDBSCAN's search is fast, and distances tell more, in few.
        fit_on: HDBSCAN sees so many points at most; with more in the pool, a sample.
        min_cluster_size: questions of the pool, not of the sample; but 5 of the sample at least.
        min_samples: how many neighbours make a place dense; the higher, the more noise.
        largest: share of the questions that a cluster may have. HDBSCAN else makes one of nearly
            all questions where they lie close together, from which `semantic` learns nothing.
        neighbours: how many labelled points vote on one that was not fitted.
        backend: the library.
    """

    dimensions: int = 10
    fit_on: int = 100_000
    min_cluster_size: int = 10
    min_samples: int = 5
    largest: float = 0.1
    neighbours: int = 5
    backend: Backend = "hdbscan"
