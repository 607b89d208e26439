"""Pictures for the card of a release, drawn from its manifest and from nothing else.

    pictures/lengths.png      how long the rows of each config are
    pictures/domains.png      the share of every domain
    pictures/strategies.png   the share of every reasoning strategy
    pictures/overlap.png      how many rows two configs share
    pictures/system2.png      the share of rows with reasoning, where it is not all of them
    pictures/clusters.png     where the pool's questions lie, if clusters of them were made

Each has a light ground of its own, so that it can be read on a dark page too. The same manifest
gives the same bytes with the same matplotlib and Pillow: the style and the font are those that come
with matplotlib, never the machine's, and a file names neither date nor version.
"""

import hashlib
import io
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FOLDER = "pictures"
MOST_CONFIGS = 40
"""Of a release with more configs the first are drawn: a picture has to fit on a page."""

_WIDTH, _DPI = 8.0, 200  # inches, dots: twice the points of the column that a card stands in
_ROW, _SLANTED = 0.235, 0.06  # inches: the height of a row, and of a letter in a slanted name
_LONGEST = 26  # characters of a name that comes from data
INK, GREY, PALE, _BLUE = "#1f2328", "#59636e", "#d8dde3", "#2a6fb5"
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "text.parse_math": False,  # a dollar sign in data is a dollar sign
    "text.color": INK,
    "figure.constrained_layout.w_pad": 0.14,  # inches, to the edge
    "figure.constrained_layout.h_pad": 0.12,
    "axes.labelcolor": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    **{f"{axis}tick.major.size": 0 for axis in "xy"},
    **{f"axes.spines.{side}": False for side in ("left", "right", "top", "bottom")},
}

Configs = Sequence[Mapping[str, Any]]


class Picture(NamedTuple):
    """The name of its file, what it shows in words, and how it is drawn."""

    name: str
    shows: str
    draw: Callable[[], "Figure"]


