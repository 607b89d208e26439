"""Verification finds every single thing that was changed by hand."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hub_world import files_of

from builders.hub.verify import verify_folder
from builders.pool import Pool
from builders.release import sealed

Releases = tuple[Path, Path]
FILE = "disagree-200/train-00000-of-00001.parquet"


@pytest.fixture
def folder(releases: Releases, tmp_path: Path) -> Path:
    shutil.copytree(releases[0], tmp_path / "nt")
    return tmp_path / "nt"


def reseal(folder: Path, change: Callable[[dict], None]) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(sealed(manifest), indent=2, ensure_ascii=False) + "\n")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_release_as_it_was_built(folder: Path) -> None:
    report = verify_folder(folder)
    assert (report.problems, report.remarks) == ([], [])
    assert (report.files, report.rows) == (len(files_of(folder)), 600)


def test_a_file_that_is_gone(folder: Path) -> None:
    (folder / FILE).unlink()
    assert f"{FILE}: is missing" in verify_folder(folder).problems


def test_a_byte_that_is_not(folder: Path) -> None:
    data = bytearray((folder / FILE).read_bytes())
    data[77] ^= 1
    (folder / FILE).write_bytes(data)
    (problem,) = verify_folder(folder).problems
    assert problem.startswith(f"{FILE}: sha256 ")


def test_fewer_rows_than_promised(folder: Path) -> None:
    table = pq.read_table(folder / FILE).slice(1)
    pq.write_table(table, folder / FILE)
    (problem,) = verify_folder(folder).problems
    assert problem.startswith(f"{FILE}: ")


def test_a_manifest_that_was_changed(folder: Path) -> None:
    edit(folder / "manifest.json", '"seed": 0', '"seed": 7')
    assert "manifest.json: was changed by hand" in verify_folder(folder).problems


def test_a_manifest_that_was_changed_and_sealed_again(folder: Path) -> None:
    def promise_more(manifest: dict) -> None:
        manifest["configs"][1]["rows"] = 201
        manifest["configs"][1]["files"][0]["rows"] = 201

    reseal(folder, promise_more)
    problems = verify_folder(folder).problems
    assert f"{FILE}: 200 rows, the manifest says 201" in problems
    assert any(problem.startswith("README.md") for problem in problems)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("num_examples: 200", "num_examples: 201"),
        ("| `disagree-200` | 200 |", "| `disagree-200` | 2,000 |"),
        ("with seed 0", "with seed 1"),
        ("license: apache-2.0", "license: mit"),
        ("## Limitations", "## Advantages"),
    ],
)
def test_every_number_of_the_card(folder: Path, old: str, new: str) -> None:
    edit(folder / "README.md", old, new)
    (problem,) = verify_folder(folder).problems
    assert problem.startswith("README.md")


def test_notes_are_no_change(folder: Path) -> None:
    from builders.card import NOTES

    edit(folder / "README.md", NOTES[0] + "\n", NOTES[0] + "\n\nMy own words, 12,345 of them.\n\n")
    assert verify_folder(folder).problems == []


def test_a_file_that_would_be_loaded_too(folder: Path) -> None:
    shutil.copy(folder / FILE, folder / FILE.replace("-00000-", "-00001-"))
    (problem,) = verify_folder(folder).problems
    assert problem.endswith("is not in the manifest")


def test_a_path_that_leaves_the_folder(folder: Path) -> None:
    from builders.errors import BadRelease

    def leave(manifest: dict) -> None:
        manifest["configs"][0]["files"][0]["path"] = "../../etc/passwd"

    reseal(folder, leave)
    with pytest.raises(BadRelease, match="is no path inside a release"):
        verify_folder(folder)


def test_a_card_of_another_version(folder: Path) -> None:
    reseal(folder, lambda manifest: manifest.update(naturalthoughts="0.0.1"))
    report = verify_folder(folder)
    assert report.problems == []
    assert report.remarks == [
        "README.md: made by naturalthoughts 0.0.1, so its words were not compared"
    ]
    edit(folder / "README.md", "num_examples: 200", "num_examples: 201")
    assert verify_folder(folder).problems == [
        "README.md: 'dataset_info' is not what the manifest says"
    ]


def test_a_pool(demo_pool: Pool, tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    shutil.copytree(demo_pool.folder, pool)
    report = verify_folder(pool)
    assert report.problems == []
    assert report.rows == 3 * 4000
    one, two = sorted((pool / "annotations" / "domain").iterdir())[:2]
    shutil.copy(two, one)
    (problem,) = verify_folder(pool).problems
    assert problem.endswith("has other rows than its shard")
    (pool / "traces" / "00001-broken.parquet").write_bytes(b"PAR1 no")
    assert any("unreadable" in problem for problem in verify_folder(pool).problems)
