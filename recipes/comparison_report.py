"""A comparison as sections of words, tables and pictures: Markdown, and one page of HTML.

Both pages are laid out from the same sections; what data says is escaped in both.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import comparison_tables as tables
from comparable import Compared
from comparison_pictures import Picture
from model_card import plain
from paired import LEVEL, Difference
from preflight import Stop
from report import printable
from tallies import Scored

HERE = Path(__file__).parent
TEMPLATES = {"comparison.md": "comparison.md.jinja", "comparison.html": "comparison.html.jinja"}


class Section(NamedTuple):
    """A part of the report."""

    title: str
    words: Sequence[str] = ()
    items: Sequence[str] = ()
    table: tables.Table | None = None
    pictures: Sequence[Picture] = ()


def sections(
    runs: list[Scored],
    compared: list[tuple[Compared, Difference]],
    pictures: list[Picture] | None,
    notes: list[str],
) -> list[Section]:
    """The whole report, what matters first."""
    drawn = pictures or []
    found = []
    if compared:
        found.append(Section(SAID, [_correction(len(compared))], table=tables.said(compared)))
    if notes:
        found.append(Section("To know before reading on", items=notes))
    found.append(Section("Scores", [SCORES], table=tables.scores(runs), pictures=drawn[:1]))
    if compared:
        found.append(Section("Differences", DIFFERENCES, table=tables.differences(compared)))
        if drawn[1:]:
            found.append(Section("Where they differ", [GROUPS], pictures=drawn[1:]))
    found.append(
        Section("Do the modes work?", [MODES], tables.modes_told(runs), table=tables.obeyed(runs))
    )
    levels = tables.by_difficulty(runs)
    if levels.rows:
        found.append(Section("Adaptive, by difficulty", [ADAPTIVE], table=levels))
    found.append(Section("What was run", table=tables.what_was_run(runs)))
    return found


SAID = "What may be said"
SCORES = (
    "A score is the mean over questions of the share of seeds that were right; ± is its standard "
    "error, clustered by question. Tokens are those of a reply, mean. A reply that was cut off by "
    "the generation length counts as wrong."
)
DIFFERENCES = [
    "Second run minus first, in points, on the questions and seeds that both have. Intervals "
    "resample the questions, each with all its seeds (studentised bootstrap), and speak of "
    "questions like these, not of these alone. “Alone” is the interval of a comparison that was "
    "decided on before anything was seen. “Could tell” is the true difference that these samples "
    "would show, corrected, four times of five.",
]
GROUPS = (
    "Each interval is one of 95% by itself, and there are many: about one of twenty leaves out "
    "zero by chance. Take them as a hint where to look."
)
MODES = (
    "A reply thinks when something stands between <think> and </think>. Intervals are Wilson's, "
    "95% each, for as many observations as there are questions."
)
ADAPTIVE = "What the student does when it is told neither to think nor not to."


def _correction(comparisons: int) -> str:
    if comparisons == 1:
        return "One comparison was made, with an interval of 95%: nothing is to be corrected."
    return (
        f"{comparisons} comparisons were made. Their intervals are corrected by Bonferroni's rule, "
        f"{100 - 100 * (1 - LEVEL) / comparisons:.2f}% each, so that all of them hold together "
        f"with {LEVEL:.0%}, however they depend on each other: pairs share a run, modes share the "
        "questions. Ask fewer questions (--against, --benchmarks, --modes), and the intervals are "
        "narrower."
    )


def write(folder: Path, title: str, parts: list[Section], *, synthetic: bool) -> list[Path]:
    """Write both pages and the pictures, each whole or not at all; the pages last.

    Raises:
        Stop: the folder cannot be written to.
    """
    pages = {name: _render(name, title, parts, synthetic=synthetic) for name in TEMPLATES}
    pictures = (picture for part in parts for picture in part.pictures)
    try:
        for picture in pictures:
            _write(folder / "pictures" / f"{picture.name}.png", picture.png)
        for name, text in pages.items():
            _write(folder / name, text.encode())
    except OSError as error:
        raise Stop(f"the report cannot be written to {folder}: {error.strerror}") from error
    return [folder / name for name in pages]


def _render(page: str, title: str, parts: list[Section], *, synthetic: bool) -> str:
    import jinja2

    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        autoescape=page.endswith(".html"),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"plain": plain, "printable": printable, "base64": _base64}
    template = environment.from_string((HERE / TEMPLATES[page]).read_text(encoding="utf-8"))
    return template.render(title=title, sections=parts, synthetic=synthetic)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(data)
    partial.replace(path)
