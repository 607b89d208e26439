"""Deduplication, decontamination, nt list and nt build over growing pools of short questions.

    python benchmarks/millions.py [--rows 100000 300000 1000000]

The questions are synthetic (see duplicates_data.py), each with one short trace and with labels
drawn at random, from which every published config is built that the pool can fill; those that
choose between teachers are left out. Every stage is a process of its own on one core: wall time,
CPU time, peak memory, and the bytes that it wrote.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

STAGES = {
    "nt dedup": ["dedup", "--pool", "pool"],
    "nt decontaminate": ["decontaminate", "--pool", "pool", "--against", "benchmark.jsonl"],
    "nt list": ["list", "--pool", "pool"],
    "nt build": ["build", "--pool", "pool", "--out", "nt"],
}
ITEMS = 40_000  # those of the four benchmarks together


def bytes_of(folder: Path) -> int:
    """What a folder holds."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def make(folder: Path, rows: int) -> None:
    """A pool and a benchmark, 100 items of which are in it."""
    import itertools
    import json

    from duplicates_data import make_pool, questions

    make_pool(folder / "pool", rows)
    own = questions(ITEMS, seed=1)
    leaked = itertools.islice(questions(rows), 5, 2000, 20)
    with (folder / "benchmark.jsonl").open("w") as file:
        for text in itertools.chain(itertools.islice(own, ITEMS - 100), leaked):
            file.write(json.dumps({"question": text}) + "\n")


def main() -> None:
    """Measure, and write the section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 300_000, 1_000_000])
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary one)")
    parser.add_argument("--dry", action="store_true", help="print only, change no README")
    options = parser.parse_args()

    import os

    from measure import machine, run, write_section

    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    lines = [
        "| questions | stage | seconds | CPU seconds | CPU µs a question | peak MB | MB written |",
        "|---:|---|---:|---:|---:|---:|---:|",
    ]
    for rows in sorted(options.rows):
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            folder = Path(name)
            make(folder, rows)
            os.chdir(folder)
            for stage, words in STAGES.items():
                before = bytes_of(folder)
                one = run(["-m", "builders.cli", *words], cores=1, environment=environment)
                lines.append(
                    f"| {rows:,} | {stage} | {one.seconds:.1f} | {one.cpu_seconds:.1f} "
                    f"| {one.cpu_seconds / rows * 1e6:.0f} | {one.peak_mb:,.0f} "
                    f"| {(bytes_of(folder) - before) / 1e6:,.1f} |"
                )
                print(lines[-1], file=sys.stderr, flush=True)
            os.chdir("/")
            shutil.rmtree(folder / "pool")
    text = (
        "Synthetic questions of 20 words in the mean, a short trace each; of 20 one repeats "
        "another in another order, one has another number, one fills a template of thousands. "
        f"{ITEMS:,} items in the benchmark, 100 of them in the pool. One core.\n\n"
        + "\n".join(lines)
        + "\n\nWhat full-length text changes, by calculation: `nt dedup` reads questions, "
        "`nt decontaminate` reference answers too, `nt list` labels, none of them the reasoning. "
        "`nt build` reads the text once and writes that of the chosen rows twice. 2.8 million "
        "traces of 6,000 tokens are about 70 GB, all published configs 1.9 million rows, so 97 GB; "
        "at the rate at which the eight configs above are built from traces of 12 kB, 72 MB a CPU "
        "second, that takes 40 minutes, and as much memory as there: text beyond 128 MB goes to "
        "disk.\n\n"
        f"{machine()}"
    )
    if options.dry:
        print(text)
    else:
        write_section("millions", "Duplicates and contamination in a million questions", text)


if __name__ == "__main__":
    main()
