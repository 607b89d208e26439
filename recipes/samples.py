"""The replies of a run, kept as they come: a small file for each batch, one table in the end.

    results/student/.parts/000017-4242.parquet     a batch, written beside and renamed
    results/student/samples.parquet                all of them, when the run has ended

A run that was killed loses the batch that was being answered, and nothing else.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import results
import scoring
from preflight import Stop

if TYPE_CHECKING:
    from engines import Reply
    from lighteval.tasks.requests import Doc

PARTS = ".parts"
SAME = ("model_revision", "engine", "dtype", "instructions")
SAME_OF_BENCHMARK = ("data_revision", "max_new_tokens", "sampling")
"""What has to agree when a run goes on."""

Key = tuple[str, str, int, str]  # benchmark, mode, seed, question


class Samples:
    """What was answered so far."""

    def __init__(self, folder: Path, record: dict[str, Any], keys: set[Key]):
        self.folder, self.record, self.keys = folder, record, keys
        self.number = 0

    @classmethod
    def open(cls, folder: Path, record: dict[str, Any]) -> Samples:
        """Open a folder, new or of a run that was begun.

        Raises:
            Stop: it holds a run with other settings.
        """
        before = results.read_record(folder)
        if before is not None:
            record = _joined(before, record, folder)
        elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise Stop(f"{folder} holds something else, and no run: name another --out")
        keys: set[Key] = set()
        for path in _files(folder):
            read = results.read_samples(path, columns=list(results.KEYS))
            columns = [read[name].to_pylist() for name in ("benchmark", "mode", "seed")]
            keys |= set(zip(*columns, read["question_id"].to_pylist(), strict=True))
        results.write_record(folder, record)
        return cls(folder, record, keys)

    def __len__(self) -> int:
        return len(self.keys)

    def __contains__(self, key: Key) -> bool:
        return key in self.keys

    def add(self, docs: Sequence[Doc], replies: Sequence[Reply]) -> None:
        """Score a batch and write it."""
        rows = [_row(doc, reply) for doc, reply in zip(docs, replies, strict=True)]
        parts = self.folder / PARTS
        parts.mkdir(exist_ok=True)
        self.number += 1
        name = f"{self.number:06}-{os.getpid()}"
        partial = parts / f".{name}"
        pq.write_table(pa.Table.from_pylist(rows, results.SCHEMA), partial, compression="zstd")
        partial.replace(parts / f"{name}.parquet")
        self.keys |= {tuple(row[name] for name in results.KEYS) for row in rows}

    def write(self) -> None:
        """Join the batches to one table, then remove them."""
        files = _files(self.folder)
        tables = [results.read_samples(path) for path in files]
        if tables:
            table = _once(pa.concat_tables(tables))
            ids = {}
            for name, id in zip(*(table[c].to_pylist() for c in results.KEYS[::3]), strict=True):
                ids.setdefault(name, set()).add(id)
            for name, told in self.record["benchmarks"].items():
                told["questions"] = len(ids.get(name, ()))
            results.write_run(self.folder, self.record, table)
        shutil.rmtree(self.folder / PARTS, ignore_errors=True)


def same_over_seeds(folder: Path) -> str:
    """The benchmarks and modes whose seeds all gave the same replies."""
    read = results.read_samples(
        folder / results.SAMPLES, columns=["benchmark", "mode", "seed", "question_id", "text"]
    )
    seeds = read.group_by(["benchmark", "mode"]).aggregate([("seed", "count_distinct")])
    several = [row for row in seeds.to_pylist() if row["seed_count_distinct"] > 1]
    replies = read.group_by(["benchmark", "mode", "question_id"]).aggregate(
        [("text", "count_distinct")]
    )
    differ = {
        (row["benchmark"], row["mode"])
        for row in replies.to_pylist()
        if row["text_count_distinct"] > 1
    }
    names = [(row["benchmark"], row["mode"]) for row in several]
    return ", ".join(" ".join(name) for name in names if name not in differ)


def _row(doc: Doc, reply: Reply) -> dict[str, Any]:
    told = doc.specific
    scored = scoring.score(
        told["kind"],
        reply.text,
        told["reference"],
        options=told["options"] or None,
        truncated=reply.truncated,
    )
    told["scored"] = scored  # lighteval asks for it once more
    return {
        **{name: told[name] for name in (*results.KEYS, "reference", "domain", "difficulty")},
        "correct": scored.correct,
        "extracted": scored.extracted,
        "tokens": reply.tokens,
        "thinking_tokens": reply.thinking_tokens,
        "thought": bool((scoring.take_apart(reply.text).thinking or "").strip()),
        "truncated": reply.truncated,
        "text": reply.text,
    }


def _files(folder: Path) -> list[Path]:
    whole = folder / results.SAMPLES
    return [*([whole] if whole.is_file() else []), *sorted((folder / PARTS).glob("[!.]*.parquet"))]


def _once(table: pa.Table) -> pa.Table:
    """Each reply once: a run may be killed after its table was written, before its batches went."""
    numbered = table.select(list(results.KEYS)).append_column("row", pa.array(range(len(table))))
    first = numbered.group_by(list(results.KEYS)).aggregate([("row", "min")])
    return table.take(first["row_min"])


def _joined(before: dict[str, Any], now: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The record of a run that goes on.

    Raises:
        Stop: it would mix what cannot be compared.
    """
    differ = [
        f"{name} was {before.get(name)!r}, is {now[name]!r}"
        for name in SAME
        if before.get(name) != now[name]
    ]
    if now["model_revision"] is None and before["model"] != now["model"]:  # at an endpoint
        differ.append(f"model was {before['model']!r}, is {now['model']!r}")
    benchmarks = dict(before["benchmarks"])
    for name, told in now["benchmarks"].items():
        was = benchmarks.get(name)
        if was is None:
            benchmarks[name] = told
            continue
        differ += [
            f"{name}: {part} was {was[part]!r}, is {told[part]!r}"
            for part in SAME_OF_BENCHMARK
            if was[part] != told[part]
        ]
        differ += [
            f"{name}: the prompt of {mode} is another one"
            for mode, prompt in told["prompt_hash"].items()
            if was["prompt_hash"].get(mode, prompt) != prompt
        ]
        benchmarks[name] = {
            **told,
            "prompt_hash": was["prompt_hash"] | told["prompt_hash"],
            "seeds": sorted({*was["seeds"], *told["seeds"]}),
        }
    if differ:
        raise Stop(
            f"{folder} holds a run with other settings; name another --out. {'; '.join(differ)}"
        )
    return {**now, "benchmarks": benchmarks}
