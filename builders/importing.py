"""Import: a source's records into a pool, as a stream.

Whatever is interrupted has left whole shards behind; importing again adds what is missing.
"""

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from builders.card import BENCHMARK, write_pool_card
from builders.errors import BadOption, NTError
from builders.files import only_writer, write_parquet
from builders.pool import Pool, open_pool, save_manifest
from builders.schema import FORMAT, TABLES, arrow_schema
from builders.sources import Source
from builders.sources.opening import demo_benchmark, open_demo
from builders.tokens import WORDS, load_tokenizer
from builders.writing import SHARD_ROWS, ImportReport, PoolWriter

Progress = Callable[[Iterable[Any]], Iterable[Any]]


def import_source(
    source: Source,
    pool: Path | str,
    *,
    tokenizer: str | None = None,
    shard_rows: int = SHARD_ROWS,
    progress: Progress = iter,
) -> ImportReport:
    """Add to a pool what it does not hold yet; make the pool if it is not there.

    Args:
        source: where the records come from.
        pool: the pool's folder.
        tokenizer: what counts tokens (see `tokens.load_tokenizer`); one for a whole pool.
        shard_rows: rows of a shard.
        progress: wraps the records, to show how far it is.

    Raises:
        NTError: the source is broken; then the pool is as it was before.
    """
    pool = Path(pool)
    is_new = not pool.exists() or not any(pool.iterdir())
    existed = pool.exists()
    with only_writer(pool):
        opened = _create(pool, tokenizer or WORDS) if is_new else _reopen(pool, tokenizer)
        described = opened.manifest["tokenizer"]
        writer = PoolWriter(opened, load_tokenizer(described["name"]), shard_rows)
        try:
            for record in progress(source.records):
                writer.add(record)
            writer.flush()
        except NTError:
            writer.undo()
            if is_new:
                shutil.rmtree(pool)
                if existed:
                    pool.mkdir()
            raise
        report = writer.report()
        if report.questions_added or report.traces_added or report.dropped:
            opened.manifest["imports"].append(
                {
                    "source": source.name,
                    "revision": source.revision,
                    "layout": source.layout,
                    **report._asdict(),
                }
            )
        save_manifest(opened)
        write_pool_card(open_pool(pool))
    return report


def import_demo(
    pool: Path | str,
    *,
    rows: int = 50_000,
    seed: int = 0,
    tokenizer: str | None = None,
    shard_rows: int = SHARD_ROWS,
    progress: Progress = iter,
) -> ImportReport:
    """Import the synthetic demo, and write its held-out problems beside it.

    The problems are the same for every seed and size, and no pool ever shares one of them: see
    `load_dataset("pool", "benchmark")`, with a split each for problems like the pool's, harder
    ones, and kinds that no pool has.

    Args:
        pool: the pool's folder.
        rows: how many traces.
        seed: of the texts; row i is the same whatever the number of rows.
        tokenizer: what counts tokens.
        shard_rows: rows of a shard.
        progress: wraps the records, to show how far it is.
    """
    source = open_demo(rows, seed=seed)
    report = import_source(
        source, pool, tokenizer=tokenizer, shard_rows=shard_rows, progress=progress
    )
    opened = open_pool(pool)
    for split, problems in demo_benchmark().items():
        write_parquet(problems, opened.folder / BENCHMARK / f"{split}.parquet")
    write_pool_card(opened)
    return report


def _create(folder: Path, tokenizer: str) -> Pool:
    counter = load_tokenizer(tokenizer)
    folder.mkdir(parents=True, exist_ok=True)
    manifest = {
        "kind": "pool",
        "format": FORMAT,
        "tokenizer": {"name": counter.name, "revision": counter.revision},
        "imports": [],
    }
    for table, columns in TABLES.items():
        # An empty shard lets load_dataset read every table from the start, whatever comes.
        empty = arrow_schema(columns).empty_table()
        write_parquet(empty, folder / table / "00000-empty.parquet")
    save_manifest(Pool(folder, manifest, {}))
    pool = open_pool(folder)
    write_pool_card(pool)
    return pool


def _reopen(folder: Path, tokenizer: str | None) -> Pool:
    pool = open_pool(folder)
    counted = pool.manifest["tokenizer"]["name"]
    if tokenizer not in (None, counted):
        raise BadOption(
            f"--tokenizer {tokenizer}: {folder} is counted with '{counted}'; "
            "leave the option out, or import into a new pool"
        )
    return pool
