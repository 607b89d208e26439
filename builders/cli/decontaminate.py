"""`nt decontaminate`: find the questions of a pool that repeat items of benchmarks."""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from builders.cli.console import add_folder, bar, plural, quoted, show

if TYPE_CHECKING:
    from builders.decontaminate import DecontaminateReport


def add_to(verbs: Any, name: str) -> argparse.ArgumentParser:
    """Add the verb to the parser."""
    verb: argparse.ArgumentParser = verbs.add_parser(
        name,
        help="leave out questions that repeat items of benchmarks",
        description="Search the questions of a pool, and their reference answers, for the "
        "questions, options and answers of benchmarks. The traces of those that repeat one are in "
        "no config. What is shared is written to annotations/contamination/matches.jsonl, for you "
        "to judge. Name all benchmarks at once: an earlier search is replaced.",
    )
    add_folder(verb, "--pool", "the pool", required=True)
    verb.add_argument(
        "--against",
        action="append",
        default=[],
        required=True,
        metavar="BENCHMARK",
        help="gpqa_diamond, math_500, mmlu_pro or supergpqa, from the Hub; a file or folder with a "
        "column 'question' or 'problem'; or NAME=FILE, where a file stands in; repeatable",
    )
    verb.set_defaults(run=run, after_interrupt="The pool is as it was before.")
    return verb


def run(arguments: argparse.Namespace) -> int:
    """Search, and say how many questions repeat an item of which benchmark."""
    from builders.decontaminate import decontaminate

    report = decontaminate(
        arguments.pool,
        arguments.against,
        progress=lambda items, what: bar(arguments, items, what),
    )
    found = {"pool": str(arguments.pool), **report._asdict()}
    return show(arguments, found, _words(arguments, report))


def _words(arguments: argparse.Namespace, report: "DecontaminateReport") -> Iterator[str]:
    yield (
        f"{arguments.pool}: {report.contaminated:,} of {plural(report.questions, 'question')} "
        "repeat an item of a benchmark"
    )
    for one in report.benchmarks:
        yield (
            f"  {one['name']} ({one['data']} at {one['revision'][:12]}): {one['questions']:,} "
            f"repeat {one['repeated']:,} of its {plural(one['items'], 'item')}"
        )
    if report.matches:
        yield f"judge them: {arguments.pool}/annotations/contamination/matches.jsonl"
    yield f"next: nt list --pool {quoted(arguments.pool)}"
