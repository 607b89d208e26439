"""Compare six runs of 24 seeds and 12,000 questions, all pairs, against pandas and scipy.

python benchmarks/compare_runs.py

compare.py reads, checks, compares, draws, and writes its pages. The contender reads what it needs
and gives for each of the 15 pairs scipy's percentile interval, uncorrected, and nothing more.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from itertools import combinations
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "recipes"))  # scripts, not a package

RUNS = [f"run-{number}" for number in range(6)]


def make_runs(folder: Path, questions: int, seeds: int) -> None:
    """Synthetic runs of one benchmark in one mode, with texts of 2 kB."""
    import numpy as np
    import pyarrow as pa
    from results import SCHEMA, write_run

    common = np.random.default_rng(0)
    hard = common.normal(size=questions)
    rows = questions * seeds
    ids = np.array([f"{value:016x}" for value in common.integers(0, 2**63, questions)])
    domains = np.array([f"domain {n}" for n in range(13)])[common.integers(0, 13, questions)]
    texts = pa.array(["synthetic " * 200])
    for number, name in enumerate(RUNS):
        rng = np.random.default_rng(number + 1)
        chance = 1 / (1 + np.exp(-(0.03 * number - 1.6 * hard + 0.7 * rng.normal(size=questions))))
        tokens = rng.integers(100, 16_384, rows).astype(np.int32)
        columns = {
            "benchmark": pa.array(["synthetic"]).take(pa.array(np.zeros(rows, int))),
            "question_id": np.repeat(ids, seeds),
            "mode": ["think"] * rows,
            "seed": np.tile(np.arange(seeds), questions).astype(np.int32),
            "correct": (rng.random((questions, seeds)) < chance[:, None]).ravel(),
            "extracted": pa.nulls(rows, pa.string()),
            "reference": ["A"] * rows,
            "tokens": tokens,
            "thinking_tokens": tokens // 2,
            "thought": np.ones(rows, bool),
            "truncated": rng.random(rows) < 0.01,
            "domain": np.repeat(domains, seeds),
            "difficulty": np.repeat(np.digitize(hard, [-1, 0, 1]).astype(str), seeds),
            "text": texts.take(pa.array(np.zeros(rows, int))),
        }
        made = {
            "data": "synthetic",
            "data_revision": "synthetic",
            "max_new_tokens": 16_384,
            "prompt_hash": {"think": "synthetic"},
            "sampling": {},
            "seeds": list(range(seeds)),
            "questions": questions,
        }
        record = {"name": name, "model": name, "benchmarks": {"synthetic": made}}
        write_run(folder / name, record, pa.table(columns, SCHEMA))


def with_scipy(folder: Path) -> None:
    """Means by question and scipy's bootstrap of their difference."""
    import pandas as pd
    from scipy.stats import bootstrap

    means = {}
    for name in RUNS:
        samples = pd.read_parquet(
            folder / name / "samples.parquet", columns=["question_id", "seed", "correct"]
        )
        means[name] = samples.groupby("question_id")["correct"].mean()
    for first, second in combinations(RUNS, 2):
        values = (means[second] - means[first]).to_numpy()
        found = bootstrap(
            (values,), lambda x, axis: x.mean(axis), batch=100, method="percentile", rng=0
        )
        print(first, second, found.confidence_interval)


def main() -> None:
    """Make the runs, measure, write the section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--questions", type=int, default=12_000)
    parser.add_argument("--seeds", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scipy", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.scipy:
        with_scipy(options.scipy)
        return
    if options.make:
        make_runs(options.make, options.questions, options.seeds)
        return

    from measure import in_turns, machine, run, spread, table, write_section

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # In a process of its own: the peak of a process counts for the children it starts later.
        size = ["--questions", str(options.questions), "--seeds", str(options.seeds)]
        run(["benchmarks/compare_runs.py", "--make", name, *size], cores=1)
        ours = ["recipes/compare.py", *(str(folder / one) for one in RUNS)]
        contenders = {
            "compare.py": [*ours, "--out", str(folder / "report")],
            "pandas and scipy": ["benchmarks/compare_runs.py", "--scipy", name],
        }
        runs = in_turns(contenders, rounds=options.rounds)
        bytes_read = sum(path.stat().st_size for path in folder.glob("run-*/samples.parquet"))
    own = runs["compare.py"]
    text = f"""
Six synthetic runs of {options.questions:,} questions and {options.seeds} seeds in one mode,
{len(RUNS) * options.questions * options.seeds:,} samples, {bytes_read / 1e6:.0f} MB of Parquet;
one core, {options.rounds} rounds in turns; start of Python included. compare.py checks, corrects,
draws and writes its pages as well; the contender prints an interval for each of the 15 pairs.

{table(runs, "compare.py")}

Wanted: under 20 s and 2 GB. Ours: {spread([one.seconds for one in own], 1)} s, of these
{spread([one.cpu_seconds for one in own], 1)} on the processor, the rest waiting for it;
{max(one.peak_mb for one in own):,.0f} MB.

{machine()}
"""
    write_section("compare_runs", "Comparing six runs", text)


if __name__ == "__main__":
    main()
