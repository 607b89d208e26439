"""Fetch a release or a pool into a folder: the revision that was named, verified, or nothing.

What arrived lies beside the folder until all of it is there and verified; then it takes the
folder's place at once. Running it again goes on where it stopped.
"""

import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from builders.build import Progress, check_replaceable, no_progress
from builders.errors import BadRelease, ChangedByHand, Unreachable
from builders.files import link_or_copy, only_writer, recover_folder, replace_folder
from builders.hub.addresses import Address, parse_address
from builders.hub.contents import Item, hash_files, listed, open_manifest
from builders.hub.remote import Remote, connect, read_manifest, resolve
from builders.hub.verify import verify_folder
from builders.pool import MANIFEST
from builders.release import CARD, changed_files

_AT_ONCE = 4


class Pulled(NamedTuple):
    """What was fetched: the manifest, the commit, how many bytes came; or it was there already."""

    manifest: dict[str, Any]
    commit: str | None
    bytes: int
    already: bool


def pull(
    address: str,
    out: Path | str,
    *,
    endpoint: str | None = None,
    token: str | None = None,
    progress: Progress = no_progress,
) -> Pulled:
    """Fetch a release or a pool.

    Args:
        address: ORG/NAME@TAG, or ORG/NAME for what `main` shows.
        out: the folder; a release that is there is replaced, a pool is not.
        endpoint: of the Hub; by default what huggingface_hub was told.
        token: by default the one that the user logged in with.
        progress: wraps what is iterated over, to show how far it is.

    Raises:
        NotOnHub: there is no such data set or revision.
        Unreachable: the Hub cannot be asked, and the folder does not hold that release.
        BadRelease: the folder cannot be replaced, or what came fails verification.
    """
    wanted = parse_address(address)
    folder = Path(out).resolve()
    if here := _held(folder, wanted, progress):
        return Pulled(here, None, 0, True)
    check_replaceable(folder, shown=out)
    remote = connect(wanted.repo, endpoint=endpoint, token=token)
    try:
        commit = resolve(remote, wanted)
    except Unreachable as error:
        raise Unreachable(f"{wanted}: {error}; {out} {_holds(folder)}") from error
    with only_writer(folder):
        recover_folder(folder)
        _refuse_changed(folder, shown=out)
        new = folder.with_name(f".{folder.name}.pull")
        new.mkdir(parents=True, exist_ok=True)
        manifest = read_manifest(remote, commit)
        items = listed(manifest)
        _keep_only(new, {item.path for item in items})
        fetched = _fetch(remote, commit, items, folder, new, progress)
        shutil.rmtree(new / ".cache", ignore_errors=True)
        report = verify_folder(new, progress=progress)
        if report.problems:
            shutil.rmtree(new)
            report.or_raise(str(wanted))
        replace_folder(new, folder)
    return Pulled(manifest, commit, fetched, False)


def _held(folder: Path, wanted: Address, progress: Progress) -> dict[str, Any] | None:
    """The manifest of the folder, if it holds this very release; then nothing need be asked."""
    if wanted.tag is None or not folder.is_dir():
        return None
    try:
        published = open_manifest(folder).get("published") or {}
        if (published.get("repo"), published.get("tag")) != (wanted.repo, wanted.tag):
            return None
        report = verify_folder(folder, progress=progress)
    except BadRelease:
        return None
    return None if report.problems else report.manifest


def _refuse_changed(folder: Path, *, shown: Path | str) -> None:
    """Refuse to replace a release that somebody changed by hand.

    The card of a release that was published may hold notes, which are on the Hub as well.
    """
    if not (folder / MANIFEST).exists():
        return
    manifest = open_manifest(folder)
    changed = [name for name in changed_files(folder, manifest) if (folder / name).exists()]
    if "published" in manifest:
        changed = [name for name in changed if name != CARD]
    if changed:
        raise ChangedByHand(
            f"{shown}: was changed by hand: {', '.join(changed[:5])}; move it away, or name "
            "another folder with --out"
        )


def _holds(folder: Path) -> str:
    try:
        published = open_manifest(folder).get("published")
    except BadRelease:
        return "does not hold it"
    return f"holds {published['repo']}@{published['tag']}" if published else "holds another one"


def _keep_only(folder: Path, paths: set[str]) -> None:
    """Remove what an earlier attempt, at another release, has left."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in paths and not name.startswith(".cache/"):
            path.unlink()


def _fetch(
    remote: Remote,
    commit: str,
    items: list[Item],
    old: Path,
    new: Path,
    progress: Progress,
) -> int:
    """Fetch all files that the folder does not hold already; returns their bytes."""
    same = _unchanged(old, items)
    missing = [item for item in items if item not in same]
    for item in same:
        link_or_copy(old / item.path, new / item.path)
    paths = [CARD, MANIFEST, *(item.path for item in missing)]
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        fetched: Iterable[Path] = threads.map(lambda path: remote.fetch(path, commit, new), paths)
        try:
            for _ in progress(fetched, "fetching"):
                pass
        except BaseException:
            threads.shutdown(wait=True, cancel_futures=True)
            raise
    return sum(item.bytes for item in missing)


def _unchanged(folder: Path, items: list[Item]) -> set[Item]:
    """The files that the folder holds already, looked at rather than believed."""
    sizes = {item.path: item.bytes for item in items}
    here = [p for p in sizes if (folder / p).is_file() and (folder / p).stat().st_size == sizes[p]]
    return set(hash_files(folder, here)) & set(items)
