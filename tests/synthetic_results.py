"""Synthetic results of evaluations, written as recipes/eval.py writes its own.

A question has a difficulty that all runs share, and a run its own luck with it; a seed draws from
the chance that follows.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from results import MODES, SCHEMA, write_run
from students import ROOT

__all__ = ["ROOT", "record_of", "samples_of", "write_synthetic"]

SHIFT = {"think": 0.0, "adaptive": -0.3, "no_think": -0.9}
TOKENS = {"think": 900, "adaptive": 500, "no_think": 40}


def samples_of(
    *,
    benchmark: str = "gpqa_diamond",
    modes: tuple[str, ...] = MODES,
    questions: int = 198,
    seeds: tuple[int, ...] = (0, 1, 2, 3),
    skill: float = 0.0,
    luck: int = 0,
    obeys: float = 1.0,
    text: str = "synthetic",
    domains: tuple[str | None, ...] = ("Biology", "Chemistry", "Physics"),
) -> pa.Table:
    """Samples of a run whose skill is in logits, `luck` its own draws."""
    place = list(benchmark.encode())
    common, own = np.random.default_rng(place), np.random.default_rng([luck, *place])
    hard = common.normal(size=questions) * 1.4
    level = np.digitize(hard, [-1.2, 0, 1.2]) + 2
    chance = skill - hard + own.normal(size=questions) * 0.7
    tables = []
    shape = (questions, len(seeds))
    for mode in modes:
        p = 1 / (1 + np.exp(-(chance + SHIFT[mode])))
        wants = {"think": obeys, "no_think": 1 - obeys, "adaptive": 0.2 * level[:, None] - 0.2}
        thought = own.random(shape) < wants[mode]
        truncated = own.random(shape) < 0.02
        tokens = (own.gamma(4, TOKENS[mode] / 4, shape) * (1 + 0.2 * level[:, None])).astype(int)
        columns = {
            "benchmark": [benchmark] * (questions * len(seeds)),
            "question_id": [f"q{n:05d}" for n in range(questions) for _ in seeds],
            "mode": [mode] * (questions * len(seeds)),
            "seed": np.tile(seeds, questions).astype(np.int32),
            "correct": ((own.random(shape) < p[:, None]) & ~truncated).ravel(),
            "extracted": [None] * (questions * len(seeds)),
            "reference": ["A"] * (questions * len(seeds)),
            "tokens": (tokens + 1).ravel().astype(np.int32),
            "thinking_tokens": np.where(thought, tokens // 2, 0).ravel().astype(np.int32),
            "thought": thought.ravel(),
            "truncated": truncated.ravel(),
            "domain": [domains[n % len(domains)] for n in range(questions) for _ in seeds],
            "difficulty": [str(n) for n in np.repeat(level, len(seeds))],
            "text": [text] * (questions * len(seeds)),
        }
        tables.append(pa.table(columns, SCHEMA))
    return pa.concat_tables(tables)


def record_of(name: str, samples: pa.Table, **changes: Any) -> dict[str, Any]:
    """What run.json says; `changes` are those of every benchmark."""
    benchmarks = {
        benchmark: {
            "data": "synthetic",
            "data_revision": "1234abcd",
            "max_new_tokens": 16_384,
            "prompt_hash": dict.fromkeys(MODES, "5678efab"),
            "sampling": {"temperature": 0.6, "top_p": 0.95},
            "seeds": sorted(samples["seed"].unique().to_pylist()),
            "questions": len(samples["question_id"].unique()),
            **changes,
        }
        for benchmark in samples["benchmark"].unique().to_pylist()
    }
    return {
        "name": name,
        "model": f"out/{name}",
        "model_revision": None,
        "engine": "synthetic",
        "dtype": "float32",
        "versions": {"lighteval": "0.13.0"},
        "benchmarks": benchmarks,
        "instructions": dict.fromkeys(MODES, ""),
        "instructions_version": 1,
        "trained_on": None,
    }


def write_synthetic(folder: Path, samples: pa.Table, **changes: Any) -> Path:
    """A run in a folder, called as the folder."""
    write_run(folder, record_of(folder.name, samples, **changes), samples)
    return folder
