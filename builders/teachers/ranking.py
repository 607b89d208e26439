"""Rank teachers by one score: means with intervals, differences, wins, and how stable the order is.

Everything is paired: only questions that all teachers answered count, and a resample of questions
takes all teachers' scores along. Resampling is a bootstrap over questions. The intervals of the
differences hold together: of all pairs at once, 95% of the resamples lie within them (the largest
deviation of a pair, in its standard errors, decides). So two teachers are called separable only if
that is not owed to there being many pairs.
"""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from builders.teachers.scores import Floats

Order = NDArray[np.int64]

LEVEL = 0.95
RESAMPLES = 2000
PROMPTS = (50, 100, 200)
"""Sizes of a trial at which the order is looked at: what a small comparison would have said."""

_CELLS = 4_000_000  # numbers that are drawn at once


class Estimate(NamedTuple):
    """A mean and its interval."""

    value: float
    low: float
    high: float


class Place(NamedTuple):
    """One teacher's place: its mean, and how often it has a question's highest score."""

    teacher: int
    mean: Estimate
    wins: Estimate


class Difference(NamedTuple):
    """Two teachers, the one with the higher mean first."""

    first: int
    second: int
    difference: Estimate
    wins: float  # how often the first scores higher on a question; ties count half
    separable: bool


class Stability(NamedTuple):
    """How often a draw of so many questions gives the order of all of them."""

    prompts: int
    same_order: float
    same_first: float


class Ranking(NamedTuple):
    """What one score says; teachers are columns of the scores, the highest mean first."""

    questions: int
    places: tuple[Place, ...]
    differences: tuple[Difference, ...]
    stability: tuple[Stability, ...]  # of the sizes that there are questions for


def rank(scores: Floats, *, seed: int = 0) -> Ranking:
    """Rank the columns of an array of questions by teachers."""
    questions, teachers = scores.shape
    random = default_rng(seed)
    wins = scores == scores.max(axis=1, keepdims=True)
    wins = wins / wins.sum(axis=1, keepdims=True)  # ties are shared
    drawn = _resampled(np.hstack([scores, wins]), random)
    order = np.argsort(-scores.mean(axis=0), kind="stable")
    places = [
        Place(
            int(one),
            _percentiles(scores[:, one], drawn[:, one]),
            _percentiles(wins[:, one], drawn[:, teachers + one]),
        )
        for one in order
    ]
    return Ranking(
        questions,
        tuple(places),
        tuple(_differences(scores, drawn[:, :teachers], order)),
        tuple(_stability(scores, order, prompts, random) for prompts in PROMPTS
              if prompts <= questions),
    )  # fmt: skip


def _resampled(values: Floats, random: Generator) -> Floats:
    """Means of the columns over resamples of the rows: resamples by columns."""
    rows = len(values)
    means = np.empty((RESAMPLES, values.shape[1]))
    at_once = max(1, _CELLS // rows)
    for start in range(0, RESAMPLES, at_once):
        some = means[start : start + at_once]
        drawn = random.integers(rows, size=(len(some), rows))
        drawn += np.arange(len(some))[:, None] * rows  # so that one count serves all resamples
        times = np.bincount(drawn.ravel(), minlength=len(some) * rows).reshape(len(some), rows)
        some[:] = times @ values / rows
    return means


def _percentiles(values: Floats, drawn: Floats) -> Estimate:
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(values.mean()), float(low), float(high))


def _differences(scores: Floats, drawn: Floats, order: Order) -> list[Difference]:
    """All pairs, with intervals that hold together."""
    first, second = (order[index] for index in np.triu_indices(len(order), 1))
    each = scores[:, first] - scores[:, second]
    means = each.mean(axis=0)
    errors = each.std(axis=0, ddof=1) / np.sqrt(len(scores))
    off = np.abs(drawn[:, first] - drawn[:, second] - means)
    off = np.divide(off, errors, out=np.zeros_like(off), where=errors > 0)
    half = np.quantile(off.max(axis=1), LEVEL) * errors
    won = (np.sign(each) / 2 + 0.5).mean(axis=0)
    return [
        Difference(
            int(first[pair]),
            int(second[pair]),
            Estimate(
                float(means[pair]), float(means[pair] - half[pair]), float(means[pair] + half[pair])
            ),
            float(won[pair]),
            bool(abs(means[pair]) > half[pair]),
        )
        for pair in range(len(means))
    ]


def _stability(scores: Floats, order: Order, prompts: int, random: Generator) -> Stability:
    drawn = random.integers(len(scores), size=(RESAMPLES, prompts))
    means = np.stack([column[drawn].mean(axis=1) for column in scores.T], axis=1)
    orders = np.argsort(-means, axis=1, kind="stable")
    return Stability(
        prompts,
        float((orders == order).all(axis=1).mean()),
        float((orders[:, 0] == order[0]).mean()),
    )
