"""Writing a pool: records in, shards out.

A shard is closed after `SHARD_ROWS` rows or `SHARD_BYTES` of text, so memory does not grow with the
source. Every file is written whole; a shard comes after its sidecars.
"""

import contextlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from builders.card import write_pool_card
from builders.errors import BadPool
from builders.files import write_parquet, written_whole
from builders.ids import content_id
from builders.pool import Pool, open_pool, save_manifest
from builders.schema import ANNOTATIONS, KEYS, TABLES, arrow_schema, sidecar_schema
from builders.sources import Drop, Position, Record, Source
from builders.tokens import Tokenizer

SHARD_ROWS = 8192
SHARD_BYTES = 128 * 2**20
_FEW_IDS = 50_000
_COUNTED_AT_ONCE = 256  # a tokenizer holds some 700 kB for each long trace


class ImportReport(NamedTuple):
    """What an import did, in rows.

    `dropped` counts this import's own, by reason; `read_before` are the rows that an import which
    was cut off had read already.
    """

    questions_added: int
    traces_added: int
    second_answers_added: int
    already_there: int
    dropped: dict[str, int]
    read_before: int = 0


class _Seen:
    """Ids that are in the pool already: eight bytes for each, and a set of the recent ones."""

    def __init__(self, old: NDArray[np.uint64]) -> None:
        self._old = np.sort(old)
        self._recent: set[int] = set()

    def add(self, key: str) -> bool:
        """Whether the id is new; it no longer is."""
        number = int(key, 16)
        if number in self._recent:
            return False
        at = int(np.searchsorted(self._old, np.uint64(number)))
        if at < len(self._old) and int(self._old[at]) == number:
            return False
        self._recent.add(number)
        # Sorting all ids for every few new ones would grow with the square of their number.
        if len(self._recent) > max(_FEW_IDS, len(self._old) // 8):
            recent = np.fromiter(self._recent, np.uint64, len(self._recent))
            self._old = np.sort(np.concatenate([self._old, recent]))
            self._recent = set()
        return True


class PoolWriter:
    """Collects rows, and writes a shard of each table when there are enough."""

    def __init__(self, pool: Pool, source: Source, tokenizer: Tokenizer, shard_rows: int) -> None:
        self._pool = pool
        self._source = source
        self._described = {
            "source": source.name,
            "revision": source.revision,
            "layout": source.layout,
            **({"options": dict(source.options)} if source.options else {}),
        }
        self._imports_before: list[dict[str, Any]] = pool.manifest["imports"]
        self._cut_at = self._where_it_was_cut()
        self._read_before: int = self._cut_at["rows"] if self._cut_at else 0
        self._rows_read = self._read_before
        self._tokenizer = tokenizer
        self._shard_rows = shard_rows
        self._rows: dict[str, list[dict[str, Any]]] = {table: [] for table in TABLES}
        self._seen = {table: _Seen(pool.keys(table)) for table in TABLES}
        self._dropped: list[dict[str, Any]] = []
        self._seen_dropped = {row["id"] for row in pool.dropped()}
        self._next = {kind: _next_number(pool.folder / kind) for kind in (*TABLES, "dropped")}
        self._written: list[Path] = []
        self._bytes = 0
        self._added: Counter[str] = Counter()
        self._already = 0
        self._reasons: Counter[str] = Counter()

    def report(self) -> ImportReport:
        """What was added until now."""
        return ImportReport(
            self._added["questions"],
            self._added["traces"],
            self._added["second_answers"],
            self._already,
            dict(sorted(self._reasons.items())),
            self._read_before,
        )

    def has_rows(self) -> bool:
        """Whether anything was added until now."""
        return bool(self._added or self._reasons)

    def missing(self) -> Iterator[Record | Drop]:
        """The source's records, without those that an import which was cut off had read."""
        if self._cut_at is None or self._source.resume is None:
            return self._source.records
        return self._source.resume.after(self._cut_at)

    def _where_it_was_cut(self) -> Position | None:
        """Where an import of the same rows with the same options was cut off."""
        for one in reversed(self._imports_before):
            if one.get("position") and self._is_of_this_source(one):
                position: Position = one["position"]
                return position
        return None

    def _is_of_this_source(self, imported: Mapping[str, Any]) -> bool:
        return all(imported.get(name) == said for name, said in self._described.items())

    def add(self, record: Record | Drop) -> None:
        """Take a record, and write a shard if there are enough."""
        self._rows_read += 1
        if isinstance(record, Drop):
            self._drop(record)
        else:
            self._add_record(record)
        rows = max(map(len, (*self._rows.values(), self._dropped)))
        if rows >= self._shard_rows or self._bytes >= SHARD_BYTES:
            self.flush()

    def _drop(self, drop: Drop) -> None:
        if drop.id in self._seen_dropped:
            self._already += 1
            return
        self._seen_dropped.add(drop.id)
        self._reasons[drop.reason] += 1
        self._dropped.append(drop._asdict())

    def _add_record(self, record: Record) -> None:
        question_id = content_id(record.question)
        asked = {
            "question_id": question_id,
            "question": record.question,
            "reference_answer": record.reference_answer,
            "source": record.source,
            "license": record.license,
        }
        added = int(self._add_row("questions", question_id, asked, record.annotations))
        for second in record.second_answers:
            key = content_id(record.question, second.model, second.answer)
            row = {"id": key, "question_id": question_id, **second._asdict()}
            added += self._add_row("second_answers", key, row, {})
        for response in record.responses:
            key = content_id(record.question, response.teacher, response.reasoning, response.answer)
            row = {"id": key, **asked, **response._asdict()}
            if not self._add_row("traces", key, row, record.annotations):
                self._already += 1
        for drop in record.dropped:
            self._drop(drop)
        if not added and not record.responses and not record.dropped:
            self._already += 1

    def _add_row(
        self,
        table: str,
        key: str,
        row: dict[str, Any],
        annotations: Mapping[str, Mapping[str, Any]],
    ) -> bool:
        if not self._seen[table].add(key):
            return False
        of_table = {n: v for n, v in annotations.items() if ANNOTATIONS[n].grain == table}
        self._rows[table].append({**row, **of_table})
        self._added[table] += 1
        self._bytes += sum(len(value) for value in row.values() if isinstance(value, str))
        return True

    def flush(self) -> None:
        """Write what was collected, and say in manifest and card that it is there."""
        self._write_shards()
        resume = self._source.resume
        self._describe(resume.position(self._rows_read) if resume else None)

    def finish(self) -> None:
        """The same, when nothing follows."""
        self._write_shards()
        self._describe(None, finished=True)

    def _write_shards(self) -> None:
        for table in TABLES:
            if rows := self._rows[table]:
                self._write_shard(table, rows)
                self._rows[table] = []
        if self._dropped:
            lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in self._dropped]
            key = content_id(*(row["id"] for row in self._dropped))
            path = self._new_path("dropped", key, "jsonl")
            self._written.append(path)
            with written_whole(path) as temporary:
                temporary.write_text("".join(lines), "utf-8")
            self._dropped = []
        self._bytes = 0

    def _describe(self, position: Position | None, *, finished: bool = False) -> None:
        imports = self._imports_before
        if position or finished:  # it takes the place of where an earlier import was cut off
            imports = [
                {**one, "position": None} if self._is_of_this_source(one) else one
                for one in imports
            ]
        if self.has_rows():
            said = {**self._described, **self.report()._asdict(), "position": position}
            imports = [*imports, said]
        self._pool.manifest["imports"] = imports
        save_manifest(self._pool)
        write_pool_card(open_pool(self._pool.folder))

    def _write_shard(self, table: str, rows: list[dict[str, Any]]) -> None:
        """Write a shard after its sidecars, since it makes them count."""
        key = KEYS[table]
        path = self._new_path(table, content_id(*(row[key] for row in rows)), "parquet")
        for name, annotation in ANNOTATIONS.items():
            if self._pool.made(name):  # the source's labels do not go together with those
                continue
            if annotation.grain == table and any(name in row for row in rows):
                described = [{key: row[key], **row.get(name, {})} for row in rows]
                sidecar = pa.Table.from_pylist(described, sidecar_schema(name))
                self._write(sidecar, self._pool.sidecar(name, path))
        if table == "traces":
            _count_tokens(rows, self._tokenizer)
        self._write(pa.Table.from_pylist(rows, arrow_schema(TABLES[table])), path)

    def _new_path(self, kind: str, key: str, suffix: str) -> Path:
        number = self._next[kind]
        self._next[kind] += 1
        return self._pool.folder / kind / f"{number:05d}-{key}.{suffix}"

    def _write(self, table: pa.Table, path: Path) -> None:
        self._written.append(path)
        write_parquet(table, path)

    def undo(self) -> None:
        """Remove every file that this import wrote."""
        for path in self._written:
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # not empty, or gone
                path.parent.rmdir()
        self._pool.manifest["imports"] = self._imports_before
        save_manifest(self._pool)
        write_pool_card(open_pool(self._pool.folder))


def _count_tokens(rows: list[dict[str, Any]], tokenizer: Tokenizer) -> None:
    for start in range(0, len(rows), _COUNTED_AT_ONCE):
        some = rows[start : start + _COUNTED_AT_ONCE]
        for row, in_reasoning, in_answer in zip(
            some,
            _counts(some, "reasoning", tokenizer),
            _counts(some, "answer", tokenizer),
            strict=True,
        ):
            row["num_reasoning_tokens"] = in_reasoning
            row["num_tokens"] = in_reasoning + in_answer


def _counts(rows: list[dict[str, Any]], column: str, tokenizer: Tokenizer) -> list[int]:
    counts: list[int] = tokenizer.count(pa.array([row[column] for row in rows])).to_pylist()
    return counts


def _next_number(folder: Path) -> int:
    names = [path.name for path in folder.glob("[0-9]*-*")]
    try:
        return max((int(name.split("-")[0]) for name in names), default=-1) + 1
    except ValueError as error:
        raise BadPool(f"{folder}: holds files that are no shards: {sorted(names)[:3]}") from error
