"""`nt report difficulty` over a million traces, beside scikit-learn's AUC in a loop.

    python benchmarks/difficulty_million.py [--rows 1000000] [--rounds 1]

Makes a synthetic pool, two traces for each question, whose answers state a number in a sentence,
and measures on one core each: our report, with reading, comparing two million answers with their
references, and 200 resamples of six AUCs over all traces and 13 domains, ten correlations and the
shares; and scikit-learn's `roc_auc_score` for the same six AUCs over all traces alone, on arrays
that are in memory already, with as few as 5 resamples of rows.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from select_million import SHARD

RESAMPLES = 5
PADDING = "The numbers of the question are taken one after the other, and so on and so forth. " * 4


def make_pool(folder: Path, rows: int) -> None:
    """A pool of synthetic rows, written straight as shards, and its arrays beside it."""
    from builders.files import write_parquet
    from builders.importing import _create
    from builders.schema import DOMAINS, QUESTIONS, TRACES, arrow_schema, sidecar_schema

    _create(folder / "pool", None)
    rng = np.random.default_rng(0)
    kept = []
    for number, start in enumerate(range(0, rows, SHARD)):
        n = min(SHARD, rows - start)
        truth = rng.integers(0, 10_000, n)
        teacher_errs, hard = rng.random(n) < 0.05, rng.random(n)
        second_errs = rng.random(n) < hard
        said, second = truth + teacher_errs, truth + 2 * second_errs
        reasoning = np.exp(rng.normal(8, 0.8, n) + hard).astype(np.int32)
        verbosity = rng.integers(0, 11, n).astype(np.int8)
        questions = [f"{x:016x}" for x in np.repeat(rng.integers(0, 2**63, (n + 1) // 2), 2)[:n]]
        values = {
            "id": [f"{x:016x}" for x in rng.integers(0, 2**63, n)],
            "question_id": questions,
            **{name: ["synthetic"] * n for name in ("source", "license", "teacher", "reasoning")},
            "question": questions,
            "reference_answer": list(map(str, truth)),
            "answer": [f"{PADDING}\nThe answer is {x}." for x in said],
            "finish_reason": [None] * n,
            "num_reasoning_tokens": reasoning,
            "num_tokens": reasoning + 100,
            "domain": np.array(DOMAINS)[rng.integers(0, 13, n)],
            "topic": ["synthetic"] * n,
            "verbosity": verbosity,
            "disagreement": np.where(said == second, "agree", "disagree"),
            "models_disagree": said != second,
            "second_answer": [f"I get {x}." for x in second],
        }
        name = f"{number + 1:05d}-{start:016x}.parquet"
        for table, columns in (("questions", QUESTIONS), ("traces", TRACES)):
            schema = arrow_schema(columns)
            write_parquet(
                pa.table({key: values[key] for key in schema.names}, schema),
                folder / "pool" / table / name,
            )
        for annotation in ("domain", "verbosity", "disagreement"):
            schema = sidecar_schema(annotation)
            write_parquet(
                pa.table({key: values[key] for key in schema.names}, schema),
                folder / "pool" / "annotations" / annotation / name,
            )
        kept.append(np.array([teacher_errs, second_errs, said != second, reasoning, verbosity]))
    np.save(folder / "arrays.npy", np.concatenate(kept, axis=1))


def ours(folder: Path) -> None:
    """The report, as `nt report difficulty` makes it."""
    from builders.reports.difficulty import describe_difficulty

    report = describe_difficulty(folder / "pool")
    assert report["auc"]["second_model"]["disagreement"]["low"] > 0.9


def with_sklearn(folder: Path) -> None:
    """What one writes first: resample the rows, and compute every AUC again."""
    from sklearn.metrics import roc_auc_score

    teacher, second, *scores = np.load(folder / "arrays.npy")
    rng = np.random.default_rng(0)
    for _ in range(RESAMPLES):
        rows = rng.integers(0, len(teacher), len(teacher))
        for wrong in (teacher, second):
            for score in scores:
                roc_auc_score(wrong[rows], score[rows])


CONTENDERS = {"naturalthoughts": ours, "scikit-learn": with_sklearn}


def main() -> None:
    """Make the pool, run the contenders in turns, write what they took."""
    from measure import in_turns, machine, spread, table, write_section

    from builders.estimates import MANY, RESAMPLES_OF_MANY
    from builders.estimates import RESAMPLES as ALL

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--run", choices=CONTENDERS, help="run one contender; needs --folder")
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    if arguments.run:
        CONTENDERS[arguments.run](arguments.folder)
        return
    with tempfile.TemporaryDirectory() as name:
        make_pool(Path(name), arguments.rows)
        runs = in_turns(
            {one: [__file__, "--run", one, "--folder", name] for one in CONTENDERS},
            rounds=arguments.rounds,
        )
    loop = [run.cpu_seconds for run in runs["scikit-learn"]]
    write_section(
        "difficulty_million",
        "The report on difficulty over a million traces",
        f"{arguments.rows:,} synthetic traces of {arguments.rows // 2:,} questions, one core, "
        f"{arguments.rounds} rounds in turns; start of Python included. Ours reads the pool, "
        "compares two answers of each trace with the reference, and draws "
        f"{RESAMPLES_OF_MANY if arguments.rows >= MANY else ALL} resamples of six AUCs over all "
        "traces and each of 13 domains, of ten rank correlations and of the shares. scikit-learn's "
        f"`roc_auc_score` computes six AUCs over all traces, from arrays, with {RESAMPLES} "
        "resamples.\n\n"
        f"{table(runs, 'naturalthoughts')}\n\n"
        f"CPU seconds of the loop for each resample: {spread([x / RESAMPLES for x in loop])}.\n\n"
        f"{machine()}",
    )


if __name__ == "__main__":
    main()
