"""Killed at any moment, twice at once, and on a full disk: nothing half, nothing lost."""

import hashlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from datasets import load_dataset

from builders.build import build
from builders.errors import DiskFull
from builders.files import only_writer
from builders.importing import import_demo
from builders.pool import Pool, open_pool

MOMENTS = 20
ROWS = 20_000


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def started(nt_process: Callable[..., Any], *words: object) -> "subprocess.Popen[str]":
    return nt_process(*words)  # type: ignore[no-any-return]


def duration(nt_process: Callable[..., Any], *words: object) -> float:
    began = time.monotonic()
    process = started(nt_process, *words)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return time.monotonic() - began


def killed_after(seconds: float, nt_process: Callable[..., Any], *words: object) -> None:
    process = started(nt_process, *words)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_import_killed_at_any_moment_leaves_a_pool_and_goes_on(
    tmp_path: Path, nt_process: Callable[..., Any]
) -> None:
    def words(pool: Path) -> tuple[object, ...]:
        return ("import", "demo", "--rows", ROWS, "--pool", pool)

    takes = duration(nt_process, *words(tmp_path / "whole"))
    expected = open_pool(tmp_path / "whole").fingerprint()
    found = set()
    for moment in range(1, MOMENTS + 1):
        pool = tmp_path / f"killed-{moment}"
        killed_after(takes * moment / (MOMENTS + 1), nt_process, *words(pool))
        if (pool / "manifest.json").exists():
            rows = open_pool(pool).num_rows("traces")
            if rows:  # datasets itself refuses what has no rows
                assert len(load_dataset(str(pool), "traces", split="train")) == rows
            found.add(rows)
        duration(nt_process, *words(pool))
        again = open_pool(pool)
        assert again.fingerprint() == expected
        assert again.num_rows("questions") == open_pool(tmp_path / "whole").num_rows("questions")
        assert not list(pool.rglob(".*"))
        shutil.rmtree(pool)
    assert len(found) > 2, f"the moments did not spread over the import: {found}"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_build_killed_at_any_moment_leaves_the_old_release_or_the_new(
    demo_pool: Pool, tmp_path: Path, nt_process: Callable[..., Any]
) -> None:
    out = tmp_path / "nt"

    def words(seed: int) -> tuple[object, ...]:
        return ("build", "--pool", demo_pool.folder, "--out", out, "--seed", seed)

    takes = duration(nt_process, *words(0))
    known = [hashes(out)]
    duration(nt_process, *words(1))
    known.append(hashes(out))
    for moment in range(1, MOMENTS + 1):
        new = moment % 2  # what is there is the other one, so that every file is written
        killed_after(takes * moment / (MOMENTS + 1), nt_process, *words(new))
        assert hashes(out) in known
        duration(nt_process, *words(new))
        assert hashes(out) == known[new]
        assert [path.name for path in tmp_path.iterdir()] == ["nt"]


@pytest.mark.parametrize("verb", ["import", "build"])
def test_of_two_at_once_one_says_so_and_stops(
    demo_pool: Pool, tmp_path: Path, nt_process: Callable[..., Any], verb: str
) -> None:
    folder = tmp_path / "folder"
    if verb == "import":
        words: tuple[object, ...] = ("import", "demo", "--rows", 50, "--pool", folder)
    else:
        words = ("build", "--pool", demo_pool.folder, "--out", folder, "--config", "random-50")
    with only_writer(folder):
        process = started(nt_process, *words)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert errors == f"nt: {folder}: another nt is writing here; wait for it to end\n"
    duration(nt_process, *words)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    mounted = subprocess.run(["mount", *options], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"may not mount a small disk: {mounted.stderr}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")
def test_a_build_on_a_full_disk_says_how_much_it_needs(
    small_disk: Path, demo_pool: Pool, nt: Callable[..., Any]
) -> None:
    out = small_disk / "nt"
    build(demo_pool.folder, out, configs=["random-500"])
    before = hashes(out)
    wanted = {
        "refused at once": ["random-4k", "long-4k", "mix-p20-4k", "mix-p40-4k", "mix-p60-4k"],
        "on the way": ["random-4k", "long-3k", "mix-p20-2k"],
    }
    for configs in wanted.values():
        options = [word for name in configs for word in ("--config", name)]
        code, _, errors = nt("build", "--pool", demo_pool.folder, "--out", out, *options)
        assert code == 2
        assert "the disk is full: about" in errors
        assert "the release is as it was before" in errors
        assert hashes(out) == before
        assert [path.name for path in small_disk.iterdir()] == ["nt"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")
def test_an_import_on_a_full_disk_keeps_its_shards(small_disk: Path, tmp_path: Path) -> None:
    pool = small_disk / "pool"
    with pytest.raises(DiskFull, match=r"is full: about .* what was written before stays"):
        import_demo(pool, rows=20_000, shard_rows=500)
    kept = open_pool(pool)
    rows = kept.num_rows("traces")
    assert rows > 0
    assert len(load_dataset(str(pool), "traces", split="train")) == rows
    # On a disk with room, the same import goes on.
    shutil.copytree(pool, tmp_path / "pool")
    import_demo(tmp_path / "pool", rows=20_000)
    import_demo(tmp_path / "whole", rows=20_000)
    fingerprints = {open_pool(tmp_path / name).fingerprint() for name in ("pool", "whole")}
    assert len(fingerprints) == 1
    shards = open_pool(tmp_path / "pool").shards("traces")
    assert sum(pq.read_metadata(shard).num_rows for shard in shards) == 20_000
