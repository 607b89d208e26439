"""`nt import`: add questions and traces to a pool."""

import argparse
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builders.cli.console import add_folder, bar, count, drop_reason, quoted, show
from builders.errors import BadOption

if TYPE_CHECKING:
    from builders.sources import Source
    from builders.writing import ImportReport


def add_to(verbs: Any, name: str) -> argparse.ArgumentParser:
    """Add the verb to the parser."""
    import shtab

    verb: argparse.ArgumentParser = verbs.add_parser(
        name,
        help="add questions and traces to a pool",
        description="Add questions and traces to a pool, making the pool if it is not there. "
        "Rows that cannot be used are dropped with a reason, counted and listed; rows that are in "
        "the pool already are not added again. Recognised by their columns: natural_reasoning, "
        "OpenThoughts3, OpenThoughts-114k, Mixture-of-Thoughts, LIMO, s1K, s1K-1.1, GSM8K, and "
        "'question' with 'reasoning' and 'answer', or with 'response' (inline <think>), or alone.",
    )
    source: Any = verb.add_argument(
        "source",
        metavar="SOURCE",
        help="a .jsonl, .json, .csv or .parquet file, a folder of them, the id of a Hub data set, "
        "or 'demo'",
    )
    source.complete = shtab.FILE
    add_folder(verb, "--pool", "the pool", required=True)
    verb.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="OURS=THEIRS",
        help="which column is the question, reasoning, answer, response …; repeatable",
    )
    verb.add_argument("--source", dest="origin", metavar="NAME", help="origin to record")
    verb.add_argument("--license", metavar="ID", help="licence to record where rows do not say")
    verb.add_argument("--teacher", metavar="NAME", help="teacher to record where rows do not say")
    verb.add_argument(
        "--tokenizer",
        metavar="NAME",
        help="what counts tokens: 'words' (the default, offline), a tokenizer.json, or a Hub id",
    )
    verb.add_argument("--subset", metavar="NAME", help="the config of a Hub data set")
    verb.add_argument("--split", help="the split of a Hub data set (default train)")
    verb.add_argument("--revision", metavar="REV", help="branch, tag or commit of a Hub data set")
    verb.add_argument(
        "--rows", type=count, metavar="N", help="how many questions the demo asks (default 50000)"
    )
    verb.add_argument(
        "--teachers",
        type=count,
        metavar="N",
        help="how many synthetic teachers answer each question of the demo, 1 to 3 (default 1): "
        "with 2 comes a terse one, with 3 one that rambles and is often wrong",
    )
    verb.add_argument("--seed", type=count, metavar="N", help="seed of the demo (default 0)")
    verb.set_defaults(
        run=run,
        after_interrupt="Whole shards are kept; run the same command again to add the rest.",
    )
    return verb


def run(arguments: argparse.Namespace) -> int:
    """Import, and say what came of it."""
    from builders.importing import import_demo, import_source

    def progress(total: int | None) -> Callable[[Iterable[Any]], Iterable[Any]]:
        return lambda records: bar(arguments, records, "importing", " rows", total)

    _refuse_idle_options(arguments)
    source = None
    if arguments.source == "demo":
        rows = 50_000 if arguments.rows is None else arguments.rows
        teachers = 1 if arguments.teachers is None else arguments.teachers
        report = import_demo(
            arguments.pool,
            rows=rows,
            seed=arguments.seed or 0,
            teachers=teachers,
            tokenizer=arguments.tokenizer,
            progress=progress(rows * teachers),
        )
    else:
        source = _open(arguments)
        report = import_source(
            source,
            arguments.pool,
            tokenizer=arguments.tokenizer,
            progress=progress(source.total),
        )
    found = {
        "pool": str(arguments.pool),
        "source": source.name if source else "demo",
        "layout": source.layout if source else None,
        **report._asdict(),
    }
    return show(arguments, found, _words(arguments.pool, source, report))


def _words(pool: Path, source: "Source | None", report: "ImportReport") -> Iterator[str]:
    if source:
        yield f"{source.name}: read as '{source.layout}'"
    if report.read_before:
        yield f"went on behind row {report.read_before:,}, where an import was cut off"
    dropped = sum(report.dropped.values())
    second = f", {report.second_answers_added:,} second answers"
    yield (
        f"{pool}: {report.traces_added:,} traces and {report.questions_added:,} "
        f"questions{second if report.second_answers_added else ''} added, "
        f"{report.already_there:,} rows already there, {dropped:,} dropped"
    )
    for reason, rows in report.dropped.items():
        yield f"  dropped {rows:,}: {drop_reason(reason)}"
    if dropped:
        yield f"  each is listed in {pool / 'dropped'}"
    yield f"next: nt list --pool {quoted(pool)}"


def _refuse_idle_options(arguments: argparse.Namespace) -> None:
    """An option that does nothing would leave its user in the belief that it did."""
    of_demo = {
        "--rows": arguments.rows,
        "--seed": arguments.seed,
        "--teachers": arguments.teachers,
    }
    of_hub = {
        "--subset": arguments.subset,
        "--split": arguments.split,
        "--revision": arguments.revision,
    }
    of_traces = {
        "--column": arguments.column or None,
        "--source": arguments.origin,
        "--license": arguments.license,
        "--teacher": arguments.teacher,
    }
    if arguments.source == "demo":
        idle, why = of_hub | of_traces, "the demo does not have that option"
    elif Path(arguments.source).exists():
        idle, why = of_demo | of_hub, "is not for files"
    else:
        idle, why = of_demo, "is for the demo only"
    for option, value in idle.items():
        if value is not None:
            raise BadOption(f"{option}: {why}")


def _open(arguments: argparse.Namespace) -> "Source":
    from builders.sources.opening import open_source

    return open_source(
        arguments.source,
        columns=dict(_pair(text) for text in arguments.column),
        source=arguments.origin,
        license=arguments.license,
        teacher=arguments.teacher,
        subset=arguments.subset,
        split=arguments.split or "train",
        revision=arguments.revision,
    )


def _pair(text: str) -> tuple[str, str]:
    ours, equals, theirs = text.partition("=")
    if not (ours and equals and theirs):
        raise BadOption(f"--column {text}: write it as OURS=THEIRS, say question=prompt")
    return ours, theirs
