"""Disagreement against correctness: figures whose truth is known, and what cannot be told."""

import contextlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from builders.judges.equality import Equality
from builders.pool import Pool
from builders.reports.difficulty import describe_difficulty, read_facts
from builders.reports.picture import draw
from builders.reports.right import all_right, right
from builders.reports.words import in_words, not_supported, page, supported
from builders.sources.demo import generate

Run = Callable[..., tuple[int, str, str]]
Write = Callable[..., Path]


@pytest.fixture(scope="module")
def report(demo_pool: Pool) -> dict[str, Any]:
    return describe_difficulty(demo_pool.folder)


@pytest.mark.parametrize(
    ("reference", "answer", "expected"),
    [
        ("42", "The answer is 42.", True),
        ("42", "42", True),
        ("42", "I get 24.", False),
        ("42 jars", "It should be 42.", True),
        ("42", "**42 jars**", True),
        ("42", "$\\boxed{42}$ it is, so 42.", True),
        ("42", "#### 43", False),
        ("1,000", "My answer: 1000", True),
        ("1 km", "1000 m", None),
        ("2x", "The answer is 2.", None),
        ("2x", "3x", False),
        ("3pi", "3", None),
        ("3", "3 pieces", True),
        ("5i", "5", None),
        ("1e6", "1", None),
        ("1e6", "1000000", None),
        ("2000000", "2 million", None),
        ("2 million", "3 million", False),
        ("50%", "0.5", None),
        ("50", "50%", None),
        ("12", "1 dozen", None),
        ("-3", "The answer is −3.", True),
        ("west", "It should be west.", True),
        ("west", "to the west", True),
        ("west", "East.", False),
        ("yes", "The answer is no.", False),
        ("C", "The answer is (C).", True),
        ("C", "**Answer: B**", False),
        ("C", "Both B and C could be meant.", None),
        ("42", "I am not sure.", None),
        ("west", "I do not know.", None),
        ("42", "First 40, then 2 more, and so on until all of the rows have been looked at.", None),
        ("x + 1", "The answer is x + 2.", None),  # for math-verify or a judge to say
        ("\\frac{1}{2}", "0.5", None),
        ("\\frac{1}{2}", "so $\\boxed{\\frac{1}{2}}$", True),
        ("4", "\\boxed{3} or \\boxed{4}", None),
        ("42", "", None),
        ("the French Revolution of 1789", "the revolution", None),
    ],
)  # fmt: skip
def test_right(reference: str, answer: str, expected: bool | None) -> None:
    assert right(reference, answer) is expected


def test_formulas_are_for_math_verify() -> None:
    pairs = [
        ("$\\frac{1}{2}$", "So it is $\\boxed{0.5}$."),
        ("$x + 1$", "The answer is $x + 2$."),
        ("x^2 + 2x + 1", "The answer is (x + 1)^2"),
        ("42", "I am not sure."),
        ("90", "$90^\\circ$"),
        ("$1,2$", "$2,1$"),
        ("1 h", "60 m"),
        ("2x", "2"),
        ("2x", "x + x"),
        None,
    ]
    with contextlib.closing(Equality()) as equality:
        found = all_right(pairs, equality)
    assert found == [True, False, True, None, None, None, None, None, True, None]


def test_correctness_by_a_judge_comes_before_ours(
    nt: Run, demo_pool: Pool, tmp_path: Path, write_jsonl: Write
) -> None:
    """Where it is null nobody knows, and nothing is made up."""
    pool = tmp_path / "pool"
    shutil.copytree(demo_pool.folder, pool)
    rows = list(generate(3000))
    labels = [
        {"question": row.question, "correct": None if n % 3 == 0 else n % 3 == 1}
        for n, row in enumerate(rows)
    ]
    path = write_jsonl(labels, "labels.jsonl")
    code, _, errors = nt("annotate", "correctness", "--pool", pool, "--from", path, "--quiet")
    assert (code, errors) == (0, "")
    report = describe_difficulty(pool)
    assert report["teacher_correctness"] == "annotation"
    teacher = report["correctness"]["teacher"]
    assert (teacher["right"], teacher["wrong"], teacher["not_known"]) == (1000, 1000, 2000)
    assert report["auc"]["teacher"]["length"]["value"] == pytest.approx(0.5, abs=0.05)


