"""`nt push`: publish a release or a pool on the Hub."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builders.cli.console import bar, plural, quoted, show
from builders.errors import Found

if TYPE_CHECKING:
    from builders.hub.plan import Plan
    from builders.hub.push import Pushed


def add_to(verbs: Any, name: str) -> argparse.ArgumentParser:
    """Add the verb to the parser."""
    verb: argparse.ArgumentParser = verbs.add_parser(
        name,
        help="publish a release or a pool on the Hub",
        description="Publish a release or a pool: verified first, searched for secrets, then sent; "
        "one commit of everything, and a tag. What the Hub shows is the old release or the new "
        "one, whole. Run it again after anything: what arrived is not sent again.",
    )
    verb.add_argument("folder", type=Path, help="the release, or the pool")
    verb.add_argument("repo", metavar="ORG/NAME", help="the data set; made if it is missing")
    verb.add_argument("--tag", required=True, help="v and a semantic version: v1.0.0")
    verb.add_argument(
        "--public", action="store_true", help="make it public if it is made (default private)"
    )
    verb.add_argument("--dry-run", action="store_true", help="show what would change; send nothing")
    verb.add_argument("--message", metavar="TEXT", help="of the commit")
    verb.add_argument(
        "--language",
        action="append",
        default=[],
        metavar="CODE",
        help="language of the rows, for the page (default en); repeatable",
    )
    verb.add_argument(
        "--accept-license",
        action="store_true",
        help="publish although the sources' licences are unknown or cannot be met together",
    )
    verb.add_argument(
        "--accept-findings",
        action="store_true",
        help="publish without searching the text for credentials and e-mail addresses",
    )
    verb.set_defaults(
        run=run,
        after_interrupt="The Hub shows what it showed before; run the same command again.",
    )
    return verb


def run(arguments: argparse.Namespace) -> int:
    """Publish, and say what changed."""
    from builders.hub.push import push

    def show_plan(plan: "Plan") -> None:
        if not arguments.json:
            show(arguments, {}, _plan_words(plan))

    try:
        pushed = push(
            arguments.folder,
            arguments.repo,
            tag=arguments.tag,
            public=arguments.public,
            dry_run=arguments.dry_run,
            message=arguments.message,
            language=arguments.language or ["en"],
            accept_license=arguments.accept_license,
            accept_findings=arguments.accept_findings,
            show_plan=show_plan,
            progress=lambda items, what: bar(arguments, items, what, " files"),
        )
    except Found as error:
        if not arguments.json:
            show(arguments, {}, error.findings)
        raise
    found = {
        "repo": pushed.repo,
        "tag": pushed.tag,
        "commit": pushed.commit,
        "already_published": pushed.already,
        "dry_run": arguments.dry_run,
        "plan": {
            kind: [item._asdict() for item in items]
            for kind, items in pushed.plan._asdict().items()
        },
    }
    return show(arguments, found, _words(arguments, pushed))


def _plan_words(plan: "Plan") -> Iterator[str]:
    for kind, items in plan._asdict().items():
        if items:
            size = sum(item.bytes for item in items) / 1e6
            yield f"{kind + ':':<10} {plural(len(items), 'file')}, {size:,.1f} MB"
            if kind != "unchanged":
                yield from (f"  {item.path}  {item.bytes:,} bytes" for item in items)


def _words(arguments: argparse.Namespace, pushed: "Pushed") -> Iterator[str]:
    if arguments.dry_run and not pushed.already:
        yield "nothing was sent (--dry-run)"
        return
    address = f"{pushed.repo}@{pushed.tag}"
    if pushed.already:
        yield f"{address}: already published, as commit {pushed.commit}"
    else:
        yield f"{address}: published, as commit {pushed.commit}"
    yield f"next: nt verify {quoted(address)}"
