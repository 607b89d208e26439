"""Open a source by what the user wrote: `demo`, a path, or the id of a Hub data set."""

import importlib.metadata
import itertools
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from builders.errors import BadOption, BadSource, UnknownLayout
from builders.schema import DISAGREES
from builders.sources import (
    DEMO,
    UNKNOWN,
    Drop,
    Position,
    Record,
    Response,
    Resume,
    SecondAnswer,
    Source,
    demo,
)
from builders.sources.cells import Defaults
from builders.sources.files import Row, count_rows, is_file_name, list_files, read_rows
from builders.sources.hub import open_hub
from builders.sources.layouts import READ, Layout, read_row, recognise

BENCHMARK_ROWS = 500
"""Held-out problems of each split: the standard error of an accuracy is at most 2.3 points."""

_FIRST_ROWS = 100
"""Rows by whose columns a layout is recognised: rows of JSON may leave out what they lack."""

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def open_source(
    name: str,
    *,
    columns: Mapping[str, str] | None = None,
    source: str | None = None,
    license: str | None = None,
    teacher: str | None = None,
    subset: str | None = None,
    split: str = "train",
    revision: str | None = None,
) -> Source:
    """Open a file, a folder of files, or a data set on the Hub.

    Args:
        name: a path; or `org/name`, where there is no such path.
        columns: our name of a column to the source's, where no layout is recognised.
        source: what to record as origin; by default the Hub's id, or the file's name.
        license: what to record where the source does not say; on the Hub its card says.
        teacher: who wrote the traces, where the source does not say.
        subset: the config of the Hub data set.
        split: the split of the Hub data set.
        revision: a branch, tag or commit of the Hub data set; the commit is recorded.

    Raises:
        BadSource: there is nothing to read; errors in its middle are raised by the records.
    """
    path = Path(name)
    if not path.exists() and _HUB_ID.fullmatch(name) and not is_file_name(name):
        hub = open_hub(name, subset=subset, split=split, revision=revision)
        defaults = Defaults(source or name, license or hub.license or UNKNOWN, teacher or UNKNOWN)
        layout, records = _read(name, hub, columns or {}, defaults)
        options = {
            "columns": dict(columns or {}),
            "subset": subset,
            "split": split,
            **defaults._asdict(),
            "reader": f"datasets {importlib.metadata.version('datasets')}",
        }

        def after(position: Position) -> Iterator[Record | Drop]:
            return _records(layout, name, hub.after(position), defaults)

        resume = Resume(hub.position, after)
        return Source(name, hub.commit, layout.name, hub.total, records, options, resume)
    files = list_files(path)
    # Names are published with the pool: without the folders of this machine.
    shown = _printable(path.resolve().name)
    defaults = Defaults(source or shown.split(".")[0], license or UNKNOWN, teacher or UNKNOWN)
    mapping = columns or {}

    def read(file: Path) -> tuple[Layout, Iterator[Record | Drop]]:
        origin = _printable(str(Path(shown) / file.relative_to(path)))
        return _read(origin, read_rows(file, {*READ, *mapping.values()}), mapping, defaults)

    layout, first = read(files[0])
    others = (record for file in files[1:] for record in read(file)[1])
    return Source(shown, None, layout.name, count_rows(files), itertools.chain(first, others))


def _read(
    origin: str, rows: Iterable[Row], columns: Mapping[str, str], defaults: Defaults
) -> tuple[Layout, Iterator[Record | Drop]]:
    """The layout, recognised by the first rows, and all records."""
    rows = iter(rows)
    first = list(itertools.islice(rows, _FIRST_ROWS))
    if not first:
        raise BadSource(f"{origin}: there are no rows")
    objects = [row for _, row in first if isinstance(row, Mapping)]
    if not objects:
        raise BadSource(f"{origin}: row {first[0][0]} is no object with named columns")
    try:
        layout = recognise(objects, columns)
    except UnknownLayout as error:
        raise UnknownLayout(f"{origin}: {error}") from error
    return layout, _records(layout, origin, itertools.chain(first, rows), defaults)


def _records(
    layout: Layout, origin: str, rows: Iterable[Row], defaults: Defaults
) -> Iterator[Record | Drop]:
    return (read_row(layout, origin, number, row, defaults) for number, row in rows)


def _printable(name: str) -> str:
    """A file's name as text; bytes that are none become question marks."""
    return os.fsencode(name).decode(errors="replace")


def open_demo(rows: int, *, seed: int, teachers: int = 1) -> Source:
    """The embedded synthetic demo, with its true annotations.

    Args:
        rows: how many questions.
        seed: of the texts; row i is the same whatever the number of rows.
        teachers: how many synthetic teachers answer each question; with more than one, it is
            annotated as well which answers are right.

    Raises:
        BadOption: there are not so many teachers.
    """
    if not 1 <= teachers <= len(demo.TEACHERS):
        raise BadOption(
            f"--teachers {teachers}: there are {len(demo.TEACHERS)} synthetic teachers: "
            f"{', '.join(demo.TEACHERS)}"
        )
    name = f"demo (synthetic, seed {seed}{f', {teachers} teachers' if teachers > 1 else ''})"
    records = _demo_records(rows, seed, teachers)
    return Source(name, None, "demo", rows * teachers, records)


def demo_benchmark() -> dict[str, pa.Table]:
    """The demo's held-out problems by split, `BENCHMARK_ROWS` of each."""
    columns = ("question", "reference_answer", "domain", "topic", "family", "steps")
    tables = {}
    for split in demo.SPLITS:
        rows = [row._asdict() for row in demo.benchmark(split, BENCHMARK_ROWS)]
        problems = [{name: row[name] for name in columns} for row in rows]
        tables[split] = pa.Table.from_pylist(problems)
    return tables


def _demo_records(rows: int, seed: int, teachers: int) -> Iterator[Record]:
    for row in demo.generate(rows, seed=seed, teachers=teachers):
        for trace in row.traces:
            truth: dict[str, dict[str, Any]] = {
                "domain": {"domain": row.domain, "topic": row.topic},
                "clusters": {"cluster": row.family},
                "strategies": {"strategies": list(trace.strategies)},
                "verbosity": {"verbosity": trace.verbosity},
                "disagreement": {
                    "disagreement": trace.disagreement,
                    "models_disagree": DISAGREES[trace.disagreement],
                    "second_answer": row.second_answer,
                },
            }
            if teachers > 1:  # a pool of one teacher has been without it from the start
                truth["correctness"] = {"correct": trace.correct}
            yield Record(
                question=row.question,
                reference_answer=row.reference_answer,
                source=DEMO,
                license="apache-2.0",
                responses=(Response(trace.teacher, trace.reasoning, trace.answer, "stop"),),
                second_answers=(SecondAnswer(demo.SECOND_ANSWERER, row.second_answer),),
                annotations=truth,
            )
