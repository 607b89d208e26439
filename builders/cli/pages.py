"""A report as files: a page, its figures and a picture."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def write_report(
    report: Mapping[str, Any],
    folder: Path,
    name: str,
    *,
    page: Callable[..., str],
    draw: Callable[[Mapping[str, Any]], bytes | None],
) -> list[Path]:
    """Write `NAME.md`, `NAME.json` and, where matplotlib is there, `NAME.png`.

    Args:
        report: the figures.
        folder: where to.
        name: of the report.
        page: makes the text of a report; `picture` is the name of a file beside it, or None.
        draw: makes the picture of a report; None without matplotlib.

    Returns:
        The files.
    """
    from builders.files import written_whole

    png = draw(report)
    text = page(report, picture=f"{name}.png" if png else None)
    figures = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    contents = {f"{name}.md": text.encode(), f"{name}.json": figures.encode()}
    if png:
        contents[f"{name}.png"] = png
    for file, data in contents.items():
        with written_whole(folder / file) as path:
            path.write_bytes(data)
    return [folder / file for file in contents]
