"""What tests of the recipes share: a release, a tiny student, and `sft.py` as a process."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from students import ROOT, make_student

from builders.build import build
from builders.pool import Pool

CONFIGS = ("mix-p40-96", "random-64")
Sft = Callable[..., Any]
"""Runs `sft.py`: what it said, or the process itself with `wait=False`."""


@pytest.fixture(scope="session")
def release(demo_pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("release") / "nt"
    build(demo_pool.folder, out, configs=list(CONFIGS))
    return out


@pytest.fixture(scope="session")
def student(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from datasets import load_dataset

    rows = load_dataset(str(release), "random-64", split="train")
    texts = [turn["content"] for chat in rows["messages"] for turn in chat]
    return make_student(tmp_path_factory.mktemp("student") / "tiny", texts)


@pytest.fixture(scope="session")
def recipe(release: Path, student: Path) -> Path:
    """A recipe of some seconds."""
    recipe = student.parent / "recipe.yaml"
    recipe.write_text(
        f"model_name_or_path: {student}\ndataset_name: {release}\ndataset_config: mix-p40-96\n"
        "max_length: 1024\ntokens_per_step: 4000\ntokens_per_device: 2000\nnum_train_epochs: 2\n"
        "learning_rate: 1.0e-2\nlr_scheduler_type: constant\nbf16: false\n"
        "gradient_checkpointing: false\nlogging_steps: 1\nsave_strategy: 'no'\n"
    )
    return recipe


@pytest.fixture(scope="session")
def sft(recipe: Path) -> Sft:
    """Run the script with that recipe; words override it."""

    def run(
        *words: object,
        launcher: tuple[str, ...] = (sys.executable,),
        check: bool = True,
        wait: bool = True,
        **env: str,
    ) -> Any:
        command = [*launcher, ROOT / "recipes" / "sft.py", "--config", recipe, *words]
        process = subprocess.Popen(
            list(map(str, command)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if wait else subprocess.DEVNULL,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", **env},
            cwd=recipe.parent,
            start_new_session=True,  # so that a test can kill it with its children
        )
        if not wait:
            return process
        out, err = process.communicate()
        if check:
            assert process.returncode == 0, out + err
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    return run


@pytest.fixture(scope="session")
def trained(sft: Sft, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A student, trained as the README says, and what was printed."""
    out = tmp_path_factory.mktemp("trained") / "tiny-thoughts"
    launch = (sys.executable, "-m", "accelerate.commands.launch", "--config_file")
    config = str(ROOT / "recipes" / "accelerate_configs" / "cpu.yaml")
    return out, sft("--output_dir", out, launcher=(*launch, config)).stdout


def record_of(out: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((out / "run.json").read_text())
    return record


def losses_of(out: Path) -> list[float]:
    return [line["loss"] for line in record_of(out)["history"] if "loss" in line]
