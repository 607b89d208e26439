"""Eight configs from traces of 12 kB, beside the usual ways of writing them.

    python benchmarks/build_configs.py [--traces 100000] [--rounds 3] [--memory 20000 200000]

Makes a synthetic pool, then measures on two cores: one `nt build` of eight configs; `nt build` once
for each config; `datasets` (`select` of the sorted rows and `to_parquet` for each config, with its
Arrow cache made in the same run, as it is the first time); and bare pyarrow, which reads the pool
once and writes as many bytes once, with no selection, no order and no card: the floor. At the end
the peak memory of a build from a small and from a large pool.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

CONFIGS = [
    *("random-1k", "random-10k", "long-10k", "verbose-5k"),
    *("concise-5k", "disagree-5k", "mix-p40-10k", "topics-10k"),
]
WORDS = 2000  # about 12 kB


def records(rows: int) -> Iterator[dict[str, Any]]:
    """Synthetic traces of about 12 kB of text-like words, with labels."""
    rng = np.random.default_rng(0)
    letters = np.array(list("etaoinshrdlu"))
    lengths = rng.integers(2, 10, 20_000)
    vocabulary = np.array(["".join(rng.choice(letters, n)) for n in lengths], dtype=object)
    zipf = np.cumsum(1 / np.arange(1, len(vocabulary) + 1))  # common words and rare ones
    for number in range(rows):
        words = vocabulary[np.searchsorted(zipf, rng.random(WORDS) * zipf[-1])]
        yield {
            "question": f"Synthetic question {number}?",
            "reasoning": " ".join(words),
            "answer": f"The answer is {number}.",
            "domain": ("Law", "Science", "History")[number % 3],
            "verbosity": int(rng.integers(0, 11)),
            "models_disagree": bool(rng.random() < 0.36),
        }


def make_pool(folder: Path, rows: int) -> None:
    """Import the traces, then their labels."""
    from builders.annotating import annotate_from
    from builders.importing import import_source
    from builders.sources.opening import open_source

    paths = {name: folder / f"{name}.jsonl" for name in ("traces", "labels")}
    with paths["traces"].open("w") as traces, paths["labels"].open("w") as labels:
        for record in records(rows):
            text = {name: record[name] for name in ("question", "reasoning", "answer")}
            traces.write(json.dumps(text) + "\n")
            text_free = {k: v for k, v in record.items() if k not in ("reasoning", "answer")}
            labels.write(json.dumps(text_free) + "\n")
    source = open_source(str(paths["traces"]), license="cc0-1.0", teacher="synthetic")
    import_source(source, folder / "pool")
    for name in ("domain", "verbosity", "disagreement"):
        annotate_from(folder / "pool", name, paths["labels"])
    for path in paths.values():
        path.unlink()


def one_pass(folder: Path, out: Path) -> None:
    """All configs in one build."""
    from builders.build import build

    build(folder / "pool", out / "nt", configs=CONFIGS)


def a_pass_each(folder: Path, out: Path) -> None:
    """A build for each config."""
    from builders.build import build

    for config in CONFIGS:
        build(folder / "pool", out / config, configs=[config])


def with_datasets(folder: Path, out: Path) -> None:
    """`select(sorted)` and `to_parquet` for each config, after this run made the Arrow cache."""
    import datasets

    from builders.configs import parse_config
    from builders.pool import open_pool
    from builders.selection import select

    datasets.disable_progress_bars()
    pool = datasets.load_dataset(
        "parquet", data_files=str(folder / "pool/traces/[0-9]*-*.parquet"), split="train",
        cache_dir=str(out / "cache"),
    )  # fmt: skip
    configs = [parse_config(name) for name in CONFIGS]
    selection = select(open_pool(folder / "pool"), configs)
    for config in configs:
        rows = selection.rankings[config.ranking][: config.size]
        # Without `messages` and labels: less than what a build writes.
        pool.select(np.sort(rows)).to_parquet(str(out / f"{config.name}.parquet"))


def with_pyarrow(folder: Path, out: Path) -> None:
    """Read the pool once, and write once as many bytes as the eight configs have."""
    import pyarrow.parquet as pq

    from builders.files import PARQUET, ROW_GROUP_ROWS
    from builders.mixing import chats
    from builders.pool import open_pool

    left = sum(int(name.split("-")[-1].replace("k", "000")) for name in CONFIGS)
    writer = None
    while left > 0:
        for shard in open_pool(folder / "pool").shards("traces"):
            table = pq.read_table(shard)
            if left <= 0 or not len(table):
                continue
            rows = table.slice(0, left)
            thinks = np.ones(len(rows), bool)
            for name, values in chats(rows, thinks, ~thinks).items():
                rows = rows.append_column(name, values)
            if writer is None:
                writer = pq.ParquetWriter(out / "all.parquet", rows.schema, **PARQUET)
            writer.write_table(rows, ROW_GROUP_ROWS)
            left -= len(rows)
    if writer is not None:
        writer.close()


CONTENDERS = {
    "one build": one_pass,
    "a build for each config": a_pass_each,
    "datasets": with_datasets,
    "bare pyarrow": with_pyarrow,
}


def main() -> None:
    """Make the pools, measure, write the section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--traces", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", type=int, nargs=2, default=[20_000, 200_000])
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        out = options.folder / "out"
        out.mkdir()
        CONTENDERS[options.contender](options.folder, out)
        if options.contender == "datasets":
            cache = sum(p.stat().st_size for p in (out / "cache").rglob("*") if p.is_file())
            (options.folder / "cache.txt").write_text(str(cache))
        shutil.rmtree(out)
        return

    from measure import in_turns, machine, table, write_section

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_pool(folder, options.traces)
        size = sum(p.stat().st_size for p in (folder / "pool/traces").iterdir())
        me = ["benchmarks/build_configs.py", "--folder", name, "--contender"]
        words = {contender: [*me, contender] for contender in CONTENDERS}
        runs = in_turns(words, rounds=options.rounds, cores=2)
        cache = int((folder / "cache.txt").read_text())
    peaks = {}
    for rows in options.memory:
        with tempfile.TemporaryDirectory() as name:
            make_pool(Path(name), rows)
            me = ["benchmarks/build_configs.py", "--folder", name, "--contender", "one build"]
            peaks[rows] = in_turns({"build": me}, rounds=1, cores=2)["build"][0].peak_mb
    small, large = options.memory
    text = (
        f"Eight configs ({', '.join(CONFIGS)}) from {options.traces:,} synthetic traces of about "
        f"12 kB ({size / 1e6:,.0f} MB of Parquet), on two cores, {options.rounds} rounds in turns. "
        "`datasets` writes neither labels nor `messages`, so less than half of the text, and its "
        f"Arrow cache took {cache / 1e6:,.0f} MB of disk; bare pyarrow writes as much text as one "
        "build does, without choosing or ordering rows.\n\n"
        f"{table(runs, 'one build')}\n\n"
        f"Peak memory of one build: {peaks[small]:,.0f} MB from {small:,} traces, "
        f"{peaks[large]:,.0f} MB from {large:,}.\n\n{machine()}"
    )
    write_section("build_configs", "Eight configs from traces of 12 kB", text)


if __name__ == "__main__":
    main()
