"""What the documents tell people to do, done."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from datasets import load_dataset
from markdown_it import MarkdownIt

from builders.cli import parser
from builders.configs import FAMILIES
from builders.pool import open_pool
from builders.sources import DROP_REASONS
from tests.hub_server import HubServer

ROOT = Path(__file__).parent.parent


def blocks(document: str, language: str) -> list[str]:
    tokens = MarkdownIt().parse((ROOT / document).read_text())
    return [token.content for token in tokens if token.type == "fence" and token.info == language]


def nt_lines() -> list[tuple[str, str]]:
    documents = [
        "README.md",
        "CONTRIBUTING.md",
        *(f"docs/{p.name}" for p in ROOT.glob("docs/*.md")),
    ]
    return [
        (document, line)
        for document in documents
        for block in blocks(document, "bash")
        for line in block.replace("\\\n", " ").splitlines()
        if line.startswith("nt ")
    ]


@pytest.mark.parametrize(("document", "line"), nt_lines())
def test_the_command_line_understands_the_documents(document: str, line: str) -> None:
    words = shlex.split(line.partition(" > ")[0], comments=True)[1:]
    try:
        parser().parse_args(words)
    except SystemExit as exit:  # it printed something, and that was all
        assert exit.code == 0


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="argparse's words vary with Python")
def test_the_reference_of_the_command_line_is_current(tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, ROOT / "docs" / "make_cli.py"], capture_output=True, text=True, check=True
    )
    assert made.stdout == (ROOT / "docs" / "cli.md").read_text(), "run: make docs"


def test_the_readme_has_the_table_of_configs() -> None:
    rows = re.findall(r"^\| (`.*?) \| (.*?) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    table = {name: sizes for names, sizes in rows for name in re.findall("`(.*?)`", names)}
    assert table == {name: ", ".join(family.sizes) for name, family in FAMILIES.items()}


def test_the_readme_names_folders_that_exist() -> None:
    tree = next(b for b in blocks("README.md", "") if b.startswith("builders/"))
    for line in tree.splitlines():
        assert (ROOT / line.split()[0]).is_dir(), line


def test_every_target_is_in_the_help() -> None:
    done = subprocess.run(["make", "-C", ROOT, "help"], capture_output=True, text=True, check=True)
    for target in ("setup", "demo", "test", "test-slow", "check", "bench"):
        assert f"make {target} " in done.stdout


def test_a_new_selector_in_four_steps(tmp_path: Path) -> None:
    """Follow CONTRIBUTING in a copy of the project, to the letter."""
    copy = tmp_path / "project"
    for name in ("builders", "tests", "dataset_cards", "docs"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", "CONTRIBUTING.md", "pyproject.toml"):
        shutil.copy(ROOT / name, copy)
    rule, entry = blocks("CONTRIBUTING.md", "python")
    (row,) = blocks("CONTRIBUTING.md", "markdown")
    commands = [block for block in blocks("CONTRIBUTING.md", "bash") if "--config" in block]

    where, _, code = rule.partition("\n")
    with (copy / where.removeprefix("# ")).open("a") as file:
        file.write("\n" + code)
    where, _, code = entry.partition("\n")
    path = copy / where.removeprefix("# ")
    start = "FAMILIES: dict[str, Family] = {\n"
    assert start in path.read_text()
    path.write_text(path.read_text().replace(start, start + code))
    path = copy / "README.md"
    path.write_text(path.read_text().replace("| `long` |", row + "| `long` |"))

    environment = {**os.environ, "PYTHONPATH": str(copy)}

    def run(*words: str) -> None:
        done = subprocess.run(
            [sys.executable, "-P", *words],
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    tests = ["tests/test_selectors.py", "tests/test_configs.py", "tests/test_card.py"]
    run(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, "-k", "short or readme or published"
    )
    run("-m", "pytest", "-q", "tests/test_docs.py::test_the_readme_has_the_table_of_configs")
    run("-m", "builders.cli", "import", "demo", "--rows", "300", "--pool", "pool")
    for command in commands:
        run("-m", "builders.cli", *shlex.split(command)[1:])
    assert (copy / "nt" / "short-100").is_dir()


def test_the_commands_of_bring_your_own_traces(tmp_path: Path) -> None:
    """Run them in an empty folder; ORG/NAME is a data set on a server of this machine."""
    page = "docs/bring-your-own-traces.md"
    hub, work, programs = (tmp_path / name for name in ("hub", "work", "bin"))
    for folder in (hub, work, programs):
        folder.mkdir()
    (programs / "nt").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m builders.cli "$@"\n')
    (programs / "nt").chmod(0o755)
    (hub / "train.jsonl").write_text('{"question": "a?", "reasoning": "So.", "answer": "Yes."}\n')
    with HubServer("ORG/NAME", hub, {"license": "mit"}) as server:
        environment = {
            **os.environ,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HF_ENDPOINT": server.url,
            "HF_HOME": str(tmp_path / "home"),
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
        }
        script = "\n".join(["set -euo pipefail", *blocks(page, "bash")])
        done = subprocess.run(
            ["bash", "-c", script], cwd=work, env=environment, capture_output=True, text=True
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "2 traces and 4 questions added, 0 rows already there, 1 dropped" in done.stdout
    assert len(load_dataset(str(work / "nt-mine"), "random-3", split="train")) == 3
    assert open_pool(work / "mine").num_rows("traces") == 4
    assert open_pool(work / "hub").num_rows("traces") == 2  # one row of two teachers


def test_every_reason_is_explained() -> None:
    page = (ROOT / "docs/bring-your-own-traces.md").read_text()
    assert re.findall(r"^\| `(\w+)` \| .* \| .* \|$", page, re.MULTILINE) == list(DROP_REASONS)
