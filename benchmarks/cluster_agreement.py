"""A sample that is clustered, and the rest assigned, against clustering everything.

    python benchmarks/cluster_agreement.py [--sizes 50000 100000] [--samples 0.05 0.1 0.2 0.5]
        [--dimensions 5 10] [--seeds 3] [--questions FILE.jsonl] [--docstrings PACKAGE ...]

The adjusted Rand index (1: the same partition, 0: as by chance; noise counts as one more cluster)
between HDBSCAN on all points and `fit` on a sample with `assign` for the others, on

- synthetic points that are not easy: 60 clusters of sizes by a power law, spreads that differ
  tenfold, overlap, and 20% of the points anywhere;
- real sentences, embedded by LSA and reduced as `nt annotate clusters` does: questions from a file
  (column `question`), and the first sentences of the docstrings of installed packages.

Beside it the index of a vote alone, without the rule that a cluster reaches only as far as it is
dense, and of the sample's own labels, which no rule for the others can improve.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

SHARE_NOISE = 0.2


def hard(size: int, dimensions: int) -> tuple[Any, Any]:
    """Synthetic points and the clusters that they come from; -1 is noise."""
    rng = np.random.default_rng([size, dimensions])
    sizes = np.arange(1, 61) ** -1.0
    truth = rng.choice(60, size, p=sizes / sizes.sum())
    centres = rng.uniform(-10, 10, (60, dimensions))
    spread = 10 ** rng.uniform(-1, 0, 60) * 3 / np.sqrt(dimensions)
    points = centres[truth] + rng.normal(size=(size, dimensions)) * spread[truth, None]
    noise = rng.random(size) < SHARE_NOISE
    points[noise] = rng.uniform(-12, 12, (int(noise.sum()), dimensions))
    truth[noise] = -1
    return points.astype(np.float32), truth


def sentences_of(package: str) -> Iterator[str]:
    """The first sentences of a package's docstrings."""
    spec = importlib.util.find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or ():
        for path in sorted(Path(folder).rglob("*.py")):
            try:
                tree = ast.parse(path.read_text(encoding="utf-8"))
            except (SyntaxError, ValueError):
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
                    said = " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
                    first = re.split(r"(?<=[.!?])\s", said)[0]
                    if len(first.split()) >= 5:
                        yield first


def reduced(texts: list[str], dimensions: int) -> Any:
    """Texts as `nt annotate clusters` reduces them."""
    from builders.clusters.reducing import fit_reduction
    from builders.embedders.lsa import lsa

    vectors = lsa(texts, seed=0).embed(texts)
    vectors = vectors[vectors.any(axis=1)]
    return fit_reduction([vectors], dimensions).apply(vectors)


def vote_alone(points: Any, fitted: Any, labels: Any, neighbours: int) -> Any:
    """The assignment that is common elsewhere."""
    from scipy.spatial import cKDTree

    from builders.clusters.assigning import _vote

    return _vote(labels[cKDTree(fitted).query(points, k=range(1, neighbours + 1))[1]])


def compare(name: str, points: Any, truth: Any, options: argparse.Namespace) -> Iterator[str]:
    """A line of the table for each size of a sample."""
    from measure import spread
    from sklearn.metrics import adjusted_rand_score

    from builders.clusters import Settings
    from builders.clusters.assigning import assign
    from builders.clusters.fitting import fit

    size = len(points)
    settings = Settings(min_cluster_size=max(10, size // 1000))
    whole = fit(points, settings, of=size)
    against_truth = "" if truth is None else f"{adjusted_rand_score(truth, whole):.2f}"
    for share in options.samples:
        found: dict[str, list[float]] = {"ours": [], "vote": [], "own": [], "noise": [], "kept": []}
        for seed in range(options.seeds):
            order = np.random.default_rng(seed).permutation(size)
            chosen, rest = np.split(order, [round(share * size)])
            sample = fit(points[chosen], settings, of=size)
            labels, voted = np.empty(size, np.int32), np.empty(size, np.int32)
            labels[chosen] = voted[chosen] = sample
            labels[rest] = assign(
                points[rest], points[chosen], sample, neighbours=settings.neighbours
            )
            voted[rest] = vote_alone(points[rest], points[chosen], sample, settings.neighbours)
            found["ours"].append(adjusted_rand_score(whole, labels))
            found["vote"].append(adjusted_rand_score(whole, voted))
            found["own"].append(adjusted_rand_score(whole[chosen], sample))
            found["noise"].append((labels < 0).mean())
            found["kept"].append((labels[whole < 0] < 0).mean())
        print(name, size, share, found, file=sys.stderr, flush=True)
        yield (
            f"| {name} | {size:,} | {points.shape[1]} | {whole.max() + 1} "
            f"| {(whole < 0).mean():.0%} | {against_truth} | {round(share * size):,} "
            f"| {spread(found['ours'])} | {spread(found['vote'])} | {spread(found['own'])} "
            f"| {np.mean(found['noise']):.0%} "
            f"| {np.mean(found['kept']):.0%} |"
        )


def main() -> None:
    """Compare, write the section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="*", default=[50_000, 100_000])
    parser.add_argument("--samples", type=float, nargs="+", default=[0.05, 0.1, 0.2, 0.5])
    parser.add_argument("--dimensions", type=int, nargs="+", default=[5, 10])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--questions", type=Path)
    parser.add_argument("--docstrings", nargs="*", default=[], metavar="PACKAGE")
    parser.add_argument("--most", type=int, default=50_000, help="of the docstrings")
    options = parser.parse_args()

    from measure import machine, write_section

    rows = []
    for size in options.sizes:
        for dimensions in options.dimensions:
            rows += compare("synthetic", *hard(size, dimensions), options)
    real = {}
    if options.questions:
        lines = options.questions.read_text(encoding="utf-8").splitlines()
        real[options.questions.parent.name] = [json.loads(line)["question"] for line in lines]
    if options.docstrings:
        found = sorted({text for name in options.docstrings for text in sentences_of(name)})
        chosen = np.random.default_rng(0).permutation(len(found))[: options.most]
        real["docstrings"] = [found[row] for row in chosen]
    for name, texts in real.items():
        for dimensions in options.dimensions:
            rows += compare(name, reduced(texts, dimensions), None, options)
    packages = ", ".join(options.docstrings)
    docstrings = f" Docstrings: first sentences, of {packages}." if packages else ""
    text = (
        "Adjusted Rand index between HDBSCAN on all points and a sample with the others assigned, "
        f"over {options.seeds} samples: median (lowest–highest). *Vote alone* is without the rule "
        "that a cluster reaches only as far as it is dense; *sample itself* compares the sample's "
        "labels only, which the assignment cannot improve. *Noise kept*: of the points that are "
        "noise in the full fit, those that are noise here.\n\n"
        "| data | points | dimensions | clusters | noise | full fit against truth | sample "
        "| ours | vote alone | sample itself | noise, ours | noise kept |\n"
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n"
        + "\n".join(rows)
        + "\n\n*Synthetic*: 60 clusters of unequal sizes and densities that overlap, 20% noise. "
        f"Sentences are embedded by LSA.{docstrings}\n\n{machine()}"
    )
    write_section("cluster_agreement", "Clustering a sample against clustering everything", text)


if __name__ == "__main__":
    main()
