"""A report as files: a page, its figures and a picture."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from builders.files import written_whole
from builders.reports.picture import draw
from builders.reports.words import page

NAME = "difficulty"


def write_report(report: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write `difficulty.md`, `difficulty.json` and, where matplotlib is there, `difficulty.png`.

    Returns:
        The files.
    """
    png = draw(report)
    text = page(report, picture=f"{NAME}.png" if png else None)
    figures = json.dumps(report, indent=2) + "\n"
    contents = {f"{NAME}.md": text.encode(), f"{NAME}.json": figures.encode()}
    if png:
        contents[f"{NAME}.png"] = png
    for name, data in contents.items():
        with written_whole(folder / name) as path:
            path.write_bytes(data)
    return [folder / name for name in contents]
