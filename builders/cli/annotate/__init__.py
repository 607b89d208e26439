"""`nt annotate NAME`: add labels to the questions or traces of a pool.

Each annotation has words of its own. All of them can be read from a file of labels; the modules in
`WAYS` add other ways to make one.
"""

import argparse
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

from builders.cli.annotate import clusters, disagreement, judge, naturalness, quality
from builders.cli.console import add_folder, add_output_options, bar, quoted, show
from builders.errors import BadOption

if TYPE_CHECKING:
    from builders.annotating import AnnotateReport

ANNOTATIONS = {
    "domain": ("questions", "one of the 13 domains, and a topic within it"),
    "clusters": ("questions", "the cluster of each question among similar ones"),
    "duplicates": ("questions", "whether a question repeats another one; see nt dedup"),
    "contamination": ("questions", "the benchmarks that it repeats; see nt decontaminate"),
    "strategies": ("traces", "the reasoning strategies that are seen in a trace"),
    "verbosity": ("traces", "how wordy a trace is, 0 to 10"),
    "disagreement": ("traces", "whether a second model answers differently"),
    "correctness": ("traces", "whether the answer comes to the reference answer"),
    "naturalness": ("traces", "how expected a response is to the student, step by step"),
}
"""What `schema.ANNOTATIONS` describes, in the words of --help, which must not wait for Arrow."""

WAYS: dict[str, ModuleType] = {
    "domain": judge,
    "clusters": clusters,
    "strategies": judge,
    "verbosity": judge,
    "disagreement": disagreement,
    "correctness": judge,
    "naturalness": naturalness,
}
"""Of an annotation the module with `add_options(parser)` and `run(arguments)` of its other way."""

JUDGED = {name for name, way in WAYS.items() if way in (judge, disagreement)}
"""What a judge says, and may be held against what others say."""


def add_to(verbs: Any, name: str) -> argparse.ArgumentParser:
    """Add the verb to the parser."""
    verb: argparse.ArgumentParser = verbs.add_parser(
        name,
        help="add labels to the questions or traces of a pool",
        description="Add labels to the questions or traces of a pool: those that you have in a "
        "file, or such as are made here. See nt annotate NAME --help.",
    )
    names: Any = verb.add_subparsers(
        title="annotations", metavar="NAME", dest="name", required=True, help="what to add"
    )
    for annotation in ANNOTATIONS:
        _add_annotation(names, annotation)
    return verb


def _add_annotation(names: Any, name: str) -> None:
    import shtab

    grain, what = ANNOTATIONS[name]
    own: argparse.ArgumentParser = names.add_parser(
        name, help=what, description=f"Label the {grain} of a pool: {what}."
    )
    add_folder(own, "--pool", "the pool", required=True)
    key = "'question_id' or 'question'"
    key = key if grain == "questions" else f"'id' of a trace, {key}"
    labels: Any = own.add_argument(
        "--from",
        dest="file",
        metavar="FILE",
        help=f"labels that you have: .jsonl, .json, .csv or .parquet with a key ({key}) and the "
        "columns of the annotation. What is labelled already stays, unless the file says otherwise",
    )
    labels.complete = shtab.FILE
    if name in WAYS:
        WAYS[name].add_options(own)
    if name in JUDGED:
        quality.add_options(own)
    add_output_options(own, default=argparse.SUPPRESS)  # the verb has them as well
    own.set_defaults(run=run, after_interrupt="Run the same command again to label the rest.")


def run(arguments: argparse.Namespace) -> int:
    """Annotate, and say how many rows have labels now."""
    if arguments.file is None:
        if arguments.name not in WAYS:
            raise BadOption(f"nt annotate {arguments.name}: needs --from FILE, with the labels")
        if arguments.name in JUDGED and quality.is_meant(arguments):
            return quality.run(arguments)
        code: int = WAYS[arguments.name].run(arguments)
        return code
    if getattr(arguments, "judge", None) is not None:
        raise BadOption("--from and --judge: the labels come from one of them; leave out the other")
    return _run_from_file(arguments)


def _run_from_file(arguments: argparse.Namespace) -> int:
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
