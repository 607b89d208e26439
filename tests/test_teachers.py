"""Ranking teachers: the statistics against other ways to them, and what is said of a pool."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from builders.importing import import_source
from builders.pool import open_pool
from builders.sources import Record, Response, Source
from builders.teachers.ranking import rank
from builders.teachers.scores import read_scores, regressed

Run = Callable[..., tuple[int, str, str]]


def normal(questions: int, means: list[float], *, seed: int = 0, spread: float = 0.3) -> np.ndarray:
    """Scores of teachers with a part in common: some questions are easy for all."""
    random = np.random.default_rng(seed)
    common = random.normal(0, 1, (questions, 1))
    return common + random.normal(means, spread, (questions, len(means)))


def test_means_and_their_intervals_are_scipys() -> None:
    scores = normal(150, [-1.0, -1.2, -0.9])
    found = rank(scores)
    assert [one.teacher for one in found.places] == [2, 0, 1]
    for one in found.places:
        column = scores[:, one.teacher]
        other = stats.bootstrap(
            (column,), np.mean, n_resamples=4000, method="percentile", rng=1
        ).confidence_interval
        assert one.mean.value == pytest.approx(column.mean())
        assert one.mean.low == pytest.approx(other.low, abs=0.01)
        assert one.mean.high == pytest.approx(other.high, abs=0.01)


def test_differences_are_paired() -> None:
    """The part that all teachers share makes each mean uncertain and no difference."""
    scores = normal(200, [-1.0, -1.1], spread=0.1)
    found = rank(scores)
    first, second = (one.mean for one in found.places)
    assert first.low < second.value  # means alone would not tell them apart
    (one,) = found.differences
    assert one.separable
    each = scores[:, 0] - scores[:, 1]
    t = stats.ttest_1samp(each, 0).confidence_interval(0.95)
    assert one.difference.low == pytest.approx(t.low, abs=0.003)
    assert one.difference.high == pytest.approx(t.high, abs=0.003)
    assert one.wins == pytest.approx((each > 0).mean())


def test_equal_teachers_are_seldom_called_separable() -> None:
    """Six pairs at once: without the correction it would be some 20% of the pools, not 5%."""
    wrong = 0
    for seed in range(100):
        found = rank(normal(40, [-1.0] * 4, seed=seed))
        wrong += any(one.separable for one in found.differences)
    assert wrong <= 12  # 5% are 5; more than 12 is rarer than 1 in 500


def test_ties_are_shared_and_constants_are_no_trouble() -> None:
    found = rank(np.full((20, 3), -1.0))
    assert [one.wins.value for one in found.places] == pytest.approx([1 / 3] * 3)
    assert not any(one.separable for one in found.differences)
    assert [one.wins for one in found.differences] == [0.5] * 3
    found = rank(np.tile([-1.0, -2.0], (20, 1)))
    assert found.differences[0].separable
    assert found.differences[0].difference == (1.0, 1.0, 1.0)


def test_stability_is_what_the_normal_distribution_says() -> None:
    scores = normal(5000, [-1.0, -1.03], spread=0.2)
    found = rank(scores)
    each = scores[:, 0] - scores[:, 1]
    assert [one.prompts for one in found.stability] == [50, 100, 200]
    for one in found.stability:
        expected = stats.norm.cdf(each.mean() / each.std() * one.prompts**0.5)
        assert one.same_order == one.same_first == pytest.approx(expected, abs=0.04)
    assert [one.prompts for one in rank(scores[:120]).stability] == [50, 100]


def test_the_same_seed_gives_the_same_report() -> None:
    scores = normal(100, [-1.0, -1.1])
    assert rank(scores, seed=3) == rank(scores, seed=3)
    assert rank(scores, seed=3) != rank(scores, seed=4)


def test_regressing_length_out_is_a_line_through_all_steps() -> None:
    random = np.random.default_rng(0)
    responses = []
    for _ in range(40):
        tokens = random.integers(1, 30, random.integers(1, 20))
        responses.append((1 / tokens, -0.5 - 2.0 / tokens + random.normal(0, 0.1, len(tokens))))
    x, y = (np.concatenate(parts) for parts in zip(*responses, strict=True))
    slope = np.polyfit(x, y, 1)[0]
    expected = [(score - slope * (inverse - x.mean())).mean() for inverse, score in responses]
    means = [
        [score.mean(), len(score), inverse.mean(), (inverse**2).mean(), (inverse * score).mean()]
        for inverse, score in responses
    ]
    assert regressed(*np.array(means).T) == pytest.approx(expected, abs=1e-9)
    assert slope < -1.8
    constant = regressed(*np.array([[-1.0, 3, 0.1, 0.01, -0.1], [-2.0, 3, 0.1, 0.01, -0.2]]).T)
    assert constant == pytest.approx([-1.0, -2.0])  # steps of one length explain nothing


Scored = dict[str, list[float | None]]  # of each teacher's responses to one question


@pytest.fixture
def make_pool(tmp_path: Path, write_jsonl: Callable[..., Path], nt: Run) -> Callable[..., Path]:
    """A pool of made-up responses with made-up scores, and whether they are right."""

    def make(questions: list[Scored], *, right: Callable[[str, int], bool | None]) -> Path:
        records, scores, correct = [], [], []
        for number, responses in enumerate(questions):
            told = []
            for teacher, values in responses.items():
                for sample, value in enumerate(values):
                    told.append((teacher, f"{teacher} {number} {sample}", value))
            asked = f"question {number}"
            answers = tuple(Response(teacher, text, "1") for teacher, text, _ in told)
            records.append(Record(asked, "1", "made up", "mit", answers))
            scores += [(text, value) for _, text, value in told]
            correct += [(text, right(teacher, number)) for teacher, text, _ in told]
        pool = tmp_path / "pool"
        import_source(Source("made up", None, "none", None, iter(records)), pool, shard_rows=50)
        ids = {}
        for shard in open_pool(pool).shards("traces"):
            import pyarrow.parquet as pq

            table = pq.read_table(shard, columns=["id", "reasoning"]).to_pydict()
            ids |= dict(zip(table["reasoning"], table["id"], strict=True))
        rows = [
            {"id": ids[text], "local_naturalness": value, "global_naturalness": value}
            for text, value in scores
            if value is not None
        ]
        assert nt("annotate", "naturalness", "--pool", pool, "--from", write_jsonl(rows))[0] == 0
        known = [{"id": ids[text], "correct": ok} for text, ok in correct if ok is not None]
        if known:
            labels = write_jsonl(known, "correct.jsonl")
            assert nt("annotate", "correctness", "--pool", pool, "--from", labels)[0] == 0
        return pool

    return make


def unknown(teacher: str, number: int) -> None:
    return None


def test_only_shared_questions_count_and_responses_are_averaged(make_pool) -> None:
    pool = make_pool(
        [
            {"b": [-1.0, -3.0], "a": [-1.0]},
            {"b": [-4.0], "a": [-2.0]},
            {"b": [-9.0]},
            {"b": [None], "a": [-9.0]},
        ],
        right=unknown,
    )
    scores = read_scores(open_pool(pool))
    assert scores.questions == 2
    assert [teacher.name for teacher in scores.teachers] == ["a", "b"]
    assert sorted(scores.of["local"].tolist()) == [[-2.0, -4.0], [-1.0, -2.0]]
    assert [one.responses for one in scores.teachers] == [3, 4]
    assert [one.not_scored for one in scores.teachers] == [0, 1]
    assert set(scores.of) == {"local", "global"}  # the others need what a student's run brings


def test_a_pool_in_words_and_on_a_page(make_pool, nt: Run, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    pool = make_pool(
        [
            {
                "plain": [float(random.normal(-1, 0.2))],
                "also_plain": [float(random.normal(-1, 0.2))],
                "odd <b>|": [float(random.normal(-2, 0.2))],
            }
            for _ in range(120)
        ],
        right=lambda teacher, number: teacher.startswith("odd") or number % 4 > 0,
    )
    code, out, _ = nt("teachers", "--pool", pool, "--out", tmp_path / "report")
    assert code == 0
    assert "3 teachers on the 120 questions that all of them answered" in out
    assert "is not separable from" in out
    assert "is right in 75.0% of 120 answers, and another teacher more often" in out
    assert "100 prompts" in out
    assert "200 prompts" not in out

    report = json.loads(nt("teachers", "--pool", pool, "--json")[1])
    (local, _) = report["rankings"]
    assert local["places"][-1]["teacher"] == "odd <b>|"
    assert [one["separable"] for one in local["differences"]] == [False, True, True]
    assert local["differences"][2]["wins"] > 0.95
    assert report == json.loads(nt("teachers", "--pool", pool, "--json")[1])

    page = (tmp_path / "report/teachers.md").read_text()
    assert "odd &lt;b&gt;\\|" in page
    assert "<b>" not in page
    assert (tmp_path / "report/teachers.png").read_bytes().startswith(b"\x89PNG")
    written = json.loads((tmp_path / "report/teachers.json").read_text())
    assert written["rankings"] == report["rankings"]

    code, out, _ = nt("teachers", "--pool", pool, "--teacher", "plain", "--teacher", "odd <b>|")
    assert code == 0
    assert "By local naturalness, plain is first, ahead of odd <b>| by" in out


@pytest.mark.parametrize(
    ("questions", "words", "said"),
    [
        (
            [{"a": [-1.0]}, {"a": [-2.0]}],
            [],
            "all scored responses are by 'a', so there is nothing to compare; have another teacher",
        ),
        ([{"a": [-1.0], "b": [-1.0]}] * 3, ["--teacher", "c"], "there are: a, b"),
        ([{"a": [-1.0], "b": [-1.0]}] * 3, ["--teacher", "a"], "--teacher a: is one teacher"),
        (
            [{"a": [-1.0], "b": [-1.0]}] * 3 + [{"c": [-1.0]}],
            [],
            "3 teachers share 0 scored questions, and are compared on those that they share; "
            "the two that share most, 3: --teacher 'a' --teacher 'b'",
        ),
        ([{"a": [-1.0]}, {"b": [-1.0]}], [], "score more of them: nt annotate naturalness"),
    ],
)
def test_what_cannot_be_compared(make_pool, nt: Run, questions, words, said: str) -> None:
    pool = make_pool(questions, right=unknown)
    code, _, errors = nt("teachers", "--pool", pool, *words)
    assert code == 2
    assert said in errors
    assert errors.count("\n") == 1


def test_without_scores_the_command_is_named(write_jsonl, tmp_path: Path, nt: Run) -> None:
    rows = write_jsonl([{"question": "1 + 1?", "reasoning": "2", "answer": "2"}])
    nt("import", rows, "--pool", tmp_path / "pool")
    code, _, errors = nt("teachers", "--pool", tmp_path / "pool")
    assert code == 2
    assert "run: nt annotate naturalness --pool" in errors
