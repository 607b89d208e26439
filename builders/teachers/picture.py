"""The picture of `nt teachers`: a panel for each score, a row for each teacher."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from builders.pictures import GREY, PALE, STYLE, as_png, drawable
from builders.teachers.scores import SCORES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH, _ROW, _BLUE = 8.0, 0.26, "#2a6fb5"
_PANELS = 2  # side by side


def draw(report: Mapping[str, Any]) -> bytes | None:
    """The picture as PNG; None where matplotlib is not installed."""
    try:
        from matplotlib import style
        from matplotlib.figure import Figure
    except ImportError:  # it is an extra: the numbers do not depend on it
        return None
    found = report["rankings"]
    names = [one["teacher"] for one in found[0]["places"]]  # all panels in the first one's order
    lines = -(-len(found) // _PANELS)
    with style.context(["default", STYLE]):
        height = lines * (_ROW * len(names) + 0.85) + 0.2
        figure = Figure((_WIDTH, height), 200, layout="constrained")
        panels = figure.subplots(lines, min(_PANELS, len(found)), sharey=True, squeeze=False)
        for number, axes in enumerate(panels.flat):
            if number < len(found):
                _panel(axes, found[number], names)
            else:
                axes.set_visible(False)
        return as_png(figure)


def _panel(axes: "Axes", found: Mapping[str, Any], names: list[str]) -> None:
    by_name = {one["teacher"]: one for one in found["places"]}
    right = axes.get_yaxis_transform()  # x in shares of the width, y in rows
    for row, name in enumerate(names):
        mean = by_name[name]["mean"]
        ends = [[mean["value"] - mean["low"]], [mean["high"] - mean["value"]]]
        axes.errorbar([mean["value"]], [row], xerr=ends, fmt="o", color=_BLUE, ms=4, lw=1.2)
        wins = f"{by_name[name]['wins']['value']:.0%}"
        axes.text(1.02, row, wins, transform=right, va="center_baseline", color=GREY)
    axes.text(1.02, -0.85, "wins", transform=right, color=GREY)
    axes.set_yticks(range(len(names)), [drawable(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.margins(x=0.12)
    axes.grid(axis="x", color=PALE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_title(SCORES[found["score"]], fontsize=8.5, loc="left")
    axes.set_xlabel("mean log-probability, with 95% interval")
