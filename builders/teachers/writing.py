"""The report of `nt teachers` as files: a page, its figures and a picture."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from builders.files import written_whole
from builders.teachers.picture import draw
from builders.teachers.words import page

_NAME = "teachers"


def write_report(report: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write `teachers.md`, `teachers.json` and, where matplotlib is there, `teachers.png`.

    Returns:
        The files.
    """
    png = draw(report)
    text = page(report, picture=f"{_NAME}.png" if png else None)
    figures = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    contents = {f"{_NAME}.md": text.encode(), f"{_NAME}.json": figures.encode()}
    if png:
        contents[f"{_NAME}.png"] = png
    for name, data in contents.items():
        with written_whole(folder / name) as path:
            path.write_bytes(data)
    return [folder / name for name in contents]
