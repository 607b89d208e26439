"""`nt build`: build a release from a pool."""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from builders.cli.console import add_folder, bar, count, plural, quoted, show

if TYPE_CHECKING:
    from builders.build import Release


def add_to(verbs: Any, name: str) -> argparse.ArgumentParser:
    """Add the verb to the parser."""
    verb: argparse.ArgumentParser = verbs.add_parser(
        name,
        help="build a release from a pool",
        description="Write a release: a folder that load_dataset reads, with a data card and a "
        "manifest. It replaces an older release at once, or not at all; files that would come out "
        "the same are taken over. The same pool, seed and configs give the same bytes.",
    )
    add_folder(verb, "--pool", "the pool", required=True)
    add_folder(verb, "--out", "the release", required=True)
    verb.add_argument("--seed", type=count, default=0, metavar="N", help="seed (default 0)")
    verb.add_argument(
        "--config",
        action="append",
        default=[],
        metavar="NAME",
        help="build exactly these, of any size (disagree-2k, long-500); repeatable; by default "
        "every published config that the pool can fill",
    )
    verb.add_argument(
        "--overwrite",
        action="store_true",
        help="replace a release even if its files were changed by hand",
    )
    verb.set_defaults(run=run, after_interrupt="The release is as it was before.")
    return verb


def run(arguments: argparse.Namespace) -> int:
    """Build, and say what came out."""
    from builders.build import build

    release = build(
        arguments.pool,
        arguments.out,
        configs=arguments.config,
        seed=arguments.seed,
        overwrite=arguments.overwrite,
        progress=lambda items, what: bar(arguments, items, what),
    )
    columns = ("name", "rows", "mean_tokens", "think_share", "download_size")
    found = {
        "out": str(arguments.out),
        "configs": [{name: c[name] for name in columns} for c in release.manifest["configs"]],
        "pictures": [picture["path"] for picture in release.manifest["pictures"]],
        "not_filled": release.manifest["not_filled"],
    }
    return show(arguments, found, _words(arguments, release))


def _words(arguments: argparse.Namespace, release: "Release") -> Iterator[str]:
    configs = release.manifest["configs"]
    width = max(len(config["name"]) for config in configs)
    yield f"{'config':<{width}}     rows  mean tokens  System-2"
    for config in configs:
        yield (
            f"{config['name']:<{width}}  {config['rows']:>7,}  {config['mean_tokens']:>11,}  "
            f"{config['think_share']:>8.0%}"
        )
    if release.skipped:
        skipped = plural(len(release.skipped), "config")
        yield f"{skipped} cannot be filled; why: nt list --pool {quoted(arguments.pool)}"
    size = sum(config["download_size"] for config in configs)
    yield (
        f"{arguments.out}: {plural(len(configs), 'config')}, {size / 1e6:,.1f} MB, "
        "card in README.md"
    )
    if not release.manifest["pictures"]:
        yield "the card has no pictures: matplotlib is missing; run: pip install matplotlib"
    load = f"load_dataset({str(arguments.out)!r}, {configs[0]['name']!r})"
    program = f"from datasets import load_dataset; print({load})".replace("'", '"')
    yield f"next: python -c {quoted(program)}"
