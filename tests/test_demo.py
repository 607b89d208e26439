"""The synthetic pool: its texts, its truth, and the cut between pool and benchmark."""

from __future__ import annotations

import itertools
import operator
import random
import re
from collections import Counter
from collections.abc import Iterator
from string import Formatter

import pytest

import builders.sources.demo.rows as demo_rows
from builders.sources.demo import (
    FAMILIES,
    POOL,
    SECOND_ANSWERER,
    SPLITS,
    STRATEGIES,
    TEACHER,
    DemoRow,
    benchmark,
    generate,
)
from builders.sources.demo.fillers import CLOSERS, COMMENTS, OPENERS
from builders.sources.demo.marks import NAMES
from builders.sources.demo.problems import Line, Op, Problem, work
from builders.sources.demo.skeletons import SKELETONS
from builders.sources.demo.strategies import REGRETS, WITNESSES, witnessed

DISCIPLINES = {
    "Engineering", "Philosophy", "Medicine", "Economics", "Science", "Law", "History", "Education",
    "Management", "Literature and Arts", "Agronomy", "Sociology", "Military Science",
}  # fmt: skip
SUM = re.compile(r"(\d+) ([-+*/]) (\d+) = (\d+)")
SIGNS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
REGRETTED = re.compile(r"[^.]*\. (?=" + "|".join(REGRETS) + ")")
TOKEN = re.compile(r"[^\W\d_]+|\d|[^\w\s]|_")


@pytest.fixture(scope="module")
def rows() -> list[DemoRow]:
    return list(generate(20_000, seed=0))


@pytest.fixture(scope="module")
def held_out() -> dict[str, list[DemoRow]]:
    return {split: list(benchmark(split, 1000, seed=3)) for split in SPLITS}


def teacher_right(row: DemoRow) -> bool:
    return row.answer == f"The answer is {row.reference_answer}."


def false_sums(text: str) -> list[str]:
    return [m.group() for m in SUM.finditer(text) if SIGNS[m[2]](int(m[1]), int(m[3])) != int(m[4])]


def problem_keys(monkeypatch: pytest.MonkeyPatch, made: Iterator[DemoRow]) -> set[str]:
    """The canonical keys (family and operands) of the rows that a generator yields."""
    drawn: list[tuple[int, Problem]] = []
    real = demo_rows._row

    def spy(family: int, problem: Problem, rng: random.Random) -> DemoRow:
        drawn.append((family, problem))
        return real(family, problem, rng)

    with monkeypatch.context() as patch:
        patch.setattr(demo_rows, "_row", spy)
        count = sum(1 for _ in made)
    assert count == len(drawn)
    return {f"{FAMILIES[family].name} {problem.operands}" for family, problem in drawn}


def test_it_says_that_it_is_synthetic() -> None:
    assert "synthetic" in TEACHER
    assert "synthetic" in SECOND_ANSWERER


def test_deterministic_and_different_by_seed() -> None:
    assert list(generate(300, seed=7)) == list(generate(300, seed=7))
    assert list(generate(300, seed=7)) != list(generate(300, seed=8))
    for split in SPLITS:
        assert list(benchmark(split, 50, seed=7)) == list(benchmark(split, 50, seed=7))


def test_a_smaller_pool_is_a_prefix(rows: list[DemoRow]) -> None:
    assert list(generate(700, seed=0)) == rows[:700]
    assert list(generate(0)) == []


def test_questions_are_distinct(rows: list[DemoRow]) -> None:
    assert len({row.question for row in rows}) == len(rows)


def test_all_disciplines_and_families_occur(rows: list[DemoRow]) -> None:
    assert {row.domain for row in rows} == DISCIPLINES
    assert {row.family for row in rows} == set(range(len(POOL)))
    assert len(POOL) >= 40
    assert min(Counter(family.domain for family in POOL).values()) >= 3
    for row in rows[:500]:
        family = FAMILIES[row.family]
        assert (row.domain, row.topic) == (family.domain, family.topic)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_family_words_what_its_skeleton_needs(family) -> None:
    skeleton = SKELETONS[family.skeleton]
    assert family.domain in DISCIPLINES
    assert set(skeleton.parts) <= set(family.says)
    assert all(len(marks) >= 18 for marks in family.marks)
    for phrasing in itertools.chain.from_iterable(family.says.values()):
        assert not any(witness.search(phrasing) for witness in WITNESSES.values())
        named = {name for _, name, _, _ in Formatter().parse(phrasing) if name}
        known = {"n", "t", "ts", "are", "were", "have", "who", "other", "mark"}
        assert named <= known | {"k", "legs", "nth", "state", "last"}


def test_names_of_families_are_unique() -> None:
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    assert len(set(NAMES)) == len(NAMES)


