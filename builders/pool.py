"""The pool: all traces and what was annotated about them, as a folder that is a Hub data set.

    pool/README.md                          card; its `configs:` make load_dataset("pool", …) work
    pool/manifest.json                      layout version, tokenizer, what was imported
    pool/questions/00000-<key>.parquet      what was asked
    pool/traces/00000-<key>.parquet         one teacher's response to one question, a row each
    pool/second_answers/…                   what second models answered, where a source tells
    pool/annotations/<name>/<shard>         sidecar of the shard with the same name
    pool/annotations/<name>/made.json       how its labels were made, where they are of one piece
    pool/dropped/00000-<key>.jsonl          what could not be used, and why

A shard is written once and never changed. A sidecar has the rows of its shard in the same order,
with the shard's key column repeated to prove it. What the pool holds is read from the shards, never
from the manifest, so it is right after any interruption.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash
from numpy.typing import NDArray

from builders.errors import BadPool
from builders.files import read_columns, written_whole
from builders.ids import as_numbers
from builders.schema import ANNOTATIONS, FORMAT, KEYS, TABLES, TEXT, TRACES, Column, annotation_of

MANIFEST = "manifest.json"
MADE = "made.json"
Digest = np.dtype("V16")
Digests = NDArray[np.void]
"""One 128-bit hash for each trace, in the order of shards and rows."""

_NARROW = tuple(column.name for column in TRACES if column.name not in TEXT)


class Pool(NamedTuple):
    """A pool as it was when it was opened: it may grow meanwhile, but shards never change."""

    folder: Path
    manifest: dict[str, Any]
    files: Mapping[str, list[Path]]

    def shards(self, table: str) -> list[Path]:
        """The shards of a table (see `schema.TABLES`), in order."""
        return self.files[table]

    def sidecar(self, name: str, shard: Path) -> Path:
        """Where the annotation `name` of a shard lies."""
        return self.folder / "annotations" / name / shard.name

    def num_rows(self, table: str) -> int:
        """How many rows a table has."""
        return sum(pq.read_metadata(shard).num_rows for shard in self.shards(table))

    def keys(self, table: str) -> NDArray[np.uint64]:
        """The ids of a table's rows as numbers, in order of the rows."""
        return self._numbers(table, KEYS[table])

    def dropped(self) -> Iterator[dict[str, Any]]:
        """What could not be used: origin, row, reason, teacher, excerpt."""
        for path in sorted((self.folder / "dropped").glob("[0-9]*.jsonl")):
            with path.open(encoding="utf-8") as file:
                yield from map(json.loads, file)

    def dropped_by_reason(self) -> dict[str, int]:
        """How many rows could not be used, by reason."""
        return dict(sorted(Counter(row["reason"] for row in self.dropped()).items()))

    def licenses(self) -> list[str]:
        """The licences of the questions and the traces."""
        shards = [shard for table in ("questions", "traces") for shard in self.shards(table)]
        values = [pc.unique(pq.read_table(shard, columns=["license"])[0]) for shard in shards]
        return sorted({value for column in values for value in column.to_pylist()})

    def questions_without_traces(self) -> int:
        """How many questions wait for a teacher."""
        return int(np.setdiff1d(self.keys("questions"), self.questions_of_traces()).size)

    def questions_of_traces(self) -> NDArray[np.uint64]:
        """The ids of the traces' questions as numbers, in order of the traces."""
        return self._numbers("traces", "question_id")

    def annotations(self) -> list[str]:
        """The annotations of which at least one sidecar exists."""
        return [
            name
            for name, annotation in ANNOTATIONS.items()
            if any(self.sidecar(name, shard).exists() for shard in self.shards(annotation.grain))
        ]

    def made(self, name: str) -> dict[str, Any] | None:
        """How the labels of an annotation were made, where they were made as a whole.

        Raises:
            BadPool: what is written about it cannot be read.
        """
        path = self.folder / "annotations" / name / MADE
        if not path.exists():
            return None
        try:
            made: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise BadPool(f"{path}: not JSON: {error}; delete it") from error
        return made

    def columns(self) -> list[str]:
        """The columns that selection may use: narrow ones of the traces, and annotated ones."""
        annotated = [c.name for name in self.annotations() for c in ANNOTATIONS[name].columns]
        return [*_NARROW, *(name for name in annotated if name not in TEXT)]

    def facts(self, columns: Sequence[str]) -> pa.Table:
        """Columns of all traces, in the order of shards and rows; no text is read.

        Args:
            columns: names among `columns()`. Where a sidecar is missing the value is null.
        """
        return pa.concat_tables(self.facts_by_shard(columns))

    def facts_by_shard(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """The same, one table per shard."""
        needed = list(dict.fromkeys(filter(None, map(annotation_of, columns))))
        own = [name for name in columns if annotation_of(name) is None]
        wanted = {
            name: [c for c in ANNOTATIONS[name].columns if c.name in columns] for name in needed
        }
        of_questions = {
            name: self.question_annotation(name, wanted[name])
            for name in needed
            if ANNOTATIONS[name].grain == "questions"
        }
        places = self._places_of_questions() if of_questions else None
        for shard in self.shards("traces"):
            table = read_columns(shard, list(dict.fromkeys(["id", *own])))
            for name in needed:
                if places is not None and name in of_questions:
                    described = of_questions[name].take(places[: len(table)])
                else:
                    described = self.sidecar_table(name, shard, table["id"], wanted[name])
                for column in wanted[name]:
                    table = table.append_column(column.field, described[column.name])
            if places is not None:
                places = places[len(table) :]
            yield table.select(columns)

    def digests(self) -> Digests:
        """For each trace, a hash of all that selection and publishing depend on.

        An id is a hash of the text, so the text need not be read.
        """
        hashes = [
            xxhash.xxh3_128_digest(row)
            for table in self.facts_by_shard(self.columns())
            for row in _as_texts(table)
        ]
        return np.frombuffer(b"".join(hashes), Digest)

    def fingerprint(self) -> str:
        """A hash of the whole pool, whatever the order of its rows and shards."""
        return fingerprint_of(self.digests())

    def _numbers(self, table: str, name: str) -> NDArray[np.uint64]:
        """A column of ids as numbers."""
        return as_numbers(self.ids(table, name))

    def ids(self, table: str, name: str) -> pa.ChunkedArray:
        """A column of ids, in the order of shards and rows."""
        parts = [read_columns(shard, [name])[name] for shard in self.shards(table)]
        chunks = [chunk for part in parts for chunk in part.chunks]
        return pa.chunked_array(chunks, pa.string())

    def _places_of_questions(self) -> pa.ChunkedArray:
        """For each trace, where in the table of questions its question is; null if it is not."""
        questions = self.ids("questions", "question_id").combine_chunks()
        return pc.index_in(self.ids("traces", "question_id"), value_set=questions)

    def question_annotation(self, name: str, columns: Sequence[Column]) -> pa.Table:
        """Columns of an annotation, in the order of the questions."""
        tables = [
            self.sidecar_table(
                name, shard, read_columns(shard, ["question_id"])["question_id"], columns
            )
            for shard in self.shards("questions")
        ]
        return pa.concat_tables(tables).combine_chunks()

    def sidecar_table(
        self, name: str, shard: Path, keys: pa.ChunkedArray, columns: Sequence[Column]
    ) -> pa.Table:
        """Columns of the sidecar of a shard with these keys; nulls if it is missing.

        Raises:
            BadPool: it has other rows than the shard.
        """
        path = self.sidecar(name, shard)
        key = KEYS[ANNOTATIONS[name].grain]
        schema = pa.schema([pa.field(key, pa.string(), False), *(c.field for c in columns)])
        if not path.exists():
            return pa.table([keys, *(pa.nulls(len(keys), c.type) for c in columns)], schema=schema)
        there = pq.read_schema(path).names  # an older version may not have known a column
        table = read_columns(path, [name for name in schema.names if name in there])
        if not table[key].equals(keys):
            raise BadPool(
                f"{path}: does not have the rows of {shard}; delete it and annotate again"
            )
        for column in columns:
            if column.name not in there:
                table = table.append_column(column.field, pa.nulls(len(keys), column.type))
        return table.select(schema.names)


def fingerprint_of(digests: Digests) -> str:
    """The sum of all hashes, which does not depend on their order."""
    quarters = digests.view(">u4").reshape(-1, 4).sum(axis=0, dtype=np.uint64)
    total = sum(int(quarter) << 32 * place for place, quarter in enumerate(quarters[::-1]))
    return f"{total % 2**128:032x}"


def open_pool(folder: Path | str) -> Pool:
    """Open a pool.

    Raises:
        BadPool: the folder is not one, or a newer version wrote it.
    """
    folder = Path(folder)
    path = folder / MANIFEST
    if not path.is_file():
        raise BadPool(
            f"{folder}: not a pool (no {MANIFEST}); make one: nt import FILE --pool {folder}"
        )
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadPool(f"{path}: not JSON: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("kind") != "pool":
        raise BadPool(f"{folder}: not a pool, says its {MANIFEST}")
    if manifest.get("format", 0) > FORMAT:
        raise BadPool(f"{folder}: written by a newer version of naturalthoughts; upgrade it")
    files = {table: sorted((folder / table).glob("[0-9]*.parquet")) for table in TABLES}
    return Pool(folder, manifest, files)


def save_manifest(pool: Pool) -> None:
    """Write the pool's manifest; what is written to is no longer what was published."""
    added = ("published", "files", "card", "fingerprint", "naturalthoughts")
    manifest = {name: value for name, value in pool.manifest.items() if name not in added}
    with written_whole(pool.folder / MANIFEST) as path:
        path.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _as_texts(table: pa.Table) -> Iterable[str]:
    """Each row as one text: its values in order, apart by control characters."""
    columns = []
    for column in table.combine_chunks().columns:
        if pa.types.is_list(column.type):
            column = pc.binary_join(column, "\x1e")
        columns.append(pc.cast(column, pa.string()))
    joined = pc.binary_join_element_wise(
        *columns, "\x1f", null_handling="replace", null_replacement="\x00"
    )
    texts: list[str] = joined.to_pylist()
    return texts
