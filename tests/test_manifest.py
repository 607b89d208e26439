"""What the manifest counts, against the rows themselves."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from builders.annotating import annotate_from
from builders.build import build
from builders.importing import import_source
from builders.manifest import _LENGTHS, MOST_STRATEGIES, _lengths, manifest_text
from builders.pool import Pool
from builders.sources.opening import open_source

CONFIGS = ("random-500", "random-2k", "disagree-500", "long-1k", "mix-p40-1k")


@pytest.fixture(scope="module")
def release(demo_pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("manifest") / "nt"
    build(demo_pool.folder, out, configs=CONFIGS)
    return out


def rows_by_config(release: Path) -> dict[str, list[dict[str, Any]]]:
    return {name: pq.read_table(release / name).to_pylist() for name in CONFIGS}


def test_the_numbers_are_those_of_the_rows(release: Path) -> None:
    manifest = json.loads((release / "manifest.json").read_text())
    rows = rows_by_config(release)
    for config in manifest["configs"]:
        of_config = rows[config["name"]]
        domains = Counter(row["domain"] for row in of_config)
        assert config["domains"] == domains
        assert config["strategies"] == Counter(s for row in of_config for s in row["strategies"])
        assert list(config["strategies"].values()) == sorted(
            config["strategies"].values(), reverse=True
        )

        trained = sorted(
            row["num_tokens"] - (0 if row["mode"] == "think" else row["num_reasoning_tokens"])
            for row in of_config
        )
        lengths = config["lengths"]
        assert lengths["median"] == trained[(len(trained) - 1) // 2]
        edges = lengths["edges"]
        for low, high, count in zip(edges[:-1], edges[1:], lengths["counts"], strict=True):
            assert count == sum(low <= length < high for length in trained)
        assert edges[0] <= trained[0] <= trained[-1] < edges[-1]


def test_the_overlap_is_counted_by_ids(release: Path) -> None:
    overlap = json.loads((release / "manifest.json").read_text())["overlap"]
    ids = {name: {row["id"] for row in rows} for name, rows in rows_by_config(release).items()}
    assert list(overlap) == list(CONFIGS)
    for number, name in enumerate(CONFIGS):
        assert overlap[name] == [len(ids[name] & ids[earlier]) for earlier in CONFIGS[:number]]
    assert overlap["random-2k"] == [500]


@pytest.mark.parametrize("tokens", [[0], [1, 1, 2], [7, 8], [2**31 - 1], [0, 5, 100_000]])
def test_every_length_has_a_bin(tokens: list[int]) -> None:
    lengths = _lengths(np.array(tokens, np.int32))
    assert sum(lengths["counts"]) == len(tokens)
    assert len(lengths["edges"]) == len(lengths["counts"]) + 1
    assert lengths["counts"][0]
    assert lengths["counts"][-1]


def test_the_bins_are_whole_numbers_in_order() -> None:
    assert (np.diff(_LENGTHS) >= 1).all()


def test_no_more_strategies_than_fit(tmp_path: Path, write_jsonl: Callable[..., Path]) -> None:
    """A judge that invents a name for every trace does not fill the manifest."""
    rows = [{"question": f"{n}?", "reasoning": "So.", "answer": "Yes."} for n in range(60)]
    labels = [
        {"question": row["question"], "strategies": ["common", f"only in {n:02}"]}
        for n, row in enumerate(rows)
    ]
    import_source(open_source(str(write_jsonl(rows))), tmp_path / "pool")
    annotate_from(tmp_path / "pool", "strategies", str(write_jsonl(labels, "labels.jsonl")))
    configs = build(tmp_path / "pool", tmp_path / "nt", configs=["random-60", "random-9"]).manifest[
        "configs"
    ]
    whole, part = (config["strategies"] for config in configs)
    assert len(whole) == MOST_STRATEGIES
    assert whole["common"] == 60
    assert part.keys() <= whole.keys()
    assert part["common"] == 9


def test_lists_of_numbers_stand_on_one_line() -> None:
    manifest = {"numbers": [1, 2, 30], "one": [4], "none": [], "texts": ["[\n1,\n2\n]", "b"]}
    text = manifest_text(manifest)
    assert json.loads(text) == manifest
    assert '"numbers": [1, 2, 30],\n' in text
    assert '"one": [4],\n' in text
    assert text.endswith("}\n")
