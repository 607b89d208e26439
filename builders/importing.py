"""Import: a source's records into a pool, as a stream.

Whatever is interrupted has left whole shards behind; importing again adds what is missing.
"""

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from builders.card import BENCHMARK, write_pool_card
from builders.errors import BadOption, CutOff, DiskFull, NTError
from builders.files import only_writer, remove_unfinished, write_parquet
from builders.pool import Pool, open_pool, save_manifest
from builders.schema import FORMAT, TABLES, arrow_schema
from builders.sources import Source
from builders.sources.opening import demo_benchmark, open_demo
from builders.tokens import WORDS, Tokenizer, is_local, load_tokenizer
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
        CutOff: the connection to the source ended; what came is kept, and importing again goes on.
        NTError: the source is broken; then the pool is as it was before.
        DiskFull: there is no room for the next shard; whole ones stay.
    """
    folder = Path(pool).resolve()
    with only_writer(folder):
        existed = folder.exists()
        is_new = not existed or not any(folder.iterdir())
        opened, counter = _create(folder, tokenizer) if is_new else _reopen(folder, tokenizer)
        writer = PoolWriter(opened, source, counter, shard_rows)
        try:
            for record in progress(writer.missing()):
                writer.add(record)
            writer.finish()
        except DiskFull:
            raise  # whole shards stay, and importing again adds the rest
        except NTError as error:
            if isinstance(error, CutOff) and writer.has_rows():
                writer.flush()
                raise CutOff(f"{error}; what came is kept: run the same again to go on") from error
            writer.undo()
            if is_new:
                _empty(folder)
                if not existed:
                    folder.rmdir()
            raise
        return writer.report()


def import_demo(
    pool: Path | str,
    *,
    rows: int = 50_000,
    seed: int = 0,
    teachers: int = 1,
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
        rows: how many questions.
        seed: of the texts; row i is the same whatever the number of rows.
        teachers: how many synthetic teachers answer each question.
        tokenizer: what counts tokens.
        shard_rows: rows of a shard.
        progress: wraps the records, to show how far it is.
    """
    source = open_demo(rows, seed=seed, teachers=teachers)
    report = import_source(
        source, pool, tokenizer=tokenizer, shard_rows=shard_rows, progress=progress
    )
    opened = open_pool(pool)
    for split, problems in demo_benchmark().items():
        write_parquet(problems, opened.folder / BENCHMARK / f"{split}.parquet")
    write_pool_card(opened)
    return report


def _create(folder: Path, tokenizer: str | None) -> tuple[Pool, Tokenizer]:
    counter = load_tokenizer(tokenizer or WORDS)
    folder.mkdir(parents=True, exist_ok=True)
    for table, columns in TABLES.items():
        # An empty shard lets load_dataset read every table from the start, whatever comes.
        empty = arrow_schema(columns).empty_table()
        write_parquet(empty, folder / table / "00000-empty.parquet")
    manifest = {
        "kind": "pool",
        "format": FORMAT,
        "tokenizer": {"name": counter.name, "revision": counter.revision},
        "imports": [],
    }
    save_manifest(Pool(folder, manifest, {}))
    pool = open_pool(folder)
    write_pool_card(pool)
    return pool, counter


def _reopen(folder: Path, tokenizer: str | None) -> tuple[Pool, Tokenizer]:
    """An existing pool, and the tokenizer that it is counted with."""
    pool = open_pool(folder)
    remove_unfinished(folder)
    return pool, tokenizer_of(pool, tokenizer)


def tokenizer_of(pool: Pool, tokenizer: str | None) -> Tokenizer:
    """The tokenizer that a pool is counted with.

    Args:
        pool: an existing one.
        tokenizer: what a user names, if anything.

    Raises:
        BadOption: it is another one, or a local one that has to be named.
    """
    folder = pool.folder
    name, revision = pool.manifest["tokenizer"]["name"], pool.manifest["tokenizer"]["revision"]
    if tokenizer is None and is_local(revision):
        raise BadOption(
            f"{folder}: is counted with the file {name}, which has to be named again: "
            "--tokenizer PATH"
        )
    counter = load_tokenizer(tokenizer or name, revision=revision)
    if (counter.name, counter.revision) != (name, revision):
        raise BadOption(
            f"--tokenizer {tokenizer}: {folder} is counted with '{name}'"
            f"{f' ({revision})' if revision else ''}; leave the option out, or import into "
            "a new pool"
        )
    return counter


def _empty(folder: Path) -> None:
    """Remove what a first import that failed has left in its folder."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
