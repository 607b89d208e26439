r"""Tokens a second of training on CPU, and the time to a first step: sft.py against TRL's script.

Both train the same student on the same rows, in 32 bits, with the same number of traces a step, in
turns. TRL's `sft` is given the rows as {prompt, completion}. Students have the shape of the demo's
or of SmolLM2-135M, with random weights: speed does not depend on them.

    python benchmarks/train_tokens.py
    python benchmarks/train_tokens.py --shape smollm2-135m --rows 60 --steps 4 \
        --tokens-per-step 1000

Wanted: at least TRL's speed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import measure

ROOT = Path(__file__).parent.parent
DEVICE_TRACES = 8


class Speed(NamedTuple):
    """What one training took."""

    to_first_step: float
    tokens_per_second: float  # from the first step on
    padding: float | None


SHAPES = {
    "demo": {
        "hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 4,
        "num_attention_heads": 4, "num_key_value_heads": 4, "vocab_size": 800,
    },
    "smollm2-135m": {
        "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
        "num_attention_heads": 9, "num_key_value_heads": 3, "vocab_size": 49152,
    },
}  # fmt: skip


def make(folder: Path, rows: int, shape: str) -> Path:
    """A release of the demo, the same rows for TRL, and a student."""
    from datasets import load_dataset

    from builders.build import build
    from builders.importing import import_demo

    import_demo(folder / "pool", rows=4 * rows)
    build(folder / "pool", folder / "nt", configs=[f"mix-p40-{rows}"])
    release = load_dataset(str(folder / "nt"), f"mix-p40-{rows}", split="train")
    chats = release["messages"][:]
    (folder / "plain").mkdir()
    with (folder / "plain" / "train.jsonl").open("w") as file:
        for chat in chats:
            file.write(json.dumps({"prompt": chat[:1], "completion": chat[1:]}) + "\n")
    sys.path.insert(0, str(ROOT / "tests"))
    import torch
    from students import make_tokenizer
    from transformers import AutoModelForCausalLM, LlamaConfig

    tokenizer = make_tokenizer([turn["content"] for chat in chats for turn in chat])
    config = LlamaConfig(
        **SHAPES[shape], max_position_embeddings=2048, tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )  # fmt: skip
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder / "student")
    tokenizer.save_pretrained(folder / "student")
    return folder / "student"


def train(words: list[str], cores: int, home: Path, told: str) -> list[tuple[float, re.Match]]:
    """Run a training; when each line was printed that tells of a step, and the line."""
    began = time.monotonic()
    environment = {**os.environ, "HF_HOME": str(home), "OMP_NUM_THREADS": str(cores),
                   "PYTHONUNBUFFERED": "1"}  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=environment, preexec_fn=lambda: os.sched_setaffinity(0, range(cores)),
    )  # fmt: skip
    assert process.stdout
    seen, said = [], []
    for line in process.stdout:
        said.append(line)
        if found := re.search(told, line):
            seen.append((time.monotonic() - began, found))
    if process.wait():
        raise SystemExit("".join(said))
    return seen


def main() -> None:
    """Measure, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=SHAPES, default="demo")
    parser.add_argument("--rows", type=int, default=800)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--tokens-per-step", type=int, default=6000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", type=int, default=1)
    options = parser.parse_args()
    results: dict[str, list[Speed]] = {"sft.py": [], "TRL's sft": []}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        student = make(folder, options.rows, options.shape)
        same = ["--learning_rate", "1e-3", "--logging_steps", "1", "--save_strategy", "no",
                "--bf16", "false", "--gradient_checkpointing", "false", "--report_to", "none",
                "--max_length", "2048", "--model_name_or_path", str(student)]  # fmt: skip
        traces = 0
        for number in range(options.rounds):
            out = folder / f"ours-{number}"
            seen = train(
                [str(ROOT / "recipes" / "sft.py"), *same, "--dataset_name", str(folder / "nt"),
                 "--dataset_config", f"mix-p40-{options.rows}", "--output_dir", str(out),
                 "--tokens_per_step", str(options.tokens_per_step),
                 "--tokens_per_device", str(options.tokens_per_step), "--examples", "0",
                 "--match_steps", str(options.steps)],
                options.cores, folder / f"home-{number}", r"^step \d+ of",
            )  # fmt: skip
            record = json.loads((out / "run.json").read_text())
            steps = [line["num_tokens"] for line in record["history"] if "loss" in line]
            results["sft.py"].append(speed([at for at, _ in seen], steps, record["padding"]))
            traces = round(record["traces_per_step"])
            seen = train(
                ["-m", "trl.scripts.sft", *same, "--dataset_name", str(folder / "plain"),
                 "--output_dir", str(folder / f"trl-{number}"), "--max_steps", str(options.steps),
                 "--per_device_train_batch_size", str(min(traces, DEVICE_TRACES)),
                 "--gradient_accumulation_steps", str(max(1, round(traces / DEVICE_TRACES))),
                 "--disable_tqdm", "true"],
                options.cores, folder / f"home-trl-{number}", r"'num_tokens': '?([\d.e+]+)",
            )  # fmt: skip
            logged = seen[: options.steps]
            results["TRL's sft"].append(
                speed([at for at, _ in logged], [float(found[1]) for _, found in logged], None)
            )
            for name, each in results.items():
                print(f"round {number + 1}  {name}: {each[-1]}", file=sys.stderr, flush=True)
    ours, theirs = results["sft.py"], results["TRL's sft"]
    lines = ["| contender | seconds to the first step | tokens/s | against TRL |",
             "|---|---:|---:|---:|"]  # fmt: skip
    for name, each in results.items():
        ratios = [
            one.tokens_per_second / other.tokens_per_second
            for one, other in zip(each, theirs, strict=True)
        ]
        lines.append(
            f"| {name} | {measure.spread([s.to_first_step for s in each], 1)} | "
            f"{measure.spread([s.tokens_per_second for s in each], 0)} | "
            f"{'1' if each is theirs else measure.spread(ratios)} |"
        )
    measure.write_section(
        f"train_tokens_{options.shape}",
        f"Training on CPU: the shape of {options.shape}",
        f"{options.steps} steps of about {options.tokens_per_step:,} tokens (synthetic demo, "
        f"{traces} traces a step), {options.cores} core, {options.rounds} rounds in turns. Tokens "
        "are those of the traces, padding not counted; "
        f"sft.py's padding was {measure.spread([100 * (s.padding or 0) for s in ours], 1)}%."
        "\n\n" + "\n".join(lines) + f"\n\n{measure.machine()}",
    )


def speed(at: list[float], tokens: list[float], padding: float | None) -> Speed:
    """From the times at which steps were told, and the tokens seen by then."""
    return Speed(at[0], (tokens[-1] - tokens[0]) / (at[-1] - at[0]), padding)


if __name__ == "__main__":
    main()
