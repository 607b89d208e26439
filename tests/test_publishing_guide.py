"""docs/publishing.md, word by word, against a Hub of our own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hub_world import World, whole
from markdown_it import MarkdownIt

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "docs" / "publishing.md"


@pytest.mark.slow
def test_the_guide_does_what_it_says(world: World, tmp_path: Path) -> None:
    pytest.importorskip("kingfisher_sdk", reason="the extra 'publish' is not installed")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "nt").write_text(f'#!/bin/sh\nexec {sys.executable} -m builders.cli "$@"\n')
    (tmp_path / "bin" / "nt").chmod(0o755)
    python_path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = world.environment(tmp_path / "cache") | {
        "PATH": f"{tmp_path / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": python_path,
    }
    printed = []
    text = GUIDE.read_text()
    (by_path,) = re.findall(r"`(pandas\.read_parquet\(.*?\))`", text, re.DOTALL)
    blocks = [
        (token.info, token.content)
        for token in MarkdownIt().parse(text)
        if token.type == "fence" and token.info in ("bash", "python")
    ]
    blocks.append(("python", f"import pandas; assert len({by_path}) == 1000"))
    for language, content in blocks:
        program = {"bash": ["bash", "-euc"], "python": [sys.executable, "-c"]}[language]
        done = subprocess.run(
            [*program, content], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        world.look(done.stdout + done.stderr)
        assert done.returncode == 0, f"{content}\n{done.stdout}\n{done.stderr}"
        printed.append(done.stdout)
    assert "nothing was sent (--dry-run)" in printed[0]
    assert "ORG/nt@v1.0.0 (ORG/nt v1.0.0): verified" in printed[0]
    assert "by semantic versioning of data: minor" in printed[1]
    assert "first: ORG/nt@v1.0.0, a release: is there already, and verified" in printed[3]
    assert whole(world, "v1.0.0", lambda manifest: manifest["seed"] == 0)
    assert whole(world, "main", lambda manifest: manifest["seed"] == 1)
    assert world.hub.repos["ORG/pool"].tags