def test_every_sum_is_true_where_the_teacher_is_right(rows: list[DemoRow]) -> None:
    for row in rows:
        if teacher_right(row):
            assert false_sums(REGRETTED.sub("", row.reasoning)) == [], row


def test_a_wrong_teacher_really_slips(rows: list[DemoRow]) -> None:
    wrong = [row for row in rows if not teacher_right(row)]
    assert 0.015 <= len(wrong) / len(rows) <= 0.025
    summed = [row for row in wrong if SUM.search(row.reasoning)]
    slips = [len(set(false_sums(REGRETTED.sub("", row.reasoning)))) for row in summed]
    # a slip may also be a wrong comparison, turn or load, which no sum shows
    assert sum(slip == 1 for slip in slips) > 0.7 * len(slips)
    assert max(slips) <= 2  # the second one where a division cannot come out even
    easy = sum(not teacher_right(r) for r in rows if r.steps <= 3) / sum(r.steps <= 3 for r in rows)
    hard = sum(not teacher_right(r) for r in rows if r.steps >= 8) / sum(r.steps >= 8 for r in rows)
    assert easy < hard


def test_mistakes_are_made_before_they_are_regretted(rows: list[DemoRow]) -> None:
    fell = [row for row in rows if "backtracking" in row.strategies]
    shown = sum(bool(false_sums(" ".join(REGRETTED.findall(row.reasoning)))) for row in fell)
    assert shown > 0.7 * len(fell)  # the others mistook a comparison or a turn


def replay(question: str, start: str, changes: dict[str, int]) -> int:
    """Work out a chain from the text of its question: ``start`` and the signs of its verbs."""
    total = int(re.search(start, question)[1])
    for clause in re.split(r"(?<=\.) ", question)[1:-1]:
        sign = next(sign for verb, sign in changes.items() if verb in clause)
        total += sign * int(re.search(r"\d+", clause)[0])
    return total


CHAINS = {
    "market-purse": (
        r"(\d+)",
        {"came in": 1, " arrived": 1, "went out": -1, "disappeared": -1},
    ),
    "thermometer": (r"(\d+)", {" more": 1, " up": 1, " less": -1, " down": -1}),
    "family-ages": (r"(\d+)", {"more": 1, "less": -1}),
    "price-history": (r"(\d+)", {"came on top": 1, "fell away": -1}),
    "reigns": (r"(\d+)", {"passed": 1, "went by": 1}),
    "ward-beds": (r"(\d+)", {"arrived": 1, "came in": 1, " left": -1, "went home": -1}),
}
UNDONE = {"price-history"}


def test_answers_against_the_text_of_the_question(rows: list[DemoRow]) -> None:
    seen = Counter()
    compass = ("north", "east", "south", "west")
    for row in rows:
        name = FAMILIES[row.family].name
        if name in CHAINS:
            start, changes = CHAINS[name]
            signs = {verb: -sign if name in UNDONE else sign for verb, sign in changes.items()}
            assert replay(row.question, start, signs) == int(row.reference_answer), row
        elif name == "crystal-layers":
            first, by = (int(number) for number in re.findall(r"\d+", row.question))
            assert first + by * row.steps == int(row.reference_answer)
        elif name == "sentry-watch":
            hours = sum(int(number) for number in re.findall(r"\d+", row.question))
            assert (hours - 1) % 12 + 1 == int(row.reference_answer)
        elif name == "compass-drill":
            at = compass.index(re.search(r"fac(?:es|ing) (\w+)", row.question)[1])
            at += row.question.count("right turn") - row.question.count("left turn")
            at += 2 * row.question.count("about turn")
            assert compass[at % 4] == row.reference_answer
        elif name == "desk-rows":
            each = int(re.search(r"A row has (\d+)", row.question)[1])
            total = each * sum(map(int, re.findall(r"(\d+) rows stood", row.question)))
            loose = re.search(r"In the hall there (?:is|are) (\d+)", row.question)
            assert total + (int(loose[1]) if loose else 0) == int(row.reference_answer)
        elif name == "cable-routes":
            ways = map(int, re.findall(r"\d+", row.question))
            assert min(ways) == int(row.reference_answer)
        else:
            continue
        seen[name] += 1
    assert len(seen) == len(CHAINS) + 5
    assert min(seen.values()) > 200


def test_work_follows_references_and_slips() -> None:
    problem = Problem(
        (
            Line("a", (Op("+", 12, 4),)),
            Line("b", (Op("-", ~0, 9),)),
            Line("c", (Op("gap", ~1, 10),)),
        ),
        "How many?",
        (12, 4, -9, 10),
    )
    assert [step.text for step in work(problem)] == ["12 + 4 = 16", "16 - 9 = 7", "10 - 7 = 3"]
    assert [step.value for step in work(problem, {0: 1})] == [17, 8, 2]


