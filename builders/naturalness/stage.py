"""Score the traces of a pool, shard by shard: whatever is interrupted goes on where it was.

    pool/annotations/naturalness/00001-ab….parquet          a finished sidecar
    pool/annotations/naturalness/.5f…/00001-ab…-0003.parquet   scores of some rows of a shard

A pool holds the scores of one student, made in one way, which its manifest names. Scores of some
rows are saved every half minute, in a folder named by all that they depend on, and become the
sidecar when the shard is done.
"""

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from builders.card import write_pool_card
from builders.errors import BadOption
from builders.files import only_writer, read_columns, remove_unfinished, write_parquet
from builders.naturalness.scorer import Scorer, score_question
from builders.pool import Pool, open_pool, save_manifest
from builders.schema import sidecar_schema

NAME = "naturalness"
_SAVE_SECONDS = 30.0


class ScoreReport(NamedTuple):
    """What was done now, and what the pool has.

    `scored` and `tokens` are responses and their tokens of this run; `labelled` are all traces with
    a score, of `rows`, and `not_scored` why others have none.
    """

    scored: int
    tokens: int
    seconds: float
    labelled: int
    rows: int
    not_scored: dict[str, int]


def annotate_naturalness(
    pool: Path | str,
    scorer: Scorer,
    *,
    overwrite: bool = False,
    on_missing: Callable[[int], None] = lambda rows: None,
    on_done: Callable[[object], None] = lambda one: None,
) -> ScoreReport:
    """Score every trace that has no score yet.

    Args:
        pool: the pool's folder.
        scorer: how.
        overwrite: replace scores that were made in another way.
        on_missing: told how many traces wait.
        on_done: called for each that is done.

    Raises:
        BadOption: the pool has scores that were made in another way.
        NotFinite: a response got a score that is no number; all before it is kept.
    """
    opened = open_pool(pool)
    began = time.monotonic()
    scored = tokens = 0
    with only_writer(opened.folder):
        remove_unfinished(opened.folder / "annotations")
        _claim(opened, scorer, overwrite)
        missing = [s for s in opened.shards("traces") if not opened.sidecar(NAME, s).exists()]
        works = [_Work(opened, shard, scorer) for shard in missing]
        on_missing(sum(work.waiting for work in works))
        for work in works:
            for row in work.score():
                scored += row.get("not_scored") is None
                tokens += row.get("num_student_tokens", 0)
                on_done(row)
            work.finish()
        shutil.rmtree(_parts_folder(opened, scorer), ignore_errors=True)
        write_pool_card(opened)
    seconds = time.monotonic() - began
    return ScoreReport(scored, tokens, seconds, *_tally(opened))


def _claim(pool: Pool, scorer: Scorer, overwrite: bool) -> None:
    """Enter into the manifest how this pool is scored, unless it was scored otherwise."""
    before = pool.manifest.get(NAME)
    if before == scorer.record:
        return
    if NAME in pool.annotations() and not overwrite:
        known = ", ".join(f"{key} {before[key]}" for key in before) if before else "a file"
        raise BadOption(
            f"{pool.folder}: has scores already, by {known}; --overwrite replaces them by "
            + ", ".join(f"{key} {value}" for key, value in scorer.record.items())
        )
    for shard in pool.shards("traces"):
        pool.sidecar(NAME, shard).unlink(missing_ok=True)
    pool.manifest[NAME] = scorer.record
    save_manifest(pool)


def _parts_folder(pool: Pool, scorer: Scorer) -> Path:
    return pool.folder / "annotations" / NAME / f".{scorer.key}"


class _Work:
    """One shard of traces: which rows have scores, and those that are not saved yet."""

    def __init__(self, pool: Pool, shard: Path, scorer: Scorer) -> None:
        self.sidecar = pool.sidecar(NAME, shard)
        self.shard = shard
        self.scorer = scorer
        self.folder = _parts_folder(pool, scorer)
        self.parts = sorted(self.folder.glob(f"{shard.stem}-*.parquet"))
        self.done = {
            key for part in self.parts for key in read_columns(part, ["id"])["id"].to_pylist()
        }
        self.waiting = pq.read_metadata(shard).num_rows - len(self.done)
        self.unsaved: list[dict[str, Any]] = []

    def score(self) -> Iterator[dict[str, Any]]:
        """Score what is missing; saves every half minute, and before an error."""
        saved = time.monotonic()
        try:
            for question, traces in self._questions():
                for row in score_question(self.scorer, question, traces):
                    self.unsaved.append(row)
                    yield row
                if time.monotonic() - saved > _SAVE_SECONDS:
                    self._save()
                    saved = time.monotonic()
        finally:
            self._save()

    def finish(self) -> None:
        """Write the sidecar, with the rows of the shard in their order."""
        keys = read_columns(self.shard, ["id"])["id"]
        schema = sidecar_schema(NAME)
        tables = [pq.read_table(part, schema=schema) for part in self.parts]
        table = pa.concat_tables([schema.empty_table(), *tables])
        places = pc.index_in(keys, value_set=table["id"].combine_chunks())
        write_parquet(table.take(places), self.sidecar)
        for part in self.parts:
            part.unlink()

    def _save(self) -> None:
        if self.unsaved:
            part = self.folder / f"{self.shard.stem}-{len(self.parts):06d}.parquet"
            write_parquet(pa.Table.from_pylist(self.unsaved, sidecar_schema(NAME)), part)
            self.parts.append(part)
            self.unsaved = []

    def _questions(self) -> Iterator[tuple[str, list[dict[str, str]]]]:
        """The questions of the shard with their traces, as far as they have no score."""
        columns = ["id", "question", "reasoning", "answer"]
        with pq.ParquetFile(self.shard) as file:
            for group in range(file.metadata.num_row_groups):
                together: dict[str, list[dict[str, str]]] = {}
                for row in file.read_row_group(group, columns=columns).to_pylist():
                    if row["id"] not in self.done:
                        together.setdefault(row["question"], []).append(row)
                yield from together.items()


def _tally(pool: Pool) -> tuple[int, int, dict[str, int]]:
    """How many traces have a score, how many there are, and why others have none."""
    reasons: Counter[str] = Counter()
    rows = labelled = 0
    for shard in pool.shards("traces"):
        table = read_columns(pool.sidecar(NAME, shard), ["local_naturalness", "not_scored"])
        rows += len(table)
        labelled += len(table) - table["local_naturalness"].null_count
        reasons.update(table["not_scored"].drop_null().to_pylist())
    return labelled, rows, dict(sorted(reasons.items()))
