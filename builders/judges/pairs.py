"""Pairs: a trace's answer, and the other answer that it is compared with.

    disagreement   the second model's answer to the same question
    correctness    the question's reference answer

A pair has an id, made of those of both answers, under which replies are stored. Whether its answers
are the same for certain is looked at once and noted in `pool/replies/certain/`, since mathematics
takes its time.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from builders.endpoints.store import FOLDER, connect, signed
from builders.errors import BadOption
from builders.files import read_columns
from builders.ids import as_numbers, content_id
from builders.judges.equality import Equality
from builders.pool import Pool
from builders.waiting import are_in, row_groups

Numbers = NDArray[np.uint64]
NO_PAIR = 0
_RULES = 2  # of `equality`; raised when they change
_GROUPS = 64  # row groups of second answers in memory


class Pairs(NamedTuple):
    """The pair of each trace, in the order of the pool: its id, 0 where there is none.

    `columns` are those of a trace that `other` needs, which tells the other answer of the trace at
    a place; `model` is the second model.
    """

    ids: Numbers
    columns: tuple[str, ...]
    other: Callable[[int, Mapping[str, Any]], str]
    model: str | None = None


def with_references(pool: Pool) -> Pairs:
    """Each trace with the reference answer of its question.

    Raises:
        BadOption: no question has one.
    """
    ids = []
    for shard in pool.shards("traces"):
        table = read_columns(shard, ["id", "reference_answer"])
        references = table["reference_answer"].to_pylist()
        hashes = [content_id(text) if text else "0" * 16 for text in references]
        ids.append(_paired(as_numbers(table["id"]), as_numbers(pa.chunked_array([hashes]))))
    found = np.concatenate(ids) if ids else np.zeros(0, np.uint64)
    if not found.any():
        raise BadOption(f"{pool.folder}: no trace has a reference answer to be compared with")
    return Pairs(found, ("reference_answer",), lambda place, row: str(row["reference_answer"]))


def with_second_answers(pool: Pool, model: str | None) -> Pairs:
    """Each trace with the first answer of a second model to its question.

    Args:
        pool: whose traces.
        model: the second model; None where only one has answered.

    Raises:
        BadOption: there is no answer, or it is not clear whose is meant.
    """
    answers = _Answers(pool)
    chosen = _one_of(pool, answers.models(), model)
    ids, questions, places = answers.of(chosen)
    order = np.argsort(questions, kind="stable")
    ordered = questions[order]
    asked = [read_columns(s, ["id", "question_id"]) for s in pool.shards("traces")]
    table = pa.concat_tables(asked)
    of_trace = as_numbers(table["question_id"])
    there = are_in(of_trace, ordered)
    # The leftmost of those to the same question: the first in the table.
    found = order[np.minimum(np.searchsorted(ordered, of_trace), len(ordered) - 1)]
    seconds = np.where(there, ids[found], np.uint64(0))
    rows = places[found]
    return Pairs(
        _paired(as_numbers(table["id"]), seconds),
        (),
        lambda place, row: answers.text(int(rows[place])),
        chosen,
    )


def _paired(traces: Numbers, others: Numbers) -> Numbers:
    """One id for both; turned by a bit, so that the order counts. 0 where there is no other."""
    turned = (others << np.uint64(1)) | (others >> np.uint64(63))
    result: Numbers = np.where(others == NO_PAIR, np.uint64(NO_PAIR), traces ^ turned)
    return result


def _one_of(pool: Pool, models: list[str], wanted: str | None) -> str:
    if wanted in models:
        return str(wanted)
    ask = "--second-model MODEL --second-base-url URL asks one"
    if wanted is not None:
        raise BadOption(f"{pool.folder}: there is no answer of '{wanted}' yet; {ask}")
    if not models:
        raise BadOption(f"{pool.folder}: there is no second answer to compare with; {ask}")
    if len(models) > 1:
        names = ", ".join(models)
        raise BadOption(f"{pool.folder}: second answers of {names}; choose with --second-model")
    return models[0]


class _Answers:
    """The table of second answers: narrow columns whole, of the texts some row groups."""

    def __init__(self, pool: Pool) -> None:
        self._shards = pool.shards("second_answers")
        self._starts: list[int] = []
        self._groups: list[tuple[Path, int]] = []
        total = 0
        for shard in self._shards:
            metadata = pq.read_metadata(shard)
            for group in range(metadata.num_row_groups):
                self._starts.append(total)
                self._groups.append((shard, group))
                total += metadata.row_group(group).num_rows
        # Traces and second answers mostly come in the same order, so few groups are enough.
        self._texts = lru_cache(maxsize=_GROUPS)(self._read)

    def models(self) -> list[str]:
        """Who has answered."""
        found = [pc.unique(read_columns(s, ["model"])["model"]).to_pylist() for s in self._shards]
        return sorted({model for models in found for model in models})

    def of(self, model: str) -> tuple[Numbers, Numbers, NDArray[np.int64]]:
        """A model's answers: their ids, their questions, and their places in the table."""
        tables = [read_columns(s, ["id", "question_id", "model"]) for s in self._shards]
        table = pa.concat_tables(tables)
        places = np.flatnonzero(pc.equal(table["model"], model).to_numpy())
        some = table.take(places)
        return as_numbers(some["id"]), as_numbers(some["question_id"]), places

    def text(self, place: int) -> str:
        """The answer at a place in the table."""
        group = int(np.searchsorted(self._starts, place, "right")) - 1
        return str(self._texts(group)[place - self._starts[group]])

    def _read(self, group: int) -> pa.ChunkedArray:
        shard, number = self._groups[group]
        with pq.ParquetFile(shard) as file:
            return file.read_row_group(number, columns=["answer"])["answer"]


