"""The pictures of a comparison, as PNG with a light ground of their own.

accuracy-tokens            what a run scores for the tokens it spends, over the modes
<benchmark>-domain         the difference in each domain, against the first run
<benchmark>-difficulty     the same by difficulty
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from functools import cache
from itertools import cycle
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from comparable import Compared
from comparison_tables import WORDS
from paired import Difference, by_group
from results import MODES
from tallies import Scored

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#555555")
"""Okabe and Ito's, which most people can tell apart; the yellow is darker, for a white ground."""
MARKS = {"think": "o", "adaptive": "s", "no_think": "^"}
LONGEST = 32  # characters of a name that comes from data
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.parse_math": False,  # a dollar sign in data is a dollar sign
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
}

Groups = list[tuple[str, Difference]]
Colours = dict[str, str]  # of each run


class Picture(NamedTuple):
    """A picture, and what it shows in words."""

    name: str
    title: str
    shows: str
    png: bytes


def draw(runs: list[Scored], compared: list[Compared]) -> list[Picture] | None:
    """All pictures of a comparison; None where matplotlib is not installed."""
    try:
        from matplotlib import style
    except ImportError:  # it is an extra: the numbers do not depend on it
        return None
    with style.context(["default", STYLE]):
        colours = dict(zip((run.name for run in runs), cycle(COLOURS), strict=False))
        return [_tradeoff(runs, colours), *_differences(runs, compared, colours)]


def _tradeoff(runs: list[Scored], colours: Colours) -> Picture:
    """A panel for each benchmark, a line over the modes for each run."""
    benchmarks = sorted({benchmark for run in runs for benchmark, _ in run.tallies})
    figure, panels = _panels(len(benchmarks), columns=2 if len(benchmarks) == 4 else 3)
    said = []
    for panel, benchmark in zip(panels, benchmarks, strict=True):
        panel.set_title(drawable(benchmark))
        panel.set(xlabel="tokens of a reply, mean", ylabel="score, %")
        for run in runs:
            modes = [mode for mode in MODES if (benchmark, mode) in run.tallies]
            tallies = [run.tallies[benchmark, mode] for mode in modes]
            scores = [tally.mean(tally.correct) for tally in tallies]
            tokens = [tally.mean(tally.tokens).mean for tally in tallies]
            colour = colours[run.name]
            panel.plot(tokens, [100 * score.mean for score in scores], color=colour, alpha=0.5)
            for mode, x, score in zip(modes, tokens, scores, strict=True):
                error = 0 if np.isnan(score.error) else 100 * score.error
                y = 100 * score.mean
                panel.errorbar(x, y, error, color=colour, marker=MARKS[mode], capsize=2)
                place = f"{run.name} in {benchmark}, {WORDS[mode]}"
                said.append(f"{place}: {y:.1f}% for {x:,.0f} tokens")
    _legend(figure, colours, modes=True)
    shows = "Score by tokens of a reply, bars are one standard error. " + "; ".join(said) + "."
    return Picture("accuracy-tokens", "Accuracy against tokens", shows, _png(figure))


def _differences(
    runs: list[Scored], compared: list[Compared], colours: Colours
) -> Iterator[Picture]:
    """For each benchmark a picture by domain and one by difficulty, where the data has them."""
    if not compared:
        return
    base = compared[0].first
    others = {run.name: colours[run.name] for run in runs if run is not base}
    pairs = [one for one in compared if one.first is base]
    for benchmark in dict.fromkeys(one.place[0] for one in pairs):
        for kind in ("domain", "difficulty"):
            found: dict[tuple[str, str], Groups] = {}
            for one in pairs:
                if one.place[0] == benchmark:
                    first, second = (run.tallies[one.place] for run in (base, one.second))
                    groups = by_group(first, second, getattr(first, kind))
                    if len(groups) > 1:
                        found[one.place[1], one.second.name] = groups
            if found:
                yield _forest(benchmark, kind, base.name, others, found)


