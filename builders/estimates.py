"""Figures from counts, with intervals that know that traces may share a question.

    second model right, disagreement 0, 1, 2     2,600   31      5
    second model wrong, disagreement 0, 1, 2        12   49  1,303     AUC 0.985 (0.979 to 0.989)

Every figure here is a function of how many rows fall into each cell of a table, so a resample need
not touch the rows' values: it gives each question a weight, and counts again. The weight says how
often the question is drawn with all its rows: 0, 1, 2, … times with Poisson's chances, by a hash of
seed, resample and id, so it depends on no order of rows. All figures see the same draws, so two of
them can be subtracted. Intervals are the middle 95% of the resamples (the percentile bootstrap);
`tests/test_estimates.py` measures how often they hold the truth.
"""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int32]
"""A value of each row as a small number from 0; negative where the row has none."""

LEVEL = 0.95
RESAMPLES = 1000
RESAMPLES_OF_MANY = 200
MANY = 200_000
"""From so many rows on fewer resamples are drawn: intervals are narrow, and time counts. Ours."""
BINS = 256
"""A measured value is cut into so many bins of equal shares; moves no AUC by more than 0.001."""


_EDGES = [round(2**16 * sum(math.exp(-1) / math.factorial(k) for k in range(n))) for n in range(10)]
_POISSON = np.repeat(np.arange(9.0), np.diff(_EDGES))
"""Of 65,536 equal chances, how often a question is drawn: 0 in 36.8%, once in 36.8%, …"""


class Table(NamedTuple):
    """A table to count rows in, and what is computed from it.

    `measure` gets the counts in this shape and returns one figure, or an array of figures.
    """

    shape: tuple[int, ...]
    columns: tuple[Codes, ...]
    measure: Callable[[Floats], Floats]


class Estimate(NamedTuple):
    """Figures of a kind: of all rows, and of each resample; NaN where they are not defined."""

    value: Floats
    resamples: Floats

    def interval(self) -> tuple[Floats, Floats]:
        """The lower and the upper end.

        NaN where half of the resamples have no figure, or where all have the same: a share of none
        stays one of none however often it is drawn, which says nothing of how far it is certain.
        """
        defined = np.isfinite(self.resamples).mean(axis=0) > 0.5
        low = np.full(self.value.shape, np.nan)
        high = low.copy()
        tail = 100 * (1 - LEVEL) / 2
        if defined.any():
            chosen = self.resamples[:, defined]
            low[defined], high[defined] = np.nanpercentile(chosen, [tail, 100 - tail], axis=0)
        fixed = low == high
        low[fixed] = high[fixed] = np.nan
        return low, high


def estimate(
    tables: Mapping[str, Table],
    questions: NDArray[np.uint64],
    *,
    resamples: int | None = None,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Count all rows, then resamples of their questions.

    Args:
        tables: what to count and to compute, by name.
        questions: of each row the question that it is about.
        resamples: how many; by default fewer for many rows.
        seed: of the draws.
    """
    if resamples is None:
        resamples = RESAMPLES if len(questions) < MANY else RESAMPLES_OF_MANY
    distinct, places = np.unique(questions, return_inverse=True)
    places = places.astype(np.int32)
    cells = {name: _cells(table) for name, table in tables.items()}
    values = {name: _measured(table, cells[name], None) for name, table in tables.items()}
    drawn: dict[str, list[Floats]] = {name: [] for name in tables}
    for number in range(resamples):
        weights = _times_drawn(distinct, number, seed)[places]
        for name, table in tables.items():
            drawn[name].append(_measured(table, cells[name], weights))
    return {name: Estimate(values[name], np.array(drawn[name])) for name in tables}


def _times_drawn(questions: NDArray[np.uint64], resample: int, seed: int) -> Floats:
    """How often each question is drawn in a resample: a hash of all three (splitmix64's)."""
    key = xxhash.xxh3_64_intdigest(b"resample %d" % resample, seed=seed)
    mixed = questions ^ np.uint64(key)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    times: Floats = _POISSON[(mixed ^ (mixed >> np.uint64(31))) >> np.uint64(48)]
    return times


def _cells(table: Table) -> Codes:
    """The cell that each row counts in; the one behind the last where a value is missing."""
    size = int(np.prod(table.shape))
    cell = np.zeros(len(table.columns[0]), np.int32)
    missing = np.zeros(len(cell), bool)
    for codes, length in zip(table.columns, table.shape, strict=True):
        cell *= length
        cell += codes
        missing |= codes < 0
    cell[missing] = size
    return cell


def _measured(table: Table, cells: Codes, weights: Floats | None) -> Floats:
    size = int(np.prod(table.shape))
    counts = np.bincount(cells, weights, minlength=size + 1)[:size].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.atleast_1d(table.measure(counts.reshape(table.shape)))


def bins(values: NDArray[np.float64]) -> Codes:
    """Measured values as codes below `BINS`, in their order; negative where there is none (NaN)."""
    known = np.isfinite(values)
    distinct = np.unique(values[known])
    if len(distinct) <= BINS:
        edges = distinct[1:]
    else:
        edges = np.unique(np.quantile(values[known], np.linspace(0, 1, BINS + 1)[1:-1]))
    codes = np.searchsorted(edges, values, side="right").astype(np.int32)
    codes[~known] = -1
    return codes


def auc(counts: Floats) -> Floats:
    """Area under the ROC curve, from counts of (negatives, positives) by rising score.

    The probability that a positive has a higher score than a negative, ties counting half.
    """
    negatives, positives = counts[..., 0, :], counts[..., 1, :]
    below = np.cumsum(negatives, axis=-1) - negatives / 2
    pairs = negatives.sum(axis=-1) * positives.sum(axis=-1)
    area: Floats = (positives * below).sum(axis=-1) / pairs
    return area


def share(counts: Floats) -> Floats:
    """The share of the second of two cells."""
    of_all: Floats = counts[..., 1] / counts.sum(axis=-1)
    return of_all


def rank_correlation(counts: Floats) -> Floats:
    """Spearman's rank correlation of two values, from counts by both; ties share their rank."""
    rows, columns = counts.sum(axis=-1), counts.sum(axis=-2)
    total = rows.sum(axis=-1)
    a = _midranks(rows) - total[..., None] / 2  # the mean of midranks, counted from the middle
    b = _midranks(columns) - total[..., None] / 2
    covariance = (counts * a[..., :, None] * b[..., None, :]).sum(axis=(-2, -1))
    spread = (rows * a**2).sum(axis=-1) * (columns * b**2).sum(axis=-1)
    correlation: Floats = covariance / np.sqrt(spread)
    return correlation


def _midranks(counts: Floats) -> Floats:
    ranks: Floats = np.cumsum(counts, axis=-1) - counts / 2
    return ranks


def kappa(counts: Floats) -> Floats:
    """Cohen's kappa: how far two labellers agree beyond chance, from counts by both labels."""
    total = counts.sum(axis=(-2, -1))
    agreed = np.trace(counts, axis1=-2, axis2=-1) / total
    by_chance = (counts.sum(axis=-1) * counts.sum(axis=-2)).sum(axis=-1) / total**2
    beyond: Floats = (agreed - by_chance) / (1 - by_chance)
    return beyond


def f1(counts: Floats) -> Floats:
    """F1 of a label that is there or not, from counts by (truth, found); symmetric in the two."""
    both = counts[..., 1, 1]
    score: Floats = 2 * both / (2 * both + counts[..., 0, 1] + counts[..., 1, 0])
    return score
