"""A Hub, releases to publish, and `nt` in processes of its own, whose every output is searched."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from hub_protocol import WRITER, Hub

_WORKER = """
import contextlib, io, json, os, sys
from builders.cli import main
for line in sys.stdin:
    asked = json.loads(line)
    os.environ["HF_TOKEN"] = asked["token"]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(asked["words"])
        except SystemExit as exit:
            code = int(exit.code or 0)
        except BaseException:
            import traceback
            traceback.print_exc()
            code = 1
    print(json.dumps([code, out.getvalue(), err.getvalue()]), flush=True)
"""


class Ran(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line of a mistake that the user can mend."""
        assert self.code == 2, self
        (line,) = self.err.splitlines()
        assert line.startswith("nt: ")
        return line.removeprefix("nt: ")


class World:
    """`nt` as a user runs it, against a Hub. The worker keeps its imports; `start` is a process."""

    def __init__(self, hub: Hub, home: Path) -> None:
        self.hub, self.home = hub, home
        self.token = WRITER
        self._worker: subprocess.Popen[str] | None = None

    def environment(self, home: Path | None = None, **more: str) -> dict[str, str]:
        """The variables of a process; a fresh cache, if a home is named."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        return kept | {
            "HF_ENDPOINT": self.hub.url,
            "HF_TOKEN": self.token,
            "HF_HOME": str(home or self.home),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_UPDATE_CHECK": "1",
            "HF_HUB_DISABLE_XET": "0" if self.hub.xet else "1",
            "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
            **more,
        }

    def nt(self, *words: object) -> Ran:
        """Run a command in the worker."""
        if self._worker is None:
            self._worker = subprocess.Popen(
                [sys.executable, "-c", _WORKER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=self.environment(),
            )
        assert self._worker.stdin and self._worker.stdout
        asked = {"words": [str(word) for word in words], "token": self.token}
        self._worker.stdin.write(json.dumps(asked) + "\n")
        self._worker.stdin.flush()
        ran = Ran(*json.loads(self._worker.stdout.readline()))
        self.look(ran.out + ran.err)
        return ran

    def start(self, *words: object, **options: Any) -> "subprocess.Popen[str]":
        """Start a command as a process of its own."""
        options.setdefault("env", self.environment())
        return subprocess.Popen(
            [sys.executable, "-m", "builders.cli", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def wait(self, process: "subprocess.Popen[str]") -> Ran:
        """Wait for a process."""
        out, err = process.communicate(timeout=120)
        self.look(out + err)
        return Ran(process.returncode, out, err)

    def python(self, program: str, home: Path, **more: str) -> Ran:
        """Run a user's program with a fresh cache."""
        process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment(home, **more),
        )
        return self.wait(process)

    def look(self, text: str) -> None:
        """No token is in what was printed."""
        for form in token_forms(self.token):
            assert form not in text, "a token was printed"

    def search(self, *folders: Path) -> int:
        """No token is in any file; returns how many were searched."""
        count = 0
        forms = [form.encode() for form in token_forms(self.token)]
        for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
            data = path.read_bytes()
            assert not any(form in data for form in forms), f"a token is in {path}"
            count += 1
        return count

    def close(self) -> None:
        """End the worker."""
        if self._worker:
            assert self._worker.stdin and self._worker.stdout
            self._worker.stdin.close()
            self._worker.wait(timeout=30)
            self._worker.stdout.close()


def token_forms(token: str) -> set[str]:
    """A token as it is, and as it looks in JSON, an address, HTML, Python or base64."""
    tail = token.removeprefix("hf_")
    forms = {tail, json.dumps(tail)[1:-1], quote(tail, safe=""), escape(tail), repr(tail)[1:-1]}
    bare = base64.b64encode(token.encode()).decode().rstrip("=")
    return {form for form in (*forms, bare) if len(form) > 5}


def files_of(release: Path) -> list[str]:
    """The data files of a release, with its pictures."""
    manifest = json.loads((release / "manifest.json").read_text())
    files = [file["path"] for config in manifest["configs"] for file in config["files"]]
    return [*files, *(picture["path"] for picture in manifest.get("pictures", []))]


def whole(world: World, revision: str, expected: Callable[[dict[str, Any]], bool]) -> bool:
    """Whether a branch or tag shows a release that is whole, and the one that is expected."""
    tree = world.hub.shown(revision)
    if tree is None or "manifest.json" not in tree:
        return False
    manifest = json.loads(world.hub.text("manifest.json", revision))
    files = [file for config in manifest["configs"] for file in config["files"]]
    for file in files:
        stored = tree.get(file["path"])
        if stored is None or stored.sha256 != file["sha256"]:
            return False
    listed = {file["path"] for file in files}
    data = {path for path in tree if path.endswith(".parquet")}
    return data == listed and "README.md" in tree and expected(manifest)