def _forest(
    benchmark: str, kind: str, base: str, others: Colours, found: dict[tuple[str, str], Groups]
) -> Picture:
    """A panel for each mode, a row for each group, a mark with its interval for each run."""
    modes = [mode for mode in MODES if any(place[0] == mode for place in found)]
    names = list(dict.fromkeys(name for groups in found.values() for name, _ in groups))
    height = 1.1 + len(names) * max(0.26, 0.13 * len(others))
    figure, panels = _panels(len(modes), height=height, shared=True)
    panels[0].set_ylabel(kind if kind == "difficulty" else "")
    said = []
    for panel, mode in zip(panels, modes, strict=True):
        panel.set_title(WORDS[mode])
        panel.set_xlabel(f"points more than {drawable(base)}")
        panel.axvline(0, color="#777777", linewidth=1)
        panel.set_yticks(range(len(names)), [drawable(name) for name in names])
        panel.set_ylim(len(names) - 0.5, -0.5)
        for number, (other, colour) in enumerate(others.items()):
            shift = (number - (len(others) - 1) / 2) * 0.7 / max(len(others), 2)
            groups = found.get((mode, other), [])
            for known in (True, False):  # one call each: a call for every mark takes seconds
                some = [(name, one) for name, one in groups if _has_interval(one) is known]
                panel.errorbar(
                    [100 * one.mean for _, one in some],
                    [names.index(name) + shift for name, _ in some],
                    xerr=[100 * one.half(one.alone) if known else 0 for _, one in some],
                    color=colour,
                    linestyle="",
                    marker=MARKS[mode],
                    markersize=4,
                    markerfacecolor=colour if known else "white",
                )
            place = f"{WORDS[mode]}, {other}"
            said += [f"{place}, {name}: {100 * one.mean:+.1f}" for name, one in groups]
    _legend(figure, others)
    shows = (
        f"Difference from {base} by {kind} in points, with an interval of 95% each that is not "
        f"corrected; hollow where too few questions differ for an interval. {'; '.join(said)}."
    )
    title = f"{benchmark}: difference from {base} by {kind}"
    return Picture(f"{_file_name(benchmark)}-{kind}", title, shows, _png(figure))


def _has_interval(one: Difference) -> bool:
    return bool(one.error > 0 and np.isfinite(one.alone))


def _file_name(benchmark: str) -> str:
    """The benchmark's name, or what is left of it that a file may be called, with a hash of it."""
    safe = re.sub(r"[^a-zA-Z0-9_-]+", "-", benchmark)[:60]
    if safe == benchmark:
        return safe
    return f"{safe}-{hashlib.sha256(benchmark.encode()).hexdigest()[:8]}"


def _panels(
    count: int, *, columns: int = 3, height: float = 2.9, shared: bool = False
) -> tuple[Figure, list[Axes]]:
    """A figure with so many panels."""
    from matplotlib.figure import Figure

    columns = min(columns, count)
    rows = -(-count // columns)
    size = (max(3.1 * columns, 4.6), height * rows + 0.5)
    figure = Figure(size, 150, layout="constrained", facecolor="white")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=shared, sharey=shared).ravel()
    for unused in axes[count:]:
        unused.set_axis_off()
    return figure, list(axes[:count])


def _legend(figure: Figure, colours: Colours, *, modes: bool = False) -> None:
    """Which colour is which run, and which mark which mode."""
    from matplotlib.lines import Line2D

    entries = [
        Line2D([], [], color=colour, label=drawable(name)) for name, colour in colours.items()
    ]
    if modes:
        entries += [
            Line2D([], [], color="#555555", marker=mark, linestyle="", label=WORDS[mode])
            for mode, mark in MARKS.items()
        ]
    figure.legend(handles=entries, loc="outside lower center", ncols=min(3, len(entries)))


def _png(figure: Figure) -> bytes:
    """A picture of few colours, as a small PNG without date and version."""
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def drawable(name: str) -> str:
    """A name that comes from data, on one line, cut, in characters that the font has."""
    flat = "".join(c if ord(c) in _characters() else "?" for c in " ".join(name.split()))
    return flat if len(flat) <= LONGEST else f"{flat[: LONGEST - 1]}…"


@cache
def _characters() -> frozenset[int]:
    from matplotlib import get_data_path
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf").get_charmap())
