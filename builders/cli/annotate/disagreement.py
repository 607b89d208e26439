"""`nt annotate disagreement --judge MODEL`: whether a second model answers differently.

Its answers are those that a source brought, or are asked for here first.
"""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from builders.cli.annotate import judge
from builders.cli.console import bar, count, counter, show
from builders.cli.generate import (
    add_budget_words,
    add_tokenizer_option,
    allowance_of,
    at_least_one,
    check_tokenizer,
    endpoint_of,
    ledger_words,
    limits_of,
    say_stopping,
)
from builders.errors import BadOption

if TYPE_CHECKING:
    from builders.generating import GenerateReport


def add_options(parser: argparse.ArgumentParser) -> None:
    """Those of every judge, and who answers a second time."""
    judge.add_options(parser)
    second = parser.add_argument_group("second model, with whose answers traces are compared")
    second.add_argument(
        "--second-model", metavar="MODEL", help="its name; needed where several have answered"
    )
    second.add_argument(
        "--second-base-url",
        action="append",
        default=[],
        metavar="URL",
        help="where it is served: it is asked about questions with a trace that it has not "
        "answered; without, the answers that are there are used",
    )
    second.add_argument(
        "--second-api-key-env", action="append", default=[], metavar="[HOST=]NAME", help="its key"
    )
    second.add_argument(
        "--second-max-tokens",
        type=count,
        default=4096,
        metavar="N",
        help="of an answer, at most (default 4096)",
    )
    second.add_argument(
        "--second-temperature", type=float, default=0.0, metavar="T", help="default 0"
    )
    second.add_argument("--second-revision", metavar="REV", help="of the model, to be recorded")
    add_budget_words(second, "--second-")
    add_tokenizer_option(second)


def run(arguments: argparse.Namespace) -> int:
    """Let the second model answer, if it is served; then judge."""
    judge.judge_of(arguments)  # what is wrong with it is said before anything is paid for
    if not arguments.second_base_url:
        return judge.run(arguments)
    if arguments.second_model is None:
        raise BadOption("--second-base-url: needs --second-model MODEL, its name")
    check_tokenizer(arguments)
    report = _answer(arguments)
    found = {
        "second_answers": {
            **report._asdict(),
            "written": report.written._asdict() if report.written else None,
        }
    }
    words = _words(arguments, report)
    if report.how == "stopped":
        return show(arguments, found, words)
    return judge.run(arguments, found, words)


def _answer(arguments: argparse.Namespace) -> "GenerateReport":
    from builders.endpoints import Sampling
    from builders.endpoints.running import Watcher
    from builders.generating import generate
    from builders.seconding import SECOND_ANSWERS

    with counter(arguments, "answering", " replies") as (on_missing, on_done):
        return generate(
            arguments.pool,
            arguments.second_model,
            None if arguments.no_ask else endpoint_of(arguments, "second_"),
            revision=arguments.second_revision,
            sampling=Sampling(
                at_least_one(arguments, "second_max_tokens"), arguments.second_temperature, 1.0
            ),
            allowance=allowance_of(arguments, "second_"),
            limits=limits_of(arguments),
            again=arguments.again,
            tokenizer=arguments.tokenizer,
            kind=SECOND_ANSWERS,
            watcher=Watcher(on_done, lambda n: say_stopping(arguments, n)),
            on_missing=on_missing,
            progress=lambda records: bar(arguments, records, "writing", " questions"),
        )


def _words(arguments: argparse.Namespace, report: "GenerateReport") -> Iterator[str]:
    yield (
        f"second answers: asked {report.finished:,} of {report.missing:,} that were missing: "
        f"{report.how}"
    )
    yield from ledger_words(report.ledger)
    if report.written is not None:
        yield f"{arguments.pool}: {report.written.second_answers_added:,} second answers added"
