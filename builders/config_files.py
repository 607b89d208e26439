"""The Parquet files of configs: rows in the order of rank, with their mode and chat.

    nt/disagree-10k/train-00000-of-00001.parquet

Compression is nearly all of the work, and lets threads run side by side, so configs are written in
several threads. What is written does not depend on their number.
"""

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from builders.configs import Config
from builders.files import PARQUET, ROW_GROUP_ROWS
from builders.gather import BUCKET_ROWS, Bucket, Gathered
from builders.mixing import chats, instructed, modes
from builders.release import sha256_of
from builders.schema import PUBLISHED, arrow_schema

FILE_ROWS = 50_000
"""Rows of one Parquet file: about 500 MB at 6,000 tokens a trace. A multiple of BUCKET_ROWS."""

MOST_WRITERS = 4
"""Configs that are written at once; each holds a bucket in memory, three times over."""


def write_configs(
    configs: Sequence[Config],
    gathered: Gathered,
    folder: Path,
    *,
    seed: int,
    progress: Callable[[Iterable[Any]], Iterable[Any]] = iter,
) -> dict[str, dict[str, Any]]:
    """Write the files of all configs.

    Args:
        configs: what to write.
        gathered: the text of their rows.
        folder: the release's.
        seed: of the modes.
        progress: wraps the configs, to show how far it is.

    Returns:
        For each config what the manifest says of its files: `num_bytes`, `download_size`, `files`.
    """
    stopped = threading.Event()
    writers = ThreadPoolExecutor(max_workers=min(MOST_WRITERS, os.cpu_count() or 1))
    try:
        writing = [
            writers.submit(_write_config, config, gathered, folder, seed, stopped)
            for config in configs
        ]
        done = progress(list(zip(configs, writing, strict=True)))
        return {config.name: written.result() for config, written in done}
    finally:
        stopped.set()  # an error or Ctrl-C: the others end after the bucket that they are at
        writers.shutdown(cancel_futures=True)


def _write_config(
    config: Config, gathered: Gathered, folder: Path, seed: int, stopped: threading.Event
) -> dict[str, Any]:
    """Write the files of one config, and describe them."""
    schema = arrow_schema(PUBLISHED)
    count = -(-config.size // FILE_ROWS)
    num_bytes = 0
    files: list[dict[str, Any]] = []
    (folder / config.name).mkdir()
    for number in range(count):
        path = folder / config.name / f"train-{number:05d}-of-{count:05d}.parquet"
        start, end = number * FILE_ROWS, min((number + 1) * FILE_ROWS, config.size)
        with pq.ParquetWriter(path, schema, **PARQUET) as writer:
            for bucket in range(start // BUCKET_ROWS, -(-end // BUCKET_ROWS)):
                if stopped.is_set():
                    return {}
                rows = gathered.read(Bucket(config.ranking, bucket))
                rows = rows.slice(0, end - bucket * BUCKET_ROWS)
                thinks = modes(config.mixing, rows, seed=seed)
                told = instructed(config.mixing, rows["id"].to_pylist(), seed=seed)
                for name, values in chats(rows, thinks, told).items():
                    rows = rows.append_column(name, values)
                rows = rows.select(schema.names).cast(schema)
                num_bytes += _loaded_bytes(rows)
                writer.write_table(rows, ROW_GROUP_ROWS)
        files.append(
            {
                "path": path.relative_to(folder).as_posix(),
                "rows": end - start,
                "bytes": path.stat().st_size,
                "sha256": sha256_of(path),
            }
        )
    size = sum(file["bytes"] for file in files)
    return {"num_bytes": num_bytes, "download_size": size, "files": files}


def _loaded_bytes(rows: pa.Table) -> int:
    """The bytes that rows take once datasets has loaded them: no bitmap where nothing is null."""
    chunks = [chunk for column in rows.columns for chunk in column.chunks]
    bitmaps = [len(chunk) for chunk in chunks if not chunk.null_count and chunk.buffers()[0]]
    return int(rows.nbytes - sum(-(-length // 8) for length in bitmaps))
