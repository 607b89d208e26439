import os
import tempfile

# Read when datasets and huggingface_hub are imported: no network, and a cache of the tests' own.
os.environ["HF_HOME"] = tempfile.mkdtemp(prefix="nt-tests-hf-")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_protocol import WRITER, Hub
from hub_world import World
from hypothesis import settings

from builders.build import build
from builders.cli import main
from builders.importing import import_demo
from builders.pool import Pool, open_pool

pytest_plugins = ["recipe_runs"]

# A busy machine is no failure.
settings.register_profile("tests", deadline=None, max_examples=40)
settings.load_profile("tests")


@pytest.fixture(scope="session")
def demo_pool(tmp_path_factory: pytest.TempPathFactory) -> Pool:
    """4,000 synthetic traces in several shards; tests must not change it."""
    folder = tmp_path_factory.mktemp("demo") / "pool"
    import_demo(folder, rows=4000, shard_rows=1500)
    return open_pool(folder)


@pytest.fixture
def write_jsonl(tmp_path: Path) -> Callable[..., Path]:
    def write(rows: list[Any], name: str = "traces.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return write


@pytest.fixture
def nt(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in this process: exit code, output, errors."""

    def run(*words: object) -> tuple[int, str, str]:
        try:
            code = main([str(word) for word in words])
        except SystemExit as exit:  # argparse
            code = int(exit.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def nt_process(tmp_path: Path) -> Callable[..., "subprocess.Popen[str]"]:
    """Start the command line as a process of its own."""

    def start(*words: object, **options: Any) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "builders.cli", *map(str, words)]
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    return start


@pytest.fixture(scope="session")
def releases(demo_pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two releases of the same configs, with other seeds; tests must not change them."""
    folder = tmp_path_factory.mktemp("releases")
    configs = ["random-300", "disagree-200", "mix-p40-100"]
    for seed, name in enumerate(("first", "second")):
        build(demo_pool.folder, folder / name, configs=configs, seed=seed)
    return folder / "first", folder / "second"


@pytest.fixture(scope="session")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    with Hub(folder / "hub") as hub:
        made = World(hub, folder / "home")
        yield made
        made.close()


@pytest.fixture
def world(shared_world: World, tmp_path: Path) -> Iterator[World]:
    """A Hub without data sets, and `nt` to talk to it. In the end every file is searched."""
    shared_world.hub.reset(tmp_path / "hub")
    shared_world.token = WRITER
    yield shared_world
    assert shared_world.hub.leaks == [], "a token was sent to another host"
    shared_world.search(tmp_path, shared_world.home)
