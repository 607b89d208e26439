"""Synthetic questions for the benchmarks of deduplication and decontamination. No model wrote them.

Words are drawn from a vocabulary with the frequencies of Zipf, so a few are in almost every
question and most are rare. Of every 20 questions one repeats an earlier one with its words in
another order, one is an earlier one with another number, and one fills a template that never
changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

VOCABULARY = 60_000
STOP = "the of and to a in is for on that by this with are be as at from or an".split()  # noqa: SIM905
REPEATED, CHANGED, TEMPLATE = 0, 1, 2
SHARD = 8192


def questions(number: int, seed: int = 0) -> Iterator[str]:
    """So many questions of 20 words in the mean; the first ones are the same for every number."""
    rng = np.random.default_rng(seed)
    words = np.array([*STOP, *(f"w{_letters(n)}" for n in range(VOCABULARY))])
    odds = 1 / np.arange(2, len(words) + 2)
    steps = np.cumsum(odds / odds.sum())
    block: list[list[str]] = []
    for start in range(0, number, SHARD):
        lengths = rng.integers(10, 31, SHARD)
        drawn = words[np.searchsorted(steps, rng.random(int(lengths.sum())))]
        texts = [list(part) for part in np.split(drawn, np.cumsum(lengths)[:-1])]
        values = rng.integers(2, 10_000, SHARD)
        earlier = rng.integers(0, SHARD, SHARD)
        order = rng.random(SHARD)
        for place, text in enumerate(texts[: number - start]):
            kind = (start + place) % 20
            told = f"{values[place]} metres"
            if kind == TEMPLATE:
                yield f"A lorry is {told} long and crosses a bridge. For how long is it on it?"
                continue
            if kind in (REPEATED, CHANGED) and block:
                text = block[earlier[place]]
                told = text[-1] if kind == REPEATED else told
                cut = int(order[place] * (len(text) - 1)) if kind == REPEATED else 0
                text = [*text[cut:-1], *text[:cut]]
            texts[place] = [*text, told]
            yield " ".join(texts[place]) + "?"
        block = texts


def make_pool(folder: Path, number: int) -> None:
    """A pool of these questions with a short trace each and labels, written straight as shards."""
    import pyarrow as pa
    from synthetic_labels import draw_labels, write_labels

    from builders.files import write_parquet
    from builders.ids import content_id
    from builders.importing import _create
    from builders.schema import QUESTIONS, TRACES, arrow_schema

    _create(folder, None)
    made, rng = questions(number), np.random.default_rng(0)
    seen: set[str] = set()
    for shard, start in enumerate(range(0, number, SHARD)):
        texts = {content_id(text): text for _, text in zip(range(SHARD), made, strict=False)}
        texts = {key: text for key, text in texts.items() if key not in seen}
        seen |= texts.keys()
        n = len(texts)
        values = {
            "id": [content_id(key, "synthetic") for key in texts],
            "question_id": list(texts),
            "question": list(texts.values()),
            "reference_answer": [None] * n,
            "finish_reason": [None] * n,
            **{name: ["synthetic"] * n for name in ("source", "license", "teacher")},
            **{name: ["So it is."] * n for name in ("reasoning", "answer")},
            **{name: [3] * n for name in ("num_tokens", "num_reasoning_tokens")},
            **draw_labels(rng, n),
        }
        name = f"{shard + 1:05d}-{start:016x}.parquet"
        for table, schema in (
            ("questions", arrow_schema(QUESTIONS)),
            ("traces", arrow_schema(TRACES)),
        ):
            columns = {key: values[key] for key in schema.names}
            write_parquet(pa.table(columns, schema), folder / table / name)
        write_labels(folder, name, values)


def _letters(number: int) -> str:
    letters = "bcdfghjklmnpqrstvwxz"
    text = ""
    while number or not text:
        number, digit = divmod(number, len(letters))
        text += letters[digit]
    return text