def test_labels_are_what_the_text_shows(rows: list[DemoRow], held_out) -> None:
    for row in itertools.chain(rows[::2], *held_out.values()):
        assert row.strategies == witnessed(row.reasoning), row
        assert not any(witness.search(row.question) for witness in WITNESSES.values())
    for sentence in itertools.chain(*OPENERS, *CLOSERS, COMMENTS):
        assert witnessed(sentence) == ()
    assert {name for row in rows for name in row.strategies} == set(STRATEGIES)
    assert list(STRATEGIES) == sorted(set(STRATEGIES))


def test_disagreement_is_the_truth_of_the_texts(rows: list[DemoRow]) -> None:
    for row in rows:
        said = re.search(r"The answer is (\w+)\.", row.answer)[1]
        if row.disagreement == "unsure":
            assert not re.search(r"\d", row.second_answer)
        else:
            other = re.search(r"(\w+)\.$", row.second_answer)[1]
            assert (said == other) == (row.disagreement == "agree"), row


def test_shares(rows: list[DemoRow]) -> None:
    part = Counter(row.disagreement for row in rows)
    assert 0.345 <= part["disagree"] / len(rows) <= 0.375
    assert 0.01 <= part["unsure"] / len(rows) <= 0.03
    assert sum(4 <= len(row.strategies) <= 8 for row in rows) >= 0.26 * len(rows)
    assert sum(row.verbosity <= 3 for row in rows) >= 0.25 * len(rows)
    assert sum(row.verbosity >= 7 for row in rows) >= 0.25 * len(rows)
    assert {row.steps for row in rows} == set(range(1, 13))
    lengths = sorted(len(TOKEN.findall(row.reasoning)) for row in rows)
    assert lengths[0] >= 15
    assert lengths[-1] <= 660
    # terse ones of many steps and wordy ones of few
    assert sum(row.steps >= 9 and row.verbosity <= 2 for row in rows) > 0.03 * len(rows)
    assert sum(row.steps <= 2 and row.verbosity >= 8 for row in rows) > 0.03 * len(rows)


def test_the_second_answerer_errs_on_hard_ones(rows: list[DemoRow]) -> None:
    share = []
    for low, high in ((1, 2), (3, 4), (5, 6), (7, 8), (9, 12)):
        band = [row for row in rows if low <= row.steps <= high]
        share.append(sum(row.disagreement == "disagree" for row in band) / len(band))
    assert share == sorted(share)
    assert share[0] < 0.15
    assert share[-1] > 0.65


def test_benchmark_shares_no_problem_with_any_pool(
    monkeypatch: pytest.MonkeyPatch, rows: list[DemoRow], held_out: dict[str, list[DemoRow]]
) -> None:
    pool = set()
    for seed in (0, 1, 2):
        pool |= problem_keys(monkeypatch, generate(2500, seed=seed))
    for split, seed in itertools.product(SPLITS, (0, 1)):
        keys = problem_keys(monkeypatch, benchmark(split, 200, seed=seed))
        assert len(keys) == 200
        assert not keys & pool
    questions = {row.question for row in rows}
    assert not questions & {row.question for made in held_out.values() for row in made}


def test_splits(held_out: dict[str, list[DemoRow]], rows: list[DemoRow]) -> None:
    for made in held_out.values():
        assert len({row.question for row in made}) == 1000
    assert {row.family for row in held_out["like"]} <= set(range(len(POOL)))
    assert max(row.steps for row in held_out["like"]) <= 12
    assert {row.family for row in held_out["harder"]} == set(range(len(POOL)))
    assert min(row.steps for row in held_out["harder"]) > max(row.steps for row in rows)
    unseen = {row.family for row in held_out["unseen"]}
    assert len(unseen) >= 6
    assert not unseen & {row.family for row in rows}
    with pytest.raises(ValueError, match="no split 'easy'"):
        next(benchmark("easy", 1))


def test_english_agrees_in_number(rows: list[DemoRow], held_out) -> None:
    plurals = {plural for family in FAMILIES for _, plural in family.things if plural}
    singulars = {
        one for family in FAMILIES for one, plural in family.things if one and one != plural
    }
    wrong = re.compile(
        rf"\b1 (?:\w+ )?(?:{'|'.join(sorted(plurals))})\b"
        rf"|\b(?:[02-9]|\d\d) (?:{'|'.join(sorted(singulars))})\b|\b1 \w+ are\b"
        r"|  |\.\.|: \.|\{|\}"
    )
    for row in itertools.chain(rows, *held_out.values()):
        found = wrong.search(row.question) or wrong.search(row.reasoning)
        assert not found, f"{found and found.group()!r} in {row.question}"