def test_correctness_of_the_demo_is_its_truth(demo_pool: Pool, report: dict[str, Any]) -> None:
    """Slips are known where the demo is made: the report must find the same, without a model."""
    rows = list(generate(4000))
    slipped = sum(f"The answer is {row.reference_answer}." != row.answer for row in rows)
    assert report["correctness"]["teacher"]["wrong"] == slipped > 50
    assert report["correctness"]["teacher"]["not_known"] == 0
    unsure = sum(row.disagreement == "unsure" for row in rows)
    assert report["correctness"]["second_model"]["not_known"] == unsure
    assert report["teacher_correctness"] == "certain equality"


def test_aucs_are_those_of_scikit_learn_on_the_raw_values(
    demo_pool: Pool, report: dict[str, Any]
) -> None:
    facts = read_facts(demo_pool)
    wrong = facts.wrong["second_model"]
    known = wrong >= 0
    columns = demo_pool.facts(["num_reasoning_tokens", "verbosity", "domain"])
    for score, column in (("length", "num_reasoning_tokens"), ("verbosity", "verbosity")):
        values = columns[column].to_numpy()
        found = report["auc"]["second_model"][score]
        assert found["value"] == pytest.approx(roc_auc_score(wrong[known], values[known]), abs=1e-3)
        assert found["low"] < found["value"] < found["high"]
        law = known & (np.array(columns["domain"].to_pylist()) == "Law")
        of_law = found["domains"]["Law"]
        assert of_law["value"] == pytest.approx(roc_auc_score(wrong[law], values[law]), abs=5e-3)
        assert of_law["right"] + of_law["wrong"] == law.sum()


def test_what_the_demo_shows(report: dict[str, Any]) -> None:
    auc = report["auc"]["second_model"]
    assert auc["disagreement"]["low"] > 0.97  # by construction, and the words say so
    assert auc["length"]["low"] > 0.6  # steps make traces longer, and the second answerer err
    assert auc["verbosity"]["value"] == pytest.approx(0.5, abs=0.05)
    assert report["where_the_teacher_is"]["right"]["value"] > 0.999
    assert report["where_the_teacher_is"]["wrong"]["high"] < 0.6
    shares = report["disagreement"]["where_the_teacher_is"]
    assert shares["wrong"]["disagree"]["low"] > shares["right"]["disagree"]["high"]
    said = supported(report)
    assert said[0].startswith("Disagreement separates wrong from right answers of the second model")
    assert "Verbosity is not shown to separate wrong from right answers of the teacher" in said[5]
    assert "by construction" in not_supported(report)[0]


def test_the_command_and_its_files(nt: Run, demo_pool: Pool, tmp_path: Path) -> None:
    out = tmp_path / "report"
    code, output, errors = nt("report", "difficulty", "--pool", demo_pool.folder, "--out", out)
    assert (code, errors) == (0, "")
    assert "AUC for wrong answers (chance 0.50)" in output
    assert "What it does not:" in output
    assert sorted(path.name for path in out.iterdir()) == [
        "difficulty.json",
        "difficulty.md",
        "difficulty.png",
    ]
    with Image.open(out / "difficulty.png") as image:
        assert image.format == "PNG"
        assert image.width == 1600
    figures = json.loads((out / "difficulty.json").read_text())
    text = (out / "difficulty.md").read_text()
    assert text == page(figures, picture="difficulty.png")
    assert f"![{in_words(figures)}](difficulty.png)" in text

    first = (out / "difficulty.json").read_bytes()
    code, output, _ = nt("report", "difficulty", "--pool", demo_pool.folder, "--out", out, "--json")
    assert json.loads(output)["auc"] == figures["auc"]
    assert (out / "difficulty.json").read_bytes() == first  # the same pool, the same figures


