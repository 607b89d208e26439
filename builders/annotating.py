"""Annotate a pool with labels that you have: a file of keys and values becomes sidecars.

A row is found by its `id` (a trace), its `question_id` or its `question`. Labels that are there
already stay, unless the file says otherwise.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from builders.card import write_pool_card
from builders.errors import BadSource
from builders.files import only_writer, read_columns, write_parquet
from builders.labellers import labels_were_replaced
from builders.labels import Labels, read_labels
from builders.pool import MADE, Pool, open_pool, save_manifest
from builders.schema import ANNOTATIONS, KEYS, sidecar_schema


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
        BadSource: the file cannot be read, a value is of the wrong kind, or no label is for a row
            of this pool; nothing is written.
    """
    opened = open_pool(pool)
    labels = read_labels(Path(file), name, progress=progress)
    with only_writer(opened.folder):
        matched = _matched(opened, name, labels)
        if not matched:
            raise BadSource(
                f"{file}: none of its {len(labels.values):,} labels is for a row of {pool}; "
                "rows are found by the ids in the pool, or by the question's text"
            )
        # What is changed by hand is no longer what was made.
        (opened.folder / "annotations" / name / MADE).unlink(missing_ok=True)
        if opened.manifest.pop(name, None):
            save_manifest(opened)
        labelled, left, rows = _write_sidecars(opened, name, labels)
        labels_were_replaced(opened.manifest, name, left=left)
        save_manifest(opened)
        write_pool_card(opened)
    return AnnotateReport(labelled, rows, len(labels.values) - len(matched))


def _shards_with_ids(pool: Pool, name: str) -> Iterable[tuple[Path, pa.Table]]:
    """The shards that an annotation describes, with the ids by which their rows are found."""
    grain = ANNOTATIONS[name].grain
    # A question's label holds for all of its traces; a trace's own comes after it and wins.
    columns = list(dict.fromkeys(["question_id", KEYS[grain]]))
    for shard in pool.shards(grain):
        yield shard, read_columns(shard, columns)


def _matched(pool: Pool, name: str, labels: Labels) -> set[int]:
    """The positions of the labels that are for a row of the pool."""
    return {
        labels.by_id[one]
        for _, ids in _shards_with_ids(pool, name)
        for column in ids.columns
        for one in column.to_pylist()
        if one in labels.by_id
    }


def _write_sidecars(pool: Pool, name: str, labels: Labels) -> tuple[int, int, int]:
    """Merge the labels into the sidecars.

    Returns:
        How many rows have one, how many of them have another one than the file's, and all rows.
    """
    annotation = ANNOTATIONS[name]
    labelled = left = rows = 0
    for shard, ids in _shards_with_ids(pool, name):
        keys = ids[KEYS[annotation.grain]]
        described = pool.sidecar_table(name, shard, keys, annotation.columns).to_pylist()
        for row, found in zip(described, ids.to_pylist(), strict=True):
            of_file = [labels.by_id[one] for one in found.values() if one in labels.by_id]
            for one in of_file:
                row |= labels.values[one]
            has_label = any(row[column.name] is not None for column in annotation.columns)
            labelled += has_label
            left += has_label and not of_file
        rows += len(described)
        table = pa.Table.from_pylist(described, sidecar_schema(name))
        write_parquet(table, pool.sidecar(name, shard))
    return labelled, left, rows
