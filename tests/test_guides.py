"""The guides in docs/ do what they say: their commands and programs are run, from top to bottom."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).parent.parent
GUIDES = ["how-a-config-is-chosen.md", "pool-format.md", "clusters.md"]


@pytest.mark.parametrize("guide", GUIDES)
def test_a_guide(guide: str, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "nt").write_text(f'#!/bin/sh\nexec {sys.executable} -m builders.cli "$@"\n')
    (tmp_path / "bin" / "nt").chmod(0o755)
    path = f"{tmp_path / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    ran = 0
    for token in MarkdownIt().parse((ROOT / "docs" / guide).read_text()):
        if token.type != "fence" or token.info not in ("bash", "python"):
            continue
        program = {"bash": ["bash", "-euc"], "python": [sys.executable, "-c"]}[token.info]
        done = subprocess.run(
            [*program, token.content],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{token.content}\n{done.stdout}\n{done.stderr}"
        ran += 1
    assert ran
