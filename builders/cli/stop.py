"""`nt stop`: end the runs of other processes, without losing a reply."""

import argparse
from collections.abc import Iterator
from typing import Any

from builders.cli.console import add_folder, quoted, show


def add_to(verbs: Any, name: str) -> argparse.ArgumentParser:
    """Add the verb to the parser."""
    verb: argparse.ArgumentParser = verbs.add_parser(
        name,
        help="end the runs that ask models for a pool",
        description="Ask every run that goes on in a pool to send nothing more, wait for what is "
        "on its way, store it and end. Whoever may write to the pool may stop its runs.",
    )
    add_folder(verb, "--pool", "the pool", required=True)
    verb.set_defaults(run=run, after_interrupt="The runs that were asked to end will do so.")
    return verb


def run(arguments: argparse.Namespace) -> int:
    """Ask them, and say which."""
    from builders.ledger import ask_to_stop

    models = ask_to_stop(arguments.pool)
    return show(
        arguments, {"pool": str(arguments.pool), "asked": models}, _words(arguments, models)
    )


def _words(arguments: argparse.Namespace, models: list[str]) -> Iterator[str]:
    for model in models:
        yield f"asked to stop: {model}; it stores what is on its way and ends"
    if not models:
        yield f"{arguments.pool}: nothing is running"
    else:
        yield f"next: nt status --pool {quoted(arguments.pool)}"
