"""Choosing one response of each question: the rule, its controls, and pools without a choice."""

import itertools
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.optimize import linprog
from test_selectors import TYPES

from builders.annotating import annotate_from
from builders.ids import content_id, uniform
from builders.importing import import_demo
from builders.pool import Pool, open_pool
from builders.selectors import SELECTORS

Row = dict[str, Any]


def question(number: int) -> str:
    return content_id(f"question {number}")


def answers(**scores: float | tuple[float | None, bool | None] | None) -> list[Row]:
    """The responses to one question: a teacher's score, or its score and whether it is right."""
    rows = []
    for teacher, score in scores.items():
        local, correct = score if isinstance(score, tuple) else (score, None)
        rows.append({"teacher": teacher[0], "local_naturalness": local, "correct": correct})
    return rows


def pool_of(*questions: list[Row]) -> pa.Table:
    rows = [
        {"question_id": question(n), "id": content_id(question(n), str(k)), **row}
        for n, responses in enumerate(questions)
        for k, row in enumerate(responses)
    ]
    columns = ("id", "question_id", "teacher", "local_naturalness", "correct")
    table = {name: pa.array([row[name] for row in rows], TYPES[name]) for name in columns}
    return pa.table({**table, "global_naturalness": table["local_naturalness"]})


def chosen(name: str, pool: pa.Table, seed: int = 0, **parameters: Any) -> list[Row]:
    u = uniform(pool["id"].to_pylist(), seed=seed)
    rows = SELECTORS[name].rank(pool, u, **SELECTORS[name].parameters | parameters)
    return pool.take(pa.array(rows, pa.int64())).to_pylist()


def random_pool(size: int, *, seed: int = 0, gap: float = 0.3) -> pa.Table:
    """Three teachers; `a` is more natural than the others by `gap`; some answers are wrong."""
    random = np.random.default_rng(seed)
    questions = []
    for _ in range(size):
        scores = random.normal([gap - 1, -1, -gap - 1], 0.3)
        right = random.random(3) < [0.9, 0.9, 0.6]
        there = random.random(3) < 0.9
        questions.append(
            [
                {"teacher": teacher, "local_naturalness": score, "correct": bool(ok)}
                for teacher, score, ok, here in zip("abc", scores, right, there, strict=True)
                if here
            ]
        )
    return pool_of(*questions)


@pytest.mark.parametrize("name", ["natural", "global-natural"])
class TestTheRule:
    def test_the_best_response_of_each_question(self, name: str) -> None:
        pool = pool_of(answers(a=-1.0, b=-0.5), answers(a=-0.2, b=-0.5, c=-0.3))
        assert {row["question_id"]: row["teacher"] for row in chosen(name, pool)} == {
            question(0): "b",
            question(1): "a",
        }

    def test_a_wrong_answer_is_out_and_an_unknown_one_is_not(self, name: str) -> None:
        pool = pool_of(
            answers(a=(-0.1, False), b=(-0.5, True), c=(-0.9, None)),
            answers(a=(-0.1, None), b=(-0.5, True)),
            answers(a=(-0.1, False), b=(-0.5, False)),  # no right answer, no row
        )
        found = {row["question_id"]: row["teacher"] for row in chosen(name, pool)}
        assert found == {question(0): "b", question(1): "a"}
        without = pool.drop_columns(["correct"])
        assert Counter(row["teacher"] for row in chosen(name, without)) == {"a": 3}

    def test_one_scored_response_is_no_choice(self, name: str) -> None:
        pool = pool_of(answers(a=-0.1), answers(a=-0.1, b=None), answers(a=-0.1, b=-0.2))
        assert [row["question_id"] for row in chosen(name, pool)] == [question(2)]

    def test_ties_go_to_the_smaller_id(self, name: str) -> None:
        pool = random_pool(50)
        scores = pa.array([-1.0] * len(pool), pa.float32())
        for column in ("local_naturalness", "global_naturalness"):
            pool = pool.set_column(pool.column_names.index(column), column, scores)
        ids: dict[str, list[str]] = {}
        for row in pool.to_pylist():
            if row["correct"]:
                ids.setdefault(row["question_id"], []).append(row["id"])
        for row in chosen(name, pool):
            assert row["id"] == min(ids[row["question_id"]])


