"""The tables of a comparison: cells as text, for the pages and for the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import obedience
import verdict
from comparable import Compared
from paired import Difference
from report import printable
from tallies import Scored

WORDS = {"think": "Think", "adaptive": "Adaptive", "no_think": "No-Think"}
"""The modes as the paper calls them."""


class Table(NamedTuple):
    """Cells as text; columns whose head begins with `#` stand to the right."""

    heads: list[str]
    rows: list[list[str]]


def said(compared: list[tuple[Compared, Difference]]) -> Table:
    """The sentence that each comparison supports."""
    rows = []
    for one, found in compared:
        first, second = one.first.name, one.second.name
        told = verdict.sentence(found, first, second)
        pair = "" if found.separable else f"{first} and {second}, "
        rows.append([one.place[0], WORDS[one.place[1]], f"{pair}{told}"])
    return Table(["benchmark", "mode", "what may be said"], rows)


def scores(runs: list[Scored]) -> Table:
    """A row for each benchmark, mode and run."""
    places = dict.fromkeys(place for run in runs for place in run.tallies)
    rows = []
    for benchmark, mode in sorted(
        places, key=lambda place: (place[0], list(WORDS).index(place[1]))
    ):
        for run in runs:
            tally = run.tallies.get((benchmark, mode))
            if tally is not None:
                score, cut = tally.mean(tally.correct), tally.mean(tally.truncated)
                row = [benchmark, WORDS[mode], run.name, points(score.mean), points(score.error)]
                row += [f"{tally.mean(tally.tokens).mean:,.0f}", f"{100 * cut.mean:.1f}%"]
                rows.append([*row, f"{len(tally.questions):,}", str(len(tally.seeds))])
    heads = ["benchmark", "mode", "run", "#score, %", "#±", "#tokens", "#cut off", "#questions"]
    return Table([*heads, "#seeds"], rows)


def differences(compared: list[tuple[Compared, Difference]]) -> Table:
    """A row for each pair in each benchmark and mode."""
    rows = []
    for one, found in compared:
        row = [one.place[0], WORDS[one.place[1]], f"{one.second.name} − {one.first.name}"]
        row += [f"{100 * found.mean:+.1f}", _interval(found, found.critical)]
        row += [_interval(found, found.alone), points(verdict.smallest(found))]
        row += [f"{found.questions:,}", str(found.seeds)]
        rows.append([*row, "yes" if found.separable else "no"])
    heads = ["benchmark", "mode", "runs", "#points", "#interval", "#alone", "#could tell"]
    return Table([*heads, "#questions", "#seeds", "separable"], rows)


def modes_told(runs: list[Scored]) -> list[str]:
    """Whether the modes work, in words."""
    return [f"{run.name}: {line}" for run in runs for line in obedience.sentences(run)]


def obeyed(runs: list[Scored]) -> Table:
    """A row for each run and benchmark."""
    rows = [
        [run.name, one.benchmark, *map(_share, (one.think, one.no_think, one.adaptive))]
        for run in runs
        for one in obedience.obedience(run)
    ]
    heads = ["run", "benchmark", "#Think: thinks", "#No-Think: does not", "#Adaptive: thinks"]
    return Table(heads, rows)


def by_difficulty(runs: list[Scored]) -> Table:
    """A row for each run, benchmark and difficulty."""
    rows = []
    for run in runs:
        for level in obedience.by_difficulty(run):
            row = [run.name, level.benchmark, level.difficulty, f"{level.questions:,}"]
            row += [f"{100 * level.thought:.1f}%", f"{level.tokens:,.0f}", points(level.correct)]
            rows.append(row)
    heads = ["run", "benchmark", "#difficulty", "#questions", "#thinks", "#tokens", "#score, %"]
    return Table(heads, rows)


def what_was_run(runs: list[Scored]) -> Table:
    """What the records say of the runs."""
    rows = []
    for run in runs:
        record = run.record
        model = [record.get("model"), record.get("model_revision")]
        row = [run.name, " at ".join(str(value) for value in model if value)]
        row += [str(record.get("engine") or ""), str(record.get("dtype") or "")]
        versions = record.get("versions") or {}
        rows.append([*row, ", ".join(f"{name} {number}" for name, number in versions.items())])
    return Table(["run", "model", "engine", "dtype", "versions"], rows)


def to_terminal(table: Table) -> Iterable[str]:
    """A table as aligned lines of text."""
    rows = [[head.lstrip("#") for head in table.heads], *table.rows]
    rows = [[" ".join(printable(cell).split()) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    right = [head.startswith("#") for head in table.heads]
    for row in rows:
        cells = zip(row, widths, right, strict=True)
        yield "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in cells).rstrip()


def points(value: float) -> str:
    """0.376 as 37.6."""
    return f"{100 * value:.1f}" if math.isfinite(value) else "–"


def _interval(found: Difference, critical: float) -> str:
    half = found.half(critical)
    if not math.isfinite(half) or not found.error:
        return "–"
    return f"{100 * (found.mean - half):+.1f} to {100 * (found.mean + half):+.1f}"


def _share(share: obedience.Share | None) -> str:
    if share is None:
        return "–"
    return f"{points(share.share)}% ({points(share.low)} to {points(share.high)})"
