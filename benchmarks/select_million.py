"""All selectors over a million rows of annotations, beside datasets and polars.

    python benchmarks/select_million.py [--rows 1000000] [--rounds 3]

Makes a synthetic pool with short texts and all labels, then measures, on one core each: our
`select` from the pool's shards and sidecars; the idiom of `datasets` (batched `filter` and `map` on
the needed columns, `shuffle`, `sort`); polars. The other two read one Parquet file with all columns
side by side, which a pool is not, and draw their own random numbers. datasets has no idiom for
taking turns between groups, so it only filters and shuffles for `topics` and `semantic`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from synthetic_labels import draw_labels, write_labels

FAMILIES = (
    *("random", "disagree", "strategies", "topics"),
    *("semantic", "long", "verbose", "concise"),
)
SHARD = 8192


def make_pool(folder: Path, rows: int) -> None:
    """A pool of synthetic rows, written straight as shards, and facts.parquet beside it."""
    from builders.files import write_parquet
    from builders.importing import _create
    from builders.schema import QUESTIONS, TRACES, arrow_schema

    _create(folder / "pool", None)
    rng = np.random.default_rng(0)
    everything = []
    for number, start in enumerate(range(0, rows, SHARD)):
        n = min(SHARD, rows - start)
        texts = {
            "id": [f"{x:016x}" for x in rng.integers(0, 2**63, n)],
            "question_id": [f"{x:016x}" for x in rng.integers(0, 2**63, n)],
            **{name: ["synthetic"] * n for name in ("question", "source", "license", "teacher")},
            **{name: ["synthetic"] * n for name in ("reasoning", "answer")},
            **{name: [None] * n for name in ("reference_answer", "finish_reason")},
        }
        reasoning = np.minimum(rng.lognormal(8, 0.8, n), 32000).astype(np.int32)
        numbers = {"num_reasoning_tokens": reasoning, "num_tokens": reasoning + 100}
        labels = draw_labels(rng, n)
        values = {**texts, **numbers, **labels}
        name = f"{number + 1:05d}-{start:016x}.parquet"
        for table, columns in (("questions", QUESTIONS), ("traces", TRACES)):
            schema = arrow_schema(columns)
            shard = pa.table({key: values[key] for key in schema.names}, schema)
            write_parquet(shard, folder / "pool" / table / name)
        write_labels(folder / "pool", name, values)
        narrow = ["id", "num_reasoning_tokens", "domain", "cluster", "strategies", "verbosity"]
        everything.append(pa.table({key: values[key] for key in [*narrow, "models_disagree"]}))
    pq.write_table(pa.concat_tables(everything), folder / "facts.parquet")


def ours(folder: Path) -> dict[str, int]:
    """`select`, as `nt build` does it."""
    from builders.configs import parse_config
    from builders.pool import open_pool
    from builders.selection import select

    configs = [parse_config(f"{name}-10k") for name in FAMILIES]
    selection = select(open_pool(folder / "pool"), configs)
    return {name: len(rows) for name, rows in selection.rankings.items()}


def with_datasets(folder: Path) -> dict[str, int]:
    """What an experienced user of datasets writes: batched, and on the needed columns only."""
    import datasets

    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as cache:
        facts = datasets.load_dataset(
            "parquet", data_files=str(folder / "facts.parquet"), cache_dir=cache, split="train"
        )

        def kept(column: str, keep):
            return facts.filter(
                lambda values: [v is not None and keep(v) for v in values],
                input_columns=[column], batched=True, batch_size=10_000,
            ).shuffle(seed=0)  # fmt: skip

        def weighted(rows, weight, *columns: str):
            def key(*values):
                u = np.random.default_rng(0).random(len(values[0]))
                return {"key": np.log(-np.log(u)) - np.log(weight(*values))}

            return rows.map(
                key, input_columns=list(columns), batched=True, batch_size=10_000,
                remove_columns=rows.column_names,
            ).sort("key")  # fmt: skip

        some = facts.filter(
            lambda values: [4 <= len(v) <= 8 for v in values],
            input_columns=["strategies"], batched=True, batch_size=10_000,
        )  # fmt: skip
        ranked = {
            "random": facts.shuffle(seed=0),
            "disagree": kept("models_disagree", lambda v: v),
            "strategies": weighted(
                some,
                lambda strategies, tokens: [
                    len(s) / max(t, 1) for s, t in zip(strategies, tokens, strict=True)
                ],
                "strategies", "num_reasoning_tokens",
            ),
            "topics": kept("domain", lambda v: True),
            "semantic": kept("cluster", lambda v: v >= 0),
            "long": weighted(
                facts,
                lambda tokens: np.minimum(1, (np.asarray(tokens) / 5000) ** 2.5),
                "num_reasoning_tokens",
            ),
            "verbose": kept("verbosity", lambda v: v >= 7),
            "concise": kept("verbosity", lambda v: v <= 3),
        }  # fmt: skip
        return {name: len(rows) for name, rows in ranked.items()}


def with_polars(folder: Path) -> dict[str, int]:
    """The same rules as polars expressions."""
    import polars as pl

    u = pl.Series(
        np.random.default_rng(0).random(pq.read_metadata(folder / "facts.parquet").num_rows)
    )
    facts = pl.read_parquet(folder / "facts.parquet").with_columns(u=u).with_row_index("row")
    found, tokens = pl.col("strategies").list.len(), pl.col("num_reasoning_tokens")

    def by_weight(rows, weight):
        return rows.sort((-pl.col("u").log()).log() - weight.log()).select("row")

    def in_turns(rows, group: str):
        turn = pl.int_range(pl.len()).over(group)
        return rows.sort("u").with_columns(turn=turn).sort("turn", "u").select("row")

    def shuffled(mask):
        return facts.filter(mask).sort("u").select("row")

    density = found / tokens.clip(1)
    ranked = {
        "random": shuffled(pl.lit(True)),
        "disagree": shuffled(pl.col("models_disagree")),
        "strategies": by_weight(
            facts.filter(found.is_between(4, 8)), density.clip(upper_bound=density.median())
        ),
        "topics": in_turns(facts.filter(pl.col("domain").is_not_null()), "domain"),
        "semantic": in_turns(facts.filter(pl.col("cluster") >= 0), "cluster"),
        "long": by_weight(facts, ((tokens / 5000) ** 2.5).clip(upper_bound=1.0)),
        "verbose": shuffled(pl.col("verbosity") >= 7),
        "concise": shuffled(pl.col("verbosity") <= 3),
    }
    return {name: len(rows) for name, rows in ranked.items()}


CONTENDERS = {"naturalthoughts": ours, "datasets": with_datasets, "polars": with_polars}


def main() -> None:
    """Make the pool, measure, write the section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        counts = CONTENDERS[options.contender](options.folder)
        (options.folder / f"{options.contender}.json").write_text(json.dumps(counts))
        return

    from measure import in_turns, machine, spread, table, write_section

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_pool(folder, options.rows)
        me = ["benchmarks/select_million.py", "--folder", name, "--contender"]
        runs = in_turns({one: [*me, one] for one in CONTENDERS}, rounds=options.rounds)
        found = [json.loads((folder / f"{one}.json").read_text()) for one in CONTENDERS]
        assert all(one == found[0] for one in found), found
    own = runs["naturalthoughts"]
    text = (
        f"Eight selectors over {options.rows:,} synthetic rows of annotations, one core each, "
        f"{options.rounds} rounds in turns; start of Python and reading included. All three found "
        "the same number of eligible rows. `benchmarks/select_million.py` says what each does.\n\n"
        f"{table(runs, 'naturalthoughts')}\n\n"
        "Wanted: under 5 s and 600 MB for a million, 15 s for 2.8 million. Ours: "
        f"{spread([r.seconds for r in own], 1)} s, "
        f"{max(r.peak_mb for r in own):,.0f} MB.\n\n{machine()}"
    )
    million = options.rows == 1_000_000
    name = "select_million" if million else f"select_{options.rows}"
    size = "a million" if million else f"{options.rows:,}"
    write_section(name, f"All selectors over {size} rows", text)


if __name__ == "__main__":
    main()
