"""The synthetic pool with more than one teacher: their manners, their truth, and the first one."""

import re
from hashlib import blake2b
from pathlib import Path

import pyarrow.compute as pc
import pytest
from test_demo import false_sums

from builders.importing import import_demo
from builders.pool import open_pool
from builders.sources.demo import TEACHERS, DemoRow, generate
from builders.sources.demo.strategies import witnessed

FIELDS = ("question", "reference_answer", "reasoning", "answer", "domain", "topic", "family",
          "steps", "strategies", "verbosity", "second_answer", "disagreement")  # fmt: skip


@pytest.fixture(scope="module")
def rows() -> list[DemoRow]:
    return list(generate(3000, teachers=3))


def test_the_default_pool_says_what_it_always_said(rows: list[DemoRow], tmp_path: Path) -> None:
    said = repr([tuple(getattr(row, name) for name in FIELDS) for row in rows[:300]])
    assert blake2b(said.encode(), digest_size=8).hexdigest() == "e4c374313fc8b982"
    alone = list(generate(300))
    assert alone == [row._replace(others=()) for row in rows[:300]]

    import_demo(tmp_path / "pool", rows=50)
    pool = open_pool(tmp_path / "pool")
    assert "correctness" not in pool.annotations()
    assert pool.manifest["imports"][0]["source"] == "demo (synthetic, seed 0)"


def test_names_say_that_they_are_synthetic(rows: list[DemoRow]) -> None:
    assert all("synthetic" in name for name in TEACHERS)
    for row in rows[:100]:
        assert tuple(trace.teacher for trace in row.traces) == TEACHERS


def test_right_and_wrong_is_the_truth_of_the_texts(rows: list[DemoRow]) -> None:
    for row in rows:
        for trace in row.traces:
            assert trace.correct == (trace.answer == f"The answer is {row.reference_answer}.")
        for trace in row.others:
            assert not (trace.correct and false_sums(trace.reasoning)), trace
            assert trace.answer.split()[-1].rstrip(".") in trace.reasoning
            if trace.disagreement != "unsure":
                second = row.second_answer.rstrip(".").split()[-1]
                assert (trace.disagreement == "agree") == (trace.answer.endswith(f" {second}."))


def test_how_often_each_is_right(rows: list[DemoRow]) -> None:
    first, terse, rambling = (
        sum(row.traces[number].correct for row in rows) / len(rows) for number in range(3)
    )
    assert first > 0.97
    assert 0.93 < terse < 0.97
    assert 0.55 < rambling < 0.66


def test_labels_are_what_the_text_shows(rows: list[DemoRow]) -> None:
    for row in rows:
        assert all(trace.strategies == witnessed(trace.reasoning) for trace in row.traces)
        assert not re.search(r"  |\.\.|\{|\}", row.others[1].reasoning)
    assert any(row.others[1].strategies for row in rows)


def test_each_has_a_manner_of_its_own(rows: list[DemoRow]) -> None:
    lengths = [sorted(len(row.traces[number].reasoning) for row in rows) for number in range(3)]
    terse, first, rambling = (lengths[number][len(rows) // 2] for number in (1, 0, 2))
    assert terse < first / 3
    assert rambling > first
    marks = ("Result ", "My pencil says", "Somewhere it goes", "unless I mixed something up")
    assert not any(mark in row.reasoning for row in rows for mark in marks)


def test_a_pool_of_three_teachers(nt, tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    code, out, _ = nt("import", "demo", "--rows", 200, "--teachers", 3, "--pool", pool)
    assert code == 0
    assert "600 traces and 200 questions, 200 second answers added" in out
    facts = open_pool(pool).facts(["teacher", "correct", "verbosity", "domain", "models_disagree"])
    assert dict.fromkeys(TEACHERS, 200) == {
        one["values"]: one["counts"] for one in pc.value_counts(facts["teacher"]).to_pylist()
    }
    assert facts["correct"].null_count == facts["domain"].null_count == 0
    code, out, _ = nt("import", "demo", "--rows", 200, "--teachers", 3, "--pool", pool)
    assert "0 traces and 0 questions added, 600 rows already there" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("demo", "--teachers", 4), "--teachers 4: there are 3 synthetic teachers"),
        (("demo", "--teachers", 0), "--teachers 0: there are 3 synthetic teachers"),
        (("traces.jsonl", "--teachers", 2), "--teachers: is for the demo only"),
    ],
)
def test_teachers_that_there_are_not(nt, tmp_path: Path, words, said: str) -> None:
    code, _, errors = nt("import", *words, "--pool", tmp_path / "pool")
    assert code == 2
    assert said in errors
    assert not (tmp_path / "pool").exists()
