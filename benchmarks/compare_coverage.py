"""How often the intervals of recipes/compare.py hold the truth, and what they can tell.

python benchmarks/compare_coverage.py --repetitions 2000

Synthetic evaluations in which the true difference is known. A question has a difficulty that both
runs share, and each run its own luck with it; the chance to be right follows, and each seed draws
from it. The questions are drawn anew each time: an interval speaks of questions like these.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

sys.path.append(str(Path(__file__).parent.parent / "recipes"))  # scripts, not a package

from paired import RESAMPLES, Pair, difference

Floats = NDArray[np.float64]

MEAN = 0.376
"""The score of the first run: the paper's for `random-10k` on GPQA-Diamond."""
SPREAD = 1.6
"""Standard deviation of the difficulties, in logits. It gives this score a standard error of 0.58
points over 24 seeds of 198 questions; the paper's is ± 0.6, if that is what its ± means."""
CORRELATION = 0.8
"""Of two runs' chances, in logits; our assumption, so other ones are tried as well."""
COMPARISONS = 15
"""All pairs of six runs."""
METHODS = ("ours", "percentile", "BCa", "t")


class Setting(NamedTuple):
    """What is simulated."""

    points: float  # the true difference
    seeds: int
    questions: int = 198
    correlation: float = CORRELATION


class Outcome(NamedTuple):
    """What came out, as shares of the repetitions."""

    held: dict[str, float]  # the truth, by method
    told: float  # a difference in the right direction
    told_corrected: float
    width: float  # half of ours, in points, median


SETTINGS = [Setting(points, seeds) for seeds in (1, 8, 24) for points in (0.0, 1.0, 3.0)]
OTHERS = [
    Setting(1.0, 8, correlation=0.5),
    Setting(1.0, 8, correlation=0.95),
    Setting(1.0, 8, questions=50),
    Setting(3.0, 24, questions=50),
    Setting(1.0, 1, questions=2000),
]


def chance(difficulty: Floats, skill: float) -> Floats:
    """The chance to be right."""
    right: Floats = 1 / (1 + np.exp(-(skill + SPREAD * difficulty)))
    return right


def skill_of(mean: float) -> float:
    """The skill that gives this score over all questions."""
    from scipy.optimize import brentq

    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    weights = weights / weights.sum()
    return float(brentq(lambda skill: weights @ chance(nodes, skill) - mean, -10, 10, xtol=1e-12))


def draw(setting: Setting, repetitions: int, rng: np.random.Generator) -> Floats:
    """Differences of questions: repetitions x questions."""
    shape = (repetitions, setting.questions)
    shared = np.sqrt(setting.correlation) * rng.standard_normal(shape)
    right = []
    for mean in (MEAN, MEAN + setting.points / 100):
        own = np.sqrt(1 - setting.correlation) * rng.standard_normal(shape)
        right.append(rng.binomial(setting.seeds, chance(shared + own, skill_of(mean))))
    differences: Floats = (right[1] - right[0]) / setting.seeds
    return differences


def others(
    values: Floats, resamples: int, rng: np.random.Generator
) -> dict[str, tuple[float, float]]:
    """The intervals of the other methods."""
    from scipy.stats import norm, t

    n, mean = len(values), values.mean()
    kinds, counts = np.unique(values, return_counts=True)
    means = rng.multinomial(n, counts / n, size=resamples) @ kinds / n
    half = t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n)
    z = norm.ppf([0.025, 0.975])
    bias = norm.ppf(((means < mean).mean() + (means <= mean).mean()) / 2)
    off = values - mean
    skew = (off**3).sum() / (6 * (off**2).sum() ** 1.5) if off.any() else 0.0
    levels = norm.cdf(bias + (bias + z) / (1 - skew * (bias + z)))
    return {
        "percentile": tuple(np.quantile(means, [0.025, 0.975])),
        "BCa": tuple(np.quantile(means, levels)),
        "t": (mean - half, mean + half),
    }


def simulate(setting: Setting, repetitions: int, *, resamples: int, seed: int = 0) -> Outcome:
    """Compare two runs again and again."""
    rng = np.random.default_rng([seed, *map(int, (setting.points * 10, *setting[1:3]))])
    truth = setting.points / 100
    held = dict.fromkeys(METHODS, 0)
    told = corrected = 0
    widths = []
    for number, values in enumerate(draw(setting, repetitions, rng)):
        found = difference(
            Pair(values, setting.seeds, None),
            comparisons=COMPARISONS,
            resamples=resamples,
            seed=number,
        )
        half = found.half(found.alone)
        intervals = {"ours": (found.mean - half, found.mean + half)}
        for name, (low, high) in (intervals | others(values, resamples, rng)).items():
            held[name] += bool(low <= truth <= high)
        told += bool(found.mean > half)
        corrected += bool(found.separable and found.mean > 0)
        widths.append(100 * half)
    shares = {name: count / repetitions for name, count in held.items()}
    return Outcome(shares, told / repetitions, corrected / repetitions, float(np.median(widths)))


def table(results: dict[Setting, Outcome]) -> str:
    """The outcomes as Markdown."""
    lines = [
        "| seeds | questions | correlation | true points | ours holds it | percentile | BCa | t "
        "| half width | told | told among 15 |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for setting, found in results.items():
        shares = " | ".join(f"{100 * found.held[name]:.1f}%" for name in METHODS)
        power = [f"{100 * share:.0f}%" for share in (found.told, found.told_corrected)]
        lines.append(
            f"| {setting.seeds} | {setting.questions:,} | {setting.correlation} | "
            f"{setting.points:.0f} | {shares} | {found.width:.1f} | "
            f"{' | '.join(power if setting.points else ['–', '–'])} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Simulate, write the section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--repetitions", type=int, default=2000)
    parser.add_argument("--resamples", type=int, default=4000)
    options = parser.parse_args()
    results = {}
    for setting in SETTINGS + OTHERS:
        results[setting] = simulate(setting, options.repetitions, resamples=options.resamples)
        print(setting, results[setting], file=sys.stderr, flush=True)

    from measure import write_section

    error = 100 * 1.96 * np.sqrt(0.95 * 0.05 / options.repetitions)
    worst = max(abs(100 * results[setting].held["ours"] - 95) for setting in SETTINGS)
    means = {name: np.mean([100 * one.held[name] for one in results.values()]) for name in METHODS}
    text = f"""
Synthetic evaluations with a known difference, {options.repetitions:,} repetitions each,
{options.resamples:,} resamples (compare.py takes {RESAMPLES:,});
`benchmarks/compare_coverage.py` says how they are drawn. An interval of 95% should hold the truth
in 95.0% of them; ± {error:.1f} is the simulation error of a single figure (95%).

{table(results)}

Over all rows the truth is held in {means["ours"]:.2f}% (ours, the studentised bootstrap),
{means["percentile"]:.2f}% (percentile), {means["BCa"]:.2f}% (BCa) and {means["t"]:.2f}% (t). In the
first nine rows, those that were wanted, ours is off by at most {worst:.1f} points. "Told" is the
share in which the better run is called better: by this comparison alone, and as one of
{COMPARISONS}, all pairs of six runs, corrected.
"""
    write_section("compare_coverage", "Intervals of a comparison", text)


if __name__ == "__main__":
    main()
