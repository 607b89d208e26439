"""The statistics of a comparison, against simulation, scipy, and cases that are known."""

import math
import sys

import numpy as np
import paired
import pytest
import verdict
from paired import Pair, difference
from scipy import stats
from students import ROOT
from tallies import Tally, groups
from verdict import questions_needed, seeds_needed, sentence, smallest

sys.path.append(str(ROOT / "benchmarks"))
import compare_coverage


def tally(
    correct: np.ndarray, *, seeds: list[int] | None = None, names: list[str] | None = None
) -> Tally:
    questions, count = correct.shape
    known = names or [f"q{n:04d}" for n in range(questions)]
    zero = np.zeros(correct.shape, dtype=int)
    there = np.ones(correct.shape, dtype=bool)
    columns = (correct.astype(bool), zero, zero > 0, zero > 0, [None] * questions)
    return Tally(
        np.array(known), np.array(seeds or range(count)), there, *columns, [None] * questions
    )


@pytest.mark.parametrize(("points", "seeds"), [(0.0, 1), (1.0, 8), (3.0, 24)])
def test_the_interval_holds_the_truth_95_times_of_100(points: float, seeds: int) -> None:
    """The quick version of benchmarks/compare_coverage.py, with its questions."""
    repetitions = 300
    setting = compare_coverage.Setting(points, seeds)
    found = compare_coverage.simulate(setting, repetitions, resamples=1000)
    held = round(found.held["ours"] * repetitions)
    assert stats.binomtest(held, repetitions, 0.95).pvalue > 0.001


def test_an_interval_that_takes_seeds_for_questions_is_found_out() -> None:
    """The same test fails where it should: every sample as an observation of its own."""
    setting = compare_coverage.Setting(3.0, 24)
    values = compare_coverage.draw(setting, 500, np.random.default_rng(0))
    half = 1.96 * values.std(axis=1) / math.sqrt(198 * 24)
    held = int((np.abs(values.mean(axis=1) - 0.03) < half).sum())
    assert stats.binomtest(held, 500, 0.95).pvalue < 1e-9


def test_corrected_intervals_hold_together() -> None:
    """Four runs that are equally good: a difference is claimed in at most 5 of 100 reports."""
    rng = np.random.default_rng(3)
    wrong = 0
    for _ in range(100):
        p = rng.beta(0.8, 1.2, 120)[:, None]
        runs = [tally(rng.random((120, 4)) < p) for _ in range(4)]
        pairs = [paired.pair(a, b) for n, a in enumerate(runs) for b in runs[n + 1 :]]
        found = [difference(one, comparisons=len(pairs), resamples=2000) for one in pairs if one]
        assert len(found) == 6
        wrong += any(one.separable for one in found)
    assert wrong <= 13  # 5 are to be expected at most


def test_the_multinomial_draw_is_the_bootstrap_over_questions() -> None:
    """Its quantiles are those of resampling question by question."""
    rng = np.random.default_rng(0)
    values = rng.integers(-8, 9, 60) / 8
    index = rng.integers(0, 60, (20_000, 60))
    resampled = values[index]
    errors = resampled.std(axis=1, ddof=1) / math.sqrt(60)
    slow = np.abs(resampled.mean(axis=1) - values.mean()) / errors
    quick = paired.studentised(values, 20_000, rng)
    levels = [0.5, 0.9, 0.95, 0.99]
    assert np.quantile(quick, levels) == pytest.approx(np.quantile(slow, levels), rel=0.03)


def test_the_interval_is_near_scipys() -> None:
    values = np.random.default_rng(1).choice([-1.0, 0.0, 1.0], 400, p=[0.2, 0.5, 0.3])
    found = difference(Pair(values, 1, None))
    scipys = stats.bootstrap((values,), np.mean, method="BCa", rng=np.random.default_rng(2))
    assert found.low == pytest.approx(scipys.confidence_interval.low, abs=0.006)
    assert found.high == pytest.approx(scipys.confidence_interval.high, abs=0.006)
    assert found.error == pytest.approx(stats.sem(values))


