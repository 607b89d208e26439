"""`nt pull`: fetch a release or a pool from the Hub."""

import argparse
from typing import Any

from builders.cli.console import add_folder, bar, quoted, show


def add_to(verbs: Any, name: str) -> argparse.ArgumentParser:
    """Add the verb to the parser."""
    verb: argparse.ArgumentParser = verbs.add_parser(
        name,
        help="fetch a release or a pool from the Hub",
        description="Fetch exactly the revision that is named, and verify it. A release that is "
        "there is replaced at once, or not at all; files that it has already are not fetched. Run "
        "it again, and it goes on where it stopped.",
    )
    verb.add_argument("address", metavar="ORG/NAME@TAG", help="the release, or the pool")
    add_folder(verb, "--out", "where to put it", required=True)
    verb.set_defaults(
        run=run, after_interrupt="The folder is as it was; run the same command again to go on."
    )
    return verb


def run(arguments: argparse.Namespace) -> int:
    """Fetch, and say what came."""
    from builders.hub.pull import pull

    pulled = pull(
        arguments.address,
        arguments.out,
        progress=lambda items, what: bar(arguments, items, what, " files"),
    )
    found = {
        "address": arguments.address,
        "out": str(arguments.out),
        "commit": pulled.commit,
        "bytes": pulled.bytes,
        "already_there": pulled.already,
    }
    what = (
        "is there already, and verified"
        if pulled.already
        else f"{pulled.bytes / 1e6:,.1f} MB fetched and verified"
    )
    kind = pulled.manifest["kind"]
    following = f"nt list --pool {quoted(arguments.out)}" if kind == "pool" else ""
    lines = [f"{arguments.out}: {arguments.address}, a {kind}: {what}"]
    lines += [f"next: {following}"] if following else []
    return show(arguments, found, lines)
