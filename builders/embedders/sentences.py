"""Any model of sentence-transformers, with the pooling and the prompts that it brings."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from builders.embedders import (
    VERSION,
    Embedder,
    Vectors,
    cannot_load,
    missing_extra,
    normalised,
)

_AT_ONCE = 64  # texts


def sentences(source: str, name: str, revision: str, *, commit: str | None) -> Embedder:
    """An embedder from a model of sentence-transformers.

    Args:
        source: a folder or the Hub's id.
        name: as it is told.
        revision: the same.
        commit: which the Hub is asked for; None for a folder.

    Raises:
        BadOption: sentence-transformers is not installed.
    """
    if find_spec("sentence_transformers") is None:
        raise missing_extra(name, "sentence-transformers")
    facts = {
        "embedder": name,
        "kind": "sentence-transformers",
        "revision": revision,
        "pooling": "the model's own",
        "version": VERSION,
    }
    loaded: list[Any] = []

    def embed(texts: Sequence[str]) -> Vectors:
        if not loaded:
            from sentence_transformers import SentenceTransformer
            from transformers.utils import logging

            logging.disable_progress_bar()  # type: ignore[no-untyped-call]
            try:
                loaded.append(SentenceTransformer(source, revision=commit))
            except (OSError, ValueError, KeyError, ImportError) as error:
                raise cannot_load(name, error) from error
        return normalised(
            loaded[0].encode(list(texts), batch_size=_AT_ONCE, show_progress_bar=False)
        )

    return Embedder(facts, embed)