def test_every_question_has_the_same_chance_however_many_answered() -> None:
    two, four = answers(a=-1.0, b=-2.0), answers(a=-1.0, b=-2.0, c=-3.0, d=-4.0)
    pool = pool_of(*([two] * 20 + [four] * 20))
    first = Counter(
        row["question_id"] for seed in range(200) for row in chosen("natural", pool, seed)[:10]
    )
    of_two = sum(first[question(number)] for number in range(20))
    assert abs(of_two / 2000 - 0.5) < 0.06  # a question's smallest u would give it 0.35


def test_all_three_rank_the_questions_alike() -> None:
    pool = random_pool(700)
    ranked = [[row["question_id"] for row in chosen(name, pool)] for name in
              ("natural", "global-natural", "natural-matched")]  # fmt: skip
    assert ranked[0] == ranked[1] == ranked[2]


def expected_shares(pool: pa.Table, questions: list[str]) -> dict[str, float]:
    """How often a random choice among the responses that are not wrong takes each teacher."""
    candidates: dict[str, list[str]] = {}
    for row in pool.to_pylist():
        if row["correct"] is not False and row["local_naturalness"] is not None:
            candidates.setdefault(row["question_id"], []).append(row["teacher"])
    shares: Counter[str] = Counter()
    for one in questions:
        for teacher in candidates[one]:
            shares[teacher] += 1 / len(candidates[one])
    return shares


@pytest.mark.parametrize("seed", range(3))
def test_matched_has_the_teachers_of_a_random_choice_in_every_block(seed: int) -> None:
    pool = random_pool(1130, seed=seed)
    rows = chosen("natural-matched", pool, seed)
    for size in (200, 400, 1000, len(rows)):
        expected = expected_shares(pool, [row["question_id"] for row in rows[:size]])
        counted = Counter(row["teacher"] for row in rows[:size])
        assert all(abs(counted[one] - expected[one]) <= 2 for one in "abc"), (counted, expected)
        free = Counter(row["teacher"] for row in chosen("natural", pool, seed)[:size])
        assert free["a"] > expected["a"] * 1.4


def test_matched_is_the_best_assignment_with_these_shares() -> None:
    """Another way to it: a linear programme over the block."""
    random = np.random.default_rng(5)
    scores = random.normal([-0.6, -1, -1.4], 0.5, (60, 3))
    pool = pool_of(*(answers(a=a, b=b, c=c) for a, b, c in scores.tolist()))
    found = sum(row["local_naturalness"] for row in chosen("natural-matched", pool))
    once = np.kron(np.eye(60), np.ones(3))
    best = linprog(
        -scores.ravel(), np.tile(np.eye(3), 60), [20] * 3, once, np.ones(60), bounds=(0, 1)
    )
    assert found == pytest.approx(-best.fun, abs=1e-4)
    free = sum(row["local_naturalness"] for row in chosen("natural", pool))
    by_chance = scores.mean() * 60
    assert by_chance + 10 < found < free - 1


def test_matched_takes_a_response_of_every_question_where_shares_cannot_be_met() -> None:
    pairs = [answers(a=-1.0, b=-2.0), answers(c=-1.0, d=-2.0)]
    pool = pool_of(*(pairs[number % 2] for number in range(21)))
    rows = chosen("natural-matched", pool, block=1)
    assert len({row["question_id"] for row in rows}) == 21
    counted = Counter(row["teacher"] for row in rows)
    assert max(counted.values()) - min(counted.values()) <= 3


