"""`nt list`: the configs, and what a pool can fill."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from builders.cli.console import add_folder, drop_reason, plural, quoted, show


def add_to(verbs: Any, name: str) -> argparse.ArgumentParser:
    """Add the verb to the parser."""
    verb: argparse.ArgumentParser = verbs.add_parser(
        name,
        help="show the configs, and what a pool can fill",
        description="Show the published configs with their rules; with --pool, which of them the "
        "pool can fill, and what is missing for the others.",
    )
    add_folder(verb, "--pool", "a pool to look at")
    verb.set_defaults(run=run, after_interrupt="Nothing was changed.")
    return verb


def run(arguments: argparse.Namespace) -> int:
    """Describe the configs, and the pool if one is named."""
    from builders.listing import describe_configs, describe_pool

    if arguments.pool is None:
        found: dict[str, Any] = {"configs": describe_configs()}
    else:
        found = describe_pool(arguments.pool)
    return show(arguments, found, _words(arguments.pool, found))


def _words(pool: Path | None, found: dict[str, Any]) -> Iterator[str]:
    if pool is not None:
        yield from _of_pool(pool, found)
    yield from _of_configs(found["configs"])
    if pool is None:
        yield "next: nt list --pool POOL, or nt build --pool POOL --out nt"
    else:
        yield f"next: nt build --pool {quoted(pool)} --out nt"


def _of_pool(folder: Path, pool: dict[str, Any]) -> Iterator[str]:
    yield (
        f"{folder}: {pool['usable_rows']:,} traces of {pool['questions']:,} questions "
        f"({pool['questions_without_traces']:,} without a trace); {pool['rows']:,} rows came in"
    )
    for reason, rows in pool["dropped"].items():
        yield f"  dropped {rows:,}: {drop_reason(reason)}"
    for name, out in pool["excluded"].items():
        why = {"duplicates": "repeat another one", "contamination": "repeat a benchmark's item"}
        yield (
            f"  in no config: {plural(out['traces'], 'trace')} of {out['questions']:,} questions "
            f"that {why[name]}, of {out['questions_looked_at']:,} that were looked at"
        )
    yield f"  annotated: {', '.join(pool['annotations']) or 'nothing'}"
    yield ""


def _of_configs(configs: list[dict[str, Any]]) -> Iterator[str]:
    width = max(len(config["name"]) for config in configs)
    for config in configs:
        name, rows = f"{config['name']:<{width}}", f"{config['size']:>7,}"
        if "can_be_filled" not in config:
            yield f"{name}  {rows}  {config['rule']}"
        elif config["can_be_filled"]:
            yield f"{name}  {rows}  yes  {config['eligible']:,} eligible"
        else:
            yield f"{name}  {rows}  no   {config['why_not']}"
    yield ""
