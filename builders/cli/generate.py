"""`nt generate`: ask a teacher for the traces that a pool does not have yet."""

import argparse
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from builders.cli.console import add_folder, bar, count, counter, drop_reason, plural, quoted, show
from builders.errors import BadOption, EndpointError

if TYPE_CHECKING:
    from builders.endpoints.running import Endpoint
    from builders.generating import Allowance, GenerateReport


def add_to(verbs: Any, name: str) -> argparse.ArgumentParser:
    """Add the verb to the parser."""
    verb: argparse.ArgumentParser = verbs.add_parser(
        name,
        help="ask a teacher for the traces that a pool lacks",
        description="Ask a teacher about every question that has no trace of it yet, store each "
        "reply on the disk before it counts, and write the traces into the pool. Stop it with "
        "Ctrl-C, or kill it: the same command asks for what is missing, and for nothing else.",
    )
    add_folder(verb, "--pool", "the pool", required=True)
    verb.add_argument(
        "--teacher", required=True, metavar="MODEL", help="its name, as the server knows it"
    )
    add_endpoint_options(verb)
    verb.add_argument("--revision", metavar="REV", help="of the model, to be recorded")
    verb.add_argument(
        "--prompt",
        default="plain",
        metavar="NAME",
        help="'plain' (the question alone, the default), 'think-tags' (asks for <think>), or a "
        "text file with {question} in it",
    )
    verb.add_argument(
        "--samples", type=count, default=1, metavar="N", help="traces for each question (default 1)"
    )
    sampling = verb.add_argument_group("sampling (the defaults are DeepSeek-R1's)")
    sampling.add_argument(
        "--max-tokens",
        type=count,
        default=16_384,
        metavar="N",
        help="of a reply, at most (default 16384)",
    )
    sampling.add_argument("--temperature", type=float, default=0.6, metavar="T", help="default 0.6")
    sampling.add_argument("--top-p", type=float, default=0.95, metavar="P", help="default 0.95")
    sampling.add_argument(
        "--seed",
        type=count,
        metavar="N",
        help="each request gets its own, made from this (default: none is sent)",
    )
    add_budget_options(verb)
    add_tokenizer_option(verb)
    verb.add_argument(
        "--again", action="store_true", help="ask once more what the server has refused"
    )
    verb.add_argument(
        "--no-ask",
        action="store_true",
        help="ask nothing; write what is stored into the pool, also while another process asks",
    )
    verb.set_defaults(
        run=run,
        after_interrupt="Every reply that came is stored. Run the same command again to go on; "
        "with --no-ask it writes what is stored into the pool.",
    )
    return verb


def add_endpoint_options(verb: Any) -> None:
    """Where a model is served, and how hard to try."""
    where = verb.add_argument_group("endpoint")
    where.add_argument(
        "--base-url",
        action="append",
        default=[],
        metavar="URL",
        help="http://host:port of a server; repeatable, several share the work",
    )
    where.add_argument(
        "--api-key-env",
        action="append",
        default=[],
        metavar="[HOST=]NAME",
        help="the environment variable with the key; no other key is ever sent, HF_TOKEN neither",
    )
    where.add_argument(
        "--flavor",
        choices=("auto", "openai", "tgi"),
        default="auto",
        help="openai: the chat route that every server has, also text-generation-inference "
        "(auto takes it); tgi: /generate, with the prompt that /chat_tokenize makes",
    )
    where.add_argument(
        "--stream",
        action="store_true",
        help="take replies piece by piece: for gateways that hang up",
    )
    where.add_argument(
        "--concurrency",
        type=count,
        default=64,
        metavar="N",
        help="requests at once, at most; 429s and slow replies make it fewer (default 64)",
    )
    where.add_argument(
        "--tries", type=count, default=5, metavar="N", help="of each request; a 429 is none (5)"
    )
    where.add_argument(
        "--patience",
        type=float,
        default=600.0,
        metavar="S",
        help="seconds that all servers may be gone before the run ends (default 600)",
    )
    where.add_argument(
        "--connect-timeout",
        type=float,
        default=10.0,
        metavar="S",
        help="seconds to connect (default 10)",
    )
    where.add_argument(
        "--read-timeout",
        type=float,
        metavar="S",
        help="seconds without a byte (default 1800; with --stream 300)",
    )
    where.add_argument(
        "--timeout", type=float, default=3600.0, metavar="S", help="of a whole reply (default 3600)"
    )


def add_budget_options(verb: Any) -> None:
    """What may be spent."""
    money = verb.add_argument_group("budget, for all runs of this model on this task together")
    add_budget_words(money, "--")


def add_budget_words(money: Any, start: str) -> None:
    """The options of a budget, all with this start: `--` or `--second-`."""
    money.add_argument(f"{start}budget-tokens", type=count, metavar="N", help="tokens in and out")
    money.add_argument(f"{start}budget-usd", type=float, metavar="N", help="needs the prices")
    money.add_argument(
        f"{start}price-in",
        type=float,
        default=0.0,
        metavar="P",
        help="US dollars for a million tokens",
    )
    money.add_argument(
        f"{start}price-out", type=float, default=0.0, metavar="P", help="the same, out"
    )


def add_tokenizer_option(parser: Any) -> None:
    """What counts the replies that are written into the pool."""
    parser.add_argument(
        "--tokenizer", metavar="NAME", help="see nt import; where the pool's is local"
    )


def check_tokenizer(arguments: argparse.Namespace) -> None:
    """Say before anything is paid for if what comes could not be counted.

    Raises:
        BadOption: the tokenizer is not the pool's, or has to be named.
    """
    from builders.importing import tokenizer_of
    from builders.pool import open_pool

    tokenizer_of(open_pool(arguments.pool), arguments.tokenizer)