def test_several_responses_of_one_teacher_count_as_often() -> None:
    """Of `a`, with two of three responses, a random choice takes two thirds: the better one."""
    pool = pool_of(*[answers(a1=-1.0, a2=-3.0, b=-2.0)] * 90)
    rows = chosen("natural-matched", pool)
    assert Counter(row["teacher"] for row in rows) == {"a": 60, "b": 30}
    assert {row["local_naturalness"] for row in rows if row["teacher"] == "a"} == {-1.0}


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,300 questions of three synthetic teachers, with made-up scores: the terse one leads."""
    folder = tmp_path_factory.mktemp("three")
    import_demo(folder / "pool", rows=1300, teachers=3, shard_rows=900)
    facts = open_pool(folder / "pool").facts(["id", "teacher"]).to_pylist()
    random = np.random.default_rng(0)
    with (folder / "scores.jsonl").open("w") as file:
        for row in facts:
            local = random.normal(-1, 0.3) + 0.2 * ("terse" in row["teacher"])
            said = {"local_naturalness": local, "global_naturalness": local + random.normal()}
            file.write(json.dumps({"id": row["id"], **said}) + "\n")
    annotate_from(folder / "pool", "naturalness", folder / "scores.jsonl")
    return folder / "pool"


def test_a_release_of_natural_configs(scored: Path, nt: Callable[..., Any], tmp_path: Path) -> None:
    names = [f"{family}-{size}" for family, size in itertools.product(
        ("natural", "global-natural", "natural-matched"), ("300", "1k"))]  # fmt: skip
    options = itertools.chain.from_iterable(("--config", name) for name in names)
    code, _, errors = nt("build", "--pool", scored, "--out", tmp_path / "nt", *options)
    assert code == 0, errors
    manifest = json.loads((tmp_path / "nt/manifest.json").read_text())
    rows = {name: pq.read_table(next((tmp_path / "nt" / name).glob("*.parquet"))) for name in names}
    correct = dict(zip(*(open_pool(scored).facts(["id", "correct"])[n].to_pylist()
                         for n in ("id", "correct")), strict=True))  # fmt: skip
    for name, config in zip(names, manifest["configs"], strict=True):
        assert all(correct[one] for one in rows[name]["id"].to_pylist())
        assert len(set(rows[name]["question_id"].to_pylist())) == config["rows"] == len(rows[name])
        assert config["teachers"] == Counter(rows[name]["teacher"].to_pylist())
    for family in ("natural", "global-natural", "natural-matched"):
        assert rows[f"{family}-1k"]["id"][:300] == rows[f"{family}-300"]["id"]
    assert rows["natural-1k"]["question_id"] == rows["natural-matched-1k"]["question_id"]
    free, _, matched = (manifest["configs"][n]["teachers"] for n in (1, 3, 5))
    terse = "synthetic-terse-teacher"
    assert free[terse] > matched[terse] + 100
    card = (tmp_path / "nt/README.md").read_text()
    assert "| `natural-1k` |" in card
    assert f"{terse} {free[terse] / 1000:.0%}" in card


def test_one_teacher_is_no_choice(demo_pool: Pool, tmp_path: Path, nt: Callable[..., Any]) -> None:
    pool = demo_pool.folder
    code, _, errors = nt("build", "--pool", pool, "--out", tmp_path, "--config", "natural-50")
    assert code == 2
    assert errors.count("\n") == 1
    assert (
        "config 'natural-50' cannot be built: no question has two responses to choose from: all "
        "are by 'synthetic-teacher'; have another teacher answer them: nt generate" in errors
    )
    code, out, _ = nt("list", "--pool", pool)
    (line,) = (line for line in out.splitlines() if line.startswith("natural-10k"))
    assert "no question has two responses to choose from: all are by 'synthetic-teacher'" in line
    assert "nt generate --pool" in line


def test_without_scores_the_command_is_named(
    write_jsonl: Callable[..., Path], tmp_path: Path, nt: Callable[..., Any]
) -> None:
    pool = tmp_path / "pool"
    for name in ("a", "b"):
        rows = write_jsonl([{"question": "1 + 1?", "reasoning": name, "answer": "2"}])
        assert nt("import", rows, "--pool", pool, "--teacher", name)[0] == 0
    code, _, errors = nt("build", "--pool", pool, "--out", tmp_path / "nt", "--config", "natural-1")
    assert code == 2
    assert "no 'local_naturalness' yet; run: nt annotate naturalness --pool" in errors
