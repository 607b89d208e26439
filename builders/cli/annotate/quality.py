"""`nt annotate NAME --second-judge MODEL` or `--golden FILE`: how good the labels are."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builders.cli.annotate.judge import judge_of
from builders.cli.console import bar, count, counter, quoted, show
from builders.cli.generate import (
    allowance_of,
    at_least_one,
    endpoint_of,
    ledger_words,
    limits_of,
    say_stopping,
)
from builders.errors import BadOption

if TYPE_CHECKING:
    from builders.label_quality import QualityReport


def add_options(parser: argparse.ArgumentParser) -> None:
    """Against what labels are held; whoever is asked is asked like any judge."""
    import shtab

    quality = parser.add_argument_group(
        "quality of the labels (writes no label; the figures go into manifest and card)"
    )
    quality.add_argument(
        "--second-judge",
        metavar="MODEL",
        help="ask it about a sample of the rows that have labels, and compare",
    )
    quality.add_argument(
        "--sample",
        type=count,
        metavar="N",
        help="rows that the second judge is asked about (default 500)",
    )
    golden: Any = quality.add_argument(
        "--golden",
        type=Path,
        metavar="FILE",
        help="ask the judge about traces that were labelled by hand, and compare: .yaml or as "
        "--from, with question, reasoning, answer and the labels",
    )
    golden.complete = shtab.FILE


def is_meant(arguments: argparse.Namespace) -> bool:
    """Whether labels are to be held against something, rather than made."""
    golden, second = arguments.golden is not None, arguments.second_judge is not None
    if golden and second:
        raise BadOption("--golden and --second-judge: hold labels against one at a time")
    if second and arguments.judge is not None:
        raise BadOption(
            "--second-judge: the labels come first. Make them with --judge; then run this again "
            "without it, with the --base-url of the second judge"
        )
    if arguments.sample is not None and not second:
        raise BadOption("--sample: is of the rows that a --second-judge is asked about")
    return golden or second


def run(arguments: argparse.Namespace) -> int:
    """Ask, compare, and say what came of it."""
    from builders.endpoints.running import Watcher
    from builders.label_quality import SAMPLE, Asking, by_golden, by_second_judge

    if arguments.second_judge is not None:
        arguments.judge = arguments.second_judge
        arguments.sample = SAMPLE if arguments.sample is None else at_least_one(arguments, "sample")
    judge = judge_of(arguments)
    with counter(arguments, "judging", " replies") as (on_missing, on_done):
        asking = Asking(
            None if arguments.no_ask else endpoint_of(arguments),
            allowance_of(arguments),
            limits_of(arguments),
            arguments.again,
            Watcher(on_done, lambda n: say_stopping(arguments, n)),
            on_missing,
            lambda rows: bar(arguments, rows, "reading", " rows"),
        )
        if arguments.golden is not None:
            report = by_golden(arguments.pool, arguments.name, judge, arguments.golden, asking)
        else:
            report = by_second_judge(
                arguments.pool,
                arguments.name,
                judge,
                asking,
                sample=arguments.sample,
                second_model=getattr(arguments, "second_model", None),
            )
    found = {"pool": str(arguments.pool), **report._asdict()}
    return show(arguments, found, _words(arguments, report))


def _words(arguments: argparse.Namespace, report: "QualityReport") -> Iterator[str]:
    from builders.reports.words import shown

    yield f"asked {report.finished:,} of {report.missing:,} that were missing: {report.how}"
    yield from ledger_words(report.ledger)
    found = report.found
    if found is None:
        yield "nothing was compared: the run was stopped; every reply that came is stored"
        return
    yield _held_against(found)
    if found["replies"]:
        yield (
            f"  replies without the form at once: {found['not_valid_at_once']:,} of "
            f"{found['replies']:,}; never: {found['not_valid']:,}"
        )
    if found["quotes"]:
        yield f"  quotes that occur nowhere: {found['quotes_not_found']:,} of {found['quotes']:,}"
    for one in found["figures"]:
        if "of" not in one:
            yield f"  {one['measure']}: {shown(one)}"
    by_name: dict[str, dict[str, Any]] = {}
    for one in found["figures"]:
        if "of" in one:
            by_name.setdefault(one["of"], {})[one["measure"]] = one
    width = max(map(len, by_name), default=0)
    for name, of in by_name.items():
        line = f"  {name:<{width}}  F1 {shown(of['F1'])}, in {of['F1']['first']:,} and "
        line += f"{of['F1']['second']:,} rows"
        if found["against"] == "golden set":
            line += f"; precision {shown(of['precision'])}, recall {shown(of['recall'])}"
        yield line
    yield f"{arguments.pool}: manifest and card have these figures"
    yield f"next: nt list --pool {quoted(arguments.pool)}"


def _held_against(found: dict[str, Any]) -> str:
    rows = f"{found['compared']:,} of {found['sample']:,} rows"
    if found["against"] == "golden set":
        return (
            f"'{found['annotation']}' by {found['judge']} and by {found['golden']['file']}, {rows}:"
        )
    labellers = ", ".join(found["labels_of"]) or "those who brought the labels"
    return f"'{found['annotation']}' by {labellers} and by {found['judge']}, {rows}:"
