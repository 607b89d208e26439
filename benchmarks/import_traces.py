"""Import of traces of 12 kB, beside `load_dataset` of the same file and `to_parquet`.

    python benchmarks/import_traces.py [--traces 100000] [--rounds 3] [--short 50000 1000000]

The import parses, checks and hashes each row, counts tokens, splits replies, drops what cannot be
used, and finds what is there already; the other reads JSON with pyarrow and writes it again, which
takes an Arrow cache of the whole file. At the end the peak memory of imports of short rows.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from build_configs import records


def with_import(folder: Path, out: Path) -> None:
    """`nt import`."""
    from builders.importing import import_source
    from builders.sources.opening import open_source

    source = open_source(str(folder / "traces.jsonl"), license="cc0-1.0", teacher="synthetic")
    import_source(source, out / "pool")


def with_datasets(folder: Path, out: Path) -> None:
    """`load_dataset("json")` and `to_parquet`."""
    import datasets

    datasets.disable_progress_bars()
    loaded = datasets.load_dataset(
        "json", data_files=str(folder / "traces.jsonl"), split="train", cache_dir=str(out / "cache")
    )
    loaded.to_parquet(str(out / "traces.parquet"))


CONTENDERS = {"nt import": with_import, "datasets": with_datasets}


def write_traces(path: Path, rows: int) -> None:
    """Synthetic traces of about 12 kB."""
    with path.open("w") as file:
        for record in records(rows):
            text = {name: record[name] for name in ("question", "reasoning", "answer")}
            file.write(json.dumps(text) + "\n")


def write_short(path: Path, rows: int) -> None:
    """Rows of some forty letters."""
    with path.open("w") as file:
        for number in range(rows):
            file.write(f'{{"question": "{number}?", "reasoning": "So.", "answer": "{number}"}}\n')


def main() -> None:
    """Make the files, measure, write the section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--traces", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--short", type=int, nargs=2, default=[50_000, 1_000_000])
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        out = options.folder / "out"
        out.mkdir()
        CONTENDERS[options.contender](options.folder, out)
        shutil.rmtree(out)
        return

    from measure import in_turns, machine, spread, table, write_section

    me = ["benchmarks/import_traces.py", "--folder"]
    with tempfile.TemporaryDirectory() as name:
        write_traces(Path(name) / "traces.jsonl", options.traces)
        size = (Path(name) / "traces.jsonl").stat().st_size
        words = {one: [*me, name, "--contender", one] for one in CONTENDERS}
        runs = in_turns(words, rounds=options.rounds, cores=1)
    peaks = {}
    for rows in options.short:
        with tempfile.TemporaryDirectory() as name:
            write_short(Path(name) / "traces.jsonl", rows)
            one = {"import": [*me, name, "--contender", "nt import"]}
            peaks[rows] = in_turns(one, rounds=1, cores=1)["import"][0]
    own = runs["nt import"]
    small, large = options.short
    text = (
        f"{options.traces:,} synthetic traces of about 12 kB, {size / 1e6:,.0f} MB of JSON lines, "
        f"on one core, {options.rounds} rounds in turns.\n\n{table(runs, 'nt import')}\n\n"
        f"`nt import`: {spread([options.traces / r.seconds for r in own], 0)} rows/s, "
        f"{spread([size / 1e6 / r.seconds for r in own], 1)} MB/s. Peak memory with short rows: "
        f"{peaks[small].peak_mb:,.0f} MB at {small:,}, {peaks[large].peak_mb:,.0f} MB at {large:,} "
        f"({large / peaks[large].seconds:,.0f} rows/s).\n\n{machine()}"
    )
    write_section("import_traces", "Import of traces of 12 kB", text)


if __name__ == "__main__":
    main()
