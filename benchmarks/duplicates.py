"""Deduplication beside datasketch, rensa and datatrove; decontamination beside datatrove and a set.

    python benchmarks/duplicates.py [--rows 50000] [--python PYTHON]

The other tools stand in a virtual environment of their own, whose PYTHON is named: `pip install
rensa datasketch "datatrove[processing]" spacy jinja2 filelock`. Our code runs there as well.

All take the synthetic questions of duplicates_data.py from memory. datasketch and rensa get the
sets of lower-case words, 120 hashes in 40 bands as ours has, and verify candidates by exact
Jaccard. datatrove runs its four steps in one process, by words, and keeps numbers and punctuation,
which by default it does not. Each takes the threshold at which it finds as many of the labelled
duplicates in tests/data as ours does; what it then takes for duplicates that are none is the other
column.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]
ITEMS = 40_000
BANDS, HASHES = 40, 3


class Measured(NamedTuple):
    """CPU seconds of the work itself, and how many rows it found."""

    seconds: float
    found: int


def words(text: str) -> set[str]:
    """The sets that the other tools compare."""
    return set(re.findall(r"\w+|[^\s\w]", text.lower()))


def jaccard(a: set[str], b: set[str]) -> float:
    """The similarity by which candidates are verified."""
    return len(a & b) / max(len(a | b), 1)


def ours(texts: Sequence[str], threshold: float) -> int:
    """`nt dedup` without reading and writing a pool."""
    import numpy as np

    from builders.dedup import find_duplicates
    from builders.words import read_words

    of, _ = find_duplicates(read_words(texts), np.arange(len(texts)), threshold=threshold)
    return int((of != np.arange(len(of))).sum())


def with_datasketch(texts: Sequence[str], threshold: float) -> int:
    """Its index."""
    from datasketch import MinHash, MinHashLSH

    def sketch(own: set[str]) -> MinHash:
        made = MinHash(num_perm=BANDS * HASHES)
        made.update_batch([word.encode() for word in own])
        return made

    index = MinHashLSH(num_perm=BANDS * HASHES, params=(BANDS, HASHES))
    return with_index(index, sketch, texts, threshold)


def with_rensa(texts: Sequence[str], threshold: float) -> int:
    """The same with rensa's index."""
    from rensa import RMinHash, RMinHashLSH

    def sketch(own: set[str]) -> RMinHash:
        made = RMinHash(num_perm=BANDS * HASHES, seed=1)
        made.update(list(own))
        return made

    index = RMinHashLSH(threshold=threshold, num_perm=BANDS * HASHES, num_bands=BANDS)
    return with_index(index, sketch, texts, threshold)


def with_index(
    index: Any, sketch: Callable[[set[str]], Any], texts: Sequence[str], threshold: float
) -> int:
    """An index is asked before each text is added; a duplicate is not added."""
    sets: dict[int, set[str]] = {}
    found = 0
    for place, text in enumerate(texts):
        own = words(text)
        sketched = sketch(own)
        if any(jaccard(own, sets[other]) >= threshold for other in index.query(sketched)):
            found += 1
            continue
        index.insert(place, sketched)
        sets[place] = own
    return found


def datatrove_config(hashes: float) -> object:
    """Its settings: single words, numbers and punctuation kept."""
    from datatrove.pipeline.dedup import MinhashConfig
    from datatrove.utils.text import TextNormConfig

    plain = TextNormConfig(norm_numbers=False, remove_punctuation=False)
    return MinhashConfig(
        n_grams=1, num_buckets=BANDS, hashes_per_bucket=int(hashes), norm_config=plain
    )


def datatrove_pairs(hashes: float) -> Callable[[str, str], bool]:
    """What its four steps say of two texts, without the steps: whether they share a bucket."""
    from datatrove.pipeline.dedup import MinhashDedupSignature

    with tempfile.TemporaryDirectory() as name:
        step = MinhashDedupSignature(name, config=datatrove_config(hashes))

    def same(a: str, b: str) -> bool:
        one, other = (step.get_signature(step.get_shingles(text)) for text in (a, b))
        return any(x == y for x, y in zip(one, other, strict=True))

    return same


