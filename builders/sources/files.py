"""Rows of files: JSON lines, JSON, CSV and Parquet, plain or compressed, or a folder of them.

Files are read as streams, so memory does not grow with them. A row comes with its number: the line
of a JSON lines file, else its position counted from 1.
"""

import csv
import io
import json
import lzma
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from builders.errors import BadSource

Row = tuple[int, Any]

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".parquet")
_METADATA = {"manifest.json", "dataset_info.json", "dataset_infos.json", "state.json"}
_COMPRESSED = (".gz", ".bz2", ".xz")
_MAX_DEPTH = 100  # a row nested deeper is an attack, or no row
_PARQUET_ROWS = 256  # rows decoded at once: a few MB of long traces


def list_files(path: Path) -> list[Path]:
    """The file itself, or the readable files of a folder in the order of their names.

    Raises:
        BadSource: nothing there can be read.
    """
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if _is_data(file, path))
        if not files:
            raise BadSource(f"{path}: the folder holds none of {', '.join(SUFFIXES)}")
        return files
    if not path.exists():
        raise BadSource(f"{path}: no such file or folder")
    if not _kind(path):
        raise BadSource(f"{path}: cannot read '{path.suffix}' files, only {', '.join(SUFFIXES)}")
    return [path]


def is_file_name(name: str) -> bool:
    """Whether a name has the suffix of a file that can be read."""
    return bool(_kind(Path(name)))


def count_rows(files: list[Path]) -> int | None:
    """The number of rows where it costs nothing to know: Parquet."""
    if all(_kind(file) == ".parquet" for file in files):
        counts: list[int] = [_open_parquet(file).metadata.num_rows for file in files]
        return sum(counts)
    return None


def read_rows(path: Path, columns: Collection[str] | None = None) -> Iterator[Row]:
    """The numbered rows of one file.

    Args:
        path: the file.
        columns: those that matter; of Parquet the others are not decoded, and read as null.

    Raises:
        BadSource: the file is empty or broken; the message says where.
    """
    kind = _kind(path)
    rows = _parquet_rows(path, columns) if kind == ".parquet" else _text_rows(path, kind)
    empty = True
    for row in rows:
        empty = False
        yield row
    if empty:
        raise BadSource(f"{path}: the file has no rows")


def _is_data(path: Path, root: Path) -> bool:
    """Whether a file of a folder holds rows, and is neither hidden nor about the others."""
    hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
    return path.is_file() and bool(_kind(path)) and not hidden and path.name not in _METADATA


def _kind(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in _COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes and suffixes[-1] in SUFFIXES else ""


def _text_rows(path: Path, kind: str) -> Iterator[Row]:
    import fsspec

    try:
        with fsspec.open(str(path), "rb", compression="infer") as file:
            if kind == ".csv":
                yield from _csv_rows(path, file)
            elif _starts_with_bracket(path):
                yield from _json_array_rows(path, file)
            else:
                yield from _json_lines(path, file)
    except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
        raise BadSource(f"{path}: cannot be read: {error}") from error


def _starts_with_bracket(path: Path) -> bool:
    """Whether a JSON file is one array; JSON lines often carry the suffix .json too."""
    import fsspec

    with fsspec.open(str(path), "rb", compression="infer") as file:
        head: bytes = file.read(4096)
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"["


def _json_lines(path: Path, file: IO[bytes]) -> Iterator[Row]:
    for number, line in enumerate(file, start=1):
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except UnicodeDecodeError as error:
            raise BadSource(f"{path}, line {number}: not UTF-8: {error.reason}") from error
        except ValueError as error:
            raise BadSource(
                f"{path}, line {number}: not JSON: {error}; each line holds one object, or the "
                "whole file one array of objects"
            ) from error
        except RecursionError as error:
            raise BadSource(f"{path}, line {number}: nested too deeply") from error


def _json_array_rows(path: Path, file: IO[bytes]) -> Iterator[Row]:
    import ijson

    number = depth = 0
    row = ijson.ObjectBuilder()
    try:
        events = ijson.basic_parse(file, use_float=True)
        next(events)  # the bracket that opens the array
        for event, value in events:
            if event in ("end_array", "end_map"):
                depth -= 1
                if depth < 0:  # the bracket that closes it
                    continue
            elif event in ("start_array", "start_map"):
                depth += 1
                if depth > _MAX_DEPTH:
                    raise BadSource(f"{path}, row {number + 1}: nested too deeply")
            row.event(event, value)
            if depth == 0:
                number += 1
                yield number, row.value
                row = ijson.ObjectBuilder()
    except ijson.JSONError as error:
        reason = " ".join(str(error).split())
        raise BadSource(f"{path}, after row {number}: not JSON: {reason}") from error


def _csv_rows(path: Path, file: IO[bytes]) -> Iterator[Row]:
    csv.field_size_limit(2**31 - 1)  # a trace is longer than the library's default of 128 KiB
    try:
        with io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text, strict=True)
            for number, row in enumerate(reader, start=1):
                if None in row or None in row.values():
                    raise BadSource(
                        f"{path}, line {reader.line_num}: not as many cells as the header has "
                        f"({len(reader.fieldnames or ())})"
                    )
                yield number, {name: value or None for name, value in row.items()}
    except UnicodeDecodeError as error:
        raise BadSource(f"{path}: not UTF-8: {error.reason}") from error
    except csv.Error as error:
        raise BadSource(f"{path}: not CSV: {error}") from error


def _open_parquet(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise BadSource(f"{path}: not Parquet: {error}") from error


def _parquet_rows(path: Path, columns: Collection[str] | None) -> Iterator[Row]:
    file = _open_parquet(path)
    every = dict.fromkeys(file.schema_arrow.names)
    wanted = [name for name in every if columns is None or name in columns]
    number = 0
    try:
        for batch in file.iter_batches(batch_size=_PARQUET_ROWS, columns=wanted):
            for row in batch.to_pylist():
                number += 1
                yield number, every | row
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise BadSource(f"{path}, after row {number}: cannot be read: {error}") from error
