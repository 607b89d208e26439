"""Writing so that a reader never sees half of anything."""

import contextlib
import ctypes
import errno
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import filelock
import pyarrow as pa
import pyarrow.parquet as pq

from builders.errors import Busy, DiskFull

ROW_GROUP_ROWS = 1000
"""Rows that are compressed together: enough for zstd, few enough for the Hub's viewer. Fixed, so
that a smaller config is a prefix of a larger one, byte for byte."""

PARQUET: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 3,  # 15% smaller than level 1; level 9 is slow and hardly smaller
    "write_page_index": True,
}
"""How every Parquet file of a pool and of a release is written."""

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def room_for(needed: int, folder: Path, *, kept: str) -> Iterator[None]:
    """Say of a disk that fills up how much is needed, and what is safe.

    Args:
        needed: bytes that the block will write, about; refused at once if not half of them fit.
        folder: where; it may not be there yet.
        kept: what stays whatever happens, for the message.

    Raises:
        DiskFull: there is no room.
    """
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    full = DiskFull(
        f"{folder}: the disk is full: about {needed / 1e6:,.1f} MB are needed, "
        f"{free / 1e6:,.1f} MB were free; {kept}"
    )
    if free < needed / 2:
        raise full
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise full from error
        raise


def remove_unfinished(folder: Path) -> None:
    """Remove what `written_whole` left in a folder when its process was killed."""
    for path in folder.rglob(".*.tmp"):
        path.unlink()


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write one shard, whole or not at all.

    Raises:
        DiskFull: there is no room for it.
    """
    needed = table.nbytes // 4  # what zstd makes of text, about
    with (
        room_for(needed, path.parent, kept="what was written before stays"),
        written_whole(path) as temporary,
        pq.ParquetWriter(temporary, table.schema, **PARQUET) as writer,
    ):
        if len(table):  # datasets cannot read a row group without rows
            writer.write_table(table, ROW_GROUP_ROWS)


def link_or_copy(old: Path, new: Path) -> None:
    """Put a file that is never changed into another place, too."""
    new.parent.mkdir(parents=True, exist_ok=True)
    new.unlink(missing_ok=True)
    try:
        new.hardlink_to(old)
    except OSError:  # a file system without hard links
        shutil.copyfile(old, new)


def read_columns(path: Path, names: Sequence[str]) -> pa.Table:
    """Columns of a shard, in this order; for narrow ones: twice as quick as `read_table`."""
    with pq.ParquetFile(path, pre_buffer=True) as file:
        return file.read(list(names), use_threads=False).select(list(names))


def replace_folder(new: Path, old: Path) -> None:
    """Put the folder `new` in the place of `old`, and delete what was there.

    On Linux the two are exchanged in one step. Elsewhere there is an instant without a folder at
    `old`; what was there then lies beside it, and `recover_folder` brings it back.
    """
    if not old.exists():
        new.rename(old)
        return
    if _exchange(new, old):
        shutil.rmtree(new)
        return
    aside = _aside(old)
    old.rename(aside)
    new.rename(old)
    shutil.rmtree(aside)


def recover_folder(folder: Path) -> None:
    """Undo, or finish, a replacement that was interrupted between its two renames."""
    aside = _aside(folder)
    if aside.exists():
        if folder.exists():
            shutil.rmtree(aside)
        else:
            aside.rename(folder)


def _aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")


def _exchange(a: Path, b: Path) -> bool:
    """Exchange two paths atomically; False where the system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    status = renameat2(_AT_FDCWD, os.fsencode(a), _AT_FDCWD, os.fsencode(b), _RENAME_EXCHANGE)
    return bool(status == 0)


@contextlib.contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, which lies beside it while it is held.

    Raises:
        Busy: another process holds it.
    """
    folder = folder.resolve()
    path = folder.with_name(f".{folder.name}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise Busy(f"{folder}: another nt is writing here; wait for it to end") from error
    try:
        yield
    finally:
        # Removed while it is held: whoever waits for this file finds it gone and opens a new one.
        with contextlib.suppress(OSError):
            path.unlink()
        lock.release()
