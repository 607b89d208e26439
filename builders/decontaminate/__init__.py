"""Find the questions of a pool that repeat items of benchmarks: `contaminated_by` beside each.

    question_id       contaminated_by
    41d8cd98f00b204e  ["math_500"]
    9f0c4e7d21b86a35  []

Looked at are the questions and their reference answers, one shard at a time. What they share with
which item is written to `matches.jsonl` beside the sidecars, for a person to judge.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import builders.words
from builders.card import write_pool_card
from builders.decontaminate.benchmarks import Benchmark, open_benchmark
from builders.decontaminate.search import (
    PARTS,
    Hits,
    Index,
    Match,
    index_items,
    matches,
    other_numbers,
    search,
)
from builders.errors import BadOption, BadPool
from builders.files import only_writer, write_parquet
from builders.pool import Pool, open_pool
from builders.schema import sidecar_schema
from builders.sidecars import replaced_annotation, write_made
from builders.words import prepared, read_words, words_with_places

VERSION = 2
"""Raise it when the same questions may match other items than before."""

MATCHES = "matches.jsonl"
"""What a text shares with an item, and the verdict: "repeats", "other numbers" (words and template
are the item's, numbers are not), or "shares less" than half of it. Only the first one counts."""

REPEATS = "repeats"

_EXCERPT = 1000  # characters of a question and an item in the report

Progress = Callable[[Iterable[Any], str], Iterable[Any]]


class DecontaminateReport(NamedTuple):
    """How many questions repeat an item of a benchmark, and how many matches there are to judge.

    Of each benchmark: what was read (`data`, `revision`), its `items`, how many of them are
    `repeated`, and by how many `questions`.
    """

    questions: int
    contaminated: int
    matches: int
    benchmarks: list[dict[str, Any]]


def decontaminate(
    pool: Path | str,
    against: Sequence[str],
    *,
    progress: Progress = lambda items, what: items,
) -> DecontaminateReport:
    """Search a pool for benchmarks, and write the sidecars `contamination`, in place of older ones.

    Args:
        pool: the pool's folder.
        against: benchmarks by name, files, or NAME=FILE; see `open_benchmark`.
        progress: wraps what is iterated over, to show how far it is.

    Raises:
        BadOption: no benchmark is named, one twice, or there is none of that name.
        BadSource: a benchmark cannot be read.
        BadPool: the folder is not a pool, or has no questions.
    """
    if not against:
        raise BadOption("name a benchmark or a file: --against math_500")
    opened = open_pool(pool)
    if not opened.num_rows("questions"):
        raise BadPool(f"{pool}: has no questions; add some: nt import FILE --pool {pool}")
    benchmarks = [open_benchmark(one) for one in progress(list(against), "opening")]
    names = Counter(one.name for one in benchmarks)
    if twice := [name for name, times in names.items() if times > 1]:
        raise BadOption(f"--against: '{twice[0]}' is named twice; give one of them NAME=FILE")
    with only_writer(opened.folder):
        index = index_items([item for one in benchmarks for item in one.items])
        found = _find(opened, index, progress)
        report = _write(opened, benchmarks, index, found)
        write_pool_card(opened)
    return report


def _find(pool: Pool, index: Index, progress: Progress) -> list[Match]:
    """All matches; text 2i is the question of row i of the pool, text 2i + 1 its answer."""
    parts: list[Hits] = []
    start = 0
    for rows in progress(_texts(pool), "searching"):
        answers = np.arange(2 * len(rows)) % 2 == 1
        words = read_words(text or "" for row in rows for text in row)
        hits = search(index, words, answers)
        parts.append(hits._replace(text=hits.text + 2 * start))
        start += len(rows)
    return matches(index, Hits(*(np.concatenate(c) for c in zip(*parts, strict=True))))


def _texts(pool: Pool) -> Iterator[list[tuple[str, str | None]]]:
    """Questions and reference answers, a batch at a time."""
    for shard in pool.shards("questions"):
        for batch in pq.ParquetFile(shard).iter_batches(columns=["question", "reference_answer"]):
            questions, answers = (column.to_pylist() for column in batch.columns)
            yield list(zip(questions, answers, strict=True))


def _write(
    pool: Pool, benchmarks: Sequence[Benchmark], index: Index, found: Sequence[Match]
) -> DecontaminateReport:
    """Judge the matches, write them, the sidecars and how they came to be."""
    owners = [(one, row) for one in benchmarks for row in range(1, len(one.items) + 1)]
    by_row: dict[int, list[Match]] = {}
    for match in found:
        by_row.setdefault(match.text // 2, []).append(match)
    questions: Counter[str] = Counter()
    repeated: set[tuple[str, int]] = set()
    contaminated = start = 0
    with (
        replaced_annotation(pool, "contamination") as folder,
        (folder / MATCHES).open("w", encoding="utf-8") as file,
    ):
        for shard in pool.shards("questions"):
            ids = pq.read_table(shard, columns=["question_id"])[0].to_pylist()
            here = {row - start: by_row[row] for row in range(start, start + len(ids))
                    if row in by_row}  # fmt: skip
            names: list[list[str]] = [[] for _ in ids]
            for place, line in _lines(shard, here, index, owners):
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
                if line["verdict"] == REPEATS:
                    names[place] = sorted({*names[place], line["benchmark"]})
                    repeated.add((line["benchmark"], line["item"]))
            questions.update(name for some in names for name in some)
            contaminated += sum(map(bool, names))
            columns = [pa.array(ids, pa.string()), pa.array(names, pa.list_(pa.string()))]
            table = pa.table(columns, schema=sidecar_schema("contamination"))
            write_parquet(table, folder / shard.name)
            start += len(ids)
        items = Counter(name for name, _ in repeated)
        report = DecontaminateReport(
            questions=start,
            contaminated=contaminated,
            matches=len(found),
            benchmarks=[
                {
                    "name": one.name,
                    "data": one.data,
                    "revision": one.revision,
                    "items": len(one.items),
                    "repeated": items[one.name],
                    "questions": questions[one.name],
                }
                for one in benchmarks
            ],
        )
        versions = {"version": VERSION, "words": builders.words.VERSION}
        write_made(folder, {**report._asdict(), **versions})
    return report


def _lines(
    shard: Path,
    rows: Mapping[int, Sequence[Match]],
    index: Index,
    owners: Sequence[tuple[Benchmark, int]],
) -> Iterator[tuple[int, dict[str, Any]]]:
    """What a person needs to judge each match of a shard, with the place of its row."""
    if not rows:
        return
    columns = ["question_id", "question", "reference_answer"]
    table = pq.read_table(shard, columns=columns).take(list(rows))
    for row, (place, found) in zip(table.to_pylist(), rows.items(), strict=True):
        for match in found:
            benchmark, number = owners[match.item]
            where = "reference_answer" if match.text % 2 else "question"
            words, places = words_with_places(row[where])
            verdict = REPEATS if match.repeats else "shares less"
            if match.repeats and other_numbers(index, match, words):
                verdict = "other numbers"
            shown = prepared(row[where])
            yield (
                place,
                {
                    "question_id": row["question_id"],
                    "verdict": verdict,
                    "benchmark": benchmark.name,
                    "item": number,
                    "part": PARTS[index.part[match.unit]],
                    "share": match.share,
                    "found_in": where,
                    "shared": [shown[places[a][0] : places[b - 1][1]] for a, b in match.words],
                    "question": row["question"][:_EXCERPT],
                    "benchmark_question": benchmark.items[number - 1].question[:_EXCERPT],
                },
            )
