"""Where the truth is known: to a student that was trained on one teacher, that teacher wins."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from students import make_student
from transformers import AutoModelForCausalLM, AutoTokenizer

from builders.importing import import_source
from builders.sources.demo import TEACHERS, generate
from builders.sources.opening import open_demo
from builders.traces import join_reply

QUESTIONS = 20  # of the pool that is scored
STEPS, ROWS, TOKENS = 250, 8, 192
LEARNING_RATE = 6e-3


def lessons(teacher: int) -> list[str]:
    """What the students are trained on: other questions than those of the pool."""
    return [
        f"<|im_start|>user\n{row.question}<|im_end|>\n<|im_start|>assistant\n"
        f"{join_reply(row.traces[teacher].reasoning, row.traces[teacher].answer)}<|im_end|>\n"
        for row in generate(150, seed=1, teachers=3)
    ]


def train(folder: Path, texts: list[str]) -> None:
    """Train the student in a folder, in place, on windows of the texts one behind the other."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    stream = torch.tensor(tokenizer("".join(texts), add_special_tokens=False)["input_ids"])
    rng = np.random.default_rng(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    for _ in range(STEPS):
        starts = rng.integers(len(stream) - TOKENS, size=ROWS)
        batch = torch.stack([stream[start : start + TOKENS] for start in starts.tolist()])
        with torch.enable_grad():  # which lighteval turns off where it is imported
            model(input_ids=batch, labels=batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("truth") / "pool"
    import_source(open_demo(QUESTIONS, seed=0, teachers=3), folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("teacher", range(3), ids=TEACHERS)
def test_the_teacher_of_a_student_wins(
    teacher: int, pool: Path, nt: Callable[..., Any], tmp_path: Path
) -> None:
    texts = [lessons(number) for number in range(3)]
    # tokens of all three manners alike: they must not give the teacher away
    student = make_student(tmp_path / "student", [text for some in texts for text in some[:50]])
    train(student, texts[teacher])
    code, _, errors = nt(
        "annotate", "naturalness", "--pool", pool, "--student", student, "--overwrite", "--quiet"
    )
    assert code == 0, errors
    report = json.loads(nt("teachers", "--pool", pool, "--json")[1])
    # The corrections leave out what a student of 60,000 parameters knows best: how steps begin.
    for ranking in report["rankings"][:2]:
        assert ranking["score"] in ("local", "global")
        means = {one["teacher"]: one["mean"]["value"] for one in ranking["places"]}
        assert ranking["places"][0]["teacher"] == TEACHERS[teacher], (ranking["score"], means)
        first = [one for one in ranking["differences"] if one["first"] == TEACHERS[teacher]]
        assert all(one["separable"] for one in first), (ranking["score"], first)

    out = tmp_path / "nt"
    assert nt("build", "--pool", pool, "--out", out, "--config", "natural-6", "--quiet")[0] == 0
    (config,) = json.loads((out / "manifest.json").read_text())["configs"]
    assert config["teachers"].get(TEACHERS[teacher], 0) >= 3  # its wrong answers are out