def with_datatrove(texts: Sequence[str], threshold: float) -> int:
    """Its four steps; it verifies nothing, so bands decide: `threshold` is hashes in a bucket."""
    from datatrove.data import Document
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from loguru import logger

    logger.remove()
    config = datatrove_config(threshold)
    documents = [Document(text=text, id=str(place)) for place, text in enumerate(texts)]
    with tempfile.TemporaryDirectory() as name:

        def run(*steps: object, tasks: int = 1) -> None:
            logs = f"{name}/{type(steps[-1]).__name__}"
            LocalPipelineExecutor(list(steps), tasks=tasks, workers=1, logging_dir=logs).run()

        run(documents, MinhashDedupSignature(f"{name}/signatures", config=config))
        run(
            MinhashDedupBuckets(f"{name}/signatures", f"{name}/buckets", config=config),
            tasks=config.num_buckets,
        )
        run(MinhashDedupCluster(f"{name}/buckets", f"{name}/remove", config=config))
        step = MinhashDedupFilter(f"{name}/remove")
        kept = sum(1 for _ in step.run(iter(documents), rank=0, world_size=1))
    return len(texts) - kept


def search_ours(texts: Sequence[str], items: Sequence[str]) -> int:
    """`nt decontaminate` without reading and writing a pool."""
    import numpy as np

    from builders.decontaminate.benchmarks import Item
    from builders.decontaminate.search import Hits, index_items, matches, search
    from builders.words import read_words

    index = index_items([Item(item) for item in items])
    parts = []
    for start in range(0, len(texts), 8192):
        some = texts[start : start + 8192]
        hits = search(index, read_words(some), np.zeros(len(some), np.bool_))
        parts.append(hits._replace(text=hits.text + start))
    found = matches(index, Hits(*(np.concatenate(c) for c in zip(*parts, strict=True))))
    return len({match.text for match in found if match.repeats})


def search_with_a_set(texts: Sequence[str], items: Sequence[str]) -> int:
    """The loop that everybody writes: a set of the runs of 13 words."""

    def runs(text: str) -> set[tuple[str, ...]]:
        found = re.findall(r"\w+", text.lower())
        return {tuple(found[i : i + 13]) for i in range(len(found) - 12)}

    wanted = set().union(*map(runs, items))
    return sum(not wanted.isdisjoint(runs(text)) for text in texts)


def search_with_datatrove(texts: Sequence[str], items: Sequence[str]) -> int:
    """Its filter, with an index of runs of 13 words that is written here."""
    import numpy as np
    from datatrove.data import Document
    from datatrove.pipeline.decont import NGramsDecontConfig, NGramsDecontFilter
    from datatrove.utils.text import ngrams, simplify_text
    from loguru import logger

    logger.remove()
    config = NGramsDecontConfig(n_grams=13)
    with tempfile.TemporaryDirectory() as name:
        step = NGramsDecontFilter(name, config)
        hashes = [
            step.hash_func(" ".join(run))
            for item in items
            for run in ngrams(
                step.tokenizer.word_tokenize(simplify_text(item, config.norm_config)), 13
            )
        ]
        np.array(hashes, config.hash_config.np_descr).tofile(f"{name}/items.index.hashes")
        return sum(step.filter(Document(text=text, id="")) is not True for text in texts)


DEDUP: dict[str, tuple[Callable[[Sequence[str], float], int], Sequence[float]]] = {
    "naturalthoughts": (ours, (0.55,)),
    "datasketch": (with_datasketch, (0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5, 0.45)),
    "rensa": (with_rensa, (0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5, 0.45)),
    "datatrove": (with_datatrove, (6, 5, 4, 3, 2)),
}
SEARCH = {
    "naturalthoughts": search_ours,
    "a set of runs": search_with_a_set,
    "datatrove": search_with_datatrove,
}


