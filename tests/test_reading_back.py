"""What users read of a release: by name and tag, streaming, by path; fresh caches throughout."""

import json
import shutil
from pathlib import Path

import pytest
from hub_protocol import Fault
from hub_world import World, files_of

Releases = tuple[Path, Path]


@pytest.fixture
def published(world: World, releases: Releases) -> World:
    for number, release in enumerate(releases):
        tag = f"v{number + 1}.0.0"
        ran = world.nt("push", release, "ORG/nt", "--tag", tag, "--accept-findings", "--public")
        assert ran.code == 0, ran.err
    world.hub.seen.clear()
    return world


def ids(release: Path, config: str) -> list[str]:
    import pyarrow.parquet as pq

    return list(pq.read_table(release / config, columns=["id"])["id"].to_pylist())


def test_by_name_and_tag(published: World, releases: Releases, tmp_path: Path) -> None:
    program = """
import json
from datasets import get_dataset_config_names, load_dataset
found = {"configs": get_dataset_config_names("ORG/nt", revision="v1.0.0")}
for tag in ("v1.0.0", "v2.0.0"):
    rows = load_dataset("ORG/nt", "random-300", revision=tag, split="train")
    stream = load_dataset("ORG/nt", "random-300", revision=tag, split="train", streaming=True)
    assert [row["id"] for row in stream] == rows["id"][:]
    found[tag] = [rows["id"][:], str(rows.info.version), rows.info.description]
    assert rows[0]["messages"][0]["role"] == "user"
default = load_dataset("ORG/nt", revision="v1.0.0", split="train")
found["default"] = default.config_name
print(json.dumps(found))
"""
    ran = published.python(program, tmp_path / "cache")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out.splitlines()[-1])
    assert found["configs"] == ["random-300", "disagree-200", "mix-p40-100"]
    for release, tag in zip(releases, ("v1.0.0", "v2.0.0"), strict=True):
        wanted = [ids(release, "random-300"), tag.removeprefix("v"), f"ORG/nt {tag}"]
        assert found[tag] == wanted
    assert found["default"] == "random-300"
    published.search(tmp_path / "cache")


READERS = {
    "pandas": "import pandas; ids = list(pandas.read_parquet(path, columns=['id'])['id'])",
    # Its own reader of hf:// knows no other Hub than huggingface.co, so here fsspec opens the file.
    "polars": (
        "import fsspec, polars; file = fsspec.open(path).open(); "
        "ids = polars.read_parquet(file, columns=['id'])['id'].to_list()"
    ),
    # Its own needs an extension from the network; it can query what Arrow has opened.
    "duckdb": (
        "import duckdb, fsspec; from pyarrow import dataset, parquet; "
        "rows = parquet.read_table(fsspec.open(path).open(), columns=['id']); "
        "ids = [id for (id,) in duckdb.sql('select id from rows').fetchall()]"
    ),
}


@pytest.mark.parametrize("reader", READERS)
def test_by_path(published: World, releases: Releases, tmp_path: Path, reader: str) -> None:
    pytest.importorskip(reader)
    file = "disagree-200/train-00000-of-00001.parquet"
    program = f"""
import json, os
path = "hf://datasets/ORG/nt@v1.0.0/{file}"
{READERS[reader]}
print(json.dumps(ids), flush=True)
os._exit(0)  # on a busy machine, threads of Arrow that read through fsspec abort at Python's exit
"""
    ran = published.python(program, tmp_path / "cache")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out) == ids(releases[0], "disagree-200")


def load(tag: str) -> str:
    return f"""
from datasets import load_dataset
rows = load_dataset("ORG/nt", "random-300", revision="{tag}", split="train")
print(rows.info.description, rows["id"][0])
assert str(rows.info.version) == "{tag[1:]}", "the rows of another release"
"""


def test_the_cache_gives_another_release_and_says_so(
    published: World, releases: Releases, tmp_path: Path
) -> None:
    """load_dataset ignores the revision when the Hub is away; what it loaded tells."""
    home = tmp_path / "cache"
    assert published.python(load("v2.0.0"), home).code == 0
    away = {"HF_HUB_OFFLINE": "1"}
    ran = published.python(load("v1.0.0"), home, **away)
    assert ran.out.split() == ["ORG/nt", "v2.0.0", ids(releases[1], "random-300")[0]]
    assert ran.code == 1
    assert "the rows of another release" in ran.err

    words = [published.start("verify", "ORG/nt@v1.0.0", env=published.environment(home, **away))]
    error = published.wait(words[0]).error
    assert "ORG/nt@v1.0.0: not verified: " in error
    assert (
        "load_dataset('ORG/nt', …, revision='v1.0.0') gives here random-300 of ORG/nt v2.0.0"
        in (error)
    )


def test_verify_looks_at_what_is_loaded(published: World, tmp_path: Path) -> None:
    home = tmp_path / "cache"
    environment = published.environment(home)
    verified = published.wait(published.start("verify", "ORG/nt@v1.0.0", env=environment))
    assert verified.code == 0, verified
    assert verified.out.startswith("ORG/nt@v1.0.0 (ORG/nt v1.0.0): verified: ")

    # Somebody's cache of this very release holds other rows.
    assert published.python(load("v1.0.0"), home).code == 0
    assert published.python(load("v2.0.0"), home).code == 0
    one, two = (
        next(home.glob(f"datasets/ORG___nt/random-300/{v}/*/*.arrow")) for v in ("1*", "2*")
    )
    shutil.copyfile(two, one)
    ran = published.wait(published.start("verify", "ORG/nt@v1.0.0", env=environment))
    assert ran.code == 2
    assert ran.out == "random-300: load_dataset gives other rows than the files hold\n"
    published.search(home)


