"""Precision and recall on the labelled sets in tests/data, by kind.

python -m tests.labelled dedup_pairs contamination
"""

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from builders.decontaminate.benchmarks import Item
from builders.decontaminate.search import index_items, matches, other_numbers, search
from builders.dedup import find_duplicates
from builders.words import read_words

DATA = Path(__file__).parent / "data"


class Score(NamedTuple):
    """What was found, against what is there."""

    right: int
    wrong: int
    missed: int
    wrongly: tuple[str, ...]

    @property
    def precision(self) -> float:
        return self.right / max(self.right + self.wrong, 1)

    @property
    def recall(self) -> float:
        return self.right / max(self.right + self.missed, 1)


def read(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / f"{name}.jsonl").read_text().splitlines()]


def is_duplicate(pair: dict[str, Any], threshold: float = 0.55) -> bool:
    """Each pair for itself: what other texts do is for other tests."""
    of, _ = find_duplicates(read_words([pair["a"], pair["b"]]), np.arange(2), threshold=threshold)
    return bool(of[1] == 0)


def contaminated(name: str) -> list[set[str]]:
    """For each question of a set the items that it is said to repeat."""
    items = read(name.replace("contamination", "contamination_benchmark"))
    rows = read(name.replace("contamination", "contamination_pool"))
    index = index_items(
        [Item(i["question"], tuple(i["options"] or ()), (i["answer"],)) for i in items]
    )
    words = read_words(row["question"] for row in rows)
    found: list[set[str]] = [set() for _ in rows]
    for match in matches(index, search(index, words, np.zeros(len(rows), np.bool_))):
        own = read_words([rows[match.text]["question"]])
        if match.repeats and not other_numbers(index, match, own):
            found[match.text].add(items[match.item]["id"])
    return found


def score(labelled: list[tuple[bool, bool, str]]) -> Score:
    """From what is so, what was found, and a description."""
    return Score(
        sum(truth and found for truth, found, _ in labelled),
        sum(found and not truth for truth, found, _ in labelled),
        sum(truth and not found for truth, found, _ in labelled),
        tuple(text for truth, found, text in labelled if truth != found),
    )


def scores(name: str) -> dict[str, Score]:
    """By kind, and `all`."""
    kinds: dict[str, list[tuple[bool, bool, str]]] = defaultdict(list)
    if name.startswith("contamination"):
        rows = read(name.replace("contamination", "contamination_pool"))
        for row, found in zip(rows, contaminated(name), strict=True):
            # Found as another item is not found; whatever is found in a clean one is wrong.
            truth = row["contaminated_by"]
            hit = truth in found if truth else bool(found)
            kinds[row["kind"]].append((truth is not None, hit, f"{truth} {row['question']}"))
    else:
        for pair in read(name):
            text = f"{pair['a']} | {pair['b']}"
            kinds[pair["kind"]].append((pair["duplicate"], is_duplicate(pair), text))
    kinds["all"] = [one for some in list(kinds.values()) for one in some]
    return {kind: score(some) for kind, some in sorted(kinds.items())}


if __name__ == "__main__":
    for name in sys.argv[1:]:
        for kind, one in scores(name).items():
            print(f"{name} {kind}: {one.right} right, {one.wrong} wrong, {one.missed} missed")
            for text in one.wrongly if kind != "all" else ():
                print(f"    {text}")
