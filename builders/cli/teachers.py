"""`nt teachers`: which teacher is most natural to the student."""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from builders.cli.console import add_folder, aligned, count, quoted, show
from builders.cli.pages import write_report


def add_to(verbs: Any, name: str) -> argparse.ArgumentParser:
    """Add the verb to the parser."""
    verb: argparse.ArgumentParser = verbs.add_parser(
        name,
        help="rank teachers by how natural they are to the student",
        description="Rank the teachers of a pool by local and global naturalness, on the questions "
        "that all of them answered: means, differences and how often each wins, with intervals "
        "from resampled questions, and how stable the order is with fewer prompts. Scores come "
        "from nt annotate naturalness.",
    )
    add_folder(verb, "--pool", "the pool", required=True)
    verb.add_argument(
        "--teacher",
        action="append",
        default=[],
        metavar="NAME",
        help="compare these only; repeatable (default: all with scored responses)",
    )
    verb.add_argument("--seed", type=count, default=0, metavar="N", help="seed (default 0)")
    add_folder(verb, "--out", "write teachers.md, .json and .png (the extra 'plot') into it")
    verb.set_defaults(run=run, after_interrupt="Nothing was changed.")
    return verb


def run(arguments: argparse.Namespace) -> int:
    """Rank, and say what came out."""
    from builders.teachers.picture import draw
    from builders.teachers.report import describe_teachers
    from builders.teachers.words import page

    report = describe_teachers(arguments.pool, teachers=arguments.teacher, seed=arguments.seed)
    out = arguments.out
    files = write_report(report, out, "teachers", page=page, draw=draw) if out else []
    found = {"pool": str(arguments.pool), **report, "files": list(map(str, files))}
    return show(arguments, found, _words(arguments.pool, report, files))


def _words(pool: Path, report: Mapping[str, Any], files: list[Path]) -> Iterator[str]:
    from builders.teachers.words import does_not_say, origin, says, tables

    yield f"{pool}: {origin(report)}"
    for title, rows in tables(report):
        yield from ("", title, *aligned(rows))
    yield from ("", "What this says:")
    yield from (f"  {sentence}" for sentence in says(report))
    yield "What it does not say:"
    yield from (f"  {sentence}" for sentence in does_not_say(report))
    if files:
        yield f"written: {', '.join(map(str, files))}"
    yield f"next: nt build --pool {quoted(pool)} --out nt --config natural-1k"