def test_pull_obeys_the_revision(published: World, releases: Releases, tmp_path: Path) -> None:
    out = tmp_path / "got"
    for tag, release in (("v1.0.0", releases[0]), ("v2.0.0", releases[1]), ("v1.0.0", releases[0])):
        ran = published.nt("pull", f"ORG/nt@{tag}", "--out", out)
        assert ran.code == 0, ran.err
        assert ids(out, "random-300") == ids(release, "random-300")
        assert published.nt("verify", out).code == 0
    assert not list(tmp_path.glob(".got*"))
    for path in ("README.md", "manifest.json"):
        assert (out / path).read_text() == published.hub.text(path, "v1.0.0")

    published.hub.seen.clear()
    assert "is there already" in published.nt("pull", "ORG/nt@v1.0.0", "--out", out).out
    assert published.hub.seen == []
    offline = published.environment(HF_HUB_OFFLINE="1")
    ran = published.wait(published.start("pull", "ORG/nt@v1.0.0", "--out", out, env=offline))
    assert ran.code == 0
    ran = published.wait(published.start("pull", "ORG/nt@v2.0.0", "--out", out, env=offline))
    assert "HF_HUB_OFFLINE is set" in ran.error
    assert ran.error.endswith("holds ORG/nt@v1.0.0")
    assert ids(out, "random-300") == ids(releases[0], "random-300")


def test_pull_goes_on_where_it_stopped(
    published: World, releases: Releases, tmp_path: Path
) -> None:
    out = tmp_path / "got"
    published.hub.faults.append(Fault("blob_get", "half", times=1))
    assert published.nt("pull", "ORG/nt@v1.0.0", "--out", out).code == 0
    ranges = [
        seen for seen in published.hub.seen if seen.route == "blob_get" and seen.method == "GET"
    ]
    assert len(ranges) == len(files_of(releases[0])) + 1  # one of them in two pieces

    other = tmp_path / "other"
    published.hub.faults.append(Fault("blob_get", 503, times=1000, skip=1))
    error = published.nt("pull", "ORG/nt@v1.0.0", "--out", other).error
    assert "again and again" in error
    assert not other.exists()
    published.hub.faults.clear()
    published.hub.seen.clear()
    assert published.nt("pull", "ORG/nt@v1.0.0", "--out", other).code == 0
    fetched = {s.path for s in published.hub.seen if s.route == "blob_get" and s.method == "GET"}
    assert len(fetched) == len(files_of(releases[0])) - 1  # the first was there
    assert published.nt("verify", other).code == 0


def test_pull_takes_what_is_there_already(published: World, tmp_path: Path) -> None:
    out = tmp_path / "got"
    published.nt("pull", "ORG/nt@v1.0.0", "--out", out)
    published.hub.edit("LICENSE", "another commit\n")
    published.hub.repo().tags["v2.1.0"] = published.hub.repo().branches["main"]
    published.nt("pull", "ORG/nt@v2.0.0", "--out", out)
    ran = published.nt("pull", "ORG/nt@v2.1.0", "--out", out, "--json")
    assert json.loads(ran.out)["bytes"] == 0


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("ORG/nt@v9.0.0", "has no release v9.0.0; there are: v1.0.0, v2.0.0"),
        ("ORG/none@v1.0.0", "ORG/none: not on the Hub, or not for this token"),
        ("nt@v1.0.0", "the organisation or user is missing"),
        ("ORG/nt@v1 0", "'v1 0' is no tag, branch or commit"),
    ],
)
def test_what_cannot_be_pulled(
    published: World, tmp_path: Path, address: str, message: str
) -> None:
    assert message in published.nt("pull", address, "--out", tmp_path / "got").error
    assert not (tmp_path / "got").exists()


def test_pull_replaces_nothing_that_is_not_a_release(published: World, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    error = published.nt("pull", "ORG/nt@v1.0.0", "--out", out).error
    assert "is not empty and not a release" in error
    assert (out / "thesis.txt").read_text() == "years of work"


def test_pull_replaces_nothing_that_was_changed_by_hand(published: World, tmp_path: Path) -> None:
    out = tmp_path / "got"
    published.nt("pull", "ORG/nt@v1.0.0", "--out", out)
    (file,) = (out / "random-300").iterdir()
    file.write_bytes(file.read_bytes() + b"mine")
    error = published.nt("pull", "ORG/nt@v2.0.0", "--out", out).error
    assert "was changed by hand: random-300/train-" in error
    assert file.read_bytes().endswith(b"mine")


def test_a_file_that_arrives_changed_is_refused(published: World, tmp_path: Path) -> None:
    stored = published.hub.shown("v1.0.0")["random-300/train-00000-of-00001.parquet"]  # type: ignore[index]
    path = published.hub.blobs / str(stored.sha256)
    data = bytearray(path.read_bytes())
    data[500] ^= 1
    path.write_bytes(data)
    error = published.nt("pull", "ORG/nt@v1.0.0", "--out", tmp_path / "got").error
    assert "fails verification: random-300/train-" in error
    assert not (tmp_path / "got").exists()
    environment = published.environment(tmp_path / "cache")
    ran = published.wait(published.start("verify", "ORG/nt@v1.0.0", env=environment))
    assert "fails verification: random-300/train-" in ran.err


def test_a_private_release_needs_a_token(published: World, tmp_path: Path) -> None:
    published.hub.repo().private = True
    anonymous = published.environment(tmp_path / "none") | {"HF_TOKEN": ""}
    ran = published.wait(
        published.start("pull", "ORG/nt@v1.0.0", "--out", tmp_path / "got", env=anonymous)
    )
    assert "not on the Hub, or not for this token" in ran.error
