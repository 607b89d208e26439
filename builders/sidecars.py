"""Replace all sidecars of an annotation at once.

    pool/annotations/duplicates/00001-<key>.parquet   the rows of the shard of this name
    pool/annotations/duplicates/about.json            how they were made

What compares every question with every other must not leave half of its sidecars behind: they are
written into a folder beside, and the two are exchanged.
"""

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from builders.files import recover_folder, replace_folder
from builders.pool import Pool

ABOUT = "about.json"


@contextlib.contextmanager
def replaced_annotation(pool: Pool, name: str) -> Iterator[Path]:
    """Yield a folder for the sidecars; it takes the old one's place if the block succeeds."""
    old = pool.folder / "annotations" / name
    new = old.with_name(f".{name}.new")
    recover_folder(old)
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        yield new
        replace_folder(new, old)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def write_about(folder: Path, about: Mapping[str, Any]) -> None:
    """Write how the sidecars of a folder were made."""
    text = json.dumps(about, indent=2, ensure_ascii=False) + "\n"
    (folder / ABOUT).write_text(text, "utf-8")


def read_about(pool: Pool, name: str) -> dict[str, Any] | None:
    """How the sidecars of an annotation were made; None where nobody says."""
    path = pool.folder / "annotations" / name / ABOUT
    if not path.is_file():
        return None
    about: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return about
