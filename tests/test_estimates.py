"""Figures from counts are those of the libraries, and their intervals hold the truth."""

import numpy as np
import pytest
from scipy.stats import poisson, spearmanr
from sklearn.metrics import cohen_kappa_score, f1_score, roc_auc_score

from builders.estimates import (
    Estimate,
    Table,
    _times_drawn,
    auc,
    bins,
    estimate,
    f1,
    kappa,
    rank_correlation,
    share,
)


def codes(values: object) -> np.ndarray:
    return np.asarray(values, np.int32)


def one(table: Table, *, resamples: int = 0) -> Estimate:
    rows = np.arange(len(table.columns[0]), dtype=np.uint64)
    return estimate({"it": table}, rows, resamples=resamples)["it"]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_auc_is_that_of_scikit_learn(rng: np.random.Generator) -> None:
    positive = rng.random(3000) < 0.3
    score = rng.integers(0, 11, 3000) + 3 * positive
    found = one(Table((2, 14), (codes(positive), codes(score)), auc)).value[0]
    assert found == pytest.approx(roc_auc_score(positive, score), abs=1e-12)


def test_bins_move_an_auc_by_less_than_a_thousandth(rng: np.random.Generator) -> None:
    positive = rng.random(20_000) < 0.1
    length = np.exp(rng.normal(6, 1, 20_000) + 0.5 * positive)
    found = one(Table((2, 256), (codes(positive), bins(length)), auc)).value[0]
    assert found == pytest.approx(roc_auc_score(positive, length), abs=0.001)


def test_bins_keep_few_values_apart_and_know_nothing_of_missing_ones() -> None:
    values = np.array([3.0, np.nan, 1.0, 3.0, 2.0])
    assert bins(values).tolist() == [2, -1, 0, 2, 1]
    assert bins(np.array([np.nan, np.nan])).tolist() == [-1, -1]
    mostly_one = np.concatenate([np.zeros(100_000), np.arange(1000)])
    assert bins(mostly_one).max() < 256


def test_kappa_f1_and_rank_correlation_are_those_of_the_libraries(rng: np.random.Generator) -> None:
    truth = rng.integers(0, 5, 800)
    found = np.where(rng.random(800) < 0.7, truth, rng.integers(0, 5, 800))
    both = (codes(truth), codes(found))
    assert one(Table((5, 5), both, kappa)).value[0] == pytest.approx(
        cohen_kappa_score(truth, found), abs=1e-12
    )
    assert one(Table((5, 5), both, rank_correlation)).value[0] == pytest.approx(
        spearmanr(truth, found).statistic, abs=1e-12
    )
    binary = (codes(truth > 2), codes(found > 2))
    assert one(Table((2, 2), binary, f1)).value[0] == pytest.approx(
        f1_score(truth > 2, found > 2), abs=1e-12
    )


def test_rows_without_a_value_do_not_count() -> None:
    table = Table((2,), (codes([0, 1, 1, -1, 1, -1]),), share)
    assert one(table).value[0] == 0.75


def test_what_is_not_defined_is_nan_and_so_is_its_interval() -> None:
    only_one_class = Table((2, 3), (codes([1, 1, 1]), codes([0, 1, 2])), auc)
    found = one(only_one_class, resamples=50)
    assert np.isnan(found.value[0])
    assert np.isnan(found.interval()).all()


def test_the_same_seed_gives_the_same_interval_and_figures_share_their_draws(
    rng: np.random.Generator,
) -> None:
    column = codes(rng.integers(0, 2, 500))
    tables = {name: Table((2,), (column,), share) for name in ("a", "b")}
    rows = np.arange(500, dtype=np.uint64)
    first = estimate(tables, rows, resamples=30, seed=3)
    again = estimate(tables, rows, resamples=30, seed=3)
    assert (first["a"].resamples == again["a"].resamples).all()
    assert (first["a"].resamples == first["b"].resamples).all()
    other = estimate(tables, rows, resamples=30, seed=4)
    assert (first["a"].resamples != other["a"].resamples).any()


def test_a_draw_does_not_depend_on_the_order_of_the_rows(rng: np.random.Generator) -> None:
    ids = rng.integers(0, 2**63, 3000).astype(np.uint64)
    column = codes(rng.integers(0, 2, 3000))
    order = rng.permutation(3000)
    first = estimate({"it": Table((2,), (column,), share)}, ids, resamples=20)["it"]
    other = estimate({"it": Table((2,), (column[order],), share)}, ids[order], resamples=20)["it"]
    assert (first.resamples == other.resamples).all()


def test_questions_are_drawn_as_often_as_poisson_has_it() -> None:
    drawn = np.concatenate([_times_drawn(np.arange(20_000, dtype=np.uint64), n, 0) for n in (0, 1)])
    found = np.bincount(drawn.astype(int), minlength=9) / len(drawn)
    assert found == pytest.approx(poisson.pmf(np.arange(9), 1), abs=0.01)
    both = drawn.reshape(2, -1)
    assert abs(np.corrcoef(both)[0, 1]) < 0.03  # resamples are independent


def test_traces_of_one_question_are_drawn_together() -> None:
    """Four copies of each row say nothing more than one: the interval must not get narrower."""
    column = codes(np.arange(400) % 2)
    alone = one(Table((2,), (column,), share), resamples=400)
    questions = np.repeat(np.arange(400, dtype=np.uint64), 4)
    four = {"it": Table((2,), (np.repeat(column, 4),), share)}
    together = estimate(four, questions, resamples=400)["it"]
    independent = one(four["it"], resamples=400)
    spread = alone.resamples.std()
    assert together.resamples.std() == pytest.approx(spread, rel=0.2)
    assert independent.resamples.std() < 0.6 * spread


@pytest.mark.slow
def test_intervals_hold_the_truth_in_95_of_100_experiments() -> None:
    """300 pools of 300 questions with 1 to 3 traces each, whose AUC and kappa are known."""
    rng = np.random.default_rng(11)

    def draw(questions: int) -> tuple[np.ndarray, dict[str, Table]]:
        of = np.repeat(np.arange(questions, dtype=np.uint64), rng.integers(1, 4, questions))
        hard = rng.random(questions)[of.astype(int)]  # what the traces of a question share
        positive = rng.random(len(of)) < hard
        score = np.clip((10 * (0.6 * hard + 0.4 * rng.random(len(of)))), 0, 9)
        other = np.where(rng.random(len(of)) < 0.8, positive, rng.random(len(of)) < 0.5)
        tables = {
            "auc": Table((2, 10), (codes(positive), codes(score)), auc),
            "kappa": Table((2, 2), (codes(positive), codes(other)), kappa),
        }
        return of, tables

    of, tables = draw(400_000)
    truth = estimate(tables, of, resamples=0)
    held = {"auc": 0, "kappa": 0}
    for _ in range(300):
        of, tables = draw(300)
        for name, found in estimate(tables, of, resamples=300).items():
            low, high = found.interval()
            held[name] += bool(low[0] <= truth[name].value[0] <= high[0])
    # Two standard errors of 300 experiments are 2.5 points; percentile intervals are a bit narrow.
    assert {name: number / 300 > 0.92 for name, number in held.items()} == dict.fromkeys(held, True)