def _pool(nt: Run, write_jsonl: Write, folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = write_jsonl(rows)
    code, _, errors = nt("import", path, "--pool", folder, "--license", "mit", "--quiet")
    assert (code, errors) == (0, "")
    return folder


def _row(number: int, answer: str, **more: Any) -> dict[str, Any]:
    row = {"question": f"What is {number} + 0?", "reasoning": f"It is {number}.", "answer": answer}
    return {**row, "reference_answer": str(number), **more}


def _labels(nt: Run, write_jsonl: Write, pool: Path, rows: list[dict[str, Any]]) -> None:
    path = write_jsonl(rows, "labels.jsonl")
    code, _, errors = nt("annotate", "disagreement", "--pool", pool, "--from", path, "--quiet")
    assert (code, errors) == (0, "")


def test_without_disagreement_it_says_what_to_run(
    nt: Run, tmp_path: Path, write_jsonl: Write
) -> None:
    pool = _pool(nt, write_jsonl, tmp_path / "pool", [_row(n, str(n)) for n in range(30)])
    code, output, errors = nt("report", "difficulty", "--pool", pool)
    assert (code, output) == (2, "")
    assert errors.count("\n") == 1
    assert "has no 'disagreement'" in errors
    assert "nt annotate disagreement" in errors


def test_second_answers_alone_are_no_disagreement_but_its_truth_is(
    nt: Run, tmp_path: Path, write_jsonl: Write
) -> None:
    rows = [_row(n, str(n)) for n in range(30)]
    pool = _pool(nt, write_jsonl, tmp_path / "pool", rows)
    answers = [
        {"question": r["question"], "second_answer": str(n % 15)} for n, r in enumerate(rows)
    ]
    _labels(nt, write_jsonl, pool, answers)
    code, _, errors = nt("report", "difficulty", "--pool", pool)
    assert (code, "has no 'disagreement'" in errors) == (2, True)
    truths = [{"question": r["question"], "models_disagree": n > 14} for n, r in enumerate(rows)]
    _labels(nt, write_jsonl, pool, truths)
    report = describe_difficulty(pool)
    assert report["auc"]["second_model"]["disagreement"]["value"] == 1


def test_with_one_class_alone_it_refuses_with_the_counts(
    nt: Run, tmp_path: Path, write_jsonl: Write
) -> None:
    pool = _pool(nt, write_jsonl, tmp_path / "pool", [_row(n, str(n)) for n in range(30)])
    same = [
        {"question": f"What is {n} + 0?", "disagreement": "agree", "second_answer": str(n)}
        for n in range(30)
    ]
    _labels(nt, write_jsonl, pool, same)
    code, output, errors = nt("report", "difficulty", "--pool", pool)
    assert (code, output) == (2, "")
    assert errors.count("\n") == 1
    assert "second model: 30 right, 0 wrong; teacher: 30 right, 0 wrong" in errors


def test_one_model_and_one_score_are_enough_and_the_rest_is_named(
    nt: Run, tmp_path: Path, write_jsonl: Write
) -> None:
    """No domain, no verbosity, a teacher that is always right; three traces for each question."""
    rows = [
        _row(n, f"The answer is {n}.", reasoning=f"Way {way}: {'and so on ' * way * (n % 7)} {n}.")
        for n in range(60)
        for way in range(3)
    ]
    pool = _pool(nt, write_jsonl, tmp_path / "pool", rows)
    verdicts = [
        {
            "question": f"What is {n} + 0?",
            "disagreement": "disagree" if n % 2 else "agree",
            "second_answer": str(n + n % 2),
        }
        for n in range(60)
    ]
    _labels(nt, write_jsonl, pool, verdicts)
    report = describe_difficulty(pool)
    assert (report["traces"], report["questions"]) == (180, 60)
    assert set(report["auc"]["second_model"]) == {"disagreement", "length"}
    assert report["auc"]["second_model"]["disagreement"]["value"] == 1
    assert report["auc"]["second_model"]["disagreement"]["low"] is None  # nothing to resample
    assert report["auc"]["teacher"]["disagreement"]["value"] is None
    said = not_supported(report)
    assert any(
        "nothing about the teacher's errors: 180 right and 0 wrong" in s.lower() for s in said
    )
    assert draw(report)
    code, output, errors = nt("report", "difficulty", "--pool", pool, "--out", tmp_path / "out")
    assert (code, errors) == (0, "")
    assert "nan" not in output.lower().replace("finan", "")
    assert "NaN" not in (tmp_path / "out" / "difficulty.json").read_text()


def test_the_pool_is_left_as_it_is(nt: Run, demo_pool: Pool, tmp_path: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in demo_pool.folder.rglob("*") if p.is_file()}
    assert nt("report", "difficulty", "--pool", demo_pool.folder, "--quiet") == (0, "", "")
    assert before == {p: p.stat().st_mtime_ns for p in demo_pool.folder.rglob("*") if p.is_file()}


def test_a_shard_without_rows_does_no_harm(demo_pool: Pool) -> None:
    assert pq.read_metadata(demo_pool.shards("traces")[0]).num_rows == 0
    assert len(read_facts(demo_pool).questions) == 4000
