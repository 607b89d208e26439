"""Cluster the questions of a pool: embed, reduce, fit, assign, and write labels for all at once.

Cluster numbers of two fits have nothing to do with each other, so labels are made for the whole
pool or not at all, and labels that there are already are replaced only when that is asked for. How
they were made lies beside them, in annotations/clusters/made.json:

    {"embedder": {"embedder": "lsa", …}, "settings": {"dimensions": 10, …}, "seed": 0,
     "questions": 7473, "fitted": 7473, "clusters": 63, "noise": 5904, "table": [{"cluster": 0,
     "questions": 136, "terms": ["apples", "oranges", …]}, …], "map": {…}, …}
"""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from builders.card import write_pool_card
from builders.clusters import NOISE, Labels, Points, Settings
from builders.clusters.assigning import assign
from builders.clusters.describing import draw_map, numbered_by_size, typical_terms
from builders.clusters.fitting import fit, scaled_size
from builders.clusters.memory import available, check
from builders.clusters.reducing import fit_reduction
from builders.embedders import Embedder
from builders.embeddings import Embeddings, embed
from builders.errors import BadOption, BadPool
from builders.files import only_writer, read_columns, recover_folder, replace_folder, write_parquet
from builders.ids import content_id, uniform
from builders.pool import MADE, Pool, open_pool
from builders.schema import sidecar_schema

NAME = "clusters"

MAPPED = 12
"""So many of the largest clusters have their place on the map."""

_SETTINGS = Settings()

Progress = Callable[[Iterable[Any], str], Iterable[Any]]
OpenEmbedder = Callable[["Sample"], Embedder]


class Sample(NamedTuple):
    """The questions that are fitted, ordered by id: where they stand in the pool, their texts."""

    places: NDArray[np.int64]
    texts: list[str]


def no_progress(items: Iterable[Any], what: str) -> Iterable[Any]:
    """Show nothing."""
    return items


