"""One pass over a pool's text, whatever the number of configs.

Each ranking asks for rows in its own order, while the text lies in shards. So the rows of a shard
are dealt into *buckets* of consecutive ranks; what does not fit in memory goes to one temporary
Arrow file. A bucket is then read alone, sorted, and is ready to be written.
"""

import contextlib
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from builders.files import ROW_GROUP_ROWS
from builders.pool import Pool
from builders.schema import PUBLISHED, TRACES, annotation_of
from builders.selectors import Indices

BUCKET_ROWS = ROW_GROUP_ROWS
"""Rows that are in memory at once while a config is written: 25 MB of traces of 6,000 tokens."""

SPILL_BYTES = 256 * 2**20
"""Text that is held in memory before it goes to disk."""

_BATCH_BYTES = 20_000
"""What a batch of some twenty columns and a few rows was measured to cost beside its text."""

_RANK = "rank"


class Bucket(NamedTuple):
    """Which rows: those of one ranking with `number * BUCKET_ROWS <= rank < …`."""

    ranking: str
    number: int


class Gathered:
    """The text of all ranked rows, by bucket. Close it to free the temporary file."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "text.arrow"
        self._batches: dict[Bucket, list[pa.RecordBatch]] = defaultdict(list)
        self._spilled: dict[Bucket, list[int]] = defaultdict(list)
        self._num_spilled = 0
        self._bytes = 0
        self._writer: pa.RecordBatchFileWriter | None = None
        self._reader: pa.RecordBatchFileReader | None = None
        self._reading = threading.Lock()

    def add(self, bucket: Bucket, rows: pa.Table) -> None:
        """Keep rows of a bucket, in any order."""
        batches = rows.combine_chunks().to_batches()
        self._batches[bucket] += batches
        self._bytes += sum(batch.nbytes + _BATCH_BYTES for batch in batches)
        if self._bytes >= SPILL_BYTES:
            self._spill()

    def _spill(self) -> None:
        for bucket, batches in self._batches.items():
            # One batch per bucket and spill: a handful of rows each would cost more than they hold.
            for batch in pa.Table.from_batches(batches).combine_chunks().to_batches():
                if self._writer is None:
                    options = pa.ipc.IpcWriteOptions(compression="lz4")
                    self._writer = pa.ipc.new_file(str(self._path), batch.schema, options=options)
                self._writer.write_batch(batch)
                self._spilled[bucket].append(self._num_spilled)
                self._num_spilled += 1
        self._batches.clear()
        self._bytes = 0

    def finish(self) -> None:
        """All rows are there; from now on buckets are read."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
            self._reader = pa.ipc.open_file(pa.memory_map(str(self._path)))

    def read(self, bucket: Bucket) -> pa.Table:
        """The rows of a bucket in the order of their ranks; several threads may read."""
        batches = list(self._batches.get(bucket, ()))
        if self._reader is not None:
            with self._reading:
                batches += [self._reader.get_batch(i) for i in self._spilled.get(bucket, ())]
        rows = pa.Table.from_batches(batches).combine_chunks()
        return rows.take(np.argsort(rows[_RANK].to_numpy())).drop_columns(_RANK)

    def close(self) -> None:
        """Remove the temporary file."""
        if self._writer is not None:
            self._writer.close()
        self._reader = None
        self._path.unlink(missing_ok=True)


@contextlib.contextmanager
def gather(
    pool: Pool,
    rankings: Mapping[str, Indices],
    folder: Path,
    *,
    progress: Callable[[Iterable[Any]], Iterable[Any]] = iter,
) -> Iterator[Gathered]:
    """Read the text of all ranked rows in one pass.

    Args:
        pool: where the text is.
        rankings: by name, the rows of `pool.facts` in the order that is wanted.
        folder: where the temporary file may lie.
        progress: wraps the shards, to show how far it is.
    """
    gathered = Gathered(folder)
    try:
        ranks = {name: _ranks(rows, pool.num_rows("traces")) for name, rows in rankings.items()}
        annotated = [c.name for c in PUBLISHED if annotation_of(c.name)]
        facts = pool.facts_by_shard(["id", *annotated])
        start = 0
        for shard in progress(pool.shards("traces") if rankings else ()):
            described = next(facts)
            end = start + len(described)
            here = {name: rank[start:end] for name, rank in ranks.items()}
            start = end
            if any((rank >= 0).any() for rank in here.values()):
                own = [c.name for c in TRACES if c in PUBLISHED]
                rows = pq.read_table(shard, columns=own)
                for name in annotated:
                    rows = rows.append_column(name, described[name])
                for name, rank in here.items():
                    _deal(gathered, name, rank, rows)
        gathered.finish()
        yield gathered
    finally:
        gathered.close()


def _ranks(rows: Indices, length: int) -> Indices:
    """The rank of every row of the pool; -1 where it has none."""
    ranks = np.full(length, -1, np.int64)
    ranks[rows] = np.arange(len(rows))
    return ranks


def _deal(gathered: Gathered, name: str, ranks: Indices, rows: pa.Table) -> None:
    """Put the ranked rows of one shard into their buckets."""
    wanted = np.flatnonzero(ranks >= 0)
    numbers = ranks[wanted] // BUCKET_ROWS
    order = np.argsort(numbers, kind="stable")
    wanted, numbers = wanted[order], numbers[order]
    edges = np.flatnonzero(np.diff(numbers)) + 1
    for part in np.split(wanted, edges):
        if len(part):
            taken = rows.take(part).append_column(_RANK, pa.array(ranks[part]))
            gathered.add(Bucket(name, int(ranks[part[0]]) // BUCKET_ROWS), taken)
