"""Clusters of many questions: time, memory and bytes of each stage, against other ways.

    python benchmarks/cluster_millions.py [--sizes 100000 300000 1000000]
        [--full 50000 100000 200000] [--limit 600] [--cores 1]

Makes pools of short synthetic questions: 3,000 templates of sizes by a power law over 200 subjects,
and a fifth of the questions from no template. Then, each in a process of its own: `nt annotate
clusters` with its defaults; HDBSCAN of the same package on all of so many reduced points, from few
to many, until it takes longer than the limit; and mini-batch k-means of scikit-learn with as many
clusters on the reduced points of the largest pool.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

SHARD = 8192
TEMPLATES, SUBJECTS = 3000, 200
_SYLLABLES = [a + b for a in "bdfgklmnprstv" for b in ("a", "e", "i", "o", "u", "an", "er", "is")]


def make_pool(folder: Path, rows: int) -> None:
    """A pool of synthetic questions, written straight as shards."""
    from builders.files import write_parquet
    from builders.ids import content_id
    from builders.importing import _create
    from builders.schema import QUESTIONS, arrow_schema

    rng = np.random.default_rng(0)

    def words(count: int) -> Any:
        return np.array(["".join(w) for w in rng.choice(_SYLLABLES, (count, 3))])

    common, subjects = words(150), words(SUBJECTS * 60).reshape(SUBJECTS, 60)
    of_template = rng.integers(0, SUBJECTS, TEMPLATES)
    fixed = np.concatenate(
        [
            common[rng.integers(0, len(common), (TEMPLATES, 5))],
            subjects[of_template[:, None], rng.integers(0, 60, (TEMPLATES, 6))],
        ],
        axis=1,
    )
    share = np.arange(1, TEMPLATES + 1) ** -0.7
    _create(folder, None)
    for number, start in enumerate(range(0, rows, SHARD), start=1):
        n = min(SHARD, rows - start)
        template = rng.choice(TEMPLATES, n, p=share / share.sum())
        filled = subjects[of_template[template][:, None], rng.integers(0, 60, (n, 4))]
        text = np.concatenate([fixed[template], filled], axis=1)
        noise = np.flatnonzero(rng.random(n) < 0.2)
        text[noise, :11] = subjects.ravel()[rng.integers(0, subjects.size, (len(noise), 11))]
        numbers = rng.integers(2, 1000, (n, 2))
        asked = [
            f"{' '.join(row)} {a} and {b} of {start + i}?"
            for i, (row, (a, b)) in enumerate(zip(text, numbers, strict=True))
        ]
        values = {
            "question_id": [content_id(one) for one in asked],
            "question": asked,
            "reference_answer": [None] * n,
            "source": ["synthetic"] * n,
            "license": ["synthetic"] * n,
        }
        schema = arrow_schema(QUESTIONS)
        shard = pa.table({name: values[name] for name in schema.names}, schema)
        write_parquet(shard, folder / "questions" / f"{number:05d}-{start:016x}.parquet")


def ours(pool: Path, out: Path) -> None:
    """`nt annotate clusters`, with what each stage took."""
    from builders.clustering import cluster
    from builders.embedders.lsa import lsa

    stages: list[dict[str, Any]] = []
    last = time.monotonic()

    def note(stage: str) -> None:
        nonlocal last
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        stages.append({"stage": stage, "seconds": time.monotonic() - last, "peak_mb": peak})
        last = time.monotonic()

    def noted(items: Iterable[Any], what: str) -> Iterable[Any]:
        note(f"before {what}")
        yield from items
        note(what)

    made = cluster(pool, lambda sample: lsa(sample.texts, seed=0), progress=noted)
    note("describing and writing")

    def size(folder: Path) -> int:
        return sum(path.stat().st_size for path in folder.rglob("*.parquet"))

    found = {
        "stages": stages,
        "clusters": made["clusters"],
        "noise": made["noise"] / made["questions"],
        "bytes": {
            name: size(pool / name) for name in ("questions", "embeddings", "annotations/clusters")
        },
    }
    out.write_text(json.dumps(found))


def points_of(pool: Path, count: int | None = None) -> Any:
    """The reduced vectors that `ours` clustered, or the first of them in random order."""
    from builders.clusters.reducing import fit_reduction
    from builders.embeddings import Embeddings
    from builders.pool import open_pool

    (folder,) = (pool / "embeddings").iterdir()
    stored = Embeddings(open_pool(pool), folder)
    reduction = fit_reduction(stored.shards(), 10)
    points = np.concatenate([reduction.apply(vectors) for vectors in stored.shards()])
    return points[np.random.default_rng(0).permutation(len(points))[:count]]


def full(pool: Path, out: Path, count: int) -> None:
    """HDBSCAN on all of so many points."""
    from builders.clusters import Settings
    from builders.clusters.fitting import fit

    points = points_of(pool, count)
    began = time.monotonic()
    labels = fit(points, Settings(), of=len(points))
    found = {"seconds": time.monotonic() - began, "clusters": int(labels.max()) + 1}
    out.write_text(json.dumps(found))


def k_means(pool: Path, out: Path, clusters: int) -> None:
    """Mini-batch k-means on all points."""
    from sklearn.cluster import MiniBatchKMeans

    points = points_of(pool)
    began = time.monotonic()
    MiniBatchKMeans(clusters, batch_size=4096, n_init=1, random_state=0).fit(points)
    out.write_text(json.dumps({"seconds": time.monotonic() - began, "clusters": clusters}))


def main() -> None:
    """Make the pools, measure, write the section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 300_000, 1_000_000])
    parser.add_argument("--full", type=int, nargs="*", default=[50_000, 100_000, 200_000, 400_000])
    parser.add_argument("--limit", type=float, default=600, help="seconds of a full fit")
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--do", choices=("ours", "full", "k_means"), help=argparse.SUPPRESS)
    parser.add_argument("--pool", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--number", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.do == "ours":
        return ours(options.pool, options.out)
    if options.do == "full":
        return full(options.pool, options.out, options.number)
    if options.do == "k_means":
        return k_means(options.pool, options.out, options.number)
    return report(options)


def report(options: argparse.Namespace) -> None:
    """Run each part as a process of its own."""
    from measure import Run, machine, run, write_section

    with tempfile.TemporaryDirectory() as name:
        folder, out = Path(name), Path(name) / "out.json"

        def part(do: str, pool: Path, number: int = 0) -> tuple[Run, dict[str, Any]]:
            words = ["benchmarks/cluster_millions.py", "--do", do, "--pool", str(pool)]
            words += ["--out", str(out), "--number", str(number)]
            took = run(words, cores=options.cores)
            return took, json.loads(out.read_text())

        lines, stages = [], []
        for rows in sorted(options.sizes):
            pool = folder / f"pool-{rows}"
            make_pool(pool, rows)
            took, found = part("ours", pool)
            sizes = found["bytes"]
            lines.append(
                f"| {rows:,} | {took.seconds:,.0f} | {took.cpu_seconds:,.0f} | {took.peak_mb:,.0f} "
                f"| {found['clusters']:,} | {found['noise']:.0%} "
                f"| {sizes['questions'] / rows:.0f} | {sizes['embeddings'] / rows:.0f} "
                f"| {sizes['annotations/clusters'] / rows:.0f} |"
            )
            for one in found["stages"]:
                stages.append(
                    f"| {rows:,} | {one['stage']} | {one['seconds']:,.1f} | {one['peak_mb']:,.0f} |"
                )
        others = []
        for count in options.full:
            took, other = part("full", pool, min(count, rows))
            others.append(
                f"| HDBSCAN on all | {min(count, rows):,} | {other['seconds']:,.0f} "
                f"| {took.peak_mb:,.0f} | {other['clusters']:,} |"
            )
            if other["seconds"] > options.limit or count >= rows:
                break
        took, other = part("k_means", pool, found["clusters"])
        others.append(
            f"| mini-batch k-means | {rows:,} | {other['seconds']:,.0f} | {took.peak_mb:,.0f} "
            f"| {other['clusters']:,} |"
        )
    text = (
        f"`nt annotate clusters` with LSA, its defaults and {options.cores} core, on synthetic "
        "questions of about 110 characters; start of Python included.\n\n"
        "| questions | seconds | CPU seconds | peak MB | clusters | noise | bytes a question: text "
        "| vectors | labels |\n|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n"
        + "\n".join(lines)
        + "\n\n| questions | stage | seconds | peak MB until then |\n|---:|---|---:|---:|\n"
        + "\n".join(stages)
        + f"\n\nOther ways, on the reduced vectors of the {rows:,}, without reading them:\n\n"
        "| | points | seconds | peak MB | clusters |\n|---|---:|---:|---:|---:|\n"
        + "\n".join(others)
        + f"\n\n{machine()}"
    )
    write_section("cluster_millions", "Clusters of many questions", text)


if __name__ == "__main__":
    main()