def cluster(
    pool: Path | str,
    open_embedder: OpenEmbedder,
    *,
    settings: Settings = _SETTINGS,
    seed: int = 0,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Label the questions of a pool with their clusters; returns how that was done.

    Args:
        pool: the pool's folder.
        open_embedder: makes the embedder, given the sample that it may be fitted on.
        settings: how clusters are made.
        seed: of the sample, and of the embedder where it draws.
        overwrite: replace cluster labels that the pool has already.
        progress: wraps what is iterated over, to show how far it is.

    Raises:
        BadPool: the pool has no questions, or they fall into no clusters.
        BadOption: it would not fit into memory, or the pool has cluster labels already.
    """
    opened = open_pool(pool)
    keys = opened.keys("questions")
    if not len(keys):
        raise BadPool(f"{pool}: has no questions; add some: nt import FILE --pool {pool}")
    check(len(keys), 1, settings, available=available())  # before the sample's texts are read
    sample = _sample(opened, keys, settings.fit_on, seed)
    embedder = open_embedder(sample)
    key = _key(embedder, settings, seed, keys)
    made = opened.made(NAME)
    if made and made["key"] == key and _is_complete(opened):
        return made
    if NAME in opened.annotations() and not overwrite:
        origin = f"made by {made['embedder']['embedder']}" if made else "that came with them"
        raise BadOption(
            f"{pool}: its questions have cluster labels {origin}; numbers of two clusterings do "
            "not go together, so replace them all with --overwrite, or leave them"
        )
    embeddings = embed(opened, embedder, progress=lambda shards: progress(shards, "embedding"))
    found = _cluster(embeddings, keys, sample, settings, progress)
    described = {
        "key": key,
        "embedder": dict(embedder.facts),
        "settings": settings._asdict(),
        "seed": seed,
        **_describe(found, keys, sample),
    }
    with only_writer(opened.folder):
        _write(opened, found.labels, described)
        write_pool_card(open_pool(pool))
    return described


class Found(NamedTuple):
    """The reduced vectors and labels of all questions, and what is told of how they came to be."""

    points: Points
    labels: Labels
    facts: dict[str, Any]


def _sample(pool: Pool, keys: NDArray[np.uint64], most: int, seed: int) -> Sample:
    """The questions with the smallest random numbers, which follow from seed and id alone."""
    shards = pool.shards("questions")
    ids = (one for s in shards for one in read_columns(s, ["question_id"])[0].to_pylist())
    u = uniform(ids, seed=seed, decision=NAME)
    places = np.argsort(u, kind="stable")[:most]
    wanted = np.sort(places)
    texts: dict[int, str] = {}
    start = 0
    for shard in shards:
        column = read_columns(shard, ["question"])["question"]
        here = wanted[np.searchsorted(wanted, start) : np.searchsorted(wanted, start + len(column))]
        found = column.take(pa.array(here - start)).to_pylist()
        texts.update(zip(here.tolist(), found, strict=True))
        start += len(column)
    ordered = places[np.argsort(keys[places], kind="stable")]
    return Sample(ordered, [texts[place] for place in ordered.tolist()])


def _key(embedder: Embedder, settings: Settings, seed: int, keys: NDArray[np.uint64]) -> str:
    """A hash of all that the labels depend on."""
    questions = f"{len(keys)} {int(np.bitwise_xor.reduce(keys)):x} {int(keys.sum()):x}"
    return content_id(embedder.key, json.dumps(settings._asdict()), str(seed), questions)


def _is_complete(pool: Pool) -> bool:
    return all(pool.sidecar(NAME, shard).exists() for shard in pool.shards("questions"))


def _cluster(
    embeddings: Embeddings,
    keys: NDArray[np.uint64],
    sample: Sample,
    settings: Settings,
    progress: Progress,
) -> Found:
    chosen = np.zeros(len(keys), bool)
    chosen[sample.places] = True
    known = np.concatenate([vectors.any(axis=1) for vectors in embeddings.shards()])
    if not known.any():
        raise BadPool("the embedder knows nothing of any question; choose another --embedder")
    width = next(iter(embeddings.shards())).shape[1]
    check(len(keys), width, settings, available=available())
    dimensions = min(settings.dimensions, width)
    reduction = fit_reduction(_rows(embeddings, chosen & known), dimensions)
    reduced = (reduction.apply(v) for v in progress(embeddings.shards(), "reducing"))
    points = np.concatenate(list(reduced))
    if not np.isfinite(points).all():
        raise BadPool(f"{embeddings.folder}: holds vectors with NaN or infinity; delete the folder")
    fitted = sample.places[known[sample.places]]
    labels = np.full(len(keys), NOISE, np.int32)
    for _ in progress(range(1), "clustering"):
        labels[fitted] = fit(points[fitted], settings, of=len(keys))
    rest = np.flatnonzero(known & ~chosen)
    if len(rest):
        labels[rest] = assign(
            points[rest],
            points[fitted],
            labels[fitted],
            neighbours=settings.neighbours,
            progress=lambda pieces: progress(pieces, "assigning"),
        )
    labels = numbered_by_size(labels, keys)
    _check_useful(labels, settings)
    facts = {
        "questions": len(keys),
        "unknown": int((~known).sum()),
        "fitted": len(fitted),
        "fitted_min_cluster_size": scaled_size(settings, len(fitted), len(keys)),
        "vector_dimensions": width,
        "variance_kept": round(reduction.explained, 4),
    }
    return Found(points, labels, facts)


def _rows(embeddings: Embeddings, chosen: NDArray[np.bool_]) -> Iterator[NDArray[np.float16]]:
    start = 0
    for vectors in embeddings.shards():
        yield vectors[chosen[start : start + len(vectors)]]
        start += len(vectors)


def _check_useful(labels: Labels, settings: Settings) -> None:
    """Refuse labels from which `semantic` could not choose."""
    clusters = int(labels.max()) + 1
    advice = (
        f"smaller --min-cluster-size (it was {settings.min_cluster_size}) or --min-samples (it was "
        f"{settings.min_samples}) finds more, and so may another --embedder; nothing was written"
    )
    if clusters == 0:
        raise BadPool(f"all {len(labels):,} questions are noise, in no cluster; a {advice}")
    if clusters == 1:
        raise BadPool(
            f"there is only one cluster, of {int((labels == 0).sum()):,} of {len(labels):,} "
            f"questions; a {advice}"
        )


def _describe(found: Found, keys: NDArray[np.uint64], sample: Sample) -> dict[str, Any]:
    sizes = np.bincount(found.labels[found.labels >= 0])
    terms = typical_terms(sample.texts, found.labels[sample.places], len(sizes))
    return {
        **found.facts,
        "clusters": len(sizes),
        "noise": int((found.labels == NOISE).sum()),
        "table": [
            {"cluster": number, "questions": int(size), "terms": terms[number]}
            for number, size in enumerate(sizes)
        ],
        "map": draw_map(found.points, found.labels, centres=MAPPED),
    }


def _write(pool: Pool, labels: Labels, described: dict[str, Any]) -> None:
    """Put the labels of all questions in the place of those that there are, in one step."""
    folder = pool.folder / "annotations" / NAME
    recover_folder(folder)
    new = folder.with_name(f".{NAME}.new")
    shutil.rmtree(new, ignore_errors=True)  # of a run that was killed
    start = 0
    for shard in pool.shards("questions"):
        ids = read_columns(shard, ["question_id"])["question_id"]
        here = pa.array(labels[start : start + len(ids)])
        write_parquet(pa.table([ids, here], schema=sidecar_schema(NAME)), new / shard.name)
        start += len(ids)
    text = json.dumps(described, ensure_ascii=False) + "\n"
    (new / MADE).write_text(text, "utf-8")
    replace_folder(new, folder)
