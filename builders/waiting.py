"""Which questions of a pool wait for a teacher, and what is asked of it.

A question waits if it has fewer traces of this teacher than samples are wanted, and neither a reply
that is stored nor a failure that is final. Only ids are compared: 9 bytes for each question are in
memory, its text when its turn comes.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from builders.endpoints import Job
from builders.endpoints.store import Store
from builders.files import read_columns
from builders.ids import as_numbers
from builders.pool import Pool
from builders.prompts import Prompt
from builders.selection import excluded_questions

Numbers = NDArray[np.uint64]


class Missing(NamedTuple):
    """Which questions have to be asked: for each sample, whether, in the order of the pool."""

    questions: Numbers
    needed: NDArray[np.bool_]

    @property
    def total(self) -> int:
        """How many requests that is."""
        return int(self.needed.sum())


def missing(
    pool: Pool, store: Store, asked: int, teacher: str, *, samples: int, again: bool = False
) -> Missing:
    """Which samples have neither a stored reply nor a trace of this teacher from elsewhere.

    Args:
        pool: whose questions.
        store: of the teacher's replies.
        asked: the number of what is asked, in the store.
        teacher: who is asked.
        samples: how many traces each question shall have.
        again: ask again what the server refused.
    """
    questions = pool.keys("questions")
    elsewhere = _answered_elsewhere(pool, store, asked, teacher)
    have = _counts(questions, elsewhere) if len(elsewhere) else np.zeros(len(questions), np.int64)
    needed = np.zeros((samples, len(questions)), np.bool_)
    out = excluded_questions(pool)  # a trace that no config may have is not paid for
    for sample in range(samples):
        stored = np.sort(store.subjects(asked, sample, again=again))
        needed[sample] = (have <= sample) & ~are_in(questions, stored) & ~out
    return Missing(questions, needed)


def _answered_elsewhere(pool: Pool, store: Store, asked: int, teacher: str) -> Numbers:
    """The question of each trace of this teacher that what is asked now did not bring."""
    found = [store.usable_of_others(asked)]
    made: Numbers | None = None
    for shard in pool.shards("traces"):
        table = read_columns(shard, ["id", "question_id", "teacher"])
        table = table.filter(pc.equal(table["teacher"], teacher))
        if len(table):
            made = np.sort(store.rows_made()) if made is None else made
            ids, questions = as_numbers(table["id"]), as_numbers(table["question_id"])
            found.append(questions[~are_in(ids, made)])
    return np.concatenate(found)


def are_in(numbers: Numbers, ordered: Numbers) -> NDArray[np.bool_]:
    """Of each number, whether it is among these, which are sorted."""
    if not len(ordered):
        return np.zeros(len(numbers), np.bool_)
    places = np.minimum(np.searchsorted(ordered, numbers), len(ordered) - 1)
    result: NDArray[np.bool_] = ordered[places] == numbers
    return result


def _counts(numbers: Numbers, among: Numbers) -> NDArray[np.int64]:
    """How often each number occurs among these."""
    ordered = np.sort(among)
    first = np.searchsorted(ordered, numbers, "left")
    return np.searchsorted(ordered, numbers, "right") - first


def jobs(pool: Pool, wanted: Missing, prompt: Prompt) -> Iterator[Job]:
    """The requests, in the order of the pool; only the text of some thousand is in memory."""
    of_any: NDArray[np.bool_] = np.asarray(wanted.needed.any(axis=0))
    for start, table in row_groups(pool, ["question_id", "question"], of_any):
        needed = wanted.needed[:, start : start + len(table)]
        rows = np.flatnonzero(needed.any(axis=0))
        some = table.take(rows)
        ids, texts = some["question_id"].to_pylist(), some["question"].to_pylist()
        for row, key, text in zip(rows, ids, texts, strict=True):
            messages = [{"role": "user", "content": prompt.about(text)}]
            for sample in np.flatnonzero(needed[:, row]):
                yield Job(key, int(sample), messages, {"question": text})


def row_groups(
    pool: Pool, columns: Sequence[str], needed: NDArray[np.bool_], *, table: str = "questions"
) -> Iterator[tuple[int, Any]]:
    """The row groups of a table in which a row is needed, and the place of their first row."""
    start = 0
    for shard in pool.shards(table):
        with pq.ParquetFile(shard) as file:
            for group in range(file.metadata.num_row_groups):
                end = start + file.metadata.row_group(group).num_rows
                if needed[start:end].any():
                    yield start, file.read_row_group(group, columns=list(columns))
                start = end
