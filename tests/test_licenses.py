import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hub_world import World

from builders.build import build
from builders.importing import import_source
from builders.licenses import licensing
from builders.sources.opening import open_source


@pytest.mark.parametrize(
    ("licenses", "field", "obstacles"),
    [
        (["MIT"], "mit", 0),
        (["Apache 2.0", "cc by 4.0"], ["apache-2.0", "cc-by-4.0"], 0),
        (["mit", "CC-BY-NC-4.0"], ["cc-by-nc-4.0", "mit"], 0),
        (["cc-by-nc-4.0", "cc-by-nc-sa-4.0"], ["cc-by-nc-4.0", "cc-by-nc-sa-4.0"], 0),
        (["cc-by-sa-4.0", "cc-by-nc-4.0"], ["cc-by-nc-4.0", "cc-by-sa-4.0"], 1),
        (["cc-by-sa-4.0", "gpl-3.0"], ["cc-by-sa-4.0", "gpl-3.0"], 1),
        (["cc-by-nd-4.0"], "cc-by-nd-4.0", 1),
        (["unknown"], "unknown", 1),
        (["mit", ""], ["mit", "unknown"], 1),
        (["Acme terms"], "other", 0),
    ],
)
def test_licences_together(licenses: list[str], field: object, obstacles: int) -> None:
    found = licensing(licenses)
    assert found.metadata["license"] == field
    assert len(found.obstacles) == obstacles


def test_non_commercial_terms_are_told(tmp_path: Path, write_jsonl: Callable[..., Path]) -> None:
    folder = released(tmp_path, write_jsonl, "cc-by-nc-4.0", "mit")
    card = (folder / "README.md").read_text()
    assert "**Not for commercial use**: cc-by-nc-4.0." in card
    assert yaml.safe_load(card.split("---\n")[1])["license"] == ["cc-by-nc-4.0", "mit"]


@pytest.mark.parametrize(
    ("licenses", "message"),
    [
        (("cc-by-sa-4.0", "cc-by-nc-4.0"), "cc-by-nc-4.0 and cc-by-sa-4.0 cannot both be met"),
        (("mit", "unknown"), "the licence of some rows is not known ('unknown')"),
        (("cc-by-nd-4.0", "mit"), "cc-by-nd-4.0 forbids derivatives"),
    ],
)
def test_terms_that_ask_for_a_decision(
    world: World,
    tmp_path: Path,
    write_jsonl: Callable[..., Path],
    licenses: tuple[str, str],
    message: str,
) -> None:
    folder = released(tmp_path, write_jsonl, *licenses)
    words = ("push", folder, "ORG/nt", "--tag", "v1.0.0", "--accept-findings")
    error = world.nt(*words).error
    assert message in error
    assert "--accept-license" in error
    assert world.hub.seen == []
    assert world.nt(*words, "--accept-license").code == 0


def released(tmp_path: Path, write_jsonl: Callable[..., Path], *licenses: str) -> Path:
    rows = [
        {"question": f"{n}?", "reasoning": "So.", "answer": "Yes.", "license": license}
        | {"source": f"source {n}"}
        for n, license in enumerate(licenses)
    ]
    import_source(open_source(str(write_jsonl(rows))), tmp_path / "pool")
    build(tmp_path / "pool", tmp_path / "nt", configs=[f"random-{len(rows)}"])
    assert json.loads((tmp_path / "nt" / "manifest.json").read_text())["pool"]["traces"] == len(
        rows
    )
    return tmp_path / "nt"
