"""Labels drawn at random, for benchmarks: no judge gave them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

ANNOTATIONS = ("domain", "clusters", "strategies", "verbosity", "disagreement")


def draw_labels(rng: np.random.Generator, rows: int) -> dict[str, Any]:
    """The columns of these annotations, with the shares that the paper gives where it does."""
    from builders.schema import DOMAINS

    names = pa.array([f"strategy {n}" for n in range(12)])
    lengths = rng.integers(0, 11, rows)
    offsets = np.r_[0, np.cumsum(lengths)].astype(np.int32)
    used = names.take(pa.array(rng.integers(0, 12, int(offsets[-1]))))
    verdicts = np.where(rng.random(rows) < 0.36, "disagree", "agree")
    return {
        "domain": np.array(DOMAINS)[rng.integers(0, 13, rows)],
        "topic": ["synthetic"] * rows,
        "cluster": rng.integers(-1, 5000, rows).astype(np.int32),
        "strategies": pa.ListArray.from_arrays(offsets, used),
        "strategy_quotes": pa.nulls(rows, pa.list_(pa.string())),
        "verbosity": rng.integers(0, 11, rows).astype(np.int8),
        "models_disagree": pa.array(verdicts == "disagree", mask=rng.random(rows) < 0.05),
        "disagreement": verdicts,
        "second_answer": [None] * rows,
    }


def write_labels(pool: Path, shard: str, values: dict[str, Any]) -> None:
    """Write the sidecars of a shard of this name; `values` has the keys of its rows too."""
    from builders.files import write_parquet
    from builders.schema import sidecar_schema

    for annotation in ANNOTATIONS:
        schema = sidecar_schema(annotation)
        sidecar = pa.table({key: values[key] for key in schema.names}, schema)
        write_parquet(sidecar, pool / "annotations" / annotation / shard)
