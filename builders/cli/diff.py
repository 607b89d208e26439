"""`nt diff`: what differs between two releases."""

import argparse
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from builders.cli.console import bar, show

if TYPE_CHECKING:
    from builders.hub.diff import Diff

_LONGEST = 60


def add_to(verbs: Any, name: str) -> argparse.ArgumentParser:
    """Add the verb to the parser."""
    verb: argparse.ArgumentParser = verbs.add_parser(
        name,
        help="compare two releases or pools, here or on the Hub",
        description="Rows added, removed and changed of every config, and the rules and seeds that "
        "differ; from manifests, ids and labels, without the text. A row is changed if its id "
        "stays and a label or its mode does not.",
    )
    verb.add_argument("left", help="what there was: a folder, ORG/NAME@TAG or ORG/NAME")
    verb.add_argument("right", help="what there is")
    verb.set_defaults(run=run, after_interrupt="Nothing was changed.")
    return verb


def run(arguments: argparse.Namespace) -> int:
    """Compare, and say what differs."""
    from builders.hub.diff import diff

    found = diff(
        arguments.left,
        arguments.right,
        progress=lambda items, what: bar(arguments, items, what, " configs"),
    )
    as_json = {
        "settings": found.settings,
        "columns": {"removed": found.columns[0], "added": found.columns[1]},
        "configs": [config._asdict() for config in found.configs],
        "version": found.bump,
    }
    return show(arguments, as_json, _words(found))


def _words(found: "Diff") -> Iterator[str]:
    for name, (before, after) in found.settings.items():
        yield f"{name}: {_short(before)} -> {_short(after)}"
    for sign, columns in zip("-+", found.columns, strict=True):
        yield from (f"{sign} column {column}" for column in columns)
    width = max((len(config.name) for config in found.configs), default=0)
    for config in found.configs:
        name = f"{config.name:<{width}}"
        if config.is_same:
            yield f"{name}  the same"
            continue
        where = "" if config.state == "in both" else f"  {config.state}"
        yield (
            f"{name}  +{config.added:,} -{config.removed:,} rows, {config.changed:,} changed{where}"
        )
        for rule, (before, after) in config.rules.items():
            yield f"{'':<{width}}  {rule}: {_short(before)} -> {_short(after)}"
    yield f"by semantic versioning of data: {found.bump}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
