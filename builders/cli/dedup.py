"""`nt dedup`: find the questions of a pool that repeat another one."""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from builders.cli.console import add_folder, bar, plural, quoted, show

if TYPE_CHECKING:
    from typing import Any

    from builders.dedup import DedupReport


def add_to(verbs: "Any", name: str) -> argparse.ArgumentParser:
    """Add the verb to the parser."""
    verb: argparse.ArgumentParser = verbs.add_parser(
        name,
        help="leave out questions that repeat another one",
        description="Compare all questions of a pool, in the same words or nearly the same. Of "
        "those that say the same one survives; the traces of the others are in no config. "
        "Questions that differ in a number, operator, unit or negation are different questions. "
        "Run it again when the pool has grown: all questions are compared anew.",
    )
    add_folder(verb, "--pool", "the pool", required=True)
    verb.add_argument(
        "--threshold",
        type=float,
        default=0.55,
        metavar="X",
        help="share of words in common from which two questions are the same: Jaccard, 0.3 to 1 "
        "(default 0.55)",
    )
    verb.set_defaults(run=run, after_interrupt="The pool is as it was before.")
    return verb


def run(arguments: argparse.Namespace) -> int:
    """Compare, and say how many questions repeat another one."""
    from builders.dedup import dedup

    report = dedup(
        arguments.pool,
        threshold=arguments.threshold,
        progress=lambda items, what: bar(arguments, items, what),
    )
    found = {"pool": str(arguments.pool), **report._asdict()}
    return show(arguments, found, _words(arguments, report))


def _words(arguments: argparse.Namespace, report: "DedupReport") -> Iterator[str]:
    repeat = report.exact + report.near
    yield (
        f"{arguments.pool}: {repeat:,} of {plural(report.questions, 'question')} repeat another "
        f"one: {report.exact:,} in the same words, {report.near:,} in nearly the same"
    )
    if repeat:
        yield (
            f"{plural(report.groups, 'group')}, the largest of {report.largest_group:,} "
            "questions; one of each survives"
        )
    yield f"next: nt list --pool {quoted(arguments.pool)}"