def labelled(contender: str, threshold: float) -> tuple[int, int]:
    """How many labelled duplicates are found, and how many pairs that are none."""
    if contender == "datatrove":
        same = datatrove_pairs(threshold)
    else:
        find = DEDUP[contender][0]

        def same(a: str, b: str) -> bool:
            return find([a, b], threshold) == 1

    right = wrong = 0
    for pair in pairs():
        if same(pair["a"], pair["b"]):
            right += pair["duplicate"]
            wrong += not pair["duplicate"]
    return right, wrong


def pairs() -> list[dict[str, str | bool]]:
    """All labelled pairs."""
    lines = [
        line
        for name in ("dedup_pairs", "dedup_pairs_frozen")
        for line in (ROOT / "tests" / "data" / f"{name}.jsonl").read_text().splitlines()
    ]
    return [json.loads(line) for line in lines]


def measure(find: Callable[[], int]) -> Measured:
    """CPU seconds, since others use the machine."""
    began = time.process_time()
    found = find()
    return Measured(time.process_time() - began, found)


def compare(rows: int) -> list[str]:
    """All contenders, one after another, as the lines of two tables."""
    from duplicates_data import questions

    texts = list(questions(rows))
    items = list(itertools.islice(questions(ITEMS, seed=1), ITEMS - 100))
    items += itertools.islice(questions(rows), 5, 2000, 20)
    total = sum(bool(pair["duplicate"]) for pair in pairs())
    wanted, _ = labelled("naturalthoughts", 0.55)
    lines = [
        "| deduplication | threshold | rows a CPU second | labelled duplicates found "
        "| pairs wrongly taken for duplicates | synthetic duplicates |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, (find, thresholds) in DEDUP.items():
        for threshold in thresholds:
            right, wrong = labelled(name, threshold)
            if right >= wanted:
                break
        one = measure(lambda find=find, threshold=threshold: find(texts, threshold))
        lines.append(
            f"| {name} | {threshold} | {rows / one.seconds:,.0f} | {right} of {total} "
            f"| {wrong} of {len(pairs()) - total} | {one.found:,} |"
        )
        print(lines[-1], file=sys.stderr, flush=True)
    lines += [
        "",
        f"| decontamination, {ITEMS:,} items | CPU seconds for the index "
        "| rows a CPU second behind it | questions found |",
        "|---|---:|---:|---:|",
    ]
    for name, search in SEARCH.items():
        index = measure(lambda search=search: search(texts[:1], items)).seconds
        one = measure(lambda search=search: search(texts, items))
        rate = rows / (one.seconds - index)
        lines.append(f"| {name} | {index:.1f} | {rate:,.0f} | {one.found:,} |")
        print(lines[-1], file=sys.stderr, flush=True)
    return lines


def main() -> None:
    """Measure in the other environment, and write the section from this one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--python", help="of the environment that has the other tools")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        print("\n".join(compare(options.rows)))
        return

    import subprocess

    from measure import machine, write_section

    python = options.python or sys.executable
    done = subprocess.run(
        [python, __file__, "--here", "--rows", str(options.rows)],
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    text = (
        f"{options.rows:,} synthetic questions in memory, one core; reading and writing a pool is "
        "not in it. Each tool with the threshold (datatrove: hashes in a bucket) at which it finds "
        f"no fewer of the labelled duplicates than ours. {ITEMS:,} items in the benchmark. "
        "`benchmarks/duplicates.py` says what each does.\n\nAt these thresholds the other tools "
        "take nearly every pair with another number, unit or negation for a duplicate. A set of "
        "runs, and datatrove's filter, call whatever shares 13 words with an item, boilerplate and "
        "templates with other numbers included.\n\n"
        f"{done.stdout}\n{machine()}"
    )
    write_section("duplicates", "Duplicates and contamination, beside other tools", text)


if __name__ == "__main__":
    main()
