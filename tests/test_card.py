import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt

from builders.build import build
from builders.card import render_release_card
from builders.configs import published
from builders.importing import import_source
from builders.pool import Pool
from builders.sources.opening import open_source

NASTY = (
    "# Heading http://evil.example What is *this*? | <script>alert(1)</script> `code` "
    "[link](http://x) \n# Heading\n```\nfence </textarea><img src=x onerror=alert(1)> "
    "{{ 7 * 7 }} $x$"
)


def render(text: str) -> str:
    body = text.split("---\n", 2)[2]
    return MarkdownIt("commonmark", {"html": True}).enable("table").render(body)


@pytest.fixture
def manifest(demo_pool: Pool, tmp_path: Path) -> dict[str, Any]:
    configs = ["disagree-100", "mix-p40-100"]
    return build(demo_pool.folder, tmp_path / "nt", configs=configs).manifest


def test_the_metadata_is_plain_yaml(manifest: dict[str, Any]) -> None:
    data = yaml.safe_load(render_release_card(manifest).split("---\n")[1])
    assert [config["config_name"] for config in data["configs"]] == ["disagree-100", "mix-p40-100"]
    assert [bool(config.get("default")) for config in data["configs"]] == [True, False]
    info = {one["config_name"]: one for one in data["dataset_info"]}
    for config in manifest["configs"]:
        (split,) = info[config["name"]]["splits"]
        assert (split["name"], split["num_examples"]) == ("train", 100)
        assert info[config["name"]]["download_size"] == config["download_size"]
    assert data["license"] == "apache-2.0"


def test_the_card_says_what_users_ask(manifest: dict[str, Any]) -> None:
    page = render(render_release_card(manifest))
    for heading in (
        "Configs",
        "Which one?",
        "A row",
        "Columns",
        "How it was built",
        "Sources, licences and terms",
        "Limitations",
        "What the paper reports",
        "Citation",
    ):
        assert f"{heading}</h" in page
    assert "Questions and traces were written by a program" in " ".join(page.split())
    assert "our choice" in page
    assert manifest["pool"]["fingerprint"] in page
    for config in manifest["configs"]:
        assert f"<code>{config['name']}</code>" in page
    assert page.count("<table>") == 6


@pytest.mark.parametrize("missing", ["seed", "sample", "pool", "instructions", "naturalthoughts"])
def test_a_missing_value_is_an_error(manifest: dict[str, Any], missing: str) -> None:
    del manifest[missing]
    with pytest.raises(Exception, match=missing):
        render_release_card(manifest)


def test_data_cannot_put_markup_into_the_page(
    tmp_path: Path, write_jsonl: Callable[..., Path]
) -> None:
    row = {
        "question": NASTY,
        "reasoning": NASTY,
        "answer": "<script>alert(1)</script> `````",
        "teacher": NASTY,
    }
    row |= {"source": NASTY, "license": "cc-by-4.0"}
    import_source(open_source(str(write_jsonl([row]))), tmp_path / "pool")
    build(tmp_path / "pool", tmp_path / "nt", configs=["random-1"])
    for card in (tmp_path / "nt" / "README.md", tmp_path / "pool" / "README.md"):
        page = render(card.read_text())
        assert "<script" not in page
        images = re.findall("<img[^>]*>", page)
        assert all(image.startswith('<img src="pictures/') for image in images)
        assert 'href="http://x"' not in page
        assert "49" not in page.split("Citation")[0].split("A row")[-1] or "7 * 7" in page
        assert "Heading" not in "".join(re.findall("<h[1-6]>.*?</h[1-6]>", page))
        assert "http://evil" not in page.replace("</code>", "").split("<pre>")[0]


def test_an_unknown_licence_is_pointed_out(
    tmp_path: Path, write_jsonl: Callable[..., Path]
) -> None:
    rows = [
        {"question": "a?", "reasoning": "So.", "answer": "Yes.", "license": "MIT"},
        {"question": "b?", "reasoning": "So.", "answer": "Yes."},
    ]
    import_source(open_source(str(write_jsonl(rows))), tmp_path / "pool")
    build(tmp_path / "pool", tmp_path / "nt", configs=["random-2"])
    card = (tmp_path / "nt" / "README.md").read_text()
    assert "licence of some sources is not known" in card
    assert yaml.safe_load(card.split("---\n")[1])["license"] == ["mit", "unknown"]


def test_every_published_config_has_words() -> None:
    for config in published():
        assert config.words.endswith(".")
        assert "`" not in config.words.replace("`think`", "")
