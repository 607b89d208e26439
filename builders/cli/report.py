"""`nt report NAME`: what a pool's labels say, and what they do not."""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from builders.cli.console import add_folder, add_output_options, aligned, bar, show
from builders.cli.pages import write_report


def add_to(verbs: Any, name: str) -> argparse.ArgumentParser:
    """Add the verb to the parser."""
    verb: argparse.ArgumentParser = verbs.add_parser(
        name,
        help="look at what a pool's labels are worth",
        description="Look at what a pool's labels are worth. See nt report NAME --help.",
    )
    names: Any = verb.add_subparsers(
        title="reports", metavar="NAME", dest="name", required=True, help="what to look at"
    )
    own: argparse.ArgumentParser = names.add_parser(
        "difficulty",
        help="is disagreement a good proxy for difficulty?",
        description="Disagreement, length and verbosity against the correctness of the teacher and "
        "of the second model, where the pool has reference answers: areas under the ROC curve with "
        "intervals, for each domain too, and how much disagreement there is where the teacher is "
        "right and where it is wrong.",
    )
    add_folder(own, "--pool", "the pool", required=True)
    add_folder(own, "--out", "write difficulty.md, .json and .png (the extra 'plot') into it")
    add_output_options(own, default=argparse.SUPPRESS)  # the verb has them as well
    own.set_defaults(run=run, after_interrupt="Nothing was changed.")
    return verb


def run(arguments: argparse.Namespace) -> int:
    """Make the report, and say it."""
    from builders.reports.difficulty import describe_difficulty
    from builders.reports.picture import draw
    from builders.reports.words import page

    report = describe_difficulty(
        arguments.pool, progress=lambda shards: bar(arguments, shards, "reading", " shards")
    )
    out = arguments.out
    files = write_report(report, out, "difficulty", page=page, draw=draw) if out else []
    found = {"pool": str(arguments.pool), **report, "files": list(map(str, files))}
    return show(arguments, found, _words(arguments.pool, report, files))


def _words(pool: Path, report: Mapping[str, Any], files: list[Path]) -> Iterator[str]:
    from builders.reports.words import not_supported, origin, supported, tables

    yield f"{pool}: {origin(report)}"
    for title, rows in tables(report):
        yield from ("", title, *aligned(rows))
    yield from ("", "What this supports:")
    yield from (f"  {sentence}" for sentence in supported(report))
    yield from ("", "What it does not:")
    yield from (f"  {sentence}" for sentence in not_supported(report))
    if files:
        yield f"written: {', '.join(map(str, files))}"