def run(arguments: argparse.Namespace) -> int:
    """Generate, and say what came of it."""
    from builders.endpoints import Sampling
    from builders.endpoints.running import Watcher
    from builders.generating import generate

    check_tokenizer(arguments)
    with counter(arguments, "asking", " replies") as (on_missing, on_done):
        report = generate(
            arguments.pool,
            arguments.teacher,
            None if arguments.no_ask else endpoint_of(arguments),
            revision=arguments.revision,
            prompt=arguments.prompt,
            sampling=Sampling(
                at_least_one(arguments, "max_tokens"),
                arguments.temperature,
                arguments.top_p,
                arguments.seed,
            ),
            samples=at_least_one(arguments, "samples"),
            allowance=allowance_of(arguments),
            limits=limits_of(arguments),
            again=arguments.again,
            tokenizer=arguments.tokenizer,
            watcher=Watcher(on_done, lambda n: say_stopping(arguments, n)),
            on_missing=on_missing,
            progress=lambda records: bar(arguments, records, "writing", " questions"),
        )
    found = {
        "pool": str(arguments.pool),
        "teacher": arguments.teacher,
        **report._asdict(),
        "written": report.written._asdict() if report.written else None,
    }
    code = show(arguments, found, _words(arguments, report))
    check_replies(arguments, how=report.how, finished=report.finished)
    return code


def check_replies(arguments: argparse.Namespace, *, how: str, finished: int) -> None:
    """Let a run that got nothing be no success; what it has found is shown before.

    Raises:
        EndpointError: all of its requests failed.
    """
    from builders.endpoints.asking import ALL_FAILED

    if how == ALL_FAILED:
        raise EndpointError(
            f"none of {plural(finished, 'request')} had a reply; "
            f"nt status --pool {quoted(arguments.pool)} says what the server sent"
        )


def _words(arguments: argparse.Namespace, report: "GenerateReport") -> Iterator[str]:
    yield f"asked {report.finished:,} of {report.missing:,} that were missing: {report.how}"
    yield from ledger_words(report.ledger)
    pool = quoted(arguments.pool)
    if report.written is None:
        yield "nothing was written: the run was stopped; every reply that came is stored"
        return
    yield f"{arguments.pool}: {plural(report.written.traces_added, 'trace')} added"
    yield f"next: nt list --pool {pool}"


def ledger_words(ledger: dict[str, Any]) -> Iterator[str]:
    """What did not work, and what it cost."""
    from builders.endpoints import DONE, FAILURES

    for outcome, number in ledger["outcomes"].items():
        if outcome in FAILURES:
            yield f"  failed {number:,}: {outcome} ({FAILURES[outcome]})"
        elif outcome != DONE:
            yield f"  not usable {number:,}: {drop_reason(outcome)}"
    yield f"tokens in all: {ledger['tokens_in']:,} in, {ledger['tokens_out']:,} out" + (
        f", {ledger['tokens_uncertain']:,} at most for requests that broke off"
        if ledger["tokens_uncertain"]
        else ""
    )
    if ledger["usd"] is not None:
        each = f", {ledger['usd_per_row']} each" if ledger["usd_per_row"] is not None else ""
        yield f"US dollars in all: {ledger['usd']:,.2f} for {plural(ledger['rows'], 'row')}{each}"


def endpoint_of(arguments: argparse.Namespace, start: str = "") -> "Endpoint":
    """Where to ask: the address and its keys from the options that start so."""
    from builders.endpoints.addresses import addresses
    from builders.endpoints.client import Timeouts
    from builders.endpoints.running import Endpoint

    urls, key_names = (getattr(arguments, f"{start}{of}") for of in ("base_url", "api_key_env"))
    if not urls:
        raise BadOption("--base-url is missing: where is the model served? http://host:port")
    read = arguments.read_timeout or (300.0 if arguments.stream else 1800.0)
    return Endpoint(
        addresses(urls, key_names, os.environ),
        "tgi" if arguments.flavor == "tgi" else "openai",
        arguments.stream,
        Timeouts(arguments.connect_timeout, read, arguments.timeout),
        getattr(arguments, "schema_form", "none"),
    )


def limits_of(arguments: argparse.Namespace) -> Any:
    """How hard to try."""
    from builders.endpoints.asking import Limits

    return Limits(
        at_least_one(arguments, "concurrency"), at_least_one(arguments, "tries"), arguments.patience
    )


def allowance_of(arguments: argparse.Namespace, start: str = "") -> "Allowance":
    """What may be spent, from the options that start so."""
    from builders.endpoints.budget import Prices
    from builders.generating import Allowance

    names = ("budget_tokens", "budget_usd", "price_in", "price_out")
    tokens, usd, price_in, price_out = (getattr(arguments, f"{start}{name}") for name in names)
    prices = Prices(price_in, price_out)
    if usd is not None and not any(prices):
        raise BadOption("--budget-usd needs --price-in and --price-out: dollars a million tokens")
    return Allowance(tokens, usd, prices)


def at_least_one(arguments: argparse.Namespace, name: str) -> int:
    """An option that must not be 0."""
    value: int = getattr(arguments, name)
    if value < 1:
        raise BadOption(f"--{name.replace('_', '-')} {value}: must be at least 1")
    return value


def say_stopping(arguments: argparse.Namespace, in_flight: int) -> None:
    """After the first Ctrl-C."""
    if not arguments.quiet:
        print(
            f"\nnt: stopping; waiting for {in_flight:,} on the way (Ctrl-C again to lose them)",
            file=sys.stderr,
        )
