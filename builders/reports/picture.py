"""The picture of a report on difficulty: AUCs with intervals, and what disagreement is made of.

A panel for each of second model and teacher: a row for all traces and for each domain, a mark with
its interval for each score. Below, how much disagreement there is where the teacher is right, and
where it is wrong.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from builders.pictures import GREY, INK, PALE, STYLE, as_png
from builders.reports.words import NAMES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKS = {
    "disagreement": ("o", "#2a6fb5"),
    "length": ("s", "#c4540a"),
    "verbosity": ("^", "#3d8a5f"),
}
_VERDICTS = {"agree": "#d8dde3", "unsure": "#a8b2bd", "disagree": "#2a6fb5"}
_WIDTH, _ROW = 8.0, 0.3  # inches


def draw(report: Mapping[str, Any]) -> bytes | None:
    """The picture as PNG; None where matplotlib is not installed."""
    try:
        from matplotlib import style
        from matplotlib.figure import Figure
    except ImportError:  # it is an extra: the numbers do not depend on it
        return None
    shown = [who for who, scores in report["auc"].items() if _rows(scores)]
    with style.context(["default", STYLE]):
        rows = max(len(_rows(report["auc"][who])) for who in shown)
        heights = [_ROW * rows + 0.8, 1.3]
        figure = Figure((_WIDTH, sum(heights) + 0.3), 200, layout="constrained")
        above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=heights)[:, 0]
        panels = above.subplots(1, len(shown), sharex=True, sharey=True, squeeze=False)[0]
        # The teacher errs less often, so it has fewer domains with enough errors: the same rows.
        names = list(_rows(report["auc"][max(shown, key=lambda w: len(_rows(report["auc"][w])))]))
        for who, panel in zip(shown, panels, strict=True):
            _aucs(panel, report["auc"][who], names)
            panel.set_title(f"wrong answers of the {NAMES[who]}", fontsize=9)
        handles, labels = panels[0].get_legend_handles_labels()
        above.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
        _verdicts(below.subplots(), report["disagreement"]["where_the_teacher_is"])
        return as_png(figure)


def _rows(scores: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """For all traces and for each domain the figures that there are."""
    found: dict[str, dict[str, Any]] = {}
    for score, described in scores.items():
        for name, figure in {"all traces": described, **described["domains"]}.items():
            if figure["value"] is not None:
                found.setdefault(name, {})[score] = figure
    return found


def _aucs(axes: "Axes", scores: Mapping[str, Any], names: list[str]) -> None:
    rows = _rows(scores)
    for place, (score, (mark, colour)) in enumerate(_MARKS.items()):
        drawn = [
            (y, rows[name][score]) for y, name in enumerate(names) if score in rows.get(name, {})
        ]
        if drawn:
            heights = [y + 0.22 * (place - 1) for y, _ in drawn]
            values = [figure["value"] for _, figure in drawn]
            ends = [
                [figure["value"] - (figure["low"] or figure["value"]) for _, figure in drawn],
                [(figure["high"] or figure["value"]) - figure["value"] for _, figure in drawn],
            ]
            axes.errorbar(
                values, heights, xerr=ends, fmt=mark, color=colour, ms=3.5, lw=1, label=score
            )
    axes.axvline(0.5, color=GREY, linewidth=0.8, linestyle="--")
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="x", color=PALE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel("AUC with 95% interval; dashed: chance")


def _verdicts(axes: "Axes", states: Mapping[str, Any]) -> None:
    """A bar for each state of the teacher, cut by verdict."""
    drawn = {state: found for state, found in states.items() if found["rows"]}
    for y, found in enumerate(drawn.values()):
        left = 0.0
        for verdict, colour in _VERDICTS.items():
            value = found[verdict]["value"]
            axes.barh(y, value, 0.7, left, color=colour)
            if value > 0.04:
                ink = "white" if verdict == "disagree" else INK
                words = f"{verdict} {value:.0%}" if value > 0.12 else f"{value:.0%}"
                axes.text(left + value / 2, y, words, ha="center", va="center_baseline", color=ink)
            left += value
    labels = [f"teacher {state} ({found['rows']:,})" for state, found in drawn.items()]
    axes.set_yticks(range(len(drawn)), labels)
    axes.set_ylim(len(drawn) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xticks([])
    axes.set_xlabel(
        "share of the traces by verdict on teacher and second model; darker grey: unsure"
    )
