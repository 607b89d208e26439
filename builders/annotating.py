"""Annotate a pool with labels that you have: a file of keys and values becomes sidecars.

    {"question_id": "41d8cd98f00b204e", "domain": "Science", "topic": "optics"}
    {"question": "What is 7 + 5?", "domain": "Education"}

A row is found by its `id` (a trace), its `question_id` or its `question`. Labels that are there
already stay, unless the file says otherwise.
"""

import difflib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from builders.card import write_pool_card
from builders.errors import BadOption, BadSource
from builders.files import only_writer, write_parquet
from builders.ids import content_id
from builders.pool import Pool, open_pool
from builders.schema import ANNOTATIONS, DISAGREES, KEYS, Annotation
from builders.sources.files import list_files, read_rows

Labels = dict[str, dict[str, Any]]
"""From an id of a trace or a question to the values of an annotation's columns."""


class AnnotateReport(NamedTuple):
    """How many rows of the pool have labels now, and how many labels found no row."""

    labelled: int
    rows: int
    unmatched: int


def annotate_from(
    pool: Path | str,
    name: str,
    file: Path | str,
    *,
    progress: Callable[[Iterable[Any]], Iterable[Any]] = iter,
) -> AnnotateReport:
    """Write the sidecars of one annotation from a file of labels.

    Args:
        pool: the pool's folder.
        name: of the annotation: a key of `schema.ANNOTATIONS`.
        file: JSON lines, JSON, CSV or Parquet with a key column and the annotation's columns.
        progress: wraps the rows of the file, to show how far it is.

    Raises:
        BadOption: there is no such annotation.
        BadSource: the file cannot be read, or a value is of the wrong kind; nothing is written.
    """
    annotation = _annotation(name)
    opened = open_pool(pool)
    labels = _read_labels(Path(file), name, annotation, progress)
    with only_writer(opened.folder):
        report = _write_sidecars(opened, name, annotation, labels)
        write_pool_card(opened)
    return report


def _annotation(name: str) -> Annotation:
    if name not in ANNOTATIONS:
        near = difflib.get_close_matches(name, ANNOTATIONS, n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise BadOption(f"annotation '{name}': {hint}there are: {', '.join(ANNOTATIONS)}")
    return ANNOTATIONS[name]


def _read_labels(
    path: Path,
    name: str,
    annotation: Annotation,
    progress: Callable[[Iterable[Any]], Iterable[Any]],
) -> Labels:
    wanted = [column.name for column in annotation.columns]
    keys = (
        ("question_id", "question")
        if annotation.grain == "questions"
        else ("id", "question_id", "question")
    )
    labels: Labels = {}
    for file in list_files(path):
        for number, row in progress(read_rows(file)):
            where = f"{file}, row {number}"
            if not isinstance(row, dict):
                raise BadSource(f"{where}: no object with named columns")
            key = next((key for key in keys if row.get(key)), None)
            values = {column: row[column] for column in wanted if column in row}
            if key is None or not values:
                raise BadSource(
                    f"{where}: has {', '.join(map(str, row))}; needed: one of {', '.join(keys)}, "
                    f"and {' or '.join(wanted)}"
                )
            text = str(row[key])
            try:
                labels[content_id(text.strip()) if key == "question" else text] = _checked(values)
            except ValueError as error:
                raise BadSource(f"{where}: '{name}': {error}") from error
    return labels


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    """The values as the schema wants them; raises ValueError for one that cannot be meant."""
    checked = dict(values)
    if values.get("verbosity") is not None:
        checked["verbosity"] = int(values["verbosity"])
        if not 0 <= checked["verbosity"] <= 10:
            raise ValueError(f"verbosity {values['verbosity']} is not from 0 to 10")
    if values.get("cluster") is not None:
        checked["cluster"] = int(values["cluster"])
    if values.get("strategies") is not None:
        found = values["strategies"]
        found = found.split(",") if isinstance(found, str) else found
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            raise ValueError("strategies is no list of texts")
        checked["strategies"] = sorted({one.strip() for one in found} - {""})
    if values.get("disagreement") is not None:
        if values["disagreement"] not in DISAGREES:
            raise ValueError(f"'{values['disagreement']}' is none of {', '.join(DISAGREES)}")
        checked["models_disagree"] = DISAGREES[values["disagreement"]]
    elif not isinstance(values.get("models_disagree"), bool | None):
        raise ValueError("models_disagree is neither true, false nor null")
    for text in ("domain", "topic", "second_answer"):
        if not isinstance(values.get(text), str | None):
            raise ValueError(f"{text} is no text")
    return checked


def _write_sidecars(
    pool: Pool, name: str, annotation: Annotation, labels: Labels
) -> AnnotateReport:
    labelled = rows = 0
    matched: set[str] = set()
    key = KEYS[annotation.grain]
    by = dict.fromkeys([key, "question_id"])  # a question's label holds for all of its traces
    for shard in pool.shards(annotation.grain):
        ids = pq.read_table(shard, columns=list(by))
        described = pool.sidecar_table(name, shard, ids[key], annotation.columns).to_pylist()
        for row, found in zip(described, ids.to_pylist(), strict=True):
            for one in found.values():
                if one in labels:
                    row |= labels[one]
                    matched.add(one)
            labelled += any(row[column.name] is not None for column in annotation.columns)
        rows += len(described)
        schema = pa.schema(
            [pa.field(key, pa.string(), False)] + [column.field for column in annotation.columns]
        )
        write_parquet(pa.Table.from_pylist(described, schema), pool.sidecar(name, shard))
    return AnnotateReport(labelled, rows, len(labels) - len(matched))