def test_seeds_stay_in_their_question() -> None:
    """The same answers with every seed are as many observations as there are questions."""
    rng = np.random.default_rng(5)
    a, b = rng.random((2, 100, 1)) < 0.5
    once = paired.pair(tally(a), tally(b))
    often = paired.pair(tally(a.repeat(24, axis=1)), tally(b.repeat(24, axis=1)))
    assert once and often
    one, many = difference(once), difference(often)
    assert (one.mean, one.error, one.low) == (many.mean, many.error, many.low)
    assert many.noise == 0


def test_runs_are_lined_up_by_question_and_seed() -> None:
    a = tally(np.array([[1, 0, 1], [0, 0, 0]]), seeds=[0, 1, 2], names=["x", "y"])
    b = tally(np.array([[1, 1], [1, 0], [1, 1]]), seeds=[2, 5], names=["w", "x", "z"])
    found = paired.pair(a, b)
    assert found is not None
    assert (found.differences.tolist(), found.seeds, found.noise) == ([0.0], 1, None)
    assert paired.pair(a, tally(np.ones((2, 1)), seeds=[9], names=["x", "y"])) is None
    assert paired.pair(a, tally(np.ones((2, 1)), seeds=[0], names=["u", "v"])) is None


def test_a_hole_is_left_out_in_both() -> None:
    a, b = tally(np.array([[1, 1], [1, 1]])), tally(np.array([[0, 0], [0, 1]]))
    holed = a._replace(there=np.array([[True, False], [False, False]]))
    found = paired.pair(holed, b)
    assert found is not None
    assert found.differences.tolist() == [-1.0]


# What is degenerate


def test_identical_runs_are_not_separable() -> None:
    same = tally(np.random.default_rng(0).random((50, 3)) < 0.5)
    found = paired.pair(same, same)
    assert found is not None
    one = difference(found)
    assert (one.low, one.mean, one.high, one.separable) == (0, 0, 0, False)
    assert sentence(one, "a", "b") == "not separable: they did alike on every question"


def test_two_questions_that_differ_support_nothing() -> None:
    values = np.zeros(198)
    values[:2] = 1
    one = difference(Pair(values, 1, None))
    assert math.isinf(one.critical)
    assert (one.low, one.high, one.separable) == (-1, 1, False)
    assert sentence(one, "a", "b") == "not separable: they differ on only 2 of 198 questions"


@pytest.mark.parametrize(("questions", "separable"), [(3, False), (12, True)])
def test_all_questions_alike_are_judged_by_the_sign_test(questions: int, separable: bool) -> None:
    one = difference(Pair(np.ones(questions), 1, None))
    assert one.separable is separable
    told = "b is better than a by 100.0 points" if separable else "not separable: 3 questions are"
    assert sentence(one, "a", "b").startswith(told)


def test_one_question_tells_nothing() -> None:
    one = difference(Pair(np.array([1.0]), 4, 0.1))
    assert not one.separable
    assert sentence(one, "a", "b") == "not separable: one question cannot tell"


# What is said


def test_a_difference_is_said_in_its_direction() -> None:
    rng = np.random.default_rng(0)
    values = rng.choice([-1.0, 0.0, 1.0], 2000, p=[0.05, 0.75, 0.2])
    up, down = difference(Pair(values, 1, None)), difference(Pair(-values, 1, None))
    told = f"by {100 * up.low:.1f} to {100 * up.high:.1f} points"
    assert sentence(up, "a", "b") == f"b is better than a {told}"
    assert sentence(down, "a", "b") == f"b is worse than a {told}"


def test_more_comparisons_make_wider_intervals() -> None:
    values = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], 300, p=[0.1, 0.7, 0.2])
    one, many = (difference(Pair(values, 1, None), comparisons=m) for m in (1, 45))
    assert (one.low, one.alone) == (pytest.approx(many.mean - many.alone * many.error), many.alone)
    assert many.low < one.low < one.high < many.high
    assert many.critical == pytest.approx(stats.t.ppf(1 - 0.025 / 45, 299), rel=0.05)