def certain(
    pool: Pool,
    pairs: Pairs,
    wanted: NDArray[np.bool_],
    progress: Callable[[Iterable[Any]], Iterable[Any]] = iter,
) -> NDArray[np.bool_]:
    """Of each trace whether its answers are the same for certain.

    Args:
        pool: whose traces.
        pairs: their other answers.
        wanted: the traces to look at, where that was not done before.
        progress: wraps the row groups that have to be looked at.
    """
    path = pool.folder / FOLDER / "certain" / f"rules-{_RULES}.sqlite"
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(connect(path)) as db:
        db.execute("CREATE TABLE IF NOT EXISTS pairs (id INTEGER PRIMARY KEY, same INTEGER)")
        seen = np.fromiter((row[0] for row in db.execute("SELECT id FROM pairs")), np.int64)
        new = wanted & (pairs.ids != NO_PAIR) & ~are_in(pairs.ids, np.sort(seen.view(np.uint64)))
        with contextlib.closing(Equality()) as equality:
            for start, table in progress(_groups(pool, pairs, new)):
                places, both = _both(table, pairs, new, start)
                same = equality.certainly_same(both)
                ids = [signed(int(pairs.ids[place])) for place in places]
                db.execute("BEGIN IMMEDIATE")
                db.executemany(
                    "INSERT OR REPLACE INTO pairs VALUES (?, ?)", zip(ids, same, strict=True)
                )
                db.execute("COMMIT")
        same_ones = db.execute("SELECT id FROM pairs WHERE same")
        known = np.fromiter((row[0] for row in same_ones), np.int64).view(np.uint64)
    return are_in(pairs.ids, np.sort(known))


def _groups(pool: Pool, pairs: Pairs, new: NDArray[np.bool_]) -> Iterator[tuple[int, Any]]:
    return row_groups(pool, ["answer", *pairs.columns], new, table="traces")


def _both(
    table: pa.Table, pairs: Pairs, new: NDArray[np.bool_], start: int
) -> tuple[list[int], list[tuple[str, str]]]:
    """The places of a row group's new pairs, and their answers."""
    rows = np.flatnonzero(new[start : start + len(table)])
    places = [start + int(row) for row in rows]
    texts = table.take(rows).to_pylist()
    return places, [
        (row["answer"], pairs.other(place, row)) for place, row in zip(places, texts, strict=True)
    ]
