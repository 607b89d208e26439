"""The demo's student learns to think: with three training seeds, against itself and its controls.

Training is that of `make demo`. Accuracies are on problems that no pool holds, of five and more
steps and of a single one, each with its 95% interval (Wilson).
"""

import json
import math
import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from students import ROOT

from builders.build import build
from builders.importing import import_demo
from builders.sources.demo import DemoRow, benchmark

BASE = ROOT / "recipes" / "demo_student" / "base"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(5400),
    pytest.mark.filterwarnings("default"),
    pytest.mark.skipif(not BASE.is_dir(), reason="the base of the demo's student is not made yet"),
]

PROBLEMS = 200
SEEDS = (0, 1, 2)


class Accuracy(NamedTuple):
    right: int
    of: int

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's, at 95%."""
        z, share = 1.96, self.right / self.of
        centre = share + z * z / (2 * self.of)
        half = z * math.sqrt(share * (1 - share) / self.of + z * z / (4 * self.of**2))
        scale = 1 + z * z / self.of
        return (centre - half) / scale, (centre + half) / scale


def problems(steps: range) -> list[DemoRow]:
    rows = [row for row in benchmark("like", 3000) if row.steps in steps][:PROBLEMS]
    assert len(rows) == PROBLEMS
    return rows


def chance(rows: list[DemoRow]) -> float:
    """The accuracy of always giving the most frequent answer."""
    answers = [row.reference_answer for row in rows]
    return max(answers.count(answer) for answer in answers) / len(answers)


@pytest.fixture(scope="module")
def demo_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo-release")
    import_demo(folder / "pool", rows=50_000)
    build(folder / "pool", folder / "nt", configs=["mix-p40-10k"])
    return folder / "nt"


@pytest.fixture(scope="module")
def shuffled(demo_release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same rows, with the words of each reasoning in random order."""
    folder = tmp_path_factory.mktemp("shuffled") / "nt" / "mix-p40-10k"
    folder.mkdir(parents=True)
    rng = random.Random(0)
    for path in (demo_release / "mix-p40-10k").glob("*.parquet"):
        rows = pq.read_table(path, columns=["messages", "mode"]).to_pylist()
        for row in rows:
            if row["mode"] == "think":
                reply = row["messages"][1]
                thought, _, answer = reply["content"].partition("\n</think>")
                words = thought.removeprefix("<think>\n").split(" ")
                rng.shuffle(words)
                reply["content"] = f"<think>\n{' '.join(words)}\n</think>{answer}"
        pq.write_table(pa.Table.from_pylist(rows), folder / path.name)
    (folder.parent / "README.md").write_text(
        "---\nconfigs:\n- config_name: mix-p40-10k\n  data_files: mix-p40-10k/*.parquet\n---\n"
    )
    return folder.parent


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, int], Path]:
    def run(release: Path, seed: int) -> Path:
        out = tmp_path_factory.mktemp("student") / "out"
        words = ["--config", "recipes/demo/mix-p40.yaml", "--dataset_name", release, "--seed", seed]
        command = [sys.executable, "recipes/sft.py", *words, "--output_dir", out]
        done = subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        print(done.stdout)
        return out

    return run


def accuracy(student: Path, instruction: str, rows: list[DemoRow]) -> Accuracy:
    """How many answers are right when the student is told how to answer; greedy."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(student, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(student).eval()
    rows = sorted(rows, key=lambda row: len(row.question))
    right = 0
    for start in range(0, len(rows), 50):
        batch = rows[start : start + 50]
        texts = tokenizer.apply_chat_template(
            [[{"role": "user", "content": f"{r.question}\n\n{instruction}"}] for r in batch],
            tokenize=False, add_generation_prompt=True,
        )  # fmt: skip
        inputs = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
        inputs.pop("token_type_ids", None)
        with torch.no_grad():
            made = model.generate(**inputs, max_new_tokens=640, do_sample=False)
        for row, ids in zip(batch, made[:, inputs["input_ids"].shape[1] :], strict=True):
            reply = tokenizer.decode(ids).split("</think>")[-1]
            found = re.search(r"The answer is (\w+)\.", reply)
            right += bool(found and found[1] == row.reference_answer)
    return Accuracy(right, len(rows))


def test_thinking_helps_with_every_training_seed(
    demo_release: Path, shuffled: Path, train: Callable[[Path, int], Path]
) -> None:
    told = json.loads((demo_release / "manifest.json").read_text())["instructions"]
    many, single = problems(range(5, 13)), problems(range(1, 2))
    for seed in SEEDS:
        student = train(demo_release, seed)
        think = accuracy(student, told["think"], many)
        direct = accuracy(student, told["no_think"], many)
        single_direct = accuracy(student, told["no_think"], single)
        control = accuracy(train(shuffled, seed), told["think"], many)
        print(f"seed {seed}: think {think}, direct {direct}, shuffled {control}; "
              f"one step, direct: {single_direct}")  # fmt: skip
        assert think.interval[0] > direct.interval[1]
        assert think.interval[0] > 2 * chance(many)
        assert think.interval[0] > control.interval[1]
        assert single_direct.interval[0] > direct.interval[1]
        assert single_direct.interval[0] > 2 * chance(single)
        assert (student / "loss.png").is_file()