@pytest.mark.parametrize("more", ["questions", "seeds"])
def test_what_is_said_to_be_needed_is_what_is_needed(more: str) -> None:
    """With so many, the difference is told about four times of five."""
    rng = np.random.default_rng(0)
    few = compare_coverage.Setting(3.0, 8, questions=400, correlation=0.95)
    p = [compare_coverage.chance(z, skill) for z, skill in _two_runs(few, rng)]
    found = paired.pair(*(tally(rng.random((400, 8)) < q[:, None]) for q in p))
    assert found is not None
    one = difference(found)._replace(mean=0.03)  # as if what is seen were the truth
    if more == "questions":
        enough = few._replace(questions=round(questions_needed(one)))
        assert 400 < enough.questions < 4000
    else:
        needed = seeds_needed(one)
        assert needed is not None and 8 < needed < 200
        enough = few._replace(seeds=round(needed))
    values = compare_coverage.draw(enough, 500, rng)
    errors = values.std(axis=1, ddof=1) / math.sqrt(enough.questions)
    told = (np.abs(values.mean(axis=1)) > 1.96 * errors).mean()
    assert 0.65 < told < 0.92


def _two_runs(
    setting: compare_coverage.Setting, rng: np.random.Generator
) -> list[tuple[np.ndarray, float]]:
    """The difficulties of questions for each of two runs, and its skill."""
    common, *own = rng.standard_normal((3, setting.questions))
    share = setting.correlation
    skills = [compare_coverage.skill_of(0.376 + more) for more in (0, setting.points / 100)]
    return [
        (math.sqrt(share) * common + math.sqrt(1 - share) * z, skill)
        for z, skill in zip(own, skills, strict=True)
    ]


def test_seeds_alone_cannot_where_questions_are_few() -> None:
    one = difference(Pair(np.random.default_rng(0).normal(0.05, 0.5, 60), 24, 0.02))
    assert seeds_needed(one) == math.inf
    assert sentence(one, "a", "b").endswith("more questions would be needed; seeds alone cannot")
    noisy = one._replace(noise=24 * 60 * one.error**2)  # nothing but noise between seeds
    assert "more seeds or" in sentence(noisy, "a", "b")
    needed = seeds_needed(noisy)
    assert needed == pytest.approx(24 * (smallest(noisy) / noisy.mean) ** 2)
    unknown = one._replace(noise=None)
    assert sentence(unknown, "a", "b").endswith("what seeds would bring, one seed cannot say")


def test_a_difference_of_nothing_gets_no_advice() -> None:
    values = np.r_[np.ones(100), -np.ones(100), np.zeros(10)]
    told = sentence(difference(Pair(values, 1, None)), "a", "b")
    assert told.startswith("not separable: the 0.00 points seen are far below the ")


@pytest.mark.parametrize(("number", "told"), [(0.2, "1"), (7.1, "8"), (12, "12"), (1234, "1,300")])
def test_advice_has_two_digits(number: float, told: str) -> None:
    assert verdict._about(number) == told


def test_groups_stand_in_an_order_that_means_something() -> None:
    def names(values: list[str | None]) -> list[str]:
        return [name for name, _ in groups(values)]

    assert names(["hard", "easy", "middle", None]) == ["easy", "middle", "hard"]
    assert names(["10", "9", "2", "9"]) == ["2", "9", "10"]
    assert names(["Law", "Art"]) == ["Art", "Law"]
    assert names([None, None]) == []
    many = groups([str(n) for n in range(100)])
    assert len(many) == 14
    assert many[0][0] == "0 to 7"
    assert sum(rows.sum() for _, rows in many) == 100
    assert len(groups([f"d{n % 40}" for n in range(400)])) == 14
