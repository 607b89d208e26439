"""Results travel into a card, here or on the Hub, and into the table of a page."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import publish_results
import pyarrow as pa
import pytest
import results
import yaml
from huggingface_hub import ModelCard, parse_eval_result_entries
from model_hub import ModelHub
from preflight import Stop
from students import ROOT

pytestmark = pytest.mark.filterwarnings("default")

CARD = "---\ntags:\n- reasoning\n---\n\n# Tiny\n\nOwn words.\n"


def make_run(folder: Path, *, right: int = 3, **record: Any) -> Path:
    """Two seeds of five questions of GPQA, made up, of which so many are right."""
    rows = [
        {"benchmark": "gpqa_diamond", "question_id": str(n), "mode": "think", "seed": seed,
         "correct": n < right, "extracted": "A", "reference": "A", "tokens": 10, "thought": True,
         "thinking_tokens": 5, "truncated": n == 4, "domain": None, "difficulty": None, "text": ""}
        for n in range(5) for seed in range(2)
    ]  # fmt: skip
    told = {"data": "Idavidrein/gpqa", "data_revision": "a" * 40, "prompt_hash": {"think": "1"},
            "sampling": {"temperature": 0.6, "top_p": 0.95}, "max_new_tokens": 16384}  # fmt: skip
    whole = {
        "name": folder.name, "engine": "made up", "dtype": "none", "versions": {"none": "0"},
        "benchmarks": {"gpqa_diamond": told}, "trained_on": {"data_config": "random-1k"}, **record,
    }  # fmt: skip
    results.write_run(folder, whole, pa.Table.from_pylist(rows, results.SCHEMA))
    return folder


def test_a_card_gets_a_table_and_the_hubs_results(tmp_path: Path) -> None:
    student = tmp_path / "tiny"
    student.mkdir()
    (student / "README.md").write_text(CARD)
    for right in (1, 3):  # the second time what stands there is replaced
        run = make_run(tmp_path / f"run{right}", right=right)
        publish_results.main([str(run), "--card", str(student)])
    card = ModelCard.load(student / "README.md")
    values = {one.metric_type: one.metric_value for one in card.data.eval_results}
    assert values == {"accuracy": 60.0, "tokens": 10.0, "truncated": 20.0}
    assert card.data.tags == ["reasoning"]
    assert card.text.count("## Evaluation") == 1
    assert "| think | 60.0 ± 24.5 | 10 | 100% | 20.0% | 2 x 5 |" in card.text
    assert "Own words." in card.text
    told = yaml.safe_load((student / publish_results.FILE).read_text())
    (entry,) = parse_eval_result_entries(told)
    assert (entry.dataset_id, entry.task_id) == ("Idavidrein/gpqa", "gpqa_diamond")
    assert (entry.value, entry.dataset_revision) == (60.0, "a" * 40)


def test_a_page_gets_the_rows_of_its_runs(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- results -->\n<!-- end of results -->\nafter\n")
    first, second = make_run(tmp_path / "first"), make_run(tmp_path / "a|b", right=1)
    publish_results.main([str(first), str(second), "--readme", str(page)])
    make_run(first, right=4)
    publish_results.main([str(first), "--readme", str(page)])
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("after\n")
    rows = [line for line in text.split("\n") if "think" in line]
    assert len(rows) == 2
    assert rows[0].startswith("| a\\|b | random-1k |")
    assert "80.0 ± " in rows[1] and rows[1].endswith("| 37.1 (Llama-3.1-8B) |")


def test_a_card_on_the_hub_gets_one_commit(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    with ModelHub() as hub:
        hub.files["README.md"] = CARD.encode()
        command = [
            sys.executable,
            ROOT / "recipes" / "publish_results.py",
            run,
            "--card",
            "me/student",
        ]
        home = {
            "HF_HOME": str(tmp_path / "home"),
            "HF_ENDPOINT": hub.url,
            "HF_TOKEN": "hf_" + "x" * 20,
        }
        environment = {**os.environ, **home, "HF_HUB_OFFLINE": "0"}
        process = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert process.returncode == 0, process.stderr
        assert hub.commits == ["Evaluation results"]
        assert set(hub.files) == {"README.md", publish_results.FILE}
        text = hub.files["README.md"].decode()
        assert "Own words." in text and "## Evaluation" in text


def test_bad_input(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    with pytest.raises(Stop, match="where to"):
        publish_results.main([str(run)])
    with pytest.raises(Stop, match="no place for results"):
        publish_results.main([str(run), "--readme", str(tmp_path / "none.md")])
    with pytest.raises(Stop, match="there is no card"):
        publish_results.main([str(run), "--card", str(tmp_path)])
    with pytest.raises(Stop, match="takes one run"):
        publish_results.main([str(run), str(run), "--card", str(tmp_path)])
    with pytest.raises(Stop, match="holds no results"):
        publish_results.main([str(tmp_path), "--card", str(tmp_path)])
