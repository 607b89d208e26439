"""Replace all sidecars of an annotation at once.

    pool/annotations/duplicates/00001-<key>.parquet   the rows of the shard of this name
    pool/annotations/duplicates/made.json             how they were made

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
from builders.pool import MADE, Pool


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


def write_made(folder: Path, made: Mapping[str, Any]) -> None:
    """Write how the sidecars of a folder were made; `Pool.made` reads it."""
    text = json.dumps(made, indent=2, ensure_ascii=False) + "\n"
    (folder / MADE).write_text(text, "utf-8")
