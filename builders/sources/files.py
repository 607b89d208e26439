"""Rows of files: JSON lines, JSON, CSV and Parquet, plain or compressed, or a folder of them.

Files are read as streams, so memory does not grow with them. A row comes with its number: the line
of a JSON lines file, else its position counted from 1.

What is broken in one row costs that row: bytes that are no UTF-8 become half surrogate pairs, which
whoever reads the text refuses, and a row nested too deeply comes as `Unreadable`. What makes it
unclear where the next row starts refuses the file.
"""

import csv
import io
import json
import lzma
import zlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from builders.errors import BadSource

Row = tuple[int, Any]


class Unreadable(NamedTuple):
    """Stands for a row that cannot be read: the reason, and the row as it is written."""

    reason: str
    text: str


SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".parquet")
_METADATA = {"manifest.json", "dataset_info.json", "dataset_infos.json", "state.json"}
_COMPRESSED = (".gz", ".bz2", ".xz")
_MAX_DEPTH = 100  # a row nested deeper is an attack, or no row
_PARQUET_ROWS = 256  # rows decoded at once: a few MB of long traces
_CHUNK = 2**20  # characters of a JSON array read at once
_LONGEST_ROW = 2**26  # bytes or characters; a file without line ends must not fill the memory
_LONGEST_WORD = 16  # characters by which a chunk may cut `false`, an escape or a number
_NOT_UTF8 = "surrogateescape"  # keeps each bad byte as half of a surrogate pair
_MOST_DIGITS = 4300  # of a number that Python reads; one with more stays a text


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


# Not strict: a control character in a string is no reason to refuse a file.
_JSON = json.JSONDecoder(parse_int=_integer, strict=False)


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
    for number, line in enumerate(iter(lambda: file.readline(_LONGEST_ROW), b""), start=1):
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if len(line) >= _LONGEST_ROW:
            raise BadSource(f"{path}, line {number}: longer than {_LONGEST_ROW:,} bytes")
        if not line.strip():
            continue
        text = line.decode("utf-8", _NOT_UTF8)
        try:
            row = _JSON.decode(text)
        except RecursionError:
            row = Unreadable("too_deep", text)
        except ValueError as error:
            raise BadSource(
                f"{path}, line {number}: not JSON: {error}; each line holds one object, or the "
                "whole file one array of objects"
            ) from error
        yield number, _bounded(row, text)


def _json_array_rows(path: Path, file: IO[bytes]) -> Iterator[Row]:
    number = 0
    with io.TextIOWrapper(file, encoding="utf-8-sig", errors=_NOT_UTF8) as text:
        buffer = text.read(_CHUNK)
        at = buffer.index("[") + 1
        mark = ","
        while mark != "]":
            at = _past_space(buffer, at)
            if not number and buffer.startswith("]", at):
                return
            try:
                row, end = _JSON.raw_decode(buffer, at)
                end = _past_space(buffer, end)
                mark, broken, wrong = buffer[end : end + 1], end, "Expecting ',' or ']'"
            except RecursionError as error:
                raise BadSource(f"{path}, row {number + 1}: nested too deeply") from error
            except json.JSONDecodeError as error:
                mark, broken, wrong = "", error.pos, error.msg
            if mark in (",", "]"):  # only then it is sure that the row goes no further
                number += 1
                yield number, _bounded(row, buffer[at:end])
                at = end + 1
                continue
            cut = wrong.startswith("Unterminated") or broken > len(buffer) - _LONGEST_WORD
            more = text.read(max(_CHUNK, len(buffer) - at)) if cut else ""
            if not more or len(buffer) - at > _LONGEST_ROW:
                raise BadSource(f"{path}, row {number + 1}: not JSON: {wrong}")
            buffer, at = buffer[at:] + more, 0
        if (buffer[at:] + text.read(_CHUNK)).strip():
            raise BadSource(f"{path}, after row {number}: not JSON: the array is not all")


def _past_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\n\r":
        at += 1
    return at


def _bounded(row: Any, text: str) -> Any:
    """The row, unless it is nested so deeply that others could not go through it."""
    level: list[Any] = [[row]]
    for _ in range(_MAX_DEPTH):
        inner = (one.values() if isinstance(one, dict) else one for one in level)
        level = [one for ones in inner for one in ones if isinstance(one, dict | list)]
        if not level:
            return row
    return Unreadable("too_deep", text)


def _csv_rows(path: Path, file: IO[bytes]) -> Iterator[Row]:
    csv.field_size_limit(_LONGEST_ROW)  # a trace is longer than the library's default of 128 KiB
    try:
        with io.TextIOWrapper(file, encoding="utf-8-sig", errors=_NOT_UTF8, newline="") as text:
            reader = csv.DictReader(text, strict=True)
            for number, row in enumerate(reader, start=1):
                if None in row or None in row.values():
                    raise BadSource(
                        f"{path}, line {reader.line_num}: not as many cells as the header has "
                        f"({len(reader.fieldnames or ())})"
                    )
                yield number, {name: value or None for name, value in row.items()}
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
            for row in _batch_rows(batch):
                number += 1
                yield number, every | row
    except (pa.ArrowException, OSError, ValueError, OverflowError, RecursionError) as error:
        raise BadSource(f"{path}, after row {number}: cannot be read: {error}") from error


def _batch_rows(batch: pa.RecordBatch) -> Iterable[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = batch.to_pylist()
        return rows
    except UnicodeDecodeError:  # Parquet does not check that its strings are UTF-8
        columns = {name: batch[name] for name in batch.schema.names}
        return (
            {name: _value(column[i]) for name, column in columns.items()}
            for i in range(batch.num_rows)
        )


def _value(cell: pa.Scalar) -> Any:
    """The value of a cell, where a text may hold bytes that are no UTF-8."""
    try:
        return cell.as_py()
    except UnicodeDecodeError:
        if isinstance(cell, pa.ListScalar | pa.LargeListScalar):
            return [_value(inner) for inner in cell]
        if isinstance(cell, pa.StructScalar):
            return {name: _value(inner) for name, inner in cell.items()}
        if isinstance(cell, pa.DictionaryScalar):
            return _value(cell.value)
        return cell.as_buffer().to_pybytes().decode("utf-8", _NOT_UTF8)
