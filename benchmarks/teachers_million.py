"""Ranking teachers and choosing responses over a million scored traces.

    python benchmarks/teachers_million.py [--rows 1000000] [--rounds 3]

Makes a pool of synthetic numbers with short texts: three teachers to each question, scores, and
which answers are right. Then measures, on one core each: `nt teachers`, and the ranking of each of
the configs that choose a response, reading included.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from measure import in_turns, machine, spread, write_section

SHARD = 8192
TEACHERS = ("synthetic-a", "synthetic-b", "synthetic-c")
FAMILIES = ("natural", "global-natural", "natural-matched")

SELECT = """
import sys
from builders.configs import parse_config
from builders.pool import open_pool
from builders.selection import select
selection = select(open_pool(sys.argv[1]), [parse_config(f"{sys.argv[2]}-10k")])
assert selection.availabilities[0].can_be_filled, selection.availabilities[0].why_not
"""


def make_pool(folder: Path, rows: int) -> None:
    """A pool of synthetic rows, written straight as shards and sidecars."""
    from builders.files import write_parquet
    from builders.importing import _create
    from builders.schema import TRACES, arrow_schema, sidecar_schema

    _create(folder, None)
    rng = np.random.default_rng(0)
    for number, start in enumerate(range(0, rows, SHARD)):
        n = min(SHARD, rows - start)
        teacher = np.arange(start, start + n) % 3
        asked = np.arange(start, start + n) // 3
        ids = pa.array([f"{x:016x}" for x in rng.integers(0, 2**63, n)])
        same = {name: ["synthetic"] * n for name in ("question", "source", "license", "reasoning")}
        texts = {
            "id": ids,
            # an odd multiplier takes different numbers to different numbers
            "question_id": [f"{x * 0x9E3779B97F4A7C15 % 2**64:016x}" for x in asked.tolist()],
            **same,
            "answer": ["synthetic"] * n,
            "teacher": np.array(TEACHERS)[teacher].tolist(),
            "reference_answer": [None] * n,
            "finish_reason": [None] * n,
            "num_tokens": rng.integers(100, 8000, n).astype(np.int32),
            "num_reasoning_tokens": rng.integers(50, 7000, n).astype(np.int32),
        }
        local = rng.normal(-0.9, 0.2, n) - 0.05 * teacher
        inverse = rng.uniform(0.03, 0.1, n)
        scores = {
            "local_naturalness": local,
            "global_naturalness": local + rng.normal(0.1, 0.05, n),
            "local_naturalness_skip_first": local + 0.1,
            "num_steps": rng.integers(3, 150, n),
            "num_student_tokens": rng.integers(100, 8000, n),
            "step_inverse_length": inverse,
            "step_inverse_length_squared": inverse**2 * 1.5,
            "step_inverse_length_times_score": inverse * local * 1.2,
            "not_scored": [None] * n,
        }
        name = f"{number:05d}-{number:016x}.parquet"
        write_parquet(pa.table(texts, arrow_schema(TRACES)), folder / "traces" / name)
        right = {"correct": rng.random(n) < 0.8}
        for annotation, columns in (("naturalness", scores), ("correctness", right)):
            schema = sidecar_schema(annotation)
            sidecar = pa.table({schema.names[0]: ids, **columns}, schema=schema)
            write_parquet(sidecar, folder / "annotations" / annotation / name)


def main() -> None:
    """Measure, and write the table into README.md."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=3)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        pool = Path(temporary) / "pool"
        make_pool(pool, asked.rows)
        commands = {
            "nt teachers": ["-m", "builders.cli", "teachers", "--pool", str(pool), "--quiet"],
            **{f"rank `{name}`": ["-c", SELECT, str(pool), name] for name in FAMILIES},
        }
        runs = in_turns(commands, rounds=asked.rounds)
    lines = ["| what | seconds | CPU seconds | peak MB |", "|---|---:|---:|---:|"]
    for name, each in runs.items():
        lines.append(
            f"| {name} | {spread([one.seconds for one in each], 1)} "
            f"| {spread([one.cpu_seconds for one in each], 1)} "
            f"| {max(one.peak_mb for one in each):,.0f} |"
        )
    table = "\n".join(lines)
    text = (
        f"{asked.rows:,} synthetic traces of three teachers with scores, one core each, "
        f"{asked.rounds} rounds in turns; start of Python and reading included. `nt teachers` "
        f"draws 2,000 resamples of all shared questions for each of four scores.\n\n{table}\n\n"
        f"{machine()}"
    )
    write_section("teachers_million", "Ranking teachers, choosing responses", text)


if __name__ == "__main__":
    main()
