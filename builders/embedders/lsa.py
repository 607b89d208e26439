"""Latent semantic analysis: the offline default. Words weighted by TF-IDF, reduced by an SVD.

It is fitted on a sample of the questions, and then maps any text alone, so memory does not grow
with the pool. Numbers are left out: questions that differ in nothing else have the same vector.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from builders.embedders import VERSION, Embedder, Vectors, missing_extra, normalised
from builders.errors import BadPool
from builders.ids import content_id

NAME = "lsa"
DIMENSIONS = 128
MOST_WORDS = 30_000
"""Both are our choice: the most frequent words of the sample, so that memory is bounded."""

WORD = r"(?u)\b[^\W\d_]{2,}\b"
"""Two letters or more; digits and single letters are the numbers and unknowns of a question."""


def lsa(texts: Sequence[str], *, seed: int) -> Embedder:
    """An embedder that is fitted on these texts when it is first needed.

    Args:
        texts: the sample, in an order that does not depend on how the pool is sharded.
        seed: of the SVD, which is a randomised one.

    Raises:
        BadOption: scikit-learn is not installed.
    """
    try:
        import sklearn
    except ImportError as error:
        raise missing_extra(NAME, "scikit-learn") from error
    facts = {
        "embedder": NAME,
        "kind": NAME,
        "revision": f"scikit-learn {sklearn.__version__}",
        "pooling": "TF-IDF",
        "dimensions": DIMENSIONS,
        "fitted_on": len(texts),
        "fitted_on_hash": content_id(*texts),
        "seed": seed,
        "version": VERSION,
    }
    fitted: list[Any] = []

    def embed(batch: Sequence[str]) -> Vectors:
        if not fitted:
            fitted.extend(_fit(texts, seed))
        vectorizer, components = fitted
        return normalised(vectorizer.transform(batch) @ components)

    return Embedder(facts, embed)


def _fit(texts: Sequence[str], seed: int) -> tuple[Any, Vectors]:
    """The vectorizer, and a row of components for each of its words."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from threadpoolctl import threadpool_limits

    vectorizer = TfidfVectorizer(
        token_pattern=WORD,
        max_features=MOST_WORDS,
        max_df=0.5 if len(texts) > 1 else 1.0,  # what half of the questions say tells none apart
        min_df=2 if len(texts) >= 1000 else 1,
        sublinear_tf=True,
        dtype=np.float32,
    )
    try:
        weights = vectorizer.fit_transform(texts)
    except ValueError as error:  # "empty vocabulary"
        raise BadPool(
            "the questions have no words in common that could tell them apart, so lsa has nothing "
            "to go by; choose another --embedder"
        ) from error
    words = weights.shape[1]
    svd = TruncatedSVD(min(DIMENSIONS, words), random_state=seed % 2**32)
    # Sums that several threads share come out in another order. Of texts that are all alike the svd
    # divides by their variance, which is 0, to tell a share that nobody asks for.
    with threadpool_limits(1), np.errstate(invalid="ignore"):
        svd.fit(weights)
    components = np.zeros((words, DIMENSIONS), np.float32)
    components[:, : len(svd.components_)] = svd.components_.T
    return vectorizer, components
