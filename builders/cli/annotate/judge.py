"""`nt annotate NAME --judge MODEL`: let a model label what has no label yet."""

import argparse
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from builders.cli.console import bar, count, counter, plural, quoted, show
from builders.cli.generate import (
    add_budget_options,
    add_endpoint_options,
    allowance_of,
    at_least_one,
    check_replies,
    endpoint_of,
    ledger_words,
    limits_of,
    say_stopping,
)
from builders.errors import BadOption

if TYPE_CHECKING:
    from builders.judges.prepared import Judge
    from builders.judging import JudgeReport


_NOTHING: Mapping[str, Any] = {}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Who judges, where, and how."""
    judge = parser.add_argument_group("judge")
    judge.add_argument(
        "--judge", metavar="MODEL", help="a model that labels; its name, as the server knows it"
    )
    judge.add_argument("--revision", metavar="REV", help="of the model, to be recorded")
    judge.add_argument(
        "--prompt",
        metavar="FILE",
        help="a text of your own, with the same places as ours in builders/prompts/judges",
    )
    judge.add_argument(
        "--judge-context",
        type=count,
        default=32_768,
        metavar="N",
        help="tokens that the judge can read; longer traces lose their middle (default 32768)",
    )
    judge.add_argument(
        "--max-tokens",
        type=count,
        default=1024,
        metavar="N",
        help="of a reply, at most; more for a judge that thinks first (default 1024)",
    )
    judge.add_argument("--temperature", type=float, default=0.0, metavar="T", help="default 0")
    judge.add_argument(
        "--again",
        action="store_true",
        help="ask once more what the server has refused, and what had no valid form",
    )
    judge.add_argument(
        "--replace",
        action="store_true",
        help="ask about rows that have a label, too, and replace it; without, labels stay",
    )
    judge.add_argument(
        "--no-ask", action="store_true", help="ask nothing; write the labels that are stored"
    )
    add_endpoint_options(parser)
    parser.add_argument(
        "--schema-form",
        choices=("openai", "llama.cpp", "tgi", "none"),
        default="openai",
        help="how the server is told the form of the reply: openai (vLLM, SGLang, llama.cpp, "
        "Inference Providers), llama.cpp (its older way), tgi, or none",
    )
    add_budget_options(parser)


def run(
    arguments: argparse.Namespace, before: Mapping[str, Any] = _NOTHING, words: Iterable[str] = ()
) -> int:
    """Ask, write, and say what came of it, after what came before."""
    from builders.endpoints.running import Watcher
    from builders.judging import annotate_by

    judge = judge_of(arguments)
    with counter(arguments, "judging", " replies") as (on_missing, on_done):
        report = annotate_by(
            arguments.pool,
            arguments.name,
            judge,
            None if arguments.no_ask else endpoint_of(arguments),
            second_model=getattr(arguments, "second_model", None),
            allowance=allowance_of(arguments),
            limits=limits_of(arguments),
            again=arguments.again,
            replace=arguments.replace,
            watcher=Watcher(on_done, lambda n: say_stopping(arguments, n)),
            on_missing=on_missing,
            progress=lambda rows: bar(arguments, rows, "reading", " rows"),
        )
    found = {
        **before,
        "pool": str(arguments.pool),
        "annotation": arguments.name,
        "judge": arguments.judge,
        **report._asdict(),
        "written": report.written._asdict() if report.written else None,
    }
    code = show(arguments, found, [*words, *_words(arguments, report)])
    check_replies(arguments, how=report.how, finished=report.finished)
    return code


def judge_of(arguments: argparse.Namespace) -> "Judge":
    """Who judges.

    Raises:
        BadOption: no model is named.
    """
    from builders.endpoints import Sampling
    from builders.judges.prepared import Judge

    if arguments.judge is None:
        raise BadOption(
            f"nt annotate {arguments.name}: needs --from FILE, with labels that you have, or "
            "--judge MODEL --base-url URL, which makes them"
        )
    return Judge(
        arguments.judge,
        arguments.revision,
        arguments.prompt,
        Sampling(at_least_one(arguments, "max_tokens"), arguments.temperature, 1.0),
        at_least_one(arguments, "judge_context"),
    )


def _words(arguments: argparse.Namespace, report: "JudgeReport") -> Iterator[str]:
    yield f"asked {report.finished:,} of {report.missing:,} that were missing: {report.how}"
    yield from ledger_words(report.ledger)
    written = report.written
    if written is None:
        yield "nothing was written: the run was stopped; every reply that came is stored"
        return
    if written.certain:
        yield f"the same for certain, without a judge: {plural(written.certain, 'pair')}"
    if written.quotes:
        nowhere, share = written.quotes_not_found, written.quotes_not_found / written.quotes
        yield f"quotes that occur nowhere: {nowhere:,} of {written.quotes:,} ({share:.1%})"
    yield (
        f"{arguments.pool}: {written.labelled:,} of {plural(written.rows, 'row')} have "
        f"'{arguments.name}', {written.by_this_judge:,} by this judge"
    )
    yield f"next: nt list --pool {quoted(arguments.pool)}"
