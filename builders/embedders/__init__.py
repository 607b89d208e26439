"""Embedders: texts in, one vector for each out.

What determines the vectors is the embedder's `facts`; their hash is its `key`, under which vectors
are stored and found again:

    {"embedder": "sentence-transformers/all-MiniLM-L6-v2", "kind": "sentence-transformers",
     "revision": "c9745ed1d9f2…", "pooling": "the model's own", "max_tokens": 512, "version": 1}

Vectors have length 1, so that distances compare directions; a vector of zeros says that the
embedder knows nothing of the text: no word of it, or the server refused it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from builders.errors import BadOption
from builders.ids import content_id

Vectors: TypeAlias = NDArray[np.float32]

VERSION = 1
"""Of the code that makes vectors; raised when the same facts would give others."""


class Embedder(NamedTuple):
    """What determines the vectors, and the function that makes them; it loads what it needs."""

    facts: Mapping[str, Any]
    embed: Callable[[Sequence[str]], Vectors]

    @property
    def key(self) -> str:
        """A hash of the facts."""
        return content_id(json.dumps(self.facts, sort_keys=True))


def normalised(vectors: NDArray[Any]) -> Vectors:
    """The same directions with length 1; zeros stay zeros."""
    single = np.asarray(vectors, np.float32)
    lengths: Vectors = np.linalg.norm(single, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    return single / lengths


def cannot_load(name: str, error: Exception) -> BadOption:
    """The error of a model that is there and cannot be used."""
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return BadOption(f"--embedder {name}: the model cannot be loaded: {reason}")


def missing_extra(name: str, package: str) -> BadOption:
    """The error of an embedder whose package is not installed."""
    return BadOption(
        f"--embedder {name}: needs the package {package}, which is not installed; it comes with "
        "the extra 'embed': pip install 'naturalthoughts[embed]'"
    )
