"""Rows into tokens and labels: ours against what TRL's SFTTrainer does by itself.

Synthetic traces of about 6,000 tokens are tokenized with the same small byte-level tokenizer, by
each contender in a process of its own, with an empty cache. TRL is given {prompt, completion} rows.

    python benchmarks/prepare_traces.py --rows 2000

Wanted: no slower than TRL's own path, in less memory and disk.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import measure

ROOT = Path(__file__).parent.parent
LENGTH = 512 * 1024


def make(folder: Path, rows: int) -> None:
    """A data set of chats and the student whose tokenizer reads them."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    sys.path.insert(0, str(ROOT / "tests"))
    from students import make_student

    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("etaoinshrdlu"), rng.integers(2, 9))) for _ in range(3000)]
    make_student(folder / "student", [" ".join(words)] * 3)
    (folder / "data").mkdir()
    for shard, start in enumerate(range(0, rows, 500)):
        chats = []
        for _ in range(min(500, rows - start)):
            count = int(np.clip(rng.lognormal(7.6, 0.6), 100, 8000))
            thought = " ".join(words[i] for i in rng.integers(0, len(words), count))
            chats.append([{"role": "user", "content": " ".join(words[:60])},
                          {"role": "assistant",
                           "content": f"<think>\n{thought}\n</think>\n\nIt is 7."}])  # fmt: skip
        table = {"messages": chats, "mode": ["think"] * len(chats)}
        pq.write_table(pa.table(table), folder / "data" / f"{shard:05}.parquet")


def ours(folder: Path) -> None:
    """What sft.py does."""
    sys.path.insert(0, str(ROOT / "recipes"))
    from datasets import load_dataset
    from preflight import prepare
    from transformers import AutoTokenizer

    rows = load_dataset("parquet", data_files=str(folder / "data" / "*.parquet"), split="train")
    tokenizer = AutoTokenizer.from_pretrained(folder / "student")
    prepared = prepare(rows, tokenizer, max_length=LENGTH)
    note(folder, int(prepared.lengths().sum()))


def trl(folder: Path) -> None:
    """What SFTTrainer does with rows of {prompt, completion}."""
    import pyarrow.compute as pc
    from datasets import load_dataset
    from trl import SFTConfig, SFTTrainer

    rows = load_dataset("parquet", data_files=str(folder / "data" / "*.parquet"), split="train")
    split = rows.map(
        lambda row: {"prompt": row["messages"][:1], "completion": row["messages"][1:]},
        remove_columns=rows.column_names,
    )
    arguments = SFTConfig(str(folder / "out"), max_length=LENGTH, bf16=False, use_cpu=True)
    trainer = SFTTrainer(str(folder / "student"), arguments, train_dataset=split)
    batches = trainer.train_dataset.with_format("arrow").iter(1000)
    lengths = [pc.sum(pc.list_value_length(batch["input_ids"])).as_py() for batch in batches]
    note(folder, sum(lengths))


def start(folder: Path) -> None:
    """Import what both import, and load the rows: what neither can save."""
    import trl.trainer.sft_trainer  # noqa: F401
    from datasets import load_dataset

    load_dataset("parquet", data_files=str(folder / "data" / "*.parquet"), split="train")
    note(folder, 0)


def note(folder: Path, tokens: int) -> None:
    """Keep what a contender counted, and what its cache takes."""
    import os

    cache = Path(os.environ["HF_HOME"]) / "datasets"
    disk = sum(path.stat().st_size for path in cache.rglob("*.arrow"))
    (folder / "noted.json").write_text(json.dumps({"tokens": tokens, "disk": disk}))


def main() -> None:
    """Measure, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--contender")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.contender:
        {"ours": ours, "trl": trl, "start": start}[options.contender](options.folder)
        return

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make(folder, options.rows)
        noted: dict[str, dict[str, int]] = {}
        runs: dict[str, list[measure.Run]] = {"ours": [], "trl": [], "start": []}
        for number in range(options.rounds):
            for name in runs:
                words = [__file__, "--contender", name, "--folder", str(folder)]
                with tempfile.TemporaryDirectory() as home:
                    runs[name].append(
                        measure.run(words, cores=options.cores, environment={"HF_HOME": home})
                    )
                noted[name] = json.loads((folder / "noted.json").read_text())
                print(f"round {number + 1}  {name}: {runs[name][-1]}", file=sys.stderr, flush=True)
    assert noted["ours"]["tokens"] == noted["trl"]["tokens"]
    named = {
        "sft.py": runs["ours"], "TRL's SFTTrainer": runs["trl"],
        "imports and loading alone": runs["start"],
    }  # fmt: skip
    each = noted["ours"]["tokens"] / options.rows

    def net(name: str) -> str:
        return measure.spread(
            [options.rows / (run.cpu_seconds - base.cpu_seconds)
             for run, base in zip(runs[name], runs["start"], strict=True)], 0
        )  # fmt: skip

    measure.write_section(
        "prepare_traces",
        "Rows into tokens",
        f"{options.rows:,} synthetic traces of {each:,.0f} tokens, {options.cores} core, "
        f"{options.rounds} rounds in turns, empty caches; imports included. Both gave the "
        f"same tokens.\n\n{measure.table(named, 'sft.py')}\n\n"
        f"Without imports and loading, rows per CPU second: sft.py {net('ours')}, TRL "
        f"{net('trl')}. Disk that the caches take: sft.py "
        f"{noted['ours']['disk'] / 1e6:,.0f} MB, TRL {noted['trl']['disk'] / 1e6:,.0f} MB, the "
        f"rows alone {noted['start']['disk'] / 1e6:,.0f} MB.\n\n{measure.machine()}",
    )


if __name__ == "__main__":
    main()
