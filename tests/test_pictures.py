"""The pictures on the card: from the manifest alone, the same bytes, readable with any names."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import load_dataset
from markdown_it import MarkdownIt
from PIL import Image

from builders.annotating import annotate_from
from builders.build import build
from builders.card import render_release_card
from builders.importing import import_demo, import_source
from builders.pictures import MOST_CONFIGS, draw_pictures, drawable
from builders.pool import Pool
from builders.release import sealed
from builders.sources.opening import open_source

ALL = ["lengths", "domains", "strategies", "overlap", "system2"]
CONFIGS = ("random-500", "strategies-500", "mix-p40-500")
Write = Callable[..., Path]

NASTY = (
    "$\\frac{1}{0}$",
    "](http://evil.example) <img src=x onerror=alert(1)>",
    "![x](y)\n\n# Heading\n| a | b |",
    "\x00\x07\u202eright to left\ufeff",
    "\u601d\u8003 \U0001f914 \ue000",
    "Z" + "\u0301\u0316" * 200,
    "W" * 5000,
    "  ",
)


@pytest.fixture(scope="module")
def release(demo_pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pictures") / "nt"
    build(demo_pool.folder, out, configs=CONFIGS)
    return out


def manifest_of(release: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((release / "manifest.json").read_text())
    return manifest


def images_of(release: Path) -> dict[str, str]:
    """The images on the rendered card: where each lies, and its alternative text."""
    body = (release / "README.md").read_text().split("---\n", 2)[2]
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(body)
    images = [c for t in tokens for c in t.children or [] if c.type == "image"]
    return {str(image.attrs["src"]): _text(image) for image in images}


def _text(token: Any) -> str:
    return "".join(child.content for child in token.children)


def names(manifest: dict[str, Any]) -> list[str]:
    return [Path(picture["path"]).stem for picture in manifest["pictures"]]


def test_every_picture_is_a_png_that_the_manifest_lists(release: Path) -> None:
    manifest = manifest_of(release)
    assert names(manifest) == ALL
    assert sorted((release / "pictures").iterdir()) == sorted(
        release / picture["path"] for picture in manifest["pictures"]
    )
    for picture in manifest["pictures"]:
        data = (release / picture["path"]).read_bytes()
        assert picture["sha256"] == hashlib.sha256(data).hexdigest()
        assert picture["bytes"] == len(data) < 200_000
        with Image.open(release / picture["path"]) as image:
            assert image.format == "PNG"
            assert image.width == 1600
            assert 150 < image.height < 1600
            assert not image.info.keys() & {"Software", "Creation Time", "transparency"}
            pixels = np.asarray(image.convert("RGB"))
        edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        assert (edge == 255).all()  # a ground of its own, and nothing touches its edge
        assert 0.005 < (pixels != 255).any(axis=2).mean() < 0.9  # neither empty nor full


def test_the_card_shows_each_and_says_its_numbers(release: Path) -> None:
    manifest, images = manifest_of(release), images_of(release)
    assert list(images) == [f"pictures/{name}.png" for name in ALL]
    for config in manifest["configs"]:
        said = f"{config['name']} {config['lengths']['median']:,}"
        assert said in images["pictures/lengths.png"]
        for column in ("domains", "strategies"):
            name, count = next(iter(config[column].items()))
            said = f"{config['name']} {name} {count / config['rows']:.0%}"
            assert said in images[f"pictures/{column}.png"]
    share = manifest["configs"][2]["think_share"]
    assert images["pictures/system2.png"] == (
        f"Rows with reasoning (System-2): mix-p40-500 {share:.0%}; every other config 100%."
    )
    random, shared = manifest["overlap"]["strategies-500"][0], images["pictures/overlap.png"]
    assert "within the larger: 1" in shared  # mix-p40-500 has the rows of random-500
    assert (f"without a row in common: {2 if random == 0 else 0}") in shared


def test_the_card_is_made_from_the_manifest_alone(release: Path) -> None:
    assert render_release_card(manifest_of(release)) == (release / "README.md").read_text()


def test_the_same_bytes_from_the_manifest_alone_and_from_any_shards(
    release: Path, tmp_path: Path
) -> None:
    import matplotlib

    first = {path.name: path.read_bytes() for path in (release / "pictures").iterdir()}
    import_demo(tmp_path / "pool", rows=4000, shard_rows=333)
    build(tmp_path / "pool", tmp_path / "nt", configs=CONFIGS)
    sharded = {path.name: path.read_bytes() for path in (tmp_path / "nt/pictures").iterdir()}
    assert sharded == first
    # The style that a user has set for plots of their own does not show, and stays as it was.
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "savefig.dpi": 10}):
        draw_pictures(manifest_of(release), tmp_path)
        assert matplotlib.rcParams["font.size"] == 30
    again = {path.name: path.read_bytes() for path in (tmp_path / "pictures").iterdir()}
    assert again == first


def test_the_font_is_the_one_that_comes_with_matplotlib() -> None:
    import matplotlib
    from matplotlib.font_manager import findfont

    assert findfont("DejaVu Sans").startswith(matplotlib.get_data_path())


def test_a_release_with_pictures_loads(release: Path) -> None:
    for config in CONFIGS:
        assert load_dataset(str(release), config, split="train").num_rows == 500
    assert load_dataset(str(release), split="train").num_rows == 500  # the default config


def test_fewer_numbers_are_fewer_pictures(
    tmp_path: Path, demo_pool: Pool, write_jsonl: Write
) -> None:
    rows = [{"question": f"{n}?", "reasoning": "So.", "answer": "Yes."} for n in range(20)]
    import_source(open_source(str(write_jsonl(rows))), tmp_path / "plain")
    one = build(tmp_path / "plain", tmp_path / "one", configs=["random-10"]).manifest
    assert names(one) == ["lengths"]
    two = build(tmp_path / "plain", tmp_path / "two", configs=["random-10", "system1-20"]).manifest
    assert names(two) == ["lengths", "overlap", "system2"]
    alone = build(demo_pool.folder, tmp_path / "alone", configs=["random-10"]).manifest
    assert names(alone) == ["lengths", "domains", "strategies"]


def test_names_from_data_can_be_anything(tmp_path: Path, write_jsonl: Write) -> None:
    rows = [{"question": f"{n}?", "reasoning": "So.", "answer": "Yes."} for n in range(16)]
    import_source(open_source(str(write_jsonl(rows))), tmp_path / "pool")
    for number, name in enumerate(NASTY):
        labels = [
            {"question": row["question"], "strategies": [name, "common"][: 1 + n % 2]}
            for n, row in enumerate(rows)
        ]
        labelled = tmp_path / f"pool-{number}"
        import_source(open_source(str(write_jsonl(rows))), labelled)
        annotate_from(labelled, "strategies", str(write_jsonl(labels, "labels.jsonl")))
        out = tmp_path / f"nt-{number}"
        build(labelled, out, configs=["random-16"])  # a warning is an error
        assert list(images_of(out)) == ["pictures/lengths.png", "pictures/strategies.png"]
        body = (out / "README.md").read_text().split("---\n", 2)[2]
        page = MarkdownIt("commonmark", {"html": True}).enable("table").render(body)
        assert len(re.findall("<img", page)) == 2
        assert "evil" not in "".join(re.findall('(?:href|src)="[^"]*"', page))
        assert "onerror" not in re.sub('alt="[^"]*"', "", page)
        assert ">Heading" not in page
        assert "W" * 40 not in page


def test_a_name_is_drawn_in_characters_that_the_font_has() -> None:
    assert drawable("self-verification") == "self-verification"
    assert drawable("ruckwa\u0308rts") == "ruckw\u00e4rts"
    assert drawable("a\tb\n\x00c\u202e") == "a b c"
    assert drawable("\u601d\u8003") == "??"
    assert drawable("x" * 27) == "x" * 25 + "\u2026"


def test_a_release_of_very_many_configs(release: Path, tmp_path: Path) -> None:
    """More than are drawn; the card says so."""
    manifest = manifest_of(release)
    config = manifest["configs"][2]
    many = [f"mix-difficulty-{100_000_000 + n}" for n in range(MOST_CONFIGS + 5)]
    manifest["configs"] = [{**config, "name": name} for name in many]
    manifest["overlap"] = {name: [500] * n for n, name in enumerate(many)}
    manifest["pictures"] = draw_pictures(manifest, tmp_path)
    assert names(manifest) == ALL
    assert f"The pictures show the first {MOST_CONFIGS} configs." in render_release_card(manifest)
    for picture in manifest["pictures"]:
        assert many[MOST_CONFIGS] not in picture["shows"]
        with Image.open(tmp_path / picture["path"]) as image:
            assert (image.width, image.height < 3000) == (1600, True)


@pytest.mark.parametrize("edges", [[0, 1], [1, 2, 3], [7 << 28, 2**31], [0, 1, 2**31]])
def test_lengths_of_every_size_can_be_drawn(
    release: Path, tmp_path: Path, edges: list[int]
) -> None:
    manifest = manifest_of(release)
    config = manifest["configs"][0] | {"domains": {}, "strategies": {}}
    config["lengths"] = {"median": edges[0], "edges": edges, "counts": [5] * (len(edges) - 1)}
    manifest["configs"] = [config]
    assert [picture["path"] for picture in draw_pictures(manifest, tmp_path)] == [
        "pictures/lengths.png"
    ]


WITHOUT_MATPLOTLIB = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "matplotlib":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
from builders.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_without_matplotlib_the_data_is_the_same_and_the_command_says_so(
    release: Path, demo_pool: Pool, tmp_path: Path
) -> None:
    options = [word for name in CONFIGS for word in ("--config", name)]
    words = ["build", "--pool", str(demo_pool.folder), "--out", str(tmp_path / "nt"), *options]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_MATPLOTLIB, *words],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = [line for line in done.stdout.splitlines() if "pictures" in line]
    assert line == "the card has no pictures: matplotlib is missing; run: pip install matplotlib"
    assert not (tmp_path / "nt" / "pictures").exists()
    assert images_of(tmp_path / "nt") == {}
    manifest = manifest_of(tmp_path / "nt")
    assert manifest["pictures"] == []
    with_pictures = manifest_of(release)
    differ = {name for name in manifest if manifest[name] != with_pictures[name]}
    assert differ == {"pictures", "card", "fingerprint"}
    for config in manifest["configs"]:
        for file in config["files"]:
            written = (tmp_path / "nt" / file["path"]).read_bytes()
            assert written == (release / file["path"]).read_bytes()


def test_a_release_that_was_built_without_pictures_is_replaced(
    demo_pool: Pool, tmp_path: Path
) -> None:
    out = tmp_path / "nt"
    build(demo_pool.folder, out, configs=["random-10"])
    manifest = manifest_of(out)
    del manifest["pictures"]  # as an older version wrote it
    shutil.rmtree(out / "pictures")
    (out / "manifest.json").write_text(json.dumps(sealed(manifest)))
    build(demo_pool.folder, out, configs=["random-10"])
    assert names(manifest_of(out)) == ["lengths", "domains", "strategies"]
