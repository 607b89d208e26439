"""recipes/sft.py from end to end, each time as a process of its own, as a user starts it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from students import ROOT, make_student

from builders.build import build
from builders.pool import Pool

CONFIGS = ("mix-p40-96", "random-64")
Sft = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def release(demo_pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("release") / "nt"
    build(demo_pool.path, out, configs=list(CONFIGS))
    return out


@pytest.fixture(scope="session")
def student(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from datasets import load_dataset

    rows = load_dataset(str(release), "random-64", split="train")
    texts = [turn["content"] for chat in rows["messages"] for turn in chat]
    return make_student(tmp_path_factory.mktemp("student") / "tiny", texts)


@pytest.fixture(scope="session")
def sft(release: Path, student: Path) -> Sft:
    """Run the script with a recipe for tests; words override it."""
    recipe = student.parent / "recipe.yaml"
    recipe.write_text(
        f"model_name_or_path: {student}\ndataset_name: {release}\ndataset_config: mix-p40-96\n"
        "max_length: 1024\ntokens_per_step: 4000\ntokens_per_device: 2000\nnum_train_epochs: 2\n"
        "learning_rate: 1.0e-2\nlr_scheduler_type: constant\nbf16: false\n"
        "gradient_checkpointing: false\nlogging_steps: 1\nsave_strategy: 'no'\n"
    )

    def run(
        *words: object,
        launcher: tuple[str, ...] = (sys.executable,),
        check: bool = True,
        **env: str,
    ) -> "subprocess.CompletedProcess[str]":
        command = [*launcher, ROOT / "recipes" / "sft.py", "--config", recipe, *words]
        done = subprocess.run(
            list(map(str, command)),
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", **env},
            cwd=student.parent,
        )
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def trained(sft: Sft, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("trained") / "tiny-thoughts"
    return out, sft("--output_dir", out).stdout


def record_of(out: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((out / "run.json").read_text())
    return record


def losses_of(out: Path) -> list[float]:
    return [line["loss"] for line in record_of(out)["history"] if "loss" in line]


def test_a_student_is_trained_and_learns(trained: tuple[Path, str], student: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    out, said = trained
    losses = losses_of(out)
    assert losses[-1] < losses[0] - 0.5
    assert len(losses) == record_of(out)["steps"]
    before, after = (load_file(folder / "model.safetensors") for folder in (student, out))
    assert all((before[name] != after[name]).any() for name in before)
    AutoModelForCausalLM.from_pretrained(out)
    tokenizer = AutoTokenizer.from_pretrained(out)
    assert tokenizer.chat_template == AutoTokenizer.from_pretrained(student).chat_template
    assert "tokens/s" in said
    assert " left\n" in said
    assert not list(out.glob(".unfinished"))


def test_the_card_says_what_was_recorded(trained: tuple[Path, str], release: Path) -> None:
    from huggingface_hub import ModelCard

    out, _ = trained
    record = record_of(out)
    card = (out / "README.md").read_text()
    ModelCard(card)
    manifest = json.loads((release / "manifest.json").read_text())
    (entry,) = (c for c in manifest["configs"] if c["name"] == "mix-p40-96")
    for fact in (
        entry["rule"],
        "Trained on synthetic data",
        f"{record['tokens_seen']:,} in {record['steps']:,} steps",
        "`learning_rate`: 0.01",
        "The data: apache-2.0",
        "not known here",  # the base has no card, so no licence is made up
        "accelerate launch recipes/sft.py --config",
        "lr_scheduler_type: constant",  # the recipe
        "![The loss",
        *(f"| {loss:.4f} |" for loss in losses_of(out)[:1]),
    ):
        assert fact in card, fact
    for package in ("torch", "transformers", "trl", "accelerate"):
        assert f"{package} {record['versions'][package]}" in card


def test_the_same_command_again_does_nothing(trained: tuple[Path, str], sft: Sft) -> None:
    out, _ = trained
    before = (out / "model.safetensors").stat().st_mtime_ns
    again = sft("--output_dir", out)
    assert "holds this student already" in again.stdout
    assert (out / "model.safetensors").stat().st_mtime_ns == before


def test_other_settings_do_not_overwrite_a_student(trained: tuple[Path, str], sft: Sft) -> None:
    out, _ = trained
    refused = sft("--output_dir", out, "--learning_rate", "1e-3", check=False)
    assert refused.returncode == 2
    assert "learning_rate: 0.01 there, 0.001 now" in refused.stderr


def test_preflight_trains_nothing_and_shows_what_would_be(sft: Sft, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = sft("--output_dir", out, "--preflight").stdout
    assert "96 of 96 rows are trained on" in said
    assert "[[The answer is" in said
    assert [path.name for path in out.iterdir()] == ["preflight.html"]
