"""The scores of a run, by our metric for `evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pyarrow.compute as pc
from results import Run

METRIC = Path(__file__).parent / "reasoning_accuracy"


class Scores(NamedTuple):
    """A benchmark in a mode; shares are from 0 to 1."""

    benchmark: str
    mode: str
    accuracy: float
    standard_error: float  # clustered by question
    tokens: float
    thought: float
    truncated: float
    seeds: int
    questions: int
    replies: int


def scores_of(run: Run) -> list[Scores]:
    """The scores of a run, by benchmark and mode, in the order of its record."""
    import evaluate

    metric = evaluate.load(str(METRIC))
    found = []
    for benchmark, told in run.record["benchmarks"].items():
        for mode in told["prompt_hash"]:
            here = pc.field("benchmark") == benchmark
            rows = run.samples.filter(here & (pc.field("mode") == mode))
            if not len(rows):
                continue
            score = metric.compute(
                predictions=rows["correct"].to_pylist(),
                questions=rows["question_id"].to_pylist(),
                tokens=rows["tokens"].to_pylist(),
                truncated=rows["truncated"].to_pylist(),
            )
            found.append(
                Scores(
                    benchmark,
                    mode,
                    accuracy=score["accuracy"],
                    standard_error=score["standard_error"],
                    tokens=score["tokens"],
                    thought=pc.mean(rows["thought"]).as_py(),
                    truncated=score["truncated"],
                    seeds=len(rows["seed"].unique()),
                    questions=score["questions"],
                    replies=len(rows),
                )
            )
    return found
