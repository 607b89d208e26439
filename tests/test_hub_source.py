"""`nt import ORG/NAME` with the real Hub client against a server on 127.0.0.1."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home),
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    }
    process = nt_process(*words, env=environment)
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
