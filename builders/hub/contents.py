"""What a release or a pool consists of: a card, a manifest, and the files that the manifest lists.

    Item(path="random-1k/train-00000-of-00001.parquet", bytes=381953, sha256="e3b0c4…")

The manifest of a release lists its files from the build on. That of a pool, which grows, gets the
list when it is published.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from builders.card import BENCHMARK
from builders.errors import BadRelease
from builders.pool import MADE, MANIFEST
from builders.release import sha256_of
from builders.schema import ANNOTATIONS, FORMAT, TABLES
from builders.sidecars import ABOUT

_KINDS = ("release", "pool")


class Item(NamedTuple):
    """One data file: where it lies, and what it must hold."""

    path: str
    bytes: int
    sha256: str


def open_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a release or a pool.

    Raises:
        BadRelease: the folder is neither.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise BadRelease(
            f"{folder}: neither a release nor a pool (no {MANIFEST}); "
            "make one: nt build --pool POOL --out nt"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except ValueError as error:
        raise BadRelease(f"{path}: not UTF-8 text") from error
    return parse_manifest(text, str(path))


def parse_manifest(text: str, where: str) -> dict[str, Any]:
    """A manifest from its text.

    Raises:
        BadRelease: it is that of no release and no pool, or of a newer layout.
    """
    try:
        manifest = json.loads(text)
    except ValueError as error:
        raise BadRelease(f"{where}: not JSON: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("kind") not in _KINDS:
        raise BadRelease(f"{where}: the manifest of neither a release nor a pool")
    if manifest.get("format", 0) > FORMAT:
        raise BadRelease(f"{where}: written by a newer version of naturalthoughts; upgrade it")
    return manifest


def listed(manifest: Mapping[str, Any]) -> list[Item]:
    """Every file that a manifest lists. The card and the manifest itself come on top.

    Raises:
        BadRelease: it lists none, or a path that leaves the folder.
    """
    try:
        if manifest["kind"] == "release":
            files = [file for config in manifest["configs"] for file in config["files"]]
            files += manifest.get("pictures", [])
        else:
            files = manifest.get("files", [])
        items = [Item(str(f["path"]), int(f["bytes"]), str(f["sha256"])) for f in files]
    except (KeyError, TypeError, ValueError) as error:
        raise BadRelease(f"{MANIFEST}: its list of files cannot be read: {error!r}") from error
    for item in items:
        parts = item.path.split("/")
        if item.path.startswith("/") or "\\" in item.path or {"", ".", ".."} & set(parts):
            raise BadRelease(f"{MANIFEST}: lists '{item.path}', which is no path inside a release")
    return items


def pool_paths(folder: Path) -> list[str]:
    """The files of a pool: shards, sidecars, what was dropped, held-out problems."""
    patterns = [
        *(f"{table}/[0-9]*.parquet" for table in TABLES),
        *(f"annotations/{name}/[0-9]*.parquet" for name in ANNOTATIONS),
        *(f"annotations/{name}/{MADE}" for name in ANNOTATIONS),
        *(f"annotations/{name}/{ABOUT}" for name in ANNOTATIONS),
        "dropped/[0-9]*.jsonl",
        f"{BENCHMARK}/*.parquet",
    ]
    found = (path for pattern in patterns for path in sorted(folder.glob(pattern)))
    return [path.relative_to(folder).as_posix() for path in found]


def hash_files(folder: Path, paths: Iterable[str]) -> Iterator[Item]:
    """Size and sha256 of files, in order; several are read at once, from now on."""
    threads = ThreadPoolExecutor(4)
    reading = [threads.submit(_hashed, folder, path) for path in paths]

    def read() -> Iterator[Item]:
        try:
            for one in reading:
                yield one.result()
        finally:
            threads.shutdown(cancel_futures=True)

    return read()


def _hashed(folder: Path, path: str) -> Item:
    return Item(path, (folder / path).stat().st_size, sha256_of(folder / path))
