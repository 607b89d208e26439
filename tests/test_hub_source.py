"""`nt import ORG/NAME` with the real Hub client against a server on 127.0.0.1."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset

from builders.pool import open_pool
from tests.hub_server import COMMIT, HubServer

ROWS = [
    {"question": f"{n} + 1?", "reasoning": f"{n} + 1 = {n + 1}.", "answer": str(n + 1)}
    for n in range(5)
]


@pytest.fixture
def hub(tmp_path: Path) -> Any:
    folder = tmp_path / "repository"
    for subset in ("easy", "hard"):
        (folder / subset).mkdir(parents=True)
        lines = "".join(json.dumps(row | {"teacher": subset}) + "\n" for row in ROWS)
        (folder / subset / "train.jsonl").write_text(lines)
    (folder / "README.md").write_text(
        "---\nlicense: cc-by-4.0\nconfigs:\n"
        "- {config_name: easy, data_files: easy/*.jsonl}\n"
        "- {config_name: hard, data_files: hard/*.jsonl}\n---\n"
    )
    with HubServer("org/traces-1.1", folder, {"license": ["mit", "cc0-1.0"]}) as server:
        yield server


def _run(nt_process: Any, hub: HubServer, home: Path, *words: object) -> tuple[int, str, str]:
    process = nt_process(*words, env=_environment(hub, home))
    output, errors = process.communicate(timeout=120)
    return process.returncode, output, errors


def test_a_data_set_on_the_hub(
    tmp_path: Path, hub: HubServer, nt_process: Callable[..., Any]
) -> None:
    pool = tmp_path / "pool"
    words = ("import", "org/traces-1.1", "--subset", "hard", "--pool", pool)
    code, output, errors = _run(nt_process, hub, tmp_path / "home", *words)
    assert code == 0, errors
    assert "5 traces and 5 questions added" in output

    opened = open_pool(pool)
    facts = opened.facts(["source", "license", "teacher"]).to_pylist()
    assert facts == [{"source": "org/traces-1.1", "license": "mit, cc0-1.0", "teacher": "hard"}] * 5
    (imported,) = opened.manifest["imports"]
    assert (imported["source"], imported["revision"]) == ("org/traces-1.1", COMMIT)


def test_a_row_that_is_broken_on_the_way(
    tmp_path: Path, hub: HubServer, nt_process: Callable[..., Any]
) -> None:
    path = hub.folder / "hard" / "train.jsonl"
    path.write_text(path.read_text() + '{"question": ')
    words = ("import", "org/traces-1.1", "--subset", "hard", "--pool", tmp_path / "pool")
    code, _, errors = _run(nt_process, hub, tmp_path / "home", *words)
    assert (code, errors.count("\n")) == (2, 1), errors
    assert "org/traces-1.1" in errors
    assert not (tmp_path / "pool").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("import", "org/nothing"), "org/nothing: no such file, and not to be had from the Hub"),
        (("import", "org/traces-1.1", "--subset", "soft"), "soft"),
        (("import", "org/traces-1.1", "--subset", "easy", "--split", "test"), "test"),
    ],
)
def test_what_is_not_there(
    tmp_path: Path, hub: HubServer, nt_process: Callable[..., Any], words: Any, message: str
) -> None:
    code, _, errors = _run(nt_process, hub, tmp_path / "home", *words, "--pool", tmp_path / "pool")
    assert code == 2, errors
    assert errors.count("\n") == 1
    assert message in errors
    assert not (tmp_path / "pool").exists()


LARGE = [
    {"question": f"{n} + 1?", "reasoning": f"{n} + 1 = {n + 1}.", "answer": str(n + 1)}
    for n in range(18_000)
]
IMPATIENT = """
import sys, time
import datasets.config
datasets.config.STREAMING_READ_MAX_RETRIES = 1
time.sleep = lambda seconds: None  # the clients wait for two minutes before they give up
from builders.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def large(tmp_path: Path) -> Any:
    """Four files of 4,500 rows; the command line writes a shard of a pool every 8,192."""
    folder = tmp_path / "repository"
    folder.mkdir()
    for number in range(4):
        rows = pa.Table.from_pylist(LARGE[number * 4500 : (number + 1) * 4500])
        pq.write_table(rows, folder / f"train-{number:05d}-of-00004.parquet", row_group_size=1000)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    with HubServer("org/large", folder, {"license": "mit"}) as server:
        yield server


def _environment(hub: HubServer, home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home),
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    }


def _all_rows_once(pool: Path) -> None:
    rows = load_dataset(str(pool), "traces", split="train")
    assert sorted(rows["question"]) == sorted(row["question"] for row in LARGE)


def test_an_import_that_was_cut_off_goes_on(
    tmp_path: Path, large: HubServer, nt_process: Callable[..., Any]
) -> None:
    pool, home = tmp_path / "pool", tmp_path / "home"
    _, second, _, last = sorted(path.name for path in large.folder.glob("*.parquet"))
    large.hangs_up_on = last
    words = ["import", "org/large", "--pool", str(pool)]
    cut = subprocess.run(
        [sys.executable, "-c", IMPATIENT, *words],
        env=_environment(large, home),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert cut.returncode == 2, cut.stderr
    said = cut.stderr.splitlines()[-1]  # behind what the Hub's client says of its attempts
    assert said.startswith("nt: org/large, after row ")
    assert "the connection ended" in said
    assert "run the same again to go on" in said
    (imported,) = open_pool(pool).manifest["imports"]
    kept = open_pool(pool).num_rows("traces")
    assert kept == imported["position"]["rows"] == 13_500

    large.hangs_up_on = None
    large.sent.clear()
    code, output, errors = _run(nt_process, large, home, *words)
    assert code == 0, errors
    assert f"went on behind row {kept:,}" in output
    assert f"{18_000 - kept:,} traces" in output
    _all_rows_once(pool)
    assert large.sent[last] >= (large.folder / last).stat().st_size
    assert large.sent[second] == 0  # the first is opened for the layout, the third is where it was
    assert [one["position"] for one in open_pool(pool).manifest["imports"]] == [None, None]


@pytest.mark.slow
def test_an_import_that_was_killed_goes_on(
    tmp_path: Path, large: HubServer, nt_process: Callable[..., Any]
) -> None:
    pool, home = tmp_path / "pool", tmp_path / "home"
    words = ("import", "org/large", "--pool", pool)
    process = nt_process(*words, env=_environment(large, home))
    manifest = pool / "manifest.json"
    while not manifest.exists() or "shard_example_idx" not in manifest.read_text():
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    process.kill()
    process.communicate(timeout=60)
    kept = open_pool(pool).num_rows("traces")
    assert 0 < kept < 18_000
    code, output, errors = _run(nt_process, large, home, *words)
    assert code == 0, errors
    assert "went on behind row" in output
    _all_rows_once(pool)
