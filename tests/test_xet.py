"""The same by Xet, where the Hub speaks it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_protocol import Fault, Hub
from hub_world import World, whole

from builders.build import build
from builders.pool import Pool


@pytest.fixture
def xet(tmp_path: Path) -> Iterator[World]:
    with Hub(tmp_path / "hub", xet=True) as hub:
        made = World(hub, tmp_path / "home")
        yield made
        made.close()
        assert hub.leaks == []
        made.search(tmp_path)


def test_one_commit_and_no_byte_twice(xet: World, demo_pool: Pool, tmp_path: Path) -> None:
    sizes = ["random-1000", "random-2000", "random-4000"]
    build(demo_pool.folder, tmp_path / "nt", configs=sizes)
    words = ("push", tmp_path / "nt", "ORG/nt", "--tag", "v1.0.0", "--accept-findings")
    xet.hub.faults += [Fault("commit", 500), Fault("commit", "lost", skip=1), Fault("tag", "lost")]
    ran = xet.nt(*words)
    assert ran.code == 0, ran.err
    assert whole(xet, "v1.0.0", lambda manifest: True)
    messages = [commit.message for commit in xet.hub.repo().history()]
    assert messages == ["Release v1.0.0", "initial commit"]
    assert xet.hub.received == []  # nothing came by LFS
    manifest = json.loads((tmp_path / "nt" / "manifest.json").read_text())
    largest = max(config["download_size"] for config in manifest["configs"])
    pictures = sum(picture["bytes"] for picture in manifest.get("pictures", []))
    assert xet.hub.bytes_received < 1.1 * largest + pictures
    assert "already published" in xet.nt(*words).out


def test_a_hub_that_does_not_speak_it(xet: World, releases: tuple[Path, Path]) -> None:
    environment = xet.environment()
    xet.hub.xet = False
    words = ("push", releases[0], "ORG/nt", "--tag", "v1.0.0", "--accept-findings")
    error = xet.wait(xet.start(*words, env=environment)).error
    assert error.endswith("if it does not speak that, set HF_HUB_DISABLE_XET=1")
    assert xet.hub.shown("v1.0.0") is None
