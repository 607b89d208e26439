"""A release on disk: what its manifest lists, and whether somebody changed it since it was built.

{"path": "disagree-10k/train-00000-of-00001.parquet", "bytes": 41203311, "sha256": "5f1c…"}
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from builders.errors import BadRelease
from builders.ids import content_id
from builders.pool import MANIFEST

CARD = "README.md"


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a release.

    Raises:
        BadRelease: the folder is not a release.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if manifest["kind"] != "release":
            raise ValueError("a manifest of something else")
        paths = [PurePosixPath(file["path"]) for file in listed_files(manifest)]
        if any(path.is_absolute() or ".." in path.parts for path in paths):
            raise ValueError("a file that is somewhere else")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadRelease(f"{folder}: is not a release: no {MANIFEST} of one") from error
    return dict(manifest)


def listed_files(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The files that a manifest vouches for, card and pictures with them: path, bytes, sha256."""
    for config in manifest["configs"]:
        yield from config["files"]
    yield from manifest.get("pictures", [])
    if "card" in manifest:
        yield {"path": CARD, **manifest["card"]}


def sealed(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest with a hash of itself, by which a change by hand shows."""
    text = json.dumps({**manifest, "fingerprint": None}, sort_keys=True)
    return {**manifest, "fingerprint": content_id(text)}


def changed_files(
    folder: Path,
    manifest: Mapping[str, Any],
    *,
    progress: Callable[[Iterable[Any]], Iterable[Any]] = iter,
) -> list[str]:
    """The files of a release that are not what its build wrote; one that is missing counts."""
    changed = [] if manifest == sealed(manifest) else [MANIFEST]
    for file in progress(list(listed_files(manifest))):
        path = folder / file["path"]
        same_size = path.is_file() and path.stat().st_size == file["bytes"]
        if not same_size or sha256_of(path) != file["sha256"]:
            changed.append(file["path"])
    return changed


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
