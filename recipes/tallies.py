"""What a run scored, as arrays: for each benchmark and mode, a table of questions x seeds.

    tally.correct      seed 0   seed 1   seed 2
    question 4f1e…     True     True     False      mean 0.67
    question 9c07…     False    False    False      mean 0.00

A score is the mean over questions of the mean over a question's seeds. Its standard error is
clustered by question: the seeds of one question are not independent of each other, the questions
are. 198 questions with 24 seeds are 198 observations, not 4,752.
"""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from preflight import Stop
from results import MODES, read_run

Floats = NDArray[np.float64]
Place = tuple[str, str]
"""A benchmark and a mode."""

COLUMNS = ["benchmark", "question_id", "mode", "seed", "correct", "tokens", "thought", "truncated"]
COLUMNS += ["domain", "difficulty"]  # the texts stay where they are
GROUPS = 14
"""Domains, or difficulties, that fit into a table or picture; SuperGPQA has 13 domains."""
IN_WORDS = {"easy": 0, "middle": 1, "medium": 1, "hard": 2}
"""Difficulties that are words, in their order."""


class Estimate(NamedTuple):
    """A mean over questions, and its standard error, which one question does not have."""

    mean: float
    error: float


class Tally(NamedTuple):
    """One benchmark in one mode: questions in rows, seeds in columns."""

    questions: NDArray[np.str_]  # sorted
    seeds: NDArray[np.int64]  # sorted
    there: NDArray[np.bool_]  # what was sampled; a run that is not finished has holes
    correct: NDArray[np.bool_]
    tokens: NDArray[np.int64]
    thought: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    domain: list[str | None]  # of each question
    difficulty: list[str | None]

    def mean(self, values: NDArray[Any]) -> Estimate:
        """The mean of a column, and its standard error clustered by question."""
        return clustered(by_question(values, self.there))

    def only(self, rows: NDArray[Any]) -> Tally:
        """These questions of it."""
        numbers = np.arange(len(self.questions))[rows]
        return Tally(
            self.questions[rows],
            self.seeds,
            self.there[rows],
            self.correct[rows],
            self.tokens[rows],
            self.thought[rows],
            self.truncated[rows],
            [self.domain[n] for n in numbers],
            [self.difficulty[n] for n in numbers],
        )


class Scored(NamedTuple):
    """A run, with a name that no other run of the comparison has."""

    name: str
    folder: Path
    record: dict[str, Any]
    tallies: dict[Place, Tally]


def by_question(values: NDArray[Any], there: NDArray[np.bool_]) -> Floats:
    """The mean over the seeds of each question."""
    means: Floats = np.where(there, values, 0).sum(axis=1, dtype=float) / there.sum(axis=1)
    return means


def clustered(means: Floats) -> Estimate:
    """The mean of what the questions have, and its standard error."""
    error = means.std(ddof=1) / np.sqrt(len(means)) if len(means) > 1 else np.nan
    return Estimate(float(means.mean()), float(error))


def read_scored(folders: list[Path]) -> list[Scored]:
    """Read the runs, without their texts, and name them.

    Raises:
        Stop: one is no run, holds a sample twice, or is named twice.
    """
    places = [folder.resolve() for folder in folders]
    for folder, place in zip(folders, places, strict=True):
        if places.count(place) > 1:
            raise Stop(f"{folder} is named twice; name each run once")
    runs = [read_run(folder, columns=COLUMNS) for folder in folders]
    names = [
        str(run.record.get("name") or place.name) for run, place in zip(runs, places, strict=True)
    ]
    scored = []
    for run, place, name in zip(runs, places, names, strict=True):
        if names.count(name) > 1:
            name = f"{name} ({run.folder})"
        scored.append(Scored(name, place, run.record, tallies_of(run.samples, run.folder)))
    return scored


def tallies_of(samples: pa.Table, folder: Path) -> dict[Place, Tally]:
    """The samples of a run by benchmark, in the order of their names, and mode.

    Raises:
        Stop: there is none, a mode is unknown, or one was sampled twice.
    """
    if not len(samples):
        raise Stop(f"{folder} holds no samples yet; finish the evaluation, then compare")
    if unknown := set(samples["mode"].unique().to_pylist()) - set(MODES):
        raise Stop(f"{folder} has the mode {min(unknown)!r}; modes are {', '.join(MODES)}")
    tallies = {}
    for benchmark in sorted(samples["benchmark"].unique().to_pylist()):
        of_benchmark = samples.filter(pc.equal(samples["benchmark"], benchmark))
        for mode in MODES:
            rows = of_benchmark.filter(pc.equal(of_benchmark["mode"], mode))
            if len(rows):
                tallies[benchmark, mode] = _tally(rows, f"{folder}: {benchmark} in mode {mode}")
    return tallies


def _tally(rows: pa.Table, where: str) -> Tally:
    ids = rows["question_id"].combine_chunks().dictionary_encode()
    found = np.array(ids.dictionary.to_pylist(), dtype=str)
    order = np.argsort(found)
    row = np.argsort(order)[ids.indices.to_numpy()]
    seeds, column = np.unique(rows["seed"].to_numpy(), return_inverse=True)
    shape = (len(found), len(seeds))
    cell = np.ravel_multi_index((row, column), shape)
    counts = np.bincount(cell, minlength=shape[0] * shape[1])
    if counts.max() > 1:
        twice = int(counts.argmax())
        raise Stop(
            f"{where} holds question {found[order][twice // shape[1]]} with seed "
            f"{seeds[twice % shape[1]]} {counts.max()} times; a sample may be there once"
        )

    def spread(name: str) -> NDArray[Any]:
        values = rows[name].to_numpy()
        table = np.zeros(counts.size, dtype=values.dtype)
        table[cell] = values
        return table.reshape(shape)

    _, first = np.unique(row, return_index=True)
    return Tally(
        found[order],
        seeds.astype(np.int64),
        counts.reshape(shape) > 0,
        spread("correct"),
        spread("tokens").astype(np.int64),
        spread("thought"),
        spread("truncated"),
        rows["domain"].take(first).to_pylist(),
        rows["difficulty"].take(first).to_pylist(),
    )


def groups(names: list[str | None]) -> list[tuple[str, NDArray[np.bool_]]]:
    """The questions of each difficulty or domain: by number, by the words for it, or by name.

    Of more numbers than fit, ranges; of more names, the most frequent.
    """
    counts = Counter(name for name in names if name is not None)
    found, row = sorted(counts), np.array([name or "" for name in names])
    if all(name.lower() in IN_WORDS for name in found):
        found.sort(key=lambda name: IN_WORDS[name.lower()])
    elif all(_is_number(name) for name in found):
        found.sort(key=float)
        if len(found) > GROUPS:
            parts = [found[p[0] : p[-1] + 1] for p in np.array_split(range(len(found)), GROUPS)]
            return [(f"{part[0]} to {part[-1]}", np.isin(row, part)) for part in parts]
    else:
        found = sorted(name for name, _ in counts.most_common(GROUPS))
    return [(name, row == name) for name in found]


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
