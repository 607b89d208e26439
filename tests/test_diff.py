"""What differs between two releases is found without their text."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hub_world import World

from builders.build import build
from builders.hub.diff import diff
from builders.pool import Pool

Releases = tuple[Path, Path]


def ids(release: Path, config: str) -> set[str]:
    return set(pq.read_table(release / config, columns=["id"])["id"].to_pylist())


def test_a_release_and_itself(releases: Releases) -> None:
    found = diff(str(releases[0]), str(releases[0]))
    assert all(config.is_same for config in found.configs)
    assert (found.settings, found.columns, found.bump) == ({}, ([], []), "none")


def test_another_seed(releases: Releases) -> None:
    found = diff(*map(str, releases))
    assert found.settings == {"seed": (0, 1)}
    assert found.bump == "minor"
    for config in found.configs:
        left, right = (ids(release, config.name) for release in releases)
        assert config.added == len(right - left) > 0
        assert config.removed == len(left - right) > 0
        assert config.state == "in both"


def test_configs_and_rules(demo_pool: Pool, releases: Releases, tmp_path: Path) -> None:
    build(demo_pool.folder, tmp_path / "nt", configs=["random-400", "mix-p40-100"])
    found = {config.name: config for config in diff(str(releases[0]), str(tmp_path / "nt")).configs}
    assert found["random-400"].state == "only right"
    assert found["random-400"].added == 400
    assert found["random-300"].state == "only left"
    assert found["disagree-200"].removed == 200
    assert found["mix-p40-100"].is_same
    longer = tmp_path / "longer"
    build(demo_pool.folder, longer, configs=["mix-p60-100"])
    shutil.copytree(longer / "mix-p60-100", tmp_path / "changed" / "mix-p40-100")
    manifest = json.loads((longer / "manifest.json").read_text())
    manifest["configs"][0]["name"] = "mix-p40-100"
    for file in manifest["configs"][0]["files"]:
        file["path"] = file["path"].replace("p60", "p40")
    (tmp_path / "changed" / "manifest.json").write_text(json.dumps(manifest))
    (config,) = [
        config
        for config in diff(str(releases[0]), str(tmp_path / "changed")).configs
        if config.state == "in both"
    ]
    modes = [
        pq.read_table(folder / "mix-p40-100", columns=["mode"])["mode"].to_pylist()
        for folder in (releases[0], tmp_path / "changed")
    ]
    differ = sum(a != b for a, b in zip(*modes, strict=True))
    assert (config.added, config.removed) == (0, 0)
    assert config.changed >= differ > 5
    assert "mixing" in config.rules


def test_on_the_hub_no_text_is_read(world: World, releases: Releases) -> None:
    for number, release in enumerate(releases):
        tag = f"v1.{number}.0"
        world.nt("push", release, "ORG/nt", "--tag", tag, "--accept-findings")
    world.hub.seen.clear()
    ran = world.nt("diff", "ORG/nt@v1.0.0", "ORG/nt@v1.1.0", "--json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert [c["added"] for c in found["configs"]] == [
        c.added for c in diff(*map(str, releases)).configs
    ]
    assert found["version"] == "minor"
    ran = world.nt("diff", "ORG/nt@v1.0.0", releases[0])
    assert ran.out.splitlines()[-1] == "by semantic versioning of data: none"
    assert "random-300    the same" in ran.out


@pytest.mark.parametrize(
    ("left", "message"),
    [("nowhere", "'nowhere': no such folder, and no ORG/NAME on the Hub")],
)
def test_what_cannot_be_compared(
    world: World, releases: Releases, demo_pool: Pool, left: str, message: str
) -> None:
    assert message in world.nt("diff", left, releases[0]).error
    assert "compare two of a kind" in world.nt("diff", demo_pool.folder, releases[0]).error


def test_pools(demo_pool: Pool, tmp_path: Path) -> None:
    from builders.importing import import_demo

    import_demo(tmp_path / "pool", rows=4100, shard_rows=1500)
    found = {c.name: c for c in diff(str(demo_pool.folder), str(tmp_path / "pool")).configs}
    assert (found["traces"].added, found["traces"].removed, found["traces"].changed) == (100, 0, 0)
