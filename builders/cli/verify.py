"""`nt verify`: a release or a pool against its manifest."""

import argparse
from typing import Any

from builders.cli.console import bar, plural, show


def add_to(verbs: Any, name: str) -> argparse.ArgumentParser:
    """Add the verb to the parser."""
    verb: argparse.ArgumentParser = verbs.add_parser(
        name,
        help="verify a release or a pool, here or on the Hub",
        description="Verify every file, hash and row count, and the card, against the manifest; "
        "then load each config as load_dataset does here, and look whether it is this release. "
        "What lies on the Hub is fetched into huggingface_hub's cache.",
    )
    verb.add_argument("target", help="a folder, ORG/NAME@TAG or ORG/NAME")
    verb.set_defaults(run=run, after_interrupt="Nothing was changed.")
    return verb


def run(arguments: argparse.Namespace) -> int:
    """Verify, and say what is wrong."""
    from builders.hub.verify import verify

    report = verify(
        arguments.target, progress=lambda items, what: bar(arguments, items, what, " files")
    )
    published = report.manifest.get("published")
    found = {
        "target": arguments.target,
        "published": published,
        "files": report.files,
        "rows": report.rows,
        "problems": report.problems,
        "remarks": report.remarks,
    }
    title = f" ({published['repo']} {published['tag']})" if published else ""
    counted = f"{plural(report.files, 'file')}, {report.rows:,} rows"
    lines = [*report.problems, *(f"note: {remark}" for remark in report.remarks)]
    if not report.problems:
        lines.append(f"{arguments.target}{title}: verified: {counted}, card, and what is loaded")
    show(arguments, found, lines)
    report.or_raise(arguments.target)
    return 0
