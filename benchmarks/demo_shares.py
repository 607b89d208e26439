"""What the synthetic pool consists of: the figures of docs/demo.md.

python benchmarks/demo_shares.py --rows 20000
"""

from __future__ import annotations

import argparse
import re

import numpy as np
import pyarrow as pa

from builders.sources.demo import FAMILIES, POOL, generate
from builders.sources.demo.skeletons import SKELETONS
from builders.tokens import load_tokenizer


def main() -> None:
    """Generate, count, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rows = list(generate(options.rows, seed=options.seed))

    tokens = load_tokenizer().count(pa.array([row.reasoning for row in rows])).to_numpy()
    steps = np.array([row.steps for row in rows])
    verbosity = np.array([row.verbosity for row in rows])
    strategies = np.array([len(row.strategies) for row in rows])
    said = [re.search(r"The answer is (\w+)", row.answer) for row in rows]
    right = [
        found is not None and found[1] == row.reference_answer
        for found, row in zip(said, rows, strict=True)
    ]
    verdicts = np.array([row.disagreement for row in rows])

    print(f"{len(FAMILIES)} families, {len(POOL)} in the pool, {len(SKELETONS)} skeletons")
    print(
        "reasoning tokens, percentiles 0 5 50 95 100:", *np.percentile(tokens, (0, 5, 50, 95, 100))
    )
    for name, a, b in (
        ("tokens and steps", tokens, steps),
        ("tokens and verbosity", tokens, verbosity),
        ("steps and verbosity", steps, verbosity),
    ):
        print(f"correlation of {name}: {np.corrcoef(a, b)[0, 1]:.2f}")
    print(f"4 to 8 strategies: {((strategies >= 4) & (strategies <= 8)).mean():.1%}")
    print(f"teacher right: {np.mean(right):.1%}")
    for verdict in ("agree", "disagree", "unsure"):
        print(f"{verdict}: {(verdicts == verdict).mean():.1%}")
    for number in np.unique(steps):
        share = (verdicts[steps == number] == "disagree").mean()
        print(f"disagree at {number} steps: {share:.0%}")


if __name__ == "__main__":
    main()
