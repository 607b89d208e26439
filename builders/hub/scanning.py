"""Look for credentials and e-mail addresses in text before it is published.

Kingfisher's rules and engine do the looking, offline. A finding says where, and never what:

    Finding(path="random-1k/train-00000-of-00001.parquet", row=17, id="9f0c4e7d21b86a35",
            column="answer", rule="huggingface-access-token")

Rows are numbered from 0, lines of text files too. A row that stands in several configs is looked at
once. Of a published row, `messages` is left out: it repeats the other columns.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from builders.build import Progress, no_progress
from builders.errors import BadOption, Found
from builders.files import ROW_GROUP_ROWS
from builders.hub.publishing import Edition

_RULES = Path(__file__).with_name("addresses.yml")
_SHOWN = 3


class Finding(NamedTuple):
    """Where something was found, and by which rule; never what."""

    path: str
    row: int
    id: str | None
    column: str | None
    rule: str

    def __str__(self) -> str:
        who = f" (id {self.id})" if self.id else ""
        where = f"row {self.row}{who}, {self.column}" if self.column else f"line {self.row}"
        return f"{self.path}, {where}: {self.rule}"


def refuse_findings(edition: Edition, paths: Sequence[str], *, progress: Progress) -> None:
    """Scan some files of an edition.

    Raises:
        Found: something was found; `findings` has all of it.
    """
    findings = list(scan(edition, paths, progress=progress))
    if findings:
        shown = "; ".join(map(str, findings[:_SHOWN]))
        more = f"; and {len(findings) - _SHOWN:,} more" if len(findings) > _SHOWN else ""
        raise Found(
            f"what looks like a credential or an e-mail address: {shown}{more}; remove it from "
            "the pool, or, if it may be published: --accept-findings",
            [str(finding) for finding in findings],
        )


def scan(
    edition: Edition, paths: Sequence[str], *, progress: Progress = no_progress
) -> Iterator[Finding]:
    """Everything that is found in some files of an edition."""
    scanner = _scanner()
    seen: set[str] = set()
    for path in progress(paths, "looking for secrets"):
        if path.endswith(".parquet"):
            yield from _in_parquet(scanner, edition, path, seen)
        elif path in edition.texts:
            yield from _in_text(scanner, path, edition.texts[path])
        elif not path.endswith(".png"):
            yield from _in_text(scanner, path, (edition.folder / path).read_bytes())


def _scanner() -> Any:
    try:
        from kingfisher_sdk import Rules, Scanner
    except ImportError as error:
        raise BadOption(
            "the text cannot be searched for secrets: install naturalthoughts[publish], or "
            "publish without: --accept-findings"
        ) from error
    return Scanner(Rules([_RULES]), redact=True)


def _in_parquet(scanner: Any, edition: Edition, path: str, seen: set[str]) -> Iterator[Finding]:
    file = pq.ParquetFile(edition.folder / path)
    schema = file.schema_arrow
    columns = [field.name for field in schema if pa.types.is_string(field.type)]
    rows_may_repeat = edition.manifest["kind"] == "release"
    start = 0
    for batch in file.iter_batches(ROW_GROUP_ROWS, columns=columns):
        table = pa.table(batch)
        numbers = np.arange(start, start + len(table))
        start += len(table)
        if rows_may_repeat and "id" in columns:
            ids = table["id"].to_pylist()
            fresh = np.array([id not in seen for id in ids], dtype=bool)
            seen.update(ids)
            table, numbers = table.filter(pa.array(fresh)), numbers[fresh]
        for column in columns:
            for at, rule in _in_column(scanner, table[column]):
                id = table["id"][at].as_py() if "id" in columns else None
                yield Finding(path, int(numbers[at]), id, column, rule)


def _in_column(scanner: Any, column: pa.ChunkedArray) -> Iterator[tuple[int, str]]:
    """Row and rule of everything in a column, which is scanned as one text, a value a line."""
    values = pc.fill_null(column, "")
    if not len(values):
        return
    text = "\n".join(values.to_pylist()).encode()
    lengths = pc.binary_length(values).to_numpy() + 1
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    for finding in scanner.scan(text):
        if finding.visible:
            at = np.searchsorted(starts, finding.location["start_offset"], side="right") - 1
            yield int(at), _rule(finding)


def _in_text(scanner: Any, path: str, data: bytes) -> Iterator[Finding]:
    for finding in scanner.scan(data):
        if finding.visible:
            line = data.count(b"\n", 0, finding.location["start_offset"])
            yield Finding(path, line, None, None, _rule(finding))


def _rule(finding: Any) -> str:
    return str(finding.rule_id).partition(".")[2] or str(finding.rule_id)
