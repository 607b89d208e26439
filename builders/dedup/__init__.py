"""Find the questions of a pool that repeat another one: `duplicate_of` beside each.

    question_id       is_duplicate  duplicate_of
    41d8cd98f00b204e  true          9f0c4e7d21b86a35
    9f0c4e7d21b86a35  false         null

First those that say the same in the same words; then those that say the same in nearly the same
words, as `near` has it. Never two traces of one question.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

import builders.words
from builders.card import write_pool_card
from builders.dedup.groups import survivors
from builders.dedup.near import describe, exact_groups, near_pairs, verified
from builders.errors import BadOption, BadPool
from builders.files import only_writer, write_parquet
from builders.pool import Pool, open_pool
from builders.schema import sidecar_schema
from builders.sidecars import replaced_annotation, write_made
from builders.words import Words, joined, read_words

THRESHOLD = 0.55
"""Of the Jaccard similarity of words: NaturalReasoning's."""

VERSION = 2
"""Raise it when the same questions may get other duplicates than before."""

Progress = Callable[[Iterable[Any], str], Iterable[Any]]


class DedupReport(NamedTuple):
    """How many questions there are, and how many repeat another one."""

    questions: int
    exact: int
    near: int
    groups: int
    largest_group: int
    threshold: float


def dedup(
    pool: Path | str,
    *,
    threshold: float = THRESHOLD,
    progress: Progress = lambda items, what: items,
) -> DedupReport:
    """Compare all questions of a pool, and write the sidecars `duplicates`, in place of older ones.

    Args:
        pool: the pool's folder.
        threshold: of the Jaccard similarity of the sets of words.
        progress: wraps what is iterated over, to show how far it is.

    Raises:
        BadOption: the threshold is none.
        BadPool: the folder is not a pool, or has no questions.
    """
    if not 0.3 <= threshold <= 1:
        raise BadOption(f"--threshold {threshold}: is not from 0.3 to 1")
    opened = open_pool(pool)
    if not opened.num_rows("questions"):
        raise BadPool(f"{pool}: has no questions; add some: nt import FILE --pool {pool}")
    with only_writer(opened.folder):
        words = joined([read_words(texts) for texts in progress(_questions(opened), "reading")])
        of, exact = find_duplicates(words, _ranked(opened), threshold=threshold, progress=progress)
        report = _report(of, exact, threshold)
        _write(opened, of, report)
        write_pool_card(opened)
    return report


def find_duplicates(
    words: Words,
    ranked: NDArray[np.int64],
    *,
    threshold: float = THRESHOLD,
    progress: Progress = lambda items, what: items,
) -> tuple[NDArray[np.int64], int]:
    """For each text the one that stands for it, itself if none does; and how many are exact copies.

    Args:
        words: of the texts.
        ranked: all texts, those that rather survive first.
        threshold: of the Jaccard similarity.
        progress: wraps what is iterated over.
    """
    texts = describe(words)
    copy_of = exact_groups(texts, ranked)
    kept = ranked[copy_of[ranked] == ranked]
    pairs = near_pairs(
        texts, kept, threshold=threshold, progress=lambda bands: progress(bands, "comparing")
    )
    place = survivors(
        len(kept), pairs, verify=lambda some: verified(texts, kept, some, threshold=threshold)
    )
    stands = np.arange(len(copy_of))
    stands[kept] = kept[place]
    alone = copy_of < 0
    of = np.where(alone, stands, stands[copy_of])
    return of, len(of) - len(kept) - int(alone.sum())


def _questions(pool: Pool) -> Iterator[list[str]]:
    for shard in pool.shards("questions"):
        for batch in pq.ParquetFile(shard).iter_batches(columns=["question"]):
            yield batch["question"].to_pylist()


def _ranked(pool: Pool) -> NDArray[np.int64]:
    """All questions, those that rather survive first.

    One that has a trace, since a config needs it; then one with a reference answer; then the one
    with the most traces; then by id, so that it does not depend on how the pool came to be.
    """
    ids = pool.keys("questions")
    referenced = np.concatenate([
        pc.is_valid(pq.read_table(shard, columns=["reference_answer"])[0]).to_numpy()
        for shard in pool.shards("questions")
    ])  # fmt: skip
    asked, counts = np.unique(pool.questions_of_traces(), return_counts=True)
    place = np.searchsorted(asked, ids).clip(max=max(len(asked) - 1, 0))
    traces = np.zeros(len(ids), np.int64)
    if len(asked):
        traces = np.where(asked[place] == ids, counts[place], 0)
    return np.lexsort((ids, -traces, ~referenced, traces == 0))


def _report(of: NDArray[np.int64], exact: int, threshold: float) -> DedupReport:
    sizes = np.bincount(of, minlength=len(of))
    dropped = int(np.count_nonzero(of != np.arange(len(of))))
    return DedupReport(
        questions=len(of),
        exact=exact,
        near=dropped - exact,
        groups=int(np.count_nonzero(sizes > 1)),
        largest_group=int(sizes.max()),
        threshold=threshold,
    )


def _write(pool: Pool, of: NDArray[np.int64], report: DedupReport) -> None:
    ids = pool.ids("questions", "question_id").combine_chunks()
    repeats = of != np.arange(len(of))
    with replaced_annotation(pool, "duplicates") as folder:
        start = 0
        for shard in pool.shards("questions"):
            end = start + pq.read_metadata(shard).num_rows
            some = repeats[start:end]
            named = ids.take(pa.array(of[start:end], mask=~some))
            columns = [ids[start:end], pa.array(some), named]
            table = pa.table(columns, schema=sidecar_schema("duplicates"))
            write_parquet(table, folder / shard.name)
            start = end
        versions = {"version": VERSION, "words": builders.words.VERSION}
        write_made(folder, {**report._asdict(), **versions})
