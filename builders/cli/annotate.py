"""`nt annotate`: add labels to the questions or traces of a pool."""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from builders.cli.console import add_folder, bar, quoted, show

if TYPE_CHECKING:
    from builders.annotating import AnnotateReport


def add_to(verbs: Any, name: str) -> argparse.ArgumentParser:
    """Add the verb to the parser."""
    import shtab

    verb: argparse.ArgumentParser = verbs.add_parser(
        name,
        help="add labels to the questions or traces of a pool",
        description="Add labels from a file: rows with a key ('id' of a trace, 'question_id' or "
        "'question') and the columns of the annotation. Labels that are there already stay, unless "
        "the file says otherwise.",
    )
    verb.add_argument(
        "name", metavar="NAME", help="domain, clusters, strategies, verbosity or disagreement"
    )
    add_folder(verb, "--pool", "the pool", required=True)
    labels: Any = verb.add_argument(
        "--from",
        dest="file",
        required=True,
        metavar="FILE",
        help="labels: .jsonl, .json, .csv or .parquet",
    )
    labels.complete = shtab.FILE
    verb.set_defaults(run=run, after_interrupt="Run the same command again to label the rest.")
    return verb


def run(arguments: argparse.Namespace) -> int:
    """Annotate, and say how many rows have labels now."""
    from builders.annotating import annotate_from

    report = annotate_from(
        arguments.pool,
        arguments.name,
        arguments.file,
        progress=lambda rows: bar(arguments, rows, "reading", " rows"),
    )
    found = {"pool": str(arguments.pool), "annotation": arguments.name, **report._asdict()}
    return show(arguments, found, _words(arguments, report))


def _words(arguments: argparse.Namespace, report: "AnnotateReport") -> Iterator[str]:
    yield (
        f"{arguments.pool}: {report.labelled:,} of {report.rows:,} rows have "
        f"'{arguments.name}'; {report.unmatched:,} labels found no row"
    )
    yield f"next: nt list --pool {quoted(arguments.pool)}"
