"""Vectors of a pool's questions, kept as sidecars: one shard of them for each shard of questions.

    pool/embeddings/lsa-3f0b5c9d1e7a2468/embedder.json         what the vectors depend on
    pool/embeddings/lsa-3f0b5c9d1e7a2468/00001-<key>.parquet   question_id, embedding (float16)

Whatever reads a pool does not look here; only clustering does. A shard is written when it is whole,
so a run that was killed goes on with the shards that are missing.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from builders.embedders import Embedder
from builders.errors import BadPool
from builders.files import (
    only_writer,
    read_columns,
    remove_unfinished,
    room_for,
    write_parquet,
    written_whole,
)
from builders.pool import Pool

FOLDER = "embeddings"


class Embeddings(NamedTuple):
    """The vectors that one embedder gave to the questions of a pool."""

    pool: Pool
    folder: Path

    def shards(self) -> Iterator[NDArray[np.float16]]:
        """The vectors of each shard of questions, in order of the rows.

        Raises:
            BadPool: a shard has other rows than the questions, or other dimensions than the rest.
        """
        dimensions: int | None = None
        for shard in self.pool.shards("questions"):
            table = read_columns(self.folder / shard.name, ["question_id", "embedding"])
            if not table["question_id"].equals(read_columns(shard, ["question_id"])["question_id"]):
                raise BadPool(f"{self.folder / shard.name}: has other rows than {shard}; delete it")
            vectors = _as_array(table["embedding"])
            if not len(vectors):
                continue
            if dimensions not in (None, vectors.shape[1]):
                raise BadPool(
                    f"{self.folder / shard.name}: its vectors have {vectors.shape[1]} dimensions, "
                    f"others {dimensions}; delete {self.folder}"
                )
            dimensions = vectors.shape[1]
            yield vectors


def embed(
    pool: Pool,
    embedder: Embedder,
    *,
    progress: Callable[[Iterable[Any]], Iterable[Any]] = iter,
) -> Embeddings:
    """Make the vectors that are missing.

    Args:
        pool: whose questions.
        embedder: what makes them.
        progress: wraps the shards, to show how far it is.

    Raises:
        BadPool: the embedder gave what is no number.
        Busy: another process makes the same.
        DiskFull: there is no room; whole shards stay.
    """
    folder = pool.folder / FOLDER / f"{_slug(embedder.facts['embedder'])}-{embedder.key}"
    with only_writer(folder):
        folder.mkdir(parents=True, exist_ok=True)
        remove_unfinished(folder)
        with written_whole(folder / "embedder.json") as path:
            text = json.dumps(embedder.facts, indent=2, ensure_ascii=False)
            path.write_text(text + "\n", "utf-8")
        shards = pool.shards("questions")
        missing = [shard for shard in shards if not (folder / shard.name).exists()]
        for shard in progress(missing):
            _embed_shard(shard, embedder, folder / shard.name)
    return Embeddings(pool, folder)


def _embed_shard(shard: Path, embedder: Embedder, path: Path) -> None:
    table = read_columns(shard, ["question_id", "question"])
    ids = table["question_id"].combine_chunks()
    texts = table["question"].to_pylist()
    vectors = embedder.embed(texts) if texts else np.zeros((0, 1), np.float32)
    broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(broken):
        raise BadPool(
            f"the embedder '{embedder.facts['embedder']}' gave NaN or infinity for "
            f"{len(broken):,} of {len(texts):,} questions, first for {ids[int(broken[0])]}; they "
            "were not written: choose another --embedder"
        )
    halves = pa.array(vectors.astype(np.float16).ravel())
    values = pa.FixedSizeListArray.from_arrays(halves, vectors.shape[1])
    with room_for(halves.nbytes, path.parent, kept="whole shards of vectors stay"):
        write_parquet(pa.table({"question_id": ids, "embedding": values}), path)


def _as_array(column: pa.ChunkedArray) -> NDArray[np.float16]:
    values = column.combine_chunks()
    flat: NDArray[np.float16] = values.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(len(values), -1) if len(values) else np.zeros((0, 1), np.float16)


def _slug(name: str) -> str:
    """A name as part of a folder's."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", Path(name).name if "/" in name else name)[:60]
