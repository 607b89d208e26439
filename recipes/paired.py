"""The difference between two runs on the same questions with the same seeds, and its interval.

    question    first     second    difference      a question's is the mean over its seeds
    4f1e…       0.25      0.50      +0.25
    9c07…       1.00      0.96      -0.04

Questions are resampled, each with all its seeds: seeds stay nested in their question. Of each
resample we keep by how many of its own standard errors it lies off the mean (the studentised
bootstrap). The interval is the mean plus and minus so many standard errors as 95% of the resamples
stay within. `benchmarks/compare_coverage.py` measures how often it holds the truth, and how often
the percentile bootstrap, BCa and Student's t do.

Since the mean of a resample depends only on how often each value is drawn, and differences of 24
seeds have at most 49 values, resampling is one multinomial draw: exact, and quick.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from tallies import Floats, Tally, by_question, clustered, groups

LEVEL = 0.95
RESAMPLES = 10_000
IN_THE_TAIL = 20
"""Resamples that lie outside the narrowest interval at least; our choice."""
FEW = 5
CELLS = 4_000_000  # numbers that are drawn at once


class Pair(NamedTuple):
    """What two runs have in common, second minus first."""

    differences: Floats  # of each question, mean over its common seeds
    seeds: int  # in common
    noise: float | None  # variance of a question's difference between seeds; None with one seed


class Difference(NamedTuple):
    """A mean difference and what is known of it."""

    questions: int
    seeds: int
    differing: int  # questions on which the two are not equal
    mean: float
    error: float  # clustered by question
    noise: float | None
    critical: float  # standard errors of the interval, corrected for the number of comparisons
    alone: float  # the same, if this were the only comparison
    comparisons: int

    @property
    def low(self) -> float:
        """The lower end of the interval."""
        return _clipped(self.mean - self.half(self.critical))

    @property
    def high(self) -> float:
        """The upper end of the interval."""
        return _clipped(self.mean + self.half(self.critical))

    def half(self, critical: float) -> float:
        """Half the width; questions that are all alike have no standard error, and no width."""
        return critical * self.error if self.error else 0.0

    @property
    def separable(self) -> bool:
        """Whether the interval leaves out zero.

        Where every question differs by the same, nothing can be resampled: the exact sign test
        decides.
        """
        if not self.error > 0:
            surprise = 2.0 ** (1 - self.questions)
            return self.mean != 0 and surprise < (1 - LEVEL) / self.comparisons
        return abs(self.mean) > self.critical * self.error


def pair(first: Tally, second: Tally) -> Pair | None:
    """Line two runs up by question and seed; None if they have no sample in common."""
    _, rows_a, rows_b = np.intersect1d(
        first.questions, second.questions, assume_unique=True, return_indices=True
    )
    seeds, columns_a, columns_b = np.intersect1d(
        first.seeds, second.seeds, assume_unique=True, return_indices=True
    )
    a, b = np.ix_(rows_a, columns_a), np.ix_(rows_b, columns_b)
    there = first.there[a] & second.there[b]
    some = there.any(axis=1)
    if not some.any():
        return None
    values = second.correct[b][some].astype(np.int8) - first.correct[a][some].astype(np.int8)
    there = there[some]
    return Pair(by_question(values, there), len(seeds), _noise(values, there))


def difference(
    found: Pair, *, comparisons: int = 1, resamples: int | None = None, seed: int = 0
) -> Difference:
    """The mean difference, with an interval that is corrected for so many comparisons.

    The correction is Bonferroni's: each of m intervals misses with probability 0.05 / m, so all
    hold together with at least 95%, however the comparisons depend on each other, and these do:
    pairs share a run, modes share the questions. Holm's is sharper, but gives no intervals.
    """
    values = found.differences
    mean, error = clustered(values)
    if resamples is None:
        resamples = max(RESAMPLES, round(IN_THE_TAIL * comparisons / (1 - LEVEL)))
    distances = studentised(values, resamples, np.random.default_rng(seed))
    return Difference(
        questions=len(values),
        seeds=found.seeds,
        differing=int(np.count_nonzero(values)),
        mean=mean,
        error=error,
        noise=found.noise,
        critical=critical_value(distances, 1 - (1 - LEVEL) / comparisons),
        alone=critical_value(distances, LEVEL),
        comparisons=comparisons,
    )


def by_group(first: Tally, second: Tally, names: list[str | None]) -> list[tuple[str, Difference]]:
    """The difference in each domain or difficulty of the first run's questions, not corrected.

    Groups with fewer than `FEW` questions in common are left out: they say nothing.
    """
    found = []
    for name, rows in groups(names):
        common = pair(first.only(rows), second)
        if common is not None and len(common.differences) >= FEW:
            found.append((name, difference(common, resamples=2000)))
    return found


def studentised(values: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    """How many of its own standard errors each resample's mean lies off, ascending.

    A resample of one value only has no standard error: it counts as off by infinitely many. Where
    few questions differ there are many of these, and the interval says that nothing is known.
    """
    n = len(values)
    kinds, counts = np.unique(values, return_counts=True)
    if len(kinds) == 1:
        return np.zeros(resamples) if n > 1 else np.full(resamples, np.inf)
    off = kinds - values.mean()
    distances = []
    for start in range(0, resamples, step := max(1, CELLS // len(kinds))):
        drawn = rng.multinomial(n, counts / n, size=min(step, resamples - start))
        means = drawn @ off / n
        variance = np.maximum(drawn @ off**2 / n - means**2, 0) / (n - 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            far = np.abs(means) / np.sqrt(variance)
        far[drawn.max(axis=1) == n] = np.inf  # exactly: rounding leaves a little variance
        distances.append(far)
    return np.sort(np.concatenate(distances))


def critical_value(distances: Floats, level: float) -> float:
    """The distance that a share `level` of the resamples does not exceed; rounded up."""
    place = int(np.ceil(level * (len(distances) + 1))) - 1
    return float(distances[place]) if place < len(distances) else np.inf


def _noise(values: np.ndarray, there: np.ndarray) -> float | None:
    """The variance between the seeds of one question, mean over questions."""
    counts = there.sum(axis=1)
    several = counts > 1
    if not several.any():
        return None
    kept = np.where(there, values, 0)[several].astype(float)
    counts = counts[several]
    squares = (kept**2).sum(axis=1) - kept.sum(axis=1) ** 2 / counts
    return float((squares / (counts - 1)).mean())


def _clipped(value: float) -> float:
    return float(np.clip(value, -1, 1))