def draw_pictures(manifest: Mapping[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Write the pictures that a release's manifest has numbers for.

    Args:
        manifest: the release's.
        folder: the release's.

    Returns:
        What the manifest says of each picture; nothing where matplotlib is not installed.
    """
    try:
        from matplotlib import style
    except ImportError:  # it is an extra: the data does not depend on it
        return []
    configs = manifest["configs"][:MOST_CONFIGS]
    entries = []
    (folder / FOLDER).mkdir()
    with style.context(["default", STYLE]):
        clusters = manifest["pool"].get("clusters")
        for picture in _pictures(configs, manifest["overlap"], clusters):
            data = as_png(picture.draw())
            path = f"{FOLDER}/{picture.name}.png"
            (folder / path).write_bytes(data)
            entries.append(
                {
                    "path": path,
                    "shows": picture.shows,
                    "configs": len(configs),
                    "bytes": len(data),
                    "sha256": hashlib.sha256(data).hexdigest(),
                }
            )
    return entries


def _pictures(
    configs: Configs, overlap: Mapping[str, Sequence[int]], clusters: Mapping[str, Any] | None
) -> Iterator[Picture]:
    """The pictures that there are numbers for; a value in words for each config."""
    medians = (f"{config['name']} {config['lengths']['median']:,}" for config in configs)
    said = f"Lengths by config. Median tokens: {', '.join(medians)}."
    yield Picture("lengths", said, partial(_lengths, configs))
    for column, one in (("domains", "domain"), ("strategies", "strategy")):
        if any(config[column] for config in configs):
            said = f"{column.title()} by config. The most frequent: {_firsts(configs, column)}."
            drawn = f"percent of the config's rows that have the {one}"
            yield Picture(column, said, partial(_shares, configs, column, drawn))
    if len(configs) > 1:
        said = _overlap_in_words(configs, overlap)
        yield Picture("overlap", said, partial(_overlap, configs, overlap))
    mixed = [config for config in configs if config["think_share"] < 1]
    if mixed:
        shares = (f"{config['name']} {config['think_share']:.0%}" for config in mixed)
        said = f"Rows with reasoning (System-2): {', '.join(shares)}; every other config 100%."
        yield Picture("system2", said, partial(_system2, mixed))

    if clusters:
        largest = (
            f"{row['cluster']} ({_plain(', '.join(row['terms'][:3]))}) {row['questions']:,}"
            for row in clusters["table"][: len(clusters["map"]["centres"])]
        )
        said = f"Map of the questions. The largest clusters: {'; '.join(largest)}."
        yield Picture("clusters", said, partial(_map, clusters))


def _firsts(configs: Configs, column: str) -> str:
    """The most frequent value of each config, with its share."""
    return ", ".join(
        f"{config['name']} {_plain(name)} {count / config['rows']:.0%}"
        for config in configs
        for name, count in list(config[column].items())[:1]
    )


def _overlap_in_words(configs: Configs, overlap: Mapping[str, Sequence[int]]) -> str:
    rows = {config["name"]: config["rows"] for config in configs}
    pairs = [
        (shared, min(rows[one], rows[other]), other, one)
        for one in rows
        for shared, other in zip(overlap[one], rows, strict=False)
    ]
    within = sum(shared == smaller for shared, smaller, *_ in pairs)
    apart = sum(shared == 0 for shared, *_ in pairs)
    partly = [pair for pair in pairs if 0 < pair[0] < pair[1]]
    said = (
        f"Rows that two configs share. Pairs with the smaller within the larger: {within:,}; "
        f"without a row in common: {apart:,}; with some: {len(partly):,}"
    )
    nearest = sorted(partly, key=lambda pair: -pair[0] / pair[1])[:5]
    most = (
        f"{other} and {one} {shared:,} ({shared / smaller:.0%} of the smaller)"
        for shared, smaller, other, one in nearest
    )
    return f"{said}, the most {', '.join(most)}." if nearest else f"{said}."


def _lengths(configs: Configs) -> "Figure":
    """A histogram for each config, one above the other on one logarithmic axis."""
    figure, axes = _rows_of(configs)
    right = axes.get_yaxis_transform()  # x in shares of the width, y in rows
    lowest, highest = np.inf, 1.0
    for row, config in enumerate(configs):
        lengths = config["lengths"]
        edges = np.maximum(np.asarray(lengths["edges"], float), 0.5)  # 0 has no logarithm
        density = np.asarray(lengths["counts"]) / np.diff(np.log(edges))
        # The root lets one see the few long rows of a mix beside its many short ones.
        height = 0.88 * np.sqrt(density / density.max())
        base = row + 0.45
        axes.stairs(base - height, edges, baseline=base, fill=True, color=_BLUE)
        median = f"{lengths['median']:,}"
        axes.text(1.01, row, median, transform=right, va="center_baseline")
        lowest, highest = min(lowest, edges[0]), max(highest, edges[-1])
    axes.text(1.01, -0.75, "median", transform=right, color=GREY)
    axes.set_xscale("log")
    axes.set_xlim(lowest, highest)
    steps = (1, 2, 5) if highest / lowest < 3000 else (1,)
    ticks = [step * 10**power for power in range(10) for step in steps]
    ticks = [tick for tick in ticks if lowest <= tick <= highest]
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.grid(axis="x", color=PALE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel("tokens that a student is trained on; heights are square roots of densities")
    return figure


def _shares(configs: Configs, column: str, meaning: str) -> "Figure":
    """A table of shares: a row for each config, a column for each value, frequent ones first."""
    total: dict[str, float] = {}
    for config in configs:
        for name, count in config[column].items():
            total[name] = total.get(name, 0) + count / config["rows"]
    names = sorted(total, key=lambda name: (-round(total[name], 9), name))
    shares = np.array([[c[column].get(name, 0) / c["rows"] for name in names] for c in configs])
    labels = [drawable(name) for name in names]
    figure, axes = _rows_of(configs, labels)
    _cells(axes, shares / shares.max(), [[_percent(share) for share in row] for row in shares])
    axes.xaxis.tick_top()
    axes.set_xticks(range(len(names)), labels, rotation=40, ha="left", rotation_mode="anchor")
    axes.set_xlabel(meaning)
    return figure


def _overlap(configs: Configs, overlap: Mapping[str, Sequence[int]]) -> "Figure":
    """The lower half of a symmetric table, without its diagonal."""
    below, before = configs[1:], configs[:-1]
    labels = [config["name"] for config in before]
    figure, axes = _rows_of(below, labels)
    shares = np.full((len(below), len(before)), np.nan)
    words = [[""] * len(before) for _ in below]
    for y, config in enumerate(below):
        for x, (other, shared) in enumerate(zip(before, overlap[config["name"]], strict=False)):
            shares[y, x] = shared / min(config["rows"], other["rows"])
            words[y][x] = f"{shared:,}" if shared < 10_000 else f"{shared / 1000:.3g}k"
    _cells(axes, shares, words)
    axes.set_xticks(range(len(before)), labels, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_xlabel("rows that both have; the darker, the larger their share of the smaller config")
    return figure


def _system2(configs: Configs) -> "Figure":
    """A bar for each config: the rows that think, before those that only answer."""
    figure, axes = _rows_of(configs)
    shares = [config["think_share"] for config in configs]
    axes.barh(range(len(configs)), 1, 0.7, color=PALE)
    axes.barh(range(len(configs)), shares, 0.7, color=_BLUE)
    for row, share in enumerate(shares):
        axes.text(1.01, row, f"{share:.0%}", va="center_baseline")
    axes.set_xlim(0, 1)
    axes.set_xticks([])
    axes.set_xlabel("dark: reasoning and answer (System-2); light: the answer alone (System-1)")
    return figure


def _map(clusters: Mapping[str, Any]) -> "Figure":
    """How many questions lie where, and what the largest clusters are about."""
    from matplotlib.figure import Figure

    density = np.asarray(clusters["map"]["counts"], float).reshape(-1, clusters["map"]["width"])
    height, width = density.shape
    figure = Figure((_WIDTH, 3.6), _DPI, layout="constrained")
    axes, key = figure.subplots(1, 2, width_ratios=[3, 2])
    shades = np.ma.masked_equal(np.log1p(density), 0)
    axes.pcolormesh(shades, cmap="Blues", vmin=-0.3 * shades.max(), vmax=1.3 * shades.max())
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel("first two principal components; the darker, the more questions")
    key.set_axis_off()
    key.set_ylim(len(clusters["map"]["centres"]), -1)
    for row, (x, y) in zip(clusters["table"], clusters["map"]["centres"], strict=False):
        number = str(row["cluster"])
        box = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": GREY, "alpha": 0.8}
        axes.text(x, y, number, size=6.5, ha="center", va="center", bbox=box)
        share = row["questions"] / clusters["questions"]
        words = drawable(", ".join(row["terms"][:3]))
        key.text(0, row["cluster"], number, va="center_baseline")
        key.text(0.07, row["cluster"], f"{words}, {share:.1%}", va="center_baseline")
    return figure


def _rows_of(configs: Configs, columns: Sequence[str] = ()) -> "tuple[Figure, Axes]":
    """An empty picture with a row for each config, and with room for slanted names of columns."""
    from matplotlib.figure import Figure

    height = 0.65 + _ROW * len(configs) + _SLANTED * max(map(len, columns), default=0)
    figure = Figure((_WIDTH, height), _DPI, layout="constrained")
    axes = figure.add_subplot()
    axes.set_yticks(range(len(configs)), [config["name"] for config in configs])
    axes.set_ylim(len(configs) - 0.5, -0.5)
    return figure, axes


def _cells(axes: "Axes", shades: NDArray[np.float64], words: list[list[str]]) -> None:
    """A table of words, each on a ground that is the darker the nearer its shade is to 1."""
    height, width = shades.shape
    across, down = np.arange(width + 1) - 0.5, np.arange(height + 1) - 0.5
    # Only the lighter part of the scale, so that dark letters can be read on all of it.
    axes.pcolormesh(across, down, shades, cmap="Blues", vmin=0, vmax=1.7, edgecolors="white")
    if width > 30:  # letters do not fit
        return
    size = 6.5 if width <= 20 else 5.5
    for y, row in enumerate(words):
        for x, word in enumerate(row):
            axes.text(x, y, word, size=size, ha="center", va="center_baseline")


def _percent(share: float) -> str:
    if share == 0:
        return ""
    return "<1" if share < 0.01 else f"{100 * share:.0f}"


def as_png(figure: "Figure") -> bytes:
    """A picture of few colours, as small and as plain a PNG as that allows."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]  # type: ignore[no-untyped-call]
    file = io.BytesIO()
    Image.fromarray(pixels).quantize(128, dither=Image.Dither.NONE).save(file, "PNG")
    return file.getvalue()


def _plain(name: str) -> str:
    """A name that comes from data, on one line, without what cannot be seen, and cut."""
    flat = unicodedata.normalize("NFC", " ".join(name.split()))
    flat = "".join(c for c in flat if c.isprintable() and not unicodedata.combining(c))
    return flat if len(flat) <= _LONGEST else f"{flat[: _LONGEST - 1]}…"


def drawable(name: str) -> str:
    """The same, in characters that the font has."""
    return "".join(c if ord(c) in _characters() else "?" for c in _plain(name))


@cache
def _characters() -> frozenset[int]:
    from matplotlib import get_data_path
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf").get_charmap())
