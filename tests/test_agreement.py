"""Two columns of labels: the figures of the libraries, and what known noise implies."""

import random

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import (
    cohen_kappa_score,
    f1_score,
    precision_score,
    recall_score,
)

from builders.agreement import compare, summary
from builders.schema import DOMAINS
from builders.sources.demo import STRATEGIES


def questions(rows: int) -> np.ndarray:
    return np.arange(rows, dtype=np.uint64)


def figures(name: str, first: list, second: list) -> dict[str, dict]:
    found = compare(name, first, second, questions(len(first)))
    return {one["measure"]: one for one in summary(found)}


def test_domains() -> None:
    rng = random.Random(1)
    truth = [rng.choice(DOMAINS) for _ in range(400)]
    other = [rng.choice(DOMAINS) if rng.random() < 0.3 else domain for domain in truth]
    found = figures("domain", truth, other)
    assert found["Cohen's kappa"]["value"] == pytest.approx(cohen_kappa_score(truth, other))
    assert found["Cohen's kappa"]["low"] < 0.7 < found["Cohen's kappa"]["high"]  # 30% is noise
    same = np.mean([a == b for a, b in zip(truth, other, strict=True)])
    assert found["share of equal labels"]["value"] == pytest.approx(same)
    assert found["Cohen's kappa"]["rows"] == 400


def test_strategies_one_by_one() -> None:
    rng = random.Random(2)
    truth = [sorted(rng.sample(STRATEGIES, rng.randrange(6))) for _ in range(300)]
    other = [
        [one for one in STRATEGIES if (one in labels) != (rng.random() < 0.1)] for labels in truth
    ]
    found = compare("strategies", truth, other, questions(300))
    each = {(one["of"], one["measure"]): one for one in found if "of" in one}
    scores = []
    for name in STRATEGIES:
        a, b = ([name in labels for labels in column] for column in (truth, other))
        assert each[name, "F1"]["value"] == pytest.approx(f1_score(a, b))
        assert each[name, "precision"]["value"] == pytest.approx(precision_score(a, b))
        assert each[name, "recall"]["value"] == pytest.approx(recall_score(a, b))
        assert (each[name, "F1"]["first"], each[name, "F1"]["second"]) == (sum(a), sum(b))
        scores.append(f1_score(a, b))
    of_all = {one["measure"]: one for one in summary(found)}
    assert of_all["F1, mean over strategies"]["value"] == pytest.approx(np.mean(scores))
    low, high = (of_all["F1, mean over strategies"][end] for end in ("low", "high"))
    assert low < np.mean(scores) < high


def test_verbosity() -> None:
    rng = random.Random(3)
    truth = [rng.randrange(11) for _ in range(300)]
    other = [min(10, max(0, grade + rng.randrange(-2, 3))) for grade in truth]
    found = figures("verbosity", truth, other)
    assert found["rank correlation"]["value"] == pytest.approx(spearmanr(truth, other).statistic)
    off = np.abs(np.array(truth) - np.array(other))
    assert found["mean difference"]["value"] == pytest.approx(off.mean())
    assert found["share at most 1 apart"]["value"] == pytest.approx((off <= 1).mean())


def test_labels_that_are_all_alike_have_no_kappa_and_no_interval() -> None:
    found = figures("correctness", [True] * 20, [True] * 20)
    assert found["Cohen's kappa"]["value"] is None  # chance alone agrees as well
    assert found["share of equal labels"] == {
        "measure": "share of equal labels",
        "value": 1.0,
        "low": None,
        "high": None,
        "rows": 20,
    }
    assert compare("strategies", [[]] * 5, [[]] * 5, questions(5)) == []


def test_a_strategy_that_only_one_has_found() -> None:
    found = compare("strategies", [["a"], []], [["a"], ["b"]], questions(2))
    each = {(one["of"], one["measure"]): one["value"] for one in found if "of" in one}
    assert each["a", "F1"] == 1
    assert each["b", "F1"] == 0
    assert each["b", "recall"] is None
