"""Verify a release or a pool: every file, hash, row count, and the card, against the manifest.

Report(files=3, rows=1600, problems=["random-1k/train-…: sha256 0cf1…, the manifest says …"])
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from builders.build import Progress, no_progress
from builders.errors import BadPool, BadRelease, Unreachable
from builders.hub.addresses import folder_or_address
from builders.hub.cards import compare_card
from builders.hub.contents import Item, hash_files, listed, open_manifest, pool_paths
from builders.hub.loading import check_loaded, loaded_offline
from builders.hub.remote import connect, default_endpoint, resolve
from builders.pool import MANIFEST, open_pool
from builders.release import sealed
from builders.schema import ANNOTATIONS, KEYS, PUBLISHED, TABLES, arrow_schema, sidecar_schema


class Report(NamedTuple):
    """What was verified, and what is wrong with it; and what could not be compared."""

    manifest: dict[str, Any]
    files: int
    rows: int
    problems: list[str]
    remarks: list[str]

    def or_raise(self, where: str) -> None:
        """Raise if there is a problem.

        Raises:
            BadRelease: with the first of them.
        """
        if self.problems:
            more = len(self.problems) - 1
            others = f" (and {more:,} more: nt verify {where})" if more else ""
            raise BadRelease(f"{where}: fails verification: {self.problems[0]}{others}")


def verify(
    target: str,
    *,
    endpoint: str | None = None,
    token: str | None = None,
    progress: Progress = no_progress,
) -> Report:
    """Verify a folder, or what lies on the Hub, down to what `load_dataset` gives of it here.

    What lies on the Hub is fetched into huggingface_hub's cache.

    Args:
        target: a folder, ORG/NAME@TAG or ORG/NAME.
        endpoint: of the Hub; by default what huggingface_hub was told.
        token: by default the one that the user logged in with.
        progress: wraps what is iterated over, to show how far it is.

    Raises:
        BadOption, BadRelease, HubError: there is nothing to verify.
    """
    where = folder_or_address(target)
    if isinstance(where, Path):
        report = verify_folder(where, progress=progress)
        name, revision = str(where.resolve()), None
    else:
        remote = connect(where.repo, endpoint=endpoint, token=token)
        name, revision = where.repo, where.revision
        try:
            commit = resolve(remote, where)
        except Unreachable as error:
            said = loaded_offline(name, revision)
            raise Unreachable(f"{where}: not verified: {error}{said}") from error
        where_fetched = remote.snapshot(commit)
        report = verify_folder(where_fetched, progress=progress)
        published = report.manifest.get("published") or {}
        if where.tag and published.get("tag") != where.tag:
            wrong = f"manifest.json: is that of {published.get('tag', 'no release')}"
            report.problems.append(f"{wrong}, not of {where.tag}")
        where = where_fetched
        if endpoint not in (None, default_endpoint()):
            report.remarks.append("load_dataset was not tried: it knows HF_ENDPOINT only")
            return report
    if not report.problems:
        report.problems.extend(
            check_loaded(name, revision, report.manifest, where, progress=progress)
        )
    return report


def verify_folder(folder: Path, *, progress: Progress = no_progress) -> Report:
    """Verify a release or a pool that lies on disk.

    Raises:
        BadRelease: it is neither.
    """
    manifest = open_manifest(folder)
    items = listed(manifest)
    problems = [] if _is_sealed(manifest) else [f"{MANIFEST}: was changed by hand"]
    rows = _rows_promised(manifest) if manifest["kind"] == "release" else {}
    there = [item for item in items if (folder / item.path).is_file()]
    problems += [f"{i.path}: is missing" for i in items if not (folder / i.path).is_file()]
    hashes = hash_files(folder, [item.path for item in there])
    card_problems, remarks = compare_card(folder, manifest)  # while files are read
    for item, seen in zip(there, progress(hashes, "hashing"), strict=True):
        problems += _compare(item, seen)
    whole = {item.path for item in there} - {p.partition(":")[0] for p in problems}
    known = {item.path for item in items}
    if manifest["kind"] == "release":
        problems += _parquet(folder, {path: rows[path] for path in rows if path in whole})
        problems += _totals(manifest)
        total = sum(rows.values())
        unlisted = _unlisted(folder, known)
    else:
        opened_problems, total = _pool(folder)
        problems += opened_problems
        unlisted = [path for path in pool_paths(folder) if path not in known] if known else []
    problems += [f"{path}: is not in the manifest" for path in unlisted]
    return Report(manifest, len(there), total, problems + card_problems, remarks)


def _is_sealed(manifest: dict[str, Any]) -> bool:
    """Whether the manifest is as it was written; that of a pool is sealed when it is published."""
    grows = manifest["kind"] == "pool" and "published" not in manifest
    return grows or sealed(manifest) == manifest


def _compare(item: Item, seen: Item) -> list[str]:
    if seen.bytes != item.bytes:
        return [f"{item.path}: {seen.bytes:,} bytes, the manifest says {item.bytes:,}"]
    if seen.sha256 != item.sha256:
        said = f"the manifest says {item.sha256[:12]}…"
        return [f"{item.path}: sha256 {seen.sha256[:12]}…, {said}"]
    return []


def _rows_promised(manifest: Mapping[str, Any]) -> dict[str, int]:
    try:
        return {f["path"]: int(f["rows"]) for c in manifest["configs"] for f in c["files"]}
    except (KeyError, TypeError, ValueError) as error:
        raise BadRelease(f"manifest.json: its row counts cannot be read: {error!r}") from error


def _parquet(folder: Path, promised: Mapping[str, int]) -> list[str]:
    """Every file has the rows that the manifest promises, in the columns of the card."""
    problems = []
    columns = arrow_schema(PUBLISHED)
    for path, rows in promised.items():
        try:
            file = pq.ParquetFile(folder / path)
        except (pa.ArrowException, OSError) as error:
            problems.append(f"{path}: is no Parquet ({type(error).__name__})")
            continue
        if file.metadata.num_rows != rows:
            problems.append(f"{path}: {file.metadata.num_rows:,} rows, the manifest says {rows:,}")
        if not file.schema_arrow.remove_metadata().equals(columns):
            problems.append(f"{path}: has other columns than the published ones")
    return problems


def _totals(manifest: Mapping[str, Any]) -> list[str]:
    """The numbers of a config, from which the card is made, against those of its files."""
    problems = []
    for config in manifest["configs"]:
        for total, of_file in (("rows", "rows"), ("download_size", "bytes")):
            found = sum(file[of_file] for file in config["files"])
            if config[total] != found:
                problems.append(
                    f"{config['name']}: {total} {config[total]:,}, its files have {found:,}"
                )
    return problems


def _unlisted(folder: Path, known: set[str]) -> list[str]:
    """Parquet that no manifest lists would be loaded all the same."""
    here = (path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet"))
    return sorted(path for path in here if path not in known and not path.startswith("."))


def _pool(folder: Path) -> tuple[list[str], int]:
    """The shards of a pool, and its sidecars row for row; how many rows its tables have."""
    problems: list[str] = []
    rows = 0
    try:
        pool = open_pool(folder)
    except BadPool as error:
        return [str(error)], 0
    for table, columns in TABLES.items():
        wanted = arrow_schema(columns)
        for shard in pool.shards(table):
            try:
                found = pq.ParquetFile(shard)
                rows += found.metadata.num_rows
                if not found.schema_arrow.remove_metadata().equals(wanted):
                    problems.append(f"{shard.relative_to(folder)}: has other columns than {table}")
            except (pa.ArrowException, OSError) as error:
                problems.append(f"{shard.relative_to(folder)}: unreadable ({type(error).__name__})")
    for name, annotation in ANNOTATIONS.items():
        key = KEYS[annotation.grain]
        for shard in pool.shards(annotation.grain):
            sidecar = pool.sidecar(name, shard)
            if not sidecar.exists():
                continue
            try:
                same = pq.read_table(sidecar, columns=[key]).equals(
                    pq.read_table(shard, columns=[key])
                )
                if not pq.read_schema(sidecar).remove_metadata().equals(sidecar_schema(name)):
                    problems.append(f"{sidecar.relative_to(folder)}: has other columns")
                if not same:
                    problems.append(f"{sidecar.relative_to(folder)}: has other rows than its shard")
            except (pa.ArrowException, OSError, KeyError) as error:
                problems.append(f"{sidecar.relative_to(folder)}: unreadable ({error!r})")
    return problems, rows
