"""`nt annotate naturalness`: how expected each response is to the student that it shall train."""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from builders.cli.console import count, counter, plural, quoted, show
from builders.errors import BadOption

if TYPE_CHECKING:
    from builders.naturalness.stage import ScoreReport

_BATCH_TOKENS = {"cpu": 512, "cuda": 4096}
"""Tokens that are run at once, if nothing is said."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Who scores, and how."""
    scoring = parser.add_argument_group("scoring by the student, before it is trained")
    scoring.add_argument(
        "--student", metavar="MODEL", help="a folder, or an id on the Hub; with a chat template"
    )
    scoring.add_argument("--revision", metavar="REV", help="the commit of a student on the Hub")
    scoring.add_argument(
        "--window",
        default="4",
        metavar="N|P%",
        help="how many of the steps before it a step sees, or which share of them; 'all' is the "
        "global score (default 4)",
    )
    scoring.add_argument(
        "--steps",
        default="sentence",
        metavar="sentence|paragraph|FILE",
        help="what a step is; a file has rows {id, reasoning: [0, 57], answer: [0]} with the "
        "offsets at which steps begin (default sentence)",
    )
    scoring.add_argument(
        "--dtype",
        choices=("auto", "float32", "bfloat16", "float16"),
        default="auto",
        help="of the weights; auto: bfloat16 on a GPU, else float32",
    )
    scoring.add_argument(
        "--batch-tokens",
        type=count,
        metavar="N",
        help="tokens that are run at once (default 512 on a CPU, 4096 on a GPU)",
    )
    scoring.add_argument("--device", help="cpu, cuda, cuda:1 (default: a GPU if there is one)")
    scoring.add_argument(
        "--overwrite", action="store_true", help="replace scores that were made in another way"
    )


def run(arguments: argparse.Namespace) -> int:
    """Score, and say what came of it."""
    if arguments.student is None:
        raise BadOption(
            "nt annotate naturalness: needs --student MODEL, which scores, or --from FILE"
        )
    if arguments.batch_tokens == 0:
        raise BadOption("--batch-tokens 0: 1 or more")
    from builders.naturalness.scorer import make_scorer
    from builders.naturalness.stage import annotate_naturalness
    from builders.naturalness.student import load_student
    from builders.naturalness.windows import parse_window
    from builders.pool import open_pool

    window = parse_window(arguments.window)
    open_pool(arguments.pool)  # a wrong folder is said before a large model is loaded
    student = load_student(
        arguments.student,
        revision=arguments.revision,
        dtype=arguments.dtype,
        device=arguments.device,
    )
    batch_tokens = arguments.batch_tokens or _BATCH_TOKENS.get(student.model.device.type, 4096)
    scorer = make_scorer(student, window, arguments.steps, batch_tokens=batch_tokens)
    with counter(arguments, "scoring", " responses") as (on_missing, on_done):
        report = annotate_naturalness(
            arguments.pool,
            scorer,
            overwrite=arguments.overwrite,
            on_missing=on_missing,
            on_done=on_done,
        )
    found = {
        "pool": str(arguments.pool),
        "annotation": "naturalness",
        **scorer.record,
        **report._asdict(),
    }
    return show(arguments, found, _words(arguments, report))


def _words(arguments: argparse.Namespace, report: "ScoreReport") -> Iterator[str]:
    rate = report.tokens / max(report.seconds, 1e-9)
    yield (
        f"{arguments.pool}: {report.labelled:,} of {plural(report.rows, 'trace')} have "
        f"'naturalness'; {report.scored:,} were scored now, {rate:,.0f} of their tokens a second"
    )
    for reason, rows in report.not_scored.items():
        yield f"  without a score: {rows:,} ({reason})"
    yield f"next: nt list --pool {quoted(arguments.pool)}"
