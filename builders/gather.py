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

SPILL_BYTES = 128 * 2**20
"""Text that is held in memory before it goes to disk; dealing it takes as much again."""

_RANK = "rank"


class Bucket(NamedTuple):
    """Which rows: those of one ranking with `number * BUCKET_ROWS <= rank < …`."""

    ranking: str
    number: int


class Gathered:
    """The text of all ranked rows, by bucket. Close it to free the temporary file."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "text.arrow"
        self._held: dict[str, list[pa.Table]] = defaultdict(list)
        self._bytes = 0
        self._batches: dict[Bucket, list[pa.RecordBatch]] = defaultdict(list)
        self._spilled: dict[Bucket, list[int]] = defaultdict(list)
        self._num_spilled = 0
        self._writer: pa.RecordBatchFileWriter | None = None
        self._reader: pa.RecordBatchFileReader | None = None
        self._reading = threading.Lock()

    def add(self, ranking: str, rows: pa.Table) -> None:
        """Keep rows of a ranking, with their ranks, in any order."""
        self._held[ranking].append(rows)
        self._bytes += rows.nbytes
        if self._bytes >= SPILL_BYTES:
            for bucket, batch in self._deal():
                if self._writer is None:
                    options = pa.ipc.IpcWriteOptions(compression="lz4")
                    self._writer = pa.ipc.new_file(str(self._path), batch.schema, options=options)
                self._writer.write_batch(batch)
                self._spilled[bucket].append(self._num_spilled)
                self._num_spilled += 1

    def _deal(self) -> Iterator[tuple[Bucket, pa.RecordBatch]]:
        """What is held, one batch for each bucket; then it is held no longer.

        Many shards together: a bucket gets a handful of rows of each, which would cost more alone
        than they hold.
        """
        while self._held:
            ranking, tables = self._held.popitem()
            rows = pa.concat_tables(tables)
            del tables
            numbers = rows[_RANK].to_numpy() // BUCKET_ROWS
            order = np.argsort(numbers, kind="stable")
            (batch,) = rows.take(order).combine_chunks().to_batches()
            found, starts = np.unique(numbers[order], return_index=True)
            ends = [*starts[1:], len(order)]
            for number, start, end in zip(found.tolist(), starts.tolist(), ends, strict=True):
                yield Bucket(ranking, number), batch.slice(start, end - start)
        self._bytes = 0

    def finish(self) -> None:
        """All rows are there; from now on buckets are read."""
        for bucket, batch in self._deal():
            self._batches[bucket].append(batch)
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
                    wanted = np.flatnonzero(rank >= 0)
                    if len(wanted):
                        own_rank = pa.array(rank[wanted])
                        gathered.add(name, rows.take(wanted).append_column(_RANK, own_rank))
        gathered.finish()
        yield gathered
    finally:
        gathered.close()


def _ranks(rows: Indices, length: int) -> Indices:
    """The rank of every row of the pool; -1 where it has none."""
    ranks = np.full(length, -1, np.int64)
    ranks[rows] = np.arange(len(rows))
    return ranks
