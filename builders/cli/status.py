"""`nt status`: how far the models are, while they work or after."""

import argparse
from collections.abc import Iterator
from typing import Any

from builders.cli.console import add_folder, drop_reason, one_line, quoted, show


def add_to(verbs: Any, name: str) -> argparse.ArgumentParser:
    """Add the verb to the parser."""
    verb: argparse.ArgumentParser = verbs.add_parser(
        name,
        help="how far the models are, while they work or after",
        description="What models did for a pool: replies, failures by reason, tokens, cost; of a "
        "run that goes on, in this process or another, also rate and time left.",
    )
    add_folder(verb, "--pool", "the pool", required=True)
    verb.set_defaults(run=run, after_interrupt="Nothing was changed.")
    return verb


def run(arguments: argparse.Namespace) -> int:
    """Look, and say it."""
    from builders.ledger import status

    found = status(arguments.pool)
    return show(arguments, {"pool": str(arguments.pool), "models": found}, _words(arguments, found))


def _words(arguments: argparse.Namespace, found: list[dict[str, Any]]) -> Iterator[str]:
    if not found:
        yield f"{arguments.pool}: no model has been asked yet; see nt generate --help"
    for one in found:
        yield f"{one['task']} with {one['model']}: {_state(one['run'])}"
        if one["run"] and one["run"]["troubles"]:
            yield f"  waits for {one_line(one['run']['troubles'])}"
        for outcome, number in one["outcomes"].items():
            yield f"  {number:>12,}  {_outcome(outcome, one['run'])}"
        yield (
            f"  tokens: {one['tokens_in']:,} in, {one['tokens_out']:,} out, "
            f"{one['tokens_uncertain']:,} uncertain; requests: {one['requests']:,}"
        )
        if one["usd"] is not None:
            yield f"  US dollars: {one['usd']:,.2f}"
        if one["run"] and one["run"]["state"] == "running":
            yield f"  to end it: nt stop --pool {quoted(arguments.pool)}"


def _state(run: dict[str, Any] | None) -> str:
    if run is None:
        return "never ran"
    words = f"{run['state']}, {run['done']:,} of {run['missing']:,} in this run"
    if run["state"] != "running":
        return words
    left = run["seconds_left"]
    words += f", {run['in_flight']:,} in flight, {run['per_second']:g} a second"
    words += f", {_duration(left)} left" if left is not None else ""
    words += f" (process {run['pid']} on {run['machine']})"
    return words + (", asked to stop" if run["stop_asked"] else "")


def _duration(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _outcome(outcome: str, run: dict[str, Any] | None) -> str:
    from builders.endpoints import DONE, FAILURES

    if outcome == DONE:
        return "usable replies"
    if outcome not in FAILURES:
        return f"not usable: {drop_reason(outcome)}"
    last = (run or {}).get("failures", {}).get(outcome)
    said = f"; the last: {one_line(last)}" if last else ""
    return f"failed: {outcome} ({FAILURES[outcome]}){said}"
